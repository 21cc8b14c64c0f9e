using System.Management.Automation;
using WirePS.Devices;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Removes pair tokens: nobody can use them any more.</summary>
[Cmdlet(VerbsCommon.Remove, "WirePairToken", SupportsShouldProcess = true)]
[OutputType(typeof(WirePairToken))]
public sealed class RemoveWirePairTokenCommand() : RemoveIssuedCommand<PairTokenInfo>(new PairTokenKind());
