using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the peers of a home.</summary>
[Cmdlet(VerbsCommon.Get, "WirePeer")]
[OutputType(typeof(WirePeer))]
public sealed class GetWirePeerCommand : PeerCmdlet
{
    /// <summary>Shows peers that were revoked as well.</summary>
    [Parameter]
    public SwitchParameter IncludeRevoked { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name ?? ["*"])
        {
            await TryAsync(() =>
            {
                WriteObject(Require(name, IncludeRevoked).Select(peer => WirePeer.Of(peer, Engine)), enumerateCollection: true);
                return Task.CompletedTask;
            });
        }
    }
}
