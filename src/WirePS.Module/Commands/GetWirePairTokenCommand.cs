using System.Management.Automation;
using WirePS.Devices;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the pair tokens of this home that have not expired.</summary>
[Cmdlet(VerbsCommon.Get, "WirePairToken")]
[OutputType(typeof(WirePairToken))]
public sealed class GetWirePairTokenCommand() : GetIssuedCommand<PairTokenInfo>(new PairTokenKind());
