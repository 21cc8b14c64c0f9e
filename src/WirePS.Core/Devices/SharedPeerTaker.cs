using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Takes what an identity tells its devices about whom it trusts, 1101 <c>peer_shared</c> and 1102 <c>peer_dropped</c>
/// (wireps.md §7). It counts only from an identity whose card lists this home, and touches nobody that the home trusts, or has
/// revoked, by itself.
/// </summary>
internal sealed class SharedPeerTaker(IdentityStore identity, TrustStore trust, PeerOperations peers, GrantRevocations revocations, Journal journal, TimeProvider time) : IEventTaker
{
    /// <summary>Most peers of one identity that are taken over.</summary>
    internal const int MostPeers = 1024;

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } =
    [
        (EventTypes.KindOf(EventTypes.PeerShared), EventTypes.PeerShared),
        (EventTypes.KindOf(EventTypes.PeerDropped), EventTypes.PeerDropped),
    ];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var ownKey = identity.Find()!.Card.PublicKey;
        var outcomes = new List<EventOutcome>(events.Count);
        foreach (var item in events)
        {
            outcomes.Add(await TakeAsync(item, ownKey, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, byte[] ownKey, CancellationToken cancellationToken)
    {
        var principal = item.Sender!;
        if (!item.IsSealed || item.Body is not { IsObject: true } body)
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        if (body.GetString("principal") != principal.Did || !DeviceOperations.IsMember(principal, ownKey))
        {
            return EventOutcome.Refuse(EventRefusal.RightMissing, "The sender is not an identity that this home is a device of.");
        }

        try
        {
            return item.Event.Type == EventTypes.PeerDropped
                ? await DropAsync(principal, body, cancellationToken).ConfigureAwait(false)
                : await PinAsync(principal, body, ownKey, cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson or WireReason.IdentityMismatch)
        {
            return EventOutcome.Refuse(EventRefusal.InvalidCard, error.Message);
        }
        catch (WireException error) when (error.Reason is WireReason.CardOutdated or WireReason.CardForked)
        {
            return EventOutcome.Refuse(error.Reason == WireReason.CardForked ? EventRefusal.CardForked : EventRefusal.CardOutdated, error.Message);
        }
    }

    private async Task<EventOutcome> DropAsync(TrustEntry principal, WireJson body, CancellationToken cancellationToken)
    {
        if (trust.List().FirstOrDefault(p => p.Did == body.GetString("peer") && p.SharedBy == principal.Did) is { } peer)
        {
            await peers.RemoveAsync(peer.Did, cancellationToken).ConfigureAwait(false);
        }

        return EventOutcome.Done;
    }

    private async Task<EventOutcome> PinAsync(TrustEntry principal, WireJson body, byte[] ownKey, CancellationToken cancellationToken)
    {
        if (body.GetObject("card") is not { } json)
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        var card = AgentCard.From(json).Verify().RequireSingleKey();
        if (!TrustStore.IsStorable(card) || !HandleRules.IsSafeFileName(card.Handle) || card.PublicKey.AsSpan().SequenceEqual(ownKey))
        {
            return EventOutcome.Refuse(EventRefusal.InvalidCard);
        }

        var known = trust.FindKey(card.PublicKey);
        if (known is { SharedBy: { } by })
        {
            // The first of several principals counts; each has its own word on the card's order only through it.
            if (by == principal.Did)
            {
                await trust.UpdateCardAsync(known, card, cancellationToken).ConfigureAwait(false);
            }

            return EventOutcome.Done;
        }

        if (known is { RevokedAt: null })
        {
            return EventOutcome.Done;
        }

        if (trust.List().Count(p => p.SharedBy == principal.Did) >= MostPeers)
        {
            return EventOutcome.Refuse(EventRefusal.LimitReached, "The identity has shared as many peers as one may.");
        }

        var pin = new PinRequest(card, TrustTier.Verified, DeviceWork.Ceremony, TrustEntry.SharedApproval + principal.Did, TrustEntry.SharedKeySource, null, null);
        if (await trust.PinAsync(pin, revocations.AddAsync, cancellationToken).ConfigureAwait(false) is not null)
        {
            return EventOutcome.Refuse(EventRefusal.IdentityConflict, "Another key is trusted here under the name of this peer, or it was revoked here.");
        }

        await journal.AppendAsync(new JournalRecord(time.GetUtcNow(), "peer", Fingerprint.Short(card.PublicKey), null, "pinned", null, card.Did), cancellationToken).ConfigureAwait(false);
        return EventOutcome.Done;
    }
}
