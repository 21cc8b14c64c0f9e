using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Forgets peers, and takes back what they could do here.</summary>
[Cmdlet(VerbsCommon.Remove, "WirePeer", SupportsShouldProcess = true)]
[OutputType(typeof(WirePeer))]
public sealed class RemoveWirePeerCommand : PeerCmdlet
{
    /// <summary>Gives the peers out that were removed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name ?? throw new WireException(WireReason.PeerNotFound, "Say which peer: -Name takes a handle, a DID, a fingerprint or a wildcard."))
        {
            await TryAsync(async () =>
            {
                foreach (var peer in RequireClear(name))
                {
                    var shown = WirePeer.Of(peer, Engine);
                    if (ShouldProcess($"{shown.Did}, {shown.Fingerprint}", "Forget peer and revoke its access") && await Engine.Peers.RemoveAsync(peer.Did, Cancellation) is { } removed)
                    {
                        if (removed.Grant is null)
                        {
                            WriteWarning($"{shown.Did} was paired over a relay without grants and holds the token of this home's mailbox there: nothing could be revoked, and it can go on to read and write in that mailbox.");
                        }

                        if (PassThru)
                        {
                            WriteObject(shown);
                        }
                    }
                }
            });
        }
    }
}
