using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>
/// Takes what the issuer of an accepted invite says: that it has pinned us, or that it has not (wireps.md §6). It must be
/// signed by the key of the invite's card, and be about this invite and our key; whatever else claims to be an answer
/// changes nothing (flaw I6).
/// </summary>
internal sealed class InviteAnswerTaker(PendingPairStore store, PairProtocols protocols, IdentityStore identity, TrustStore trust, MailboxBook mailboxes, TimeProvider time) : IEventTaker
{
    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } =
        [(EventKinds.TrustAddKey, EventTypes.PairDropAck), (EventKinds.Ack, EventTypes.PairDropRefused)];

    /// <inheritdoc/>
    public bool IsFirstContact => true;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        using var own = identity.Open();
        var waiting = store.List().Where(static f => f.Pair is { Kind: PairKinds.Invite }).ToList();
        var outcomes = new List<EventOutcome>(events.Count);
        foreach (var item in events)
        {
            outcomes.Add(await TakeAsync(item, waiting, own, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, IReadOnlyList<PairFile> waiting, OwnIdentity own, CancellationToken cancellationToken)
    {
        var outcome = EventOutcome.Refuse(EventRefusal.NotExpected);
        foreach (var (key, pair) in waiting.Where(f => f.Pair!.PeerDid == item.Event.From).Select(static f => (f.Key, f.Pair!)))
        {
            // The file may have gone on since it was listed.
            if (store.TryLoad(key)?.Pair is not { } current || CardOf(current) is not { } card)
            {
                continue;
            }

            if (Check(item, current, card, own, out var input) is { } refusal)
            {
                outcome = refusal;
                continue;
            }

            if (current.IsEnded)
            {
                await CompleteAsync(current, (InviteAnswered)input!, cancellationToken).ConfigureAwait(false);
            }

            await store.UpdateAsync(key, null, latest => protocols.Of(latest).Step(latest, input!, time.GetUtcNow()), cancellationToken).ConfigureAwait(false);
            return EventOutcome.Done;
        }

        return outcome;
    }

    /// <summary>The card that the answer must be signed by: the invite's; where no answer was needed to pin, that of the peer. Null where none is awaited.</summary>
    private AgentCard? CardOf(PendingPair pair) =>
        !pair.IsEnded ? InviteProtocol.InviteOf(pair).Card
        : pair is { Status: PairStatus.Paired, PeerAcked: false } ? trust.Find(pair.PeerDid!)?.Card
        : null;

    private static EventOutcome? Check(IncomingEvent item, PendingPair pair, AgentCard card, OwnIdentity own, out PairInput? input)
    {
        input = null;
        if (item.Event.Verify(card) is var verdict && verdict != EventVerdict.Valid)
        {
            return EventOutcome.Refuse(verdict == EventVerdict.IdMismatch ? EventRefusal.IdMismatch : EventRefusal.BadSignature);
        }

        // It hands over what we write with: among programs of ours it is never open.
        var body = item.Body;
        if (item.IsSealed ? card.DhPublicKey is not { } dh || !own.TryOpenBody(item.Event, dh, out body) : card.SpeaksWirePS)
        {
            return EventOutcome.Refuse(EventRefusal.SealBroken);
        }

        if (body is null || (!pair.IsEnded && InviteProtocol.InviteOf(pair).InviteId is { } id && body.GetString("invite_id") != id))
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected);
        }

        input = item.Event.Type == EventTypes.PairDropAck ? AckIn(body, pair, own) : RefusalIn(body, pair);
        return input is null ? EventOutcome.Refuse(EventRefusal.Malformed) : null;
    }

    private static InviteAnswered? AckIn(WireJson body, PendingPair pair, OwnIdentity own) =>
        body.GetString("for_key") == Convert.ToHexStringLower(own.Card.PublicKey) && PeerRoute.In(body, pair.RelayUrl) is { } route
            ? new InviteAnswered(route)
            : null;

    // A conflict of names does not end it: a person at the issuer may resolve it, and the request is repeated.
    private static PairInput? RefusalIn(WireJson body, PendingPair pair) =>
        pair.IsEnded || !WireErrorCatalogue.TryParseWire(body.GetString("reason"), out var reason) ? null
        : reason is WireReason.InviteUsedUp or WireReason.InviteExpired or WireReason.InviteRevoked ? new MailboxRequestInput.Refused(reason)
        : reason is WireReason.InviteNameConflict ? new PairInput.Trouble(WireErrorCatalogue.Of(reason).Meaning, reason)
        : null;

    // The peer was pinned with the address in the invite; the new one takes its place.
    private async Task CompleteAsync(PendingPair pair, InviteAnswered answer, CancellationToken cancellationToken)
    {
        if (trust.Find(pair.PeerDid!) is { } peer)
        {
            await mailboxes.SetRouteAsync(peer.Handle, answer.Route, cancellationToken).ConfigureAwait(false);
            await trust.SetPeerAckedAsync(peer.Did, cancellationToken).ConfigureAwait(false);
        }
    }
}
