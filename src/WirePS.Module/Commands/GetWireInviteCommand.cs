using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the invites that a home has issued.</summary>
[Cmdlet(VerbsCommon.Get, "WireInvite")]
[OutputType(typeof(WireInvite))]
public sealed class GetWireInviteCommand : InviteCmdlet
{
    /// <summary>Ids, labels, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Label")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(InviteCompleter))]
    public string[]? Id { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Id ?? ["*"])
        {
            await TryAsync(() =>
            {
                foreach (var invite in Require(name))
                {
                    WriteObject(WireInvite.Of(invite, Engine));
                }

                return Task.CompletedTask;
            });
        }
    }
}
