using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>
/// Takes newer cards of peers, 1100 <c>agent_card</c> (wireps.md §5, Card updates): signed by the pinned key, and following the
/// highest one seen. A peer that knows of a newer card of this home than it has may ask for it, and gets it.
/// </summary>
/// <param name="identity">Who the home is.</param>
/// <param name="trust">Whom the home trusts.</param>
/// <param name="mailboxes">The routes to peers.</param>
/// <param name="journal">Where forks are reported.</param>
/// <param name="time">The clock.</param>
/// <param name="post">Sends the card to who asks.</param>
internal sealed class CardTaker(IdentityStore identity, TrustStore trust, MailboxBook mailboxes, EventPost post, Journal journal, TimeProvider time) : IEventTaker
{
    /// <summary>The number of the card that is asked for, in the place of a card.</summary>
    internal const string AskMember = "ask";

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.AgentCard), EventTypes.AgentCard)];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var outcomes = new List<EventOutcome>();

        // One answer to each, however often it asked.
        var answered = new HashSet<string>(StringComparer.Ordinal);
        foreach (var incoming in events)
        {
            outcomes.Add(incoming.Body?.GetInt64(AskMember) is { } seq
                ? Answer(incoming.Sender!, seq, answered)
                : await TakeAsync(incoming.Sender!, incoming.Body, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    // Who asks for what there is not, or cannot be answered, gets nothing.
    private EventOutcome Answer(TrustEntry sender, long seq, HashSet<string> answered)
    {
        var own = identity.Find()!.Card;
        if (seq < 1 || CardChain.PositionOf(own).Seq < seq)
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected, "This home has no card of that number.");
        }

        if (sender is { IsTrusted: true, SpeaksWirePS: true } && mailboxes.FindRoute(sender.Handle) is not null && answered.Add(sender.Did))
        {
            post.TryToPeer(sender, EventTypes.AgentCard, WireJson.EmptyObject.With("card", own.Json));
        }

        return EventOutcome.Done;
    }

    private async Task<EventOutcome> TakeAsync(TrustEntry sender, WireJson? body, CancellationToken cancellationToken)
    {
        try
        {
            if (body?.GetObject("card") is not { } json)
            {
                return EventOutcome.Refuse(EventRefusal.Malformed);
            }

            var card = AgentCard.From(json).Verify().RequireSingleKey();
            if (!TrustStore.IsStorable(card) || card.Did != sender.Did || !card.PublicKey.AsSpan().SequenceEqual(sender.PublicKey))
            {
                return EventOutcome.Refuse(EventRefusal.InvalidCard);
            }

            await trust.UpdateCardAsync(sender, card, cancellationToken).ConfigureAwait(false);
            return EventOutcome.Done;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson or WireReason.IdentityMismatch)
        {
            return EventOutcome.Refuse(EventRefusal.InvalidCard, error.Message);
        }
        catch (WireException error) when (error.Reason is WireReason.CardOutdated or WireReason.CardForked)
        {
            await journal.AppendAsync(new JournalRecord(time.GetUtcNow(), "peer", Fingerprint.Short(sender.PublicKey), "pinned", "pinned", error.Reason.ToWire(), sender.Did), cancellationToken).ConfigureAwait(false);
            return EventOutcome.Refuse(error.Reason == WireReason.CardForked ? EventRefusal.CardForked : EventRefusal.CardOutdated, error.Message);
        }
    }
}
