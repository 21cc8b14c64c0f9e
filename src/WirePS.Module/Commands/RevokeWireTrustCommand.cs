using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Takes trust back for good: no invite, request or pairing brings the peer's key back.</summary>
[Cmdlet(VerbsSecurity.Revoke, "WireTrust", SupportsShouldProcess = true)]
[OutputType(typeof(WirePeer))]
public sealed class RevokeWireTrustCommand : PeerCmdlet
{
    /// <summary>Why, for the peer.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Reason { get; set; }

    /// <summary>Gives the peers out that were revoked.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name ?? throw new WireException(WireReason.PeerNotFound, "Say which peer: -Name takes a handle, a DID, a fingerprint or a wildcard."))
        {
            await TryAsync(async () =>
            {
                foreach (var peer in RequireOne(name, includeRevoked: true))
                {
                    if (ShouldProcess($"{Printable.Of(peer.Did)}, {peer.Fingerprint}", "Revoke trust for good"))
                    {
                        await RevokeAsync(peer);
                    }
                }
            });
        }
    }

    private async Task RevokeAsync(Trust.TrustEntry peer)
    {
        var engine = Engine;
        await engine.PeerRevocation.RevokeAsync(peer, Reason, Cancellation);
        if (peer.RevokedAt is null)
        {
            PeerWords.Moves(peer, engine).ToList().ForEach(WriteWarning);
        }

        WarnWithoutDaemon(engine);
        if (PassThru)
        {
            WriteObject(engine.Peers.ListAll().Where(p => p.PublicKey.AsSpan().SequenceEqual(peer.PublicKey)).Select(p => WirePeer.Of(p, engine)), enumerateCollection: true);
        }
    }
}
