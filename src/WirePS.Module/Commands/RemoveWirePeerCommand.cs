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
                foreach (var peer in RequireOne(name, includeRevoked: !WildcardPattern.ContainsWildcardCharacters(name)))
                {
                    var shown = WirePeer.Of(peer, Engine);
                    if (ShouldProcess($"{shown.Did}, {shown.Fingerprint}", peer.RevokedAt is null ? "Forget peer and revoke its access" : "Forget that the peer was revoked") && await Engine.Peers.ForgetAsync(peer.Did, Cancellation) is { } removed)
                    {
                        if (removed.RevokedAt is null)
                        {
                            PeerWords.Moves(removed, Engine).ToList().ForEach(WriteWarning);
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
