using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>
/// Takes the answers to requests of ours, 1001 <c>trust_accept</c> and <c>trust_reject</c>: only of the key that the request
/// was addressed to, and only while it waits.
/// </summary>
internal sealed class TrustAnswerTaker(TrustRequests requests, HandshakeSurroundings around) : IEventTaker, IPairDropShape
{
    // Stands for the relay of a home that has none.
    private const string AnyPublicRelay = "https://relay.example.org";

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } =
    [
        (EventTypes.KindOf(EventTypes.TrustAccept), EventTypes.TrustAccept),
        (EventTypes.KindOf(EventTypes.TrustReject), EventTypes.TrustReject),
    ];

    /// <summary>Who answers is no peer yet; the card that was asked is known all the same.</summary>
    public bool IsFirstContact => true;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var outcomes = new List<EventOutcome>();
        var state = requests.Load();
        using var own = around.Identity.Open();
        foreach (var incoming in events)
        {
            var (refusal, request, message, body) = Check(incoming, state, own);
            if (refusal is not null)
            {
                outcomes.Add(refusal);
                continue;
            }

            outcomes.Add(await TakeAsync(request!, message!, request!.Card!, body, cancellationToken).ConfigureAwait(false));
            state = requests.Load();
        }

        return outcomes;
    }

    /// <inheritdoc/>
    public bool Fits(WireJson body) => body.TryGet(EventTypes.TrustAccept, out _) || body.TryGet(EventTypes.TrustReject, out _);

    /// <summary>Takes answers to requests that were sent to an address: who gives them may know no mailbox of this home, and leave them with its handle.</summary>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<PairDrop> drops, CancellationToken cancellationToken)
    {
        var outcomes = new List<EventOutcome>();
        foreach (var drop in drops)
        {
            var type = drop.Body.TryGet(EventTypes.TrustAccept, out _) ? TrustMessageType.Accept : TrustMessageType.Reject;
            var members = drop.Body.GetObject(type == TrustMessageType.Accept ? EventTypes.TrustAccept : EventTypes.TrustReject);
            outcomes.Add(TrustMessage.Read(type, members, drop.Card.Did, drop.Card.PublicKey) is { } message
                ? await TakeAsync(message, drop.Card, drop.Body, cancellationToken).ConfigureAwait(false)
                : EventOutcome.Refuse(EventRefusal.BadSignature, "The answer in it does not hold."));
        }

        return outcomes;
    }

    /// <summary>Takes an answer whose signature holds, of whoever answers at the address that was asked: it must name a request that this key may answer.</summary>
    /// <param name="message">The answer.</param>
    /// <param name="card">The card of who gives it.</param>
    /// <param name="address">The members of the address that it hands over; null for none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal async Task<EventOutcome> TakeAsync(TrustMessage message, AgentCard card, WireJson? address, CancellationToken cancellationToken)
    {
        var state = requests.Load();
        var request = state.Outgoing.Find(o => o.Status == OutgoingStatus.Waiting && o.Id == message.Request && o.IsAnsweredBy(card));
        return !message.IsTo(around.Identity.Find()!.Card) ? EventOutcome.Refuse(EventRefusal.WrongRecipient)
            : request is null || state.IsSpent(message) || around.Time.GetUtcNow() - request.SentAt >= HandshakeState.Patience ? EventOutcome.Refuse(EventRefusal.NotExpected)
            : await TakeAsync(request, message, card, address, cancellationToken).ConfigureAwait(false);
    }

    private Task<EventOutcome> TakeAsync(OutgoingRequest request, TrustMessage message, AgentCard card, WireJson? address, CancellationToken cancellationToken) =>
        message.Type == TrustMessageType.Accept ? AcceptedAsync(request, message, card, address, cancellationToken) : RejectedAsync(request, message, card, cancellationToken);

    private static (EventOutcome? Refusal, OutgoingRequest? Request, TrustMessage? Message, WireJson? Body) Check(IncomingEvent incoming, HandshakeState state, OwnIdentity own)
    {
        var asked = state.Outgoing.FindAll(o => o.Status == OutgoingStatus.Waiting && o.Card?.Did == incoming.Event.From);
        if (asked.Count == 0)
        {
            return Refuse(EventRefusal.NotExpected);
        }

        // A DID has 32 bits of its key: two keys may have the same one, and the signature tells which.
        var card = asked.Find(o => incoming.Event.Verify(o.Card!) == EventVerdict.Valid)?.Card;
        if (card is null)
        {
            return Refuse(EventRefusal.BadSignature);
        }

        var body = incoming.Body;
        if (incoming.IsSealed && (card.DhPublicKey is not { } dh || !own.TryOpenBody(incoming.Event, dh, out body)))
        {
            return Refuse(EventRefusal.SealBroken);
        }

        var type = incoming.Event.Type == EventTypes.TrustAccept ? TrustMessageType.Accept : TrustMessageType.Reject;
        if (TrustMessage.Read(type, body, card.Did, card.PublicKey) is not { } message)
        {
            return Refuse(EventRefusal.BadSignature, "The answer in it does not hold.");
        }

        var request = asked.Find(o => o.Id == message.Request && o.IsAnsweredBy(card));
        return !message.IsTo(own.Card) ? Refuse(EventRefusal.WrongRecipient)
            : request is null || state.IsSpent(message) ? Refuse(EventRefusal.NotExpected)
            : (null, request, message, body);
    }

    private static (EventOutcome?, OutgoingRequest?, TrustMessage?, WireJson?) Refuse(EventRefusal why, string? detail = null) => (EventOutcome.Refuse(why, detail), null, null, null);

    private async Task<EventOutcome> AcceptedAsync(OutgoingRequest request, TrustMessage message, AgentCard card, WireJson? address, CancellationToken cancellationToken)
    {
        // An address at a relay of the other side's choice is used by the rule of peers' addresses.
        var ownRelay = request.Mailbox?.RelayUrl ?? around.Settings.FindRelay() ?? AnyPublicRelay;
        var route = address is null ? null : PeerRoute.TryCreate(address.GetString("relay_url"), address.GetString("slot_id"), address.GetString("slot_token"), ownRelay);
        try
        {
            var grant = request.Given ?? around.Trust.FindKey(card.PublicKey)?.Grant;
            await requests.PinAsync(card, request.KeySource, TrustRequests.Person, route, grant, request.Id, cancellationToken, request.Address).ConfigureAwait(false);
        }
        catch (WireException error) when (error.Reason is WireReason.IdentityConflict or WireReason.PeerRevoked)
        {
            await EndAsync(request, message, card, OutgoingStatus.Conflict, error.Reason.ToWire(), cancellationToken).ConfigureAwait(false);
            return EventOutcome.Refuse(error.Reason == WireReason.PeerRevoked ? EventRefusal.Revoked : EventRefusal.IdentityConflict);
        }

        await around.Trust.SetPeerAckedAsync(card.Did, cancellationToken).ConfigureAwait(false);
        await requests.ChangeAsync(
            state =>
            {
                state.Spend(message.FromKey, message.Nonce, around.Time.GetUtcNow());
                state.Outgoing.RemoveAll(o => o.Id == request.Id);
                state.Pending.RemoveAll(p => p.PublicKey.AsSpan().SequenceEqual(card.PublicKey));
                return (true, []);
            },
            cancellationToken).ConfigureAwait(false);
        if (request.Address is not null && route is not null)
        {
            await requests.HandOverAsync(around.Trust.FindKey(card.PublicKey)!, request, cancellationToken).ConfigureAwait(false);
        }

        return EventOutcome.Done;
    }

    private async Task<EventOutcome> RejectedAsync(OutgoingRequest request, TrustMessage message, AgentCard card, CancellationToken cancellationToken)
    {
        await EndAsync(request, message, card, OutgoingStatus.Rejected, Printable.Of(message.Reason), cancellationToken).ConfigureAwait(false);
        return EventOutcome.Done;
    }

    /// <summary>Ends a request of ours without trust: what it offered is taken back.</summary>
    private async Task EndAsync(OutgoingRequest request, TrustMessage message, AgentCard card, OutgoingStatus status, string? reason, CancellationToken cancellationToken)
    {
        var now = around.Time.GetUtcNow();
        await requests.ChangeAsync(
            state =>
            {
                state.Spend(message.FromKey, message.Nonce, now);
                if (state.Outgoing.FindIndex(o => o.Id == request.Id) is >= 0 and var place)
                {
                    state.Outgoing[place] = request with { Status = status, Reason = reason, EndedAt = now, Grant = null };
                }

                return (true, [request]);
            },
            cancellationToken).ConfigureAwait(false);
        await requests.JournalAsync(card, "asked", status == OutgoingStatus.Rejected ? "rejected" : "conflict", null, cancellationToken).ConfigureAwait(false);
    }
}
