using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Takes invites back: nobody can accept them any more.</summary>
[Cmdlet(VerbsCommon.Remove, "WireInvite", SupportsShouldProcess = true)]
[OutputType(typeof(WireInvite))]
public sealed class RemoveWireInviteCommand : InviteCmdlet
{
    /// <summary>Ids, labels, or wildcards for them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Label")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(InviteCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Gives the invites out that were taken back.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Id!)
        {
            await TryAsync(async () =>
            {
                foreach (var invite in Require(name))
                {
                    if (ShouldProcess(invite.ToString(), "Take the invite back")
                        && await Engine.Invites.RemoveAsync(invite.InviteId, Cancellation) is { } removed && PassThru)
                    {
                        WriteObject(WireInvite.Of(removed, Engine));
                    }
                }
            });
        }
    }
}
