using WirePS.Messaging;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>
/// The daemon's part that reads mailboxes and delivers the outbox: one worker for each mailbox, that holds one request
/// open at its relay, one for the outbox, and one for what goes over connections of its own: where those end somebody else says,
/// and a place that swallows them keeps each for seconds. None waits for another.
/// </summary>
internal sealed class MailWorkers(WireEngine engine, DaemonLog log)
{
    private static readonly TimeSpan NextLook = TimeSpan.FromSeconds(5);

    /// <summary>Runs until it is cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(
        new MailboxListener(engine, Tell, error => log.Write($"mailboxes: {error.Message}")).RunAsync(cancellationToken),
        DeliverAsync(static item => item.Direct is null, cancellationToken),
        DeliverAsync(static item => item.Direct is not null, cancellationToken));

    private async Task DeliverAsync(Func<OutboxItem, bool> isOurs, CancellationToken cancellationToken)
    {
        using var watch = new FolderWatch(engine.Home.OutboxFolder, NextLook);
        var resting = new Dictionary<string, (BackOff Pause, DateTimeOffset Until)>(StringComparer.Ordinal);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var now = engine.Time.GetUtcNow();
                var deliveries = await engine.Sender.RunAsync(item => isOurs(item) && (!resting.TryGetValue(item.EventId, out var rest) || rest.Until <= now), Unreadable, cancellationToken).ConfigureAwait(false);
                foreach (var delivery in deliveries)
                {
                    Note(delivery, resting);
                }

                // What was due and is no longer there was taken back by a person.
                foreach (var (gone, _) in resting.Where(r => r.Value.Until <= now).ToList())
                {
                    resting.Remove(gone);
                }

                await UntilAsync(watch, resting.Count == 0 ? null : resting.Values.Min(static r => r.Until), cancellationToken).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                log.Write($"the outbox cannot be read: {error.Message}");
                await Task.Delay(NextLook, engine.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Note(Delivery delivery, Dictionary<string, (BackOff Pause, DateTimeOffset Until)> resting)
    {
        var id = delivery.Item.EventId;
        if (delivery.Trouble is null)
        {
            resting.Remove(id);
            if (delivery.Status is not (DeliveryStatus.Delivered or DeliveryStatus.Duplicate or DeliveryStatus.Queued))
            {
                log.Write($"{delivery.Item} is not delivered: {delivery.Status}");
            }

            return;
        }

        var pause = resting.TryGetValue(id, out var rest) ? rest.Pause : new BackOff(engine.Time);
        resting[id] = (pause, engine.Time.GetUtcNow() + pause.Next(delivery.Trouble.RetryAfter));
        log.Write($"{delivery.Item} waits: {delivery.Trouble.Message}");
    }

    private void Unreadable(WireException error) => log.Write($"an event on its way cannot be read: {error.Message}");

    private void Tell(IntakeReport report)
    {
        if (report != IntakeReport.Nothing)
        {
            log.Write($"mail: {report.Messages} messages, {report.Handled} others, {report.Refused} refused");
        }
    }

    /// <summary>Waits for a change, at most until a time.</summary>
    private async Task UntilAsync(FolderWatch watch, DateTimeOffset? time, CancellationToken cancellationToken)
    {
        using var due = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (time is { } at)
        {
            var left = at - engine.Time.GetUtcNow();
            due.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }

        try
        {
            await watch.WaitAsync(due.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // It is time.
        }
    }
}
