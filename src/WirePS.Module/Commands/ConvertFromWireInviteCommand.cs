using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Reads an invite and checks it, without accepting it.</summary>
[Cmdlet(VerbsData.ConvertFrom, "WireInvite")]
[OutputType(typeof(WireInviteContent))]
public sealed class ConvertFromWireInviteCommand : WireCmdlet
{
    /// <summary>Invites, as they were passed on.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public string[]? Url { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var url in Url!)
        {
            await TryAsync(async () => WriteObject(WireInviteContent.Of(Engine.Invites.Read(await Engine.Invites.FetchAsync(Pasted.Joined(url), Cancellation)).Payload, Engine)));
        }
    }
}
