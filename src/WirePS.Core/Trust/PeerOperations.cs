using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>What people do with the peers they have.</summary>
/// <param name="trust">The trust store.</param>
/// <param name="mailboxes">Routes to peers.</param>
/// <param name="revocations">Grants to be revoked.</param>
/// <param name="rotations">Mailboxes to be moved.</param>
/// <param name="journal">The journal.</param>
/// <param name="time">The clock.</param>
public sealed class PeerOperations(TrustStore trust, MailboxBook mailboxes, GrantRevocations revocations, SlotRotations rotations, Journal journal, TimeProvider time)
{
    /// <summary>The peers, by name.</summary>
    public IReadOnlyList<TrustEntry> List() => trust.List();

    /// <summary>The peers with those that were revoked, by name.</summary>
    public IReadOnlyList<TrustEntry> ListAll() => trust.ListAll();

    /// <summary>What is known of a key that a peer presents before it is pinned.</summary>
    /// <param name="handle">The name that it claims.</param>
    /// <param name="did">Its DID.</param>
    /// <param name="fingerprint">The fingerprint of its key.</param>
    public PeerKeyFamiliarity FamiliarityOf(string? handle, string? did, string fingerprint)
    {
        var peers = trust.ListAll();
        return peers.FirstOrDefault(p => p.Fingerprint == fingerprint) is { } same ? (same.RevokedAt is null ? PeerKeyFamiliarity.Known : PeerKeyFamiliarity.Revoked)
            : peers.Any(p => p.Handle == handle || p.Did == did) ? PeerKeyFamiliarity.Different
            : PeerKeyFamiliarity.New;
    }

    /// <summary>What is known of the key of a card before it is pinned.</summary>
    public PeerKeyFamiliarity FamiliarityOf(AgentCard card) => FamiliarityOf(card.Handle, card.Did, Fingerprint.Display(card.PublicKey));

    /// <summary>Where a peer can be reached; null where it gave no usable address.</summary>
    public string? RelayOf(TrustEntry peer) => mailboxes.FindRoute(peer.Handle)?.RelayUrl;

    /// <summary>
    /// Forgets a peer: notes the revocation of its grant, or that the mailbox whose token it holds is to be moved, then takes out its route and, last, its entry, so that what a
    /// crash interrupts is found and finished the next time. Null where there is no such peer.
    /// </summary>
    /// <param name="did">Its DID.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task<TrustEntry?> RemoveAsync(string did, CancellationToken cancellationToken) => RemoveAsync(trust.List(), did, cancellationToken);

    /// <summary>The same, also where the peer was revoked: the revocation is forgotten with it. For people alone.</summary>
    /// <param name="did">Its DID.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task<TrustEntry?> ForgetAsync(string did, CancellationToken cancellationToken) => RemoveAsync(trust.ListAll(), did, cancellationToken);

    private async Task<TrustEntry?> RemoveAsync(IReadOnlyList<TrustEntry> peers, string did, CancellationToken cancellationToken)
    {
        if (peers.FirstOrDefault(p => p.Did == did) is not { } peer)
        {
            return null;
        }

        if (peer.Grant is not null)
        {
            await revocations.AddAsync(peer.Grant, cancellationToken).ConfigureAwait(false);
        }

        if (peer.HoldsMailbox)
        {
            await rotations.NoteAsync(peer, cancellationToken).ConfigureAwait(false);
        }

        await mailboxes.RemoveRouteAsync(peer.Handle, cancellationToken).ConfigureAwait(false);
        if (await trust.RemoveAsync(peer, cancellationToken).ConfigureAwait(false))
        {
            await journal.AppendAsync(new JournalRecord(time.GetUtcNow(), "peer", Fingerprint.Short(peer.PublicKey), peer.RevokedAt is null ? "pinned" : "revoked", "removed", null, peer.Did), cancellationToken).ConfigureAwait(false);
        }

        return peer;
    }
}
