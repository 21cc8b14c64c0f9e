using WirePS.Identity;

namespace WirePS.Messaging;

/// <summary>Takes the events of type <c>pair_drop</c> with one meaning: what they answer or ask for stands in the body.</summary>
internal interface IDropTaker
{
    /// <summary>True where the body is one of this meaning. Nothing of it is checked yet.</summary>
    bool Takes(WireJson body);

    /// <summary>Takes drops; otherwise as <see cref="IEventTaker.TakeAsync"/>.</summary>
    Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> drops, CancellationToken cancellationToken);
}

/// <summary>
/// Hands each <c>pair_drop</c> to who knows its meaning (wireps.md §6, §8). One that is neither an answer to an invite nor a
/// request that can be decided pins nobody and is refused (flaws I1, I5).
/// </summary>
/// <param name="takers">The meanings.</param>
internal sealed class PairDropTaker(IReadOnlyList<IDropTaker> takers) : IEventTaker
{
    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventKinds.AgentCard, EventTypes.PairDrop)];

    /// <inheritdoc/>
    public bool IsFirstContact => true;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var outcomes = new EventOutcome[events.Count];
        Array.Fill(outcomes, EventOutcome.Refuse(EventRefusal.NotExpected));
        foreach (var ofTaker in Enumerable.Range(0, events.Count).GroupBy(i => TakerOf(events[i])).Where(static g => g.Key is not null))
        {
            var taken = await ofTaker.Key!.TakeAsync([.. ofTaker.Select(i => events[i])], cancellationToken).ConfigureAwait(false);
            foreach (var (place, outcome) in ofTaker.Zip(taken))
            {
                outcomes[place] = outcome;
            }
        }

        return outcomes;
    }

    // It is the first word of somebody whose key is in it: it cannot be sealed.
    private IDropTaker? TakerOf(IncomingEvent drop) =>
        drop is { IsSealed: false, Body: { IsObject: true } body } ? takers.FirstOrDefault(taker => taker.Takes(body)) : null;
}
