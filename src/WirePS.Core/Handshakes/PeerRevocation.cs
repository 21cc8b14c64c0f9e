using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>Takes trust back for good (wireps.md §4): the key stays as a tombstone, and no message, invite, request or pairing brings it back.</summary>
public sealed class PeerRevocation
{
    private readonly TrustRequests _requests;
    private readonly HandshakeSurroundings _around;

    internal PeerRevocation(TrustRequests requests, HandshakeSurroundings surroundings)
    {
        _requests = requests;
        _around = surroundings;
    }

    /// <summary>
    /// Revokes a peer: nothing of it is taken from this moment, its grant is revoked at the relay, the mailbox whose token it holds is moved, requests from and to it
    /// end, and it is told. May be repeated.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="reason">Why, for the peer; null for nothing.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task RevokeAsync(TrustEntry peer, string? reason, CancellationToken cancellationToken)
    {
        var route = _around.Mailboxes.FindRoute(peer.Handle);
        await NoteRotationAsync(peer, cancellationToken).ConfigureAwait(false);
        await _around.Trust.RevokeAsync(peer, Printable.Of(reason), _around.Revocations.AddAsync, cancellationToken).ConfigureAwait(false);
        await _requests.ForgetKeyAsync(peer.PublicKey, cancellationToken).ConfigureAwait(false);
        if (peer.Card is { SpeaksWirePS: true } card)
        {
            _requests.TellRevoked(card, DirectAddress.TryParse(peer.Address), route, peer.RequestId, reason);
        }

        // The way to it goes last: it is what a repetition needs to tell the peer.
        await _around.Mailboxes.RemoveRouteAsync(peer.Handle, cancellationToken).ConfigureAwait(false);
        if (peer.RevokedAt is null)
        {
            await JournalAsync(peer, "revoked", cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Notes that a peer has revoked this home: it is heard no more, and what it had here is taken back.</summary>
    internal async Task EndByPeerAsync(TrustEntry peer, string reason, CancellationToken cancellationToken)
    {
        await NoteRotationAsync(peer, cancellationToken).ConfigureAwait(false);
        await _around.Trust.EndByPeerAsync(peer, Printable.Of(reason), _around.Revocations.AddAsync, cancellationToken).ConfigureAwait(false);
        await _requests.ForgetKeyAsync(peer.PublicKey, cancellationToken).ConfigureAwait(false);
        await _around.Mailboxes.RemoveRouteAsync(peer.Handle, cancellationToken).ConfigureAwait(false);
        await JournalAsync(peer, "revoked_by_peer", cancellationToken).ConfigureAwait(false);
    }

    // Before the entry changes: what it says of the peer's token goes with that.
    private Task NoteRotationAsync(TrustEntry peer, CancellationToken cancellationToken) =>
        peer.HoldsMailbox ? _around.Rotations.NoteAsync(peer, cancellationToken) : Task.CompletedTask;

    private Task<JournalEntry> JournalAsync(TrustEntry peer, string to, CancellationToken cancellationToken) =>
        _around.Journal.AppendAsync(new JournalRecord(_around.Time.GetUtcNow(), "peer", Fingerprint.Short(peer.PublicKey), "pinned", to, null, peer.Did), cancellationToken);
}
