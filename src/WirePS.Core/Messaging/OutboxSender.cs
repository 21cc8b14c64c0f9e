using WirePS.Devices;
using WirePS.Handshakes;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

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

    /// <summary>It was a copy for a device that the recipient no longer lets receive.</summary>
    Withdrawn,
}

/// <summary>One try to deliver.</summary>
/// <param name="Item">The event.</param>
/// <param name="Status">What became of it.</param>
/// <param name="Trouble">Why it still waits, where a relay is in trouble.</param>
public sealed record Delivery(OutboxItem Item, DeliveryStatus Status, RelayException? Trouble = null)
{
    /// <summary>What became of the copies for the recipient's devices.</summary>
    public IReadOnlyList<Delivery> Copies { get; init; } = [];

    /// <summary>The message as one of the history; only of an event that is a message.</summary>
    public Message ToMessage() => MessageHistory.MessageOf(Item, Status, [.. Copies.Where(static c => c.Status == DeliveryStatus.Queued).Select(static c => c.Item.To)]);
}

/// <summary>Delivers what is in the outbox: in order for each recipient, and one relay in trouble holds up no other.</summary>
/// <param name="outbox">The events on their way.</param>
/// <param name="sent">The messages that were sent.</param>
/// <param name="mailboxes">The routes to peers.</param>
/// <param name="machines">The routes to their devices.</param>
/// <param name="trust">Which devices they have.</param>
/// <param name="relays">The relays.</param>
/// <param name="journal">Where it is told that a device did not get its copy.</param>
/// <param name="direct">Connections of the handshake.</param>
/// <param name="time">The clock.</param>
public sealed class OutboxSender(
    Outbox outbox, SentMessages sent, MailboxBook mailboxes, MachineBook machines, TrustStore trust, IRelayConnections relays, Journal journal, DirectPost direct, TimeProvider time)
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
        var deliveries = new List<Delivery>();
        var gate = new Lock();
        var options = new ParallelOptions { MaxDegreeOfParallelism = RecipientsAtOnce, CancellationToken = cancellationToken };
        var items = await ListAsync(unreadable, cancellationToken).ConfigureAwait(false);
        await Parallel.ForEachAsync(items.GroupBy(LineOf), options, async (ofRecipient, token) =>
        {
            try
            {
                foreach (var item in ofRecipient.TakeWhile(i => isDue(i) && IsFree(i)))
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
            }
            catch (WireException error)
            {
                // A file of this recipient, or the disk; the others are not held up.
                lock (gate)
                {
                    unreadable?.Invoke(error);
                }
            }
        }).ConfigureAwait(false);
        return deliveries;
    }

    /// <summary>Tries an event that is claimed for this process, after those that wait for the same recipient: order is kept.</summary>
    /// <param name="item">The event, as it was written down.</param>
    /// <param name="cancellationToken">Cancels; what is not delivered stays.</param>
    public async Task<Delivery> TryInOrderAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        foreach (var older in outbox.List().TakeWhile(i => i.EventId != item.EventId).Where(i => LineOf(i) == LineOf(item) && IsFree(i)))
        {
            var delivery = await TryAsync(older, cancellationToken).ConfigureAwait(false);
            if (delivery.Trouble is { } trouble)
            {
                return await WaitAsync(item, trouble).ConfigureAwait(false);
            }
        }

        return await TryAsync(item, cancellationToken).ConfigureAwait(false);
    }

    // Whom a peer calls its device may be somebody else's DID: the copies of its messages hold up no other's.
    private static (string? Peer, string To, OutboxRoute? Route, OutboxIntroduction? Introduction, bool IsCopy) LineOf(OutboxItem item) =>
        (item.Peer, item.To, item.Route, item.Introduction, item.CopyOf is not null);

    /// <summary>Tries one event once; it is taken out where its fate is known.</summary>
    public async Task<Delivery> TryAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() >= item.ExpiresAt)
        {
            return await SettleAsync(item, DeliveryStatus.Expired).ConfigureAwait(false);
        }

        if (item.Direct is not null)
        {
            return await TryDirectlyAsync(item, cancellationToken).ConfigureAwait(false);
        }

        return await TryRelayedAsync(item, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tries the connection, and where there is none now the relay.</summary>
    private async Task<Delivery> TryDirectlyAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        WireException? trouble = null;
        try
        {
            var isGone = !await MakeGrantAsync(item.Grant, cancellationToken).ConfigureAwait(false);
            if (isGone)
            {
                return await SettleAsync(item, DeliveryStatus.Stale).ConfigureAwait(false);
            }

            if (item.Direct!.Port != 0 && time.GetUtcNow() - item.CreatedAt < DirectPost.Lifetime)
            {
                await direct.SendAsync(item, cancellationToken).ConfigureAwait(false);
                return await SettleAsync(item, DeliveryStatus.Delivered).ConfigureAwait(false);
            }
        }
        catch (WireException error) when (error is RelayException || error.Reason == WireReason.PeerUnreachable)
        {
            trouble = error;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidEvent or WireReason.MessageTooLarge)
        {
            // It stands for what cannot be made, and never will be.
            return await SettleAsync(item, DeliveryStatus.Stale).ConfigureAwait(false);
        }

        var relayed = item.Route is not null ? item : item with { Introduction = await direct.FindAsync(item, cancellationToken).ConfigureAwait(false) };
        return relayed.Route is not null || relayed.Introduction is not null ? await TryRelayedAsync(relayed, cancellationToken).ConfigureAwait(false)
            : trouble is null ? await SettleAsync(item, DeliveryStatus.NoRoute).ConfigureAwait(false)
            : await WaitAsync(item, trouble as RelayException ?? new RelayException(trouble.Reason, trouble.Message, item.Direct!.Host)).ConfigureAwait(false);
    }

    private async Task<Delivery> TryRelayedAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        var (route, fate) = RouteOf(item);
        if (fate is { } known)
        {
            return known == DeliveryStatus.Queued ? await RestAsync(item).ConfigureAwait(false) : await SettleAsync(item, known).ConfigureAwait(false);
        }

        try
        {
            if (!await MakeGrantAsync(item.Grant, cancellationToken).ConfigureAwait(false))
            {
                return await SettleAsync(item, DeliveryStatus.Stale).ConfigureAwait(false);
            }

            var signed = item.Signed();
            var outcome = item.Introduction is { } introduction
                ? await relays.To(introduction.RelayUrl).Directory.IntroduceAsync(introduction.Handle, signed, cancellationToken).ConfigureAwait(false)
                : await relays.To(route!.RelayUrl).Mail.PostAsync(route.SlotId, route.SlotToken, signed, cancellationToken).ConfigureAwait(false);
            return outcome switch
            {
                PostOutcome.Stored => await SettleAsync(item, DeliveryStatus.Delivered).ConfigureAwait(false),
                PostOutcome.Duplicate => await SettleAsync(item, DeliveryStatus.Duplicate).ConfigureAwait(false),
                PostOutcome.Stale => await SettleAsync(item, DeliveryStatus.Stale).ConfigureAwait(false),
                PostOutcome.TooLarge => await SettleAsync(item, DeliveryStatus.TooLarge).ConfigureAwait(false),
                _ => await WaitAsync(item, Full(item, item.Introduction?.RelayUrl ?? route!.RelayUrl)).ConfigureAwait(false),
            };
        }
        catch (RelayException trouble)
        {
            return await WaitAsync(item, trouble).ConfigureAwait(false);
        }
    }

    /// <summary>What is on its way, each copy for itself.</summary>
    private async Task<IReadOnlyList<OutboxItem>> ListAsync(Action<WireException>? unreadable, CancellationToken cancellationToken)
    {
        var items = outbox.List(unreadable);
        var together = items.Where(i => i.Copies is not null && IsFree(i)).ToList();
        foreach (var message in together)
        {
            await outbox.SpreadAsync(message, cancellationToken).ConfigureAwait(false);
        }

        return together.Count == 0 ? items : outbox.List();
    }

    /// <summary>Where an event goes; where it goes nowhere now, what becomes of it.</summary>
    private (OutboxRoute? Route, DeliveryStatus? Fate) RouteOf(OutboxItem item)
    {
        if (item.Route is not null || item.Introduction is not null)
        {
            return (item.Route, null);
        }

        var peer = trust.List().FirstOrDefault(p => p.Handle == item.Peer);
        if (item.CopyOf is not null)
        {
            return RouteOfCopy(peer, item.To);
        }

        // A peer that was shared with this device says soon where it can be reached.
        return item.Peer is { } name && mailboxes.FindRoute(name) is { } route ? (OutboxRoute.Of(route), null)
            : (null, peer?.SharedBy is null ? DeliveryStatus.NoRoute : DeliveryStatus.Queued);
    }

    private (OutboxRoute? Route, DeliveryStatus? Fate) RouteOfCopy(TrustEntry? peer, string device)
    {
        if (peer is not { IsTrusted: true } || !peer.Devices.Any(d => d.Did == device && d.May(DeviceRights.Receive)))
        {
            return (null, DeliveryStatus.Withdrawn);
        }

        // The card that never came may be the one that drops the device.
        return !peer.IsCardBehind && machines.Find(new PeerMachine(peer.Did, device)) is { } route ? (OutboxRoute.Of(route), null) : (null, DeliveryStatus.Queued);
    }

    private async Task<Delivery> RestAsync(OutboxItem item)
    {
        if (item.ClaimedUntil is not null)
        {
            await outbox.UpdateAsync(item with { ClaimedUntil = null }, CancellationToken.None).ConfigureAwait(false);
        }

        return new Delivery(item, DeliveryStatus.Queued);
    }

    private static RelayException Full(OutboxItem item, string relayUrl) =>
        new(WireReason.MailboxFull, $"The mailbox of {item.Peer ?? item.To} at {relayUrl} is full.", relayUrl);

    /// <summary>Makes the grant that an event hands over. Each time anew: the relay may have lost it, and the same one twice is one.</summary>
    /// <returns>False where the mailbox that it is for is gone, or the grant was revoked: the event would hand over a dead address.</returns>
    private async Task<bool> MakeGrantAsync(OutboxGrant? grant, CancellationToken cancellationToken)
    {
        if (grant is null)
        {
            return true;
        }

        if (mailboxes.Find(grant.RelayUrl, grant.SlotId) is not { } mailbox)
        {
            return false;
        }

        try
        {
            if (await relays.To(grant.RelayUrl).PutGrantAsync(mailbox, new Grant(grant.GrantId, grant.Token), cancellationToken).ConfigureAwait(false))
            {
                return true;
            }
        }
        catch (RelayException error) when (error.IsGrantRevoked)
        {
            // What it would hand over was taken back, and nothing behind it is to wait for that.
            return false;
        }

        await mailboxes.MarkLostAsync(mailbox, cancellationToken).ConfigureAwait(false);
        return false;
    }

    private bool IsFree(OutboxItem item) => item.ClaimedUntil is not { } until || until <= time.GetUtcNow();

    // What a relay has answered is noted even where the caller has gone meanwhile.
    private async Task<Delivery> SettleAsync(OutboxItem item, DeliveryStatus status)
    {
        // The history first: a crash between the two delivers once more, which the relay knows for a duplicate.
        await outbox.RemoveAsync(
            item,
            () =>
            {
                if (item.Body is not null)
                {
                    sent.Append(item, status, time.GetUtcNow());
                }
            },
            CancellationToken.None).ConfigureAwait(false);
        if (item.CopyOf is { } message && status is not (DeliveryStatus.Delivered or DeliveryStatus.Duplicate))
        {
            await journal.AppendAsync(new JournalRecord(time.GetUtcNow(), "message", message, "queued", status.ToString().ToLowerInvariant(), null, item.To), CancellationToken.None).ConfigureAwait(false);
        }

        return new Delivery(item, status);
    }

    private async Task<Delivery> WaitAsync(OutboxItem item, RelayException trouble)
    {
        var waiting = item with { ClaimedUntil = null, Attempts = item.Attempts + 1, LastError = trouble.Message };
        await outbox.UpdateAsync(waiting, CancellationToken.None).ConfigureAwait(false);
        return new Delivery(waiting, DeliveryStatus.Queued, trouble);
    }
}
