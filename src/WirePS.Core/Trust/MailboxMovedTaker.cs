using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>
/// Takes the news that a peer's mailbox has moved, 1201 <c>wire_close</c> (wire.md §2.3), with the member
/// <c>new_slot_token</c>: a peer moves its own address only, to a usable one, and never back to an older one (flaw I10).
/// </summary>
/// <param name="mailboxes">The routes to peers.</param>
/// <param name="journal">The journal.</param>
/// <param name="time">The clock.</param>
internal sealed class MailboxMovedTaker(MailboxBook mailboxes, Journal journal, TimeProvider time) : IEventTaker
{
    /// <summary>What the peer that is told writes with; the notices of other programs lack it.</summary>
    internal const string TokenMember = "new_slot_token";

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.WireClose), EventTypes.WireClose)];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var outcomes = new List<EventOutcome>();
        foreach (var incoming in events)
        {
            outcomes.Add(await TakeAsync(incoming.Sender!, incoming, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    private async Task<EventOutcome> TakeAsync(TrustEntry sender, IncomingEvent incoming, CancellationToken cancellationToken)
    {
        if (incoming.Body is not { } body || !Timestamps.TryParse(incoming.Event.Json.GetString("timestamp"), out var saidAt))
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        if (body.GetString(TokenMember) is not { } token)
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected, "The peer's mailbox has moved, and it does not say what to write with: pair again.");
        }

        if (PeerRoute.TryCreate(body.GetString("new_relay_url"), body.GetString("new_slot_id"), token, incoming.Origin.RelayUrl) is not { } route)
        {
            return EventOutcome.Refuse(EventRefusal.Malformed, "The new address is not usable.");
        }

        if (!await mailboxes.MoveRouteAsync(sender.Handle, route, saidAt, cancellationToken).ConfigureAwait(false))
        {
            return EventOutcome.Refuse(EventRefusal.Expired, "A newer address of the peer is known.");
        }

        await journal.AppendAsync(new JournalRecord(time.GetUtcNow(), "peer", Fingerprint.Short(sender.PublicKey), "pinned", "moved", null, sender.Did), cancellationToken).ConfigureAwait(false);
        return EventOutcome.Done;
    }
}
