using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>
/// Takes requests for trust: of strangers, as drops with <c>trust_request</c>, and of peers, 1001 <c>trust_request</c>. They
/// wait for a person, but for those that a person has decided before: of a key that this home trusts already, that it has
/// itself asked for trust, or that allowlist or policy let in (<see cref="TrustDecision"/>).
/// </summary>
internal sealed class TrustRequestTaker(TrustRequests requests, HandshakeSurroundings around) : IEventTaker, IPairDropShape
{
    private const string Member = "trust_request";

    // Many wait in one file, so each is small; a card of ours has some 700 bytes.
    private const int MaxEventBytes = 16 * 1024;

    /// <summary>Most answers that wait for connections to one source; requests that come from there meanwhile wait for a person.</summary>
    internal const int MostAnswersToOneSource = 16;

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.TrustRequest), EventTypes.TrustRequest)];

    /// <inheritdoc/>
    public bool Fits(WireJson body) => body.TryGet(Member, out _);

    /// <inheritdoc/>
    public Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<PairDrop> drops, CancellationToken cancellationToken) =>
        TakeAsync([.. drops.Select(static d => (d.Event, (AgentCard?)d.Card, d.Body.GetObject(Member)))], cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken) =>
        TakeAsync([.. events.Select(static e => (e, e.Sender!.Card, e.Body))], cancellationToken);

    private async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<(IncomingEvent Event, AgentCard? Card, WireJson? Members)> events, CancellationToken cancellationToken)
    {
        var own = around.Identity.Find()!.Card;
        var known = requests.Load();
        var outcomes = new EventOutcome[events.Count];
        var checkedOnes = new List<(int Place, PendingRequest Request)>();
        for (var i = 0; i < events.Count; i++)
        {
            var (incoming, card, members) = events[i];
            if (Check(incoming, card, members, own, known, out var message, out var route) is { } refusal)
            {
                outcomes[i] = refusal;
                continue;
            }

            checkedOnes.Add((i, new PendingRequest(
                message!.Id, around.Time.GetUtcNow(), card!, card!.PublicKey, Printable.Of(message.Justification), message.Nonce, route!, new MailboxPlace(incoming.Origin.RelayUrl, incoming.Origin.SlotId), false)));
        }

        var decided = await DecideAsync([.. checkedOnes.Select(static c => c.Request)], cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < decided.Count; i++)
        {
            outcomes[checkedOnes[i].Place] = decided[i];
        }

        return outcomes;
    }

    /// <summary>Decides requests whose signatures hold, and lets those wait that are for a person: in one write, however many there are.</summary>
    /// <param name="asking">The requests.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>For each what became of it.</returns>
    internal async Task<IReadOnlyList<EventOutcome>> DecideAsync(IReadOnlyList<PendingRequest> asking, CancellationToken cancellationToken)
    {
        var known = requests.Load();
        var peers = around.Trust.ListAll();
        var rules = around.Policies.TryRead();
        var outcomes = new EventOutcome[asking.Count];
        var waiting = new List<(int Place, PendingRequest Request)>();
        for (var i = 0; i < asking.Count; i++)
        {
            // The one before may have been the same: it is answered once, however many copies come at once.
            if (known.IsSpent(asking[i]))
            {
                outcomes[i] = EventOutcome.Done;
                continue;
            }

            // Room is kept for peers and for those whom the allowlist is pinned to.
            var request = asking[i] with
            {
                IsOfKnownKey = peers.Any(p => p.PublicKey.AsSpan().SequenceEqual(asking[i].PublicKey)) || rules.Allowlist?.HasPin(asking[i].PublicKey) == true,
            };
            var asked = AskedFor(known, request);
            var decision = requests.Decide(request, asked is not null, peers, rules);
            if (decision.Verdict is TrustVerdict.Granted or TrustVerdict.AlreadyTrusted && !IsAnsweringEnough(request.Source))
            {
                outcomes[i] = await AnswerAsync(request, asked, decision, cancellationToken).ConfigureAwait(false);
                known = requests.Load();
            }
            else if (decision.Verdict == TrustVerdict.Refused)
            {
                outcomes[i] = EventOutcome.Refuse(EventRefusal.NotExpected, decision.Reason);
            }
            else
            {
                waiting.Add((i, request));
            }
        }

        if (waiting.Count > 0)
        {
            await requests.ChangeAsync(
                state =>
                {
                    waiting.ForEach(w => outcomes[w.Place] = state.Admit(w.Request) ? EventOutcome.Done : EventOutcome.Refuse(EventRefusal.LimitReached));
                    return (true, []);
                },
                cancellationToken).ConfigureAwait(false);
        }

        return outcomes;
    }

    private EventOutcome? Check(IncomingEvent incoming, AgentCard? card, WireJson? members, AgentCard own, HandshakeState known, out TrustMessage? message, out PeerRoute? route)
    {
        message = null;
        route = null;
        if (incoming.Event.Json.ToCompactBytes().Length > MaxEventBytes)
        {
            return EventOutcome.Refuse(EventRefusal.LimitReached, "A trust request of more than 16 KiB.");
        }

        // The card of a peer was pinned, maybe before such keys were refused.
        if (card is null or { DhPublicKey: not null, CanBeSealedTo: false } || !TrustStore.IsStorable(card) || !HandleRules.IsSafeFileName(card.Handle))
        {
            return EventOutcome.Refuse(EventRefusal.InvalidCard);
        }

        message = TrustMessage.Read(TrustMessageType.Request, members, card.Did, card.PublicKey);
        if (message is null)
        {
            return EventOutcome.Refuse(EventRefusal.BadSignature, "The request in it does not hold.");
        }

        var body = incoming.Body;
        route = PeerRoute.TryCreate(body?.GetString("relay_url"), body?.GetString("slot_id"), body?.GetString("slot_token"), incoming.Origin.RelayUrl);
        var now = around.Time.GetUtcNow();
        return !message.IsTo(own) ? EventOutcome.Refuse(EventRefusal.WrongRecipient)
            : message.Timestamp < (now - HandshakeState.Patience).ToUnixTimeSeconds() ? EventOutcome.Refuse(EventRefusal.TooOld)
            : message.Timestamp > (now + HandshakeState.MostAhead).ToUnixTimeSeconds() ? EventOutcome.Refuse(EventRefusal.NotExpected, "Its time is more than a day ahead.")
            : known.IsSpent(message) ? EventOutcome.Refuse(EventRefusal.NotExpected, "This request was decided before.")
            : route is null ? EventOutcome.Refuse(EventRefusal.Malformed, "It names no address that can be used.")
            : null;
    }

    /// <summary>The request of ours to exactly this key; a key that only has the name does not count (flaw M9).</summary>
    private static OutgoingRequest? AskedFor(HandshakeState known, PendingRequest request) => request.IsAddressed
        ? known.Outgoing.LastOrDefault(o => o.Status == OutgoingStatus.Waiting && o.Card?.PublicKey.AsSpan().SequenceEqual(request.PublicKey) == true)
        : null;

    // A source that takes no answers would fill the outbox with them: anybody makes keys.
    private bool IsAnsweringEnough(string? source) =>
        source is not null && around.Outbox.List(static _ => { }).Count(item => item.Direct?.Host == source) >= MostAnswersToOneSource;

    private async Task<EventOutcome> AnswerAsync(PendingRequest request, OutgoingRequest? asked, TrustDecision decision, CancellationToken cancellationToken)
    {
        if (requests.Load().IsAnsweredEnough(Convert.ToHexStringLower(request.PublicKey)))
        {
            return EventOutcome.Refuse(EventRefusal.LimitReached);
        }

        try
        {
            var offer = (asked?.Grant is null ? null : requests.OfferOf(asked)) ?? requests.OfferFor(request);

            // Of two requests that met, both sides note the same one.
            var began = asked is not null && string.CompareOrdinal(asked.Id, request.Id) < 0 ? asked.Id : request.Id;
            await requests.AcceptAsync(request, asked?.KeySource ?? TrustRequests.KeySource, decision.ApprovedBy, offer, began, cancellationToken).ConfigureAwait(false);
            await requests.ChangeAsync(
                state =>
                {
                    // The grant is theirs for good now; their own answer to ours may still come.
                    if (asked is not null && state.Outgoing.FindIndex(o => o.Id == asked.Id) is >= 0 and var place)
                    {
                        state.Outgoing[place] = asked with { Grant = null };
                    }

                    return (true, []);
                },
                cancellationToken).ConfigureAwait(false);
            await requests.SettleAsync(request, cancellationToken).ConfigureAwait(false);
            return EventOutcome.Done;
        }
        catch (WireException error) when (error.Reason is WireReason.IdentityConflict or WireReason.PeerRevoked)
        {
            return EventOutcome.Refuse(error.Reason == WireReason.PeerRevoked ? EventRefusal.Revoked : EventRefusal.IdentityConflict);
        }
        catch (Exception error) when (EventFault.IsOfEvent(error))
        {
            // The others that ask in the same write are not held up.
            return EventFault.RefusalOf(error);
        }
    }
}
