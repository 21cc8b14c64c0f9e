using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>Takes newer cards of peers, 1100 <c>agent_card</c> (wireps.md §5, Card updates): signed by the pinned key, and following the highest one seen.</summary>
/// <param name="trust">Whom the home trusts.</param>
/// <param name="journal">Where forks are reported.</param>
/// <param name="time">The clock.</param>
internal sealed class CardTaker(TrustStore trust, Journal journal, TimeProvider time) : IEventTaker
{
    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.AgentCard), EventTypes.AgentCard)];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var outcomes = new List<EventOutcome>();
        foreach (var incoming in events)
        {
            outcomes.Add(await TakeAsync(incoming.Sender!, incoming.Body, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
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
