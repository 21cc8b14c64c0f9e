using System.Management.Automation;
using WirePS.Invites;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the invites that a home has issued.</summary>
[Cmdlet(VerbsCommon.Get, "WireInvite")]
[OutputType(typeof(WireInvite))]
public sealed class GetWireInviteCommand() : GetIssuedCommand<IssuedInvite>(new InviteKind());
