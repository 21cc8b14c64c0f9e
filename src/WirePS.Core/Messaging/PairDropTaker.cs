using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>A drop whose card and signature hold: whoever made it has the key of that card. Nothing more is known of them.</summary>
/// <param name="Event">The event as it came.</param>
/// <param name="Card">The card in it, verified, with one key.</param>
/// <param name="Body">The body.</param>
internal sealed record PairDrop(IncomingEvent Event, AgentCard Card, WireJson Body)
{
    /// <inheritdoc/>
    public override string ToString() => $"drop from {Card.Did}";
}

/// <summary>One of the things that a drop may be, told by a member of its body.</summary>
internal interface IPairDropShape
{
    /// <summary>True where the body is one of this shape.</summary>
    bool Fits(WireJson body);

    /// <summary>Takes drops of this shape; one outcome for each, in their order. None pins anybody without consent (flaw I1).</summary>
    Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<PairDrop> drops, CancellationToken cancellationToken);
}

/// <summary>
/// Takes what strangers leave in the mailbox, 1100 <c>pair_drop</c> (wire.md §7.5, wireps.md §6 and §8): checks card, signature
/// and that the key was not revoked here, then hands it to the shape that its body has.
/// </summary>
/// <param name="identity">Who the home is: it answers no drop of its own.</param>
/// <param name="trust">Whom it has revoked.</param>
internal sealed class PairDropTaker(IdentityStore identity, TrustStore trust) : IEventTaker
{
    private readonly List<IPairDropShape> _shapes = [];

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.PairDrop), EventTypes.PairDrop)];

    /// <inheritdoc/>
    public bool IsFirstContact => true;

    /// <summary>Adds a shape.</summary>
    internal PairDropTaker With(IPairDropShape shape)
    {
        _shapes.Add(shape);
        return this;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var outcomes = new EventOutcome[events.Count];
        var ownKey = identity.Find()?.Card.PublicKey;
        var revoked = trust.ListAll().Where(static p => p.RevokedAt is not null).Select(static p => p.PublicKey).ToList();
        var ofShape = _shapes.ToDictionary(static s => s, static _ => new List<(int Place, PairDrop Drop)>());
        for (var i = 0; i < events.Count; i++)
        {
            if (Check(events[i], ownKey, revoked, out var drop) is { } refusal)
            {
                outcomes[i] = refusal;
            }
            else if (_shapes.Where(s => s.Fits(drop!.Body)).ToList() is [var only])
            {
                ofShape[only].Add((i, drop!));
            }
            else
            {
                // Neither one thing nor another, or two at once.
                outcomes[i] = EventOutcome.Refuse(EventRefusal.NotExpected);
            }
        }

        foreach (var (shape, drops) in ofShape.Where(static s => s.Value.Count > 0))
        {
            var taken = await shape.TakeAsync([.. drops.Select(static d => d.Drop)], cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < drops.Count; i++)
            {
                outcomes[drops[i].Place] = taken[i];
            }
        }

        return outcomes;
    }

    private static EventOutcome? Check(IncomingEvent incoming, byte[]? ownKey, List<byte[]> revoked, out PairDrop? drop)
    {
        drop = null;
        if (incoming.IsSealed || incoming.Body is not { } body || body.GetObject("card") is not { } json)
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        AgentCard card;
        try
        {
            card = AgentCard.From(json).Verify().RequireSingleKey();
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson)
        {
            return EventOutcome.Refuse(EventRefusal.InvalidCard, error.Message);
        }

        var refusal = incoming.Event.Verify(card) switch
        {
            EventVerdict.Valid => (EventRefusal?)null,
            EventVerdict.IdMismatch => EventRefusal.IdMismatch,
            EventVerdict.UnknownAgent or EventVerdict.UnknownKey => EventRefusal.UnknownKey,
            EventVerdict.SignatureRejected or EventVerdict.DecodeFailed => EventRefusal.BadSignature,
            _ => EventRefusal.Malformed,
        };
        refusal ??= ownKey is not null && card.PublicKey.AsSpan().SequenceEqual(ownKey) ? EventRefusal.NotExpected
            : revoked.Exists(key => key.AsSpan().SequenceEqual(card.PublicKey)) ? EventRefusal.Revoked
            : null;
        if (refusal is { } why)
        {
            return EventOutcome.Refuse(why);
        }

        drop = new PairDrop(incoming, card, body);
        return null;
    }
}
