using System.Management.Automation;
using WirePS.Invites;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Takes invites back: nobody can accept them any more.</summary>
[Cmdlet(VerbsCommon.Remove, "WireInvite", SupportsShouldProcess = true)]
[OutputType(typeof(WireInvite))]
public sealed class RemoveWireInviteCommand() : RemoveIssuedCommand<IssuedInvite>(new InviteKind());
