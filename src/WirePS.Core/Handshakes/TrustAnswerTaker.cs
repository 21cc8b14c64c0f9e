using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>
/// Takes the answers to requests of ours, 1001 <c>trust_accept</c> and <c>trust_reject</c>: only of the key that the request
/// was addressed to, and only while it waits.
/// </summary>
internal sealed class TrustAnswerTaker(TrustRequests requests, HandshakeSurroundings around) : IEventTaker
{
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

            outcomes.Add(message!.Type == TrustMessageType.Accept
                ? await AcceptedAsync(request!, message, body!, cancellationToken).ConfigureAwait(false)
                : await RejectedAsync(request!, message, cancellationToken).ConfigureAwait(false));
            state = requests.Load();
        }

        return outcomes;
    }

    private static (EventOutcome? Refusal, OutgoingRequest? Request, TrustMessage? Message, WireJson? Body) Check(IncomingEvent incoming, HandshakeState state, OwnIdentity own)
    {
        var asked = state.Outgoing.FindAll(o => o.Status == OutgoingStatus.Waiting && o.Card.Did == incoming.Event.From);
        if (asked.Count == 0)
        {
            return Refuse(EventRefusal.NotExpected);
        }

        // A DID has 32 bits of its key: two keys may have the same one, and the signature tells which.
        var card = asked.Find(o => incoming.Event.Verify(o.Card) == EventVerdict.Valid)?.Card;
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

        var request = asked.Find(o => o.Id == message.Request && o.Card.PublicKey.AsSpan().SequenceEqual(card.PublicKey));
        return !message.IsTo(own.Card) ? Refuse(EventRefusal.WrongRecipient)
            : request is null || state.IsSpent(message) ? Refuse(EventRefusal.NotExpected)
            : (null, request, message, body);
    }

    private static (EventOutcome?, OutgoingRequest?, TrustMessage?, WireJson?) Refuse(EventRefusal why, string? detail = null) => (EventOutcome.Refuse(why, detail), null, null, null);

    private async Task<EventOutcome> AcceptedAsync(OutgoingRequest request, TrustMessage message, WireJson body, CancellationToken cancellationToken)
    {
        var route = PeerRoute.TryCreate(body.GetString("relay_url"), body.GetString("slot_id"), body.GetString("slot_token"), request.Mailbox.RelayUrl);
        try
        {
            var grant = request.Given ?? around.Trust.FindKey(request.Card.PublicKey)?.Grant;
            await requests.PinAsync(request.Card, request.KeySource, TrustRequests.Person, route, grant, request.Id, cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error) when (error.Reason is WireReason.IdentityConflict or WireReason.PeerRevoked)
        {
            await EndAsync(request, message, OutgoingStatus.Conflict, error.Reason.ToWire(), cancellationToken).ConfigureAwait(false);
            return EventOutcome.Refuse(error.Reason == WireReason.PeerRevoked ? EventRefusal.Revoked : EventRefusal.IdentityConflict);
        }

        await around.Trust.SetPeerAckedAsync(request.Card.Did, cancellationToken).ConfigureAwait(false);
        await requests.ChangeAsync(
            state =>
            {
                state.Spend(message.FromKey, message.Nonce, around.Time.GetUtcNow());
                state.Outgoing.RemoveAll(o => o.Id == request.Id);
                state.Pending.RemoveAll(p => p.Card.PublicKey.AsSpan().SequenceEqual(request.Card.PublicKey));
                return (true, []);
            },
            cancellationToken).ConfigureAwait(false);
        return EventOutcome.Done;
    }

    private async Task<EventOutcome> RejectedAsync(OutgoingRequest request, TrustMessage message, CancellationToken cancellationToken)
    {
        await EndAsync(request, message, OutgoingStatus.Rejected, Printable.Of(message.Reason), cancellationToken).ConfigureAwait(false);
        return EventOutcome.Done;
    }

    /// <summary>Ends a request of ours without trust: what it offered is taken back.</summary>
    private async Task EndAsync(OutgoingRequest request, TrustMessage message, OutgoingStatus status, string? reason, CancellationToken cancellationToken)
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
        await requests.JournalAsync(request.Card, "asked", status == OutgoingStatus.Rejected ? "rejected" : "conflict", null, cancellationToken).ConfigureAwait(false);
    }
}
