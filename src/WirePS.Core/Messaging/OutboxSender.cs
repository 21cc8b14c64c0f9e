using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Messaging;

/// <summary>What became of an event that was to be delivered.</summary>
public enum DeliveryStatus
{
    /// <summary>It waits for the relay, the daemon or the next tick.</summary>
    Queued,

    /// <summary>The recipient's relay holds it.</summary>
    Delivered,

    /// <summary>The recipient's relay has had it before.</summary>
    Duplicate,

    /// <summary>The recipient's mailbox is gone, or no longer takes what comes from here.</summary>
    Stale,

    /// <summary>The recipient has given no address.</summary>
    NoRoute,

    /// <summary>The relay does not take events of this size.</summary>
    TooLarge,

    /// <summary>It could not be delivered in its time.</summary>
    Expired,
}

/// <summary>One try to deliver.</summary>
/// <param name="Item">The event.</param>
/// <param name="Status">What became of it.</param>
/// <param name="Trouble">Why it still waits, where a relay is in trouble.</param>
public sealed record Delivery(OutboxItem Item, DeliveryStatus Status, RelayException? Trouble = null);

/// <summary>Delivers what is in the outbox: in order for each recipient, and one relay in trouble holds up no other.</summary>
/// <param name="outbox">The events on their way.</param>
/// <param name="sent">The messages that were sent.</param>
/// <param name="mailboxes">The routes to peers.</param>
/// <param name="relays">The relays.</param>
/// <param name="time">The clock.</param>
public sealed class OutboxSender(Outbox outbox, SentMessages sent, MailboxBook mailboxes, IRelayConnections relays, TimeProvider time)
{
    private const int RecipientsAtOnce = 8;

    /// <summary>How long a process may be at one event before another takes over.</summary>
    public static readonly TimeSpan Claim = TimeSpan.FromSeconds(45);

    /// <summary>Tries everything that is due once.</summary>
    /// <param name="isDue">False for what is to rest; those behind it to the same recipient wait for it.</param>
    /// <param name="unreadable">Takes the trouble with each file that cannot be read.</param>
    /// <param name="cancellationToken">Cancels; what is not delivered stays.</param>
    public async Task<IReadOnlyList<Delivery>> RunAsync(Func<OutboxItem, bool> isDue, Action<WireException>? unreadable, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var deliveries = new List<Delivery>();
        var gate = new Lock();
        var options = new ParallelOptions { MaxDegreeOfParallelism = RecipientsAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(outbox.List(unreadable).GroupBy(static i => (i.To, i.Route, i.Introduction)), options, async (ofRecipient, token) =>
        {
            foreach (var item in ofRecipient.TakeWhile(i => isDue(i) && (i.ClaimedUntil is not { } until || until <= now)))
            {
                var delivery = await TryAsync(item, token).ConfigureAwait(false);
                lock (gate)
                {
                    deliveries.Add(delivery);
                }

                if (delivery.Trouble is not null)
                {
                    break;
                }
            }
        }).ConfigureAwait(false);
        return deliveries;
    }

    /// <summary>Tries one event once; it is taken out where its fate is known.</summary>
    public async Task<Delivery> TryAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() >= item.ExpiresAt)
        {
            return Settle(item, DeliveryStatus.Expired);
        }

        var route = item.Route ?? (item.Peer is { } peer && mailboxes.FindRoute(peer) is { } known ? OutboxRoute.Of(known) : null);
        if (route is null && item.Introduction is null)
        {
            return Settle(item, DeliveryStatus.NoRoute);
        }

        try
        {
            var signed = SignedEvent.Parse(System.Text.Encoding.UTF8.GetBytes(item.Event));
            await MakeGrantAsync(item.Grant, cancellationToken).ConfigureAwait(false);
            var outcome = item.Introduction is { } introduction
                ? await relays.To(introduction.RelayUrl).Directory.IntroduceAsync(introduction.Handle, signed, cancellationToken).ConfigureAwait(false)
                : await relays.To(route!.RelayUrl).Mail.PostAsync(route.SlotId, route.SlotToken, signed, cancellationToken).ConfigureAwait(false);
            return outcome switch
            {
                PostOutcome.Stored => Settle(item, DeliveryStatus.Delivered),
                PostOutcome.Duplicate => Settle(item, DeliveryStatus.Duplicate),
                PostOutcome.Stale => Settle(item, DeliveryStatus.Stale),
                PostOutcome.TooLarge => Settle(item, DeliveryStatus.TooLarge),
                _ => Wait(item, Full(item, item.Introduction?.RelayUrl ?? route!.RelayUrl)),
            };
        }
        catch (RelayException trouble)
        {
            return Wait(item, trouble);
        }
    }

    private static RelayException Full(OutboxItem item, string relayUrl) =>
        new(WireReason.MailboxFull, $"The mailbox of {item.Peer ?? item.To} at {relayUrl} is full.", relayUrl);

    // Made anew each time: the relay may have lost it, and the same one twice is one.
    private async Task MakeGrantAsync(OutboxGrant? grant, CancellationToken cancellationToken)
    {
        if (grant is not null && mailboxes.Find(grant.RelayUrl, grant.SlotId) is { } mailbox)
        {
            await relays.To(grant.RelayUrl).PutGrantAsync(mailbox, new Grant(grant.GrantId, grant.Token), cancellationToken).ConfigureAwait(false);
        }
    }

    private Delivery Settle(OutboxItem item, DeliveryStatus status)
    {
        // The history first: a crash between the two delivers once more, which the relay knows for a duplicate.
        if (item.Body is not null)
        {
            sent.Append(item, status, time.GetUtcNow());
        }

        outbox.Remove(item);
        return new Delivery(item, status);
    }

    private Delivery Wait(OutboxItem item, RelayException trouble)
    {
        var waiting = item with { ClaimedUntil = null, Attempts = item.Attempts + 1, LastError = trouble.Message };

        // A person may have taken it back meanwhile.
        if (outbox.Contains(item))
        {
            outbox.Update(waiting);
        }

        return new Delivery(waiting, DeliveryStatus.Queued, trouble);
    }
}
