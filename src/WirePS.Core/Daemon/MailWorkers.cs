using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>
/// The daemon's part that reads mailboxes and delivers the outbox: one worker for each mailbox, that holds one request
/// open at its relay, and one for the outbox. None waits for another.
/// </summary>
internal sealed class MailWorkers(WireEngine engine, DaemonLog log)
{
    private static readonly TimeSpan NextLook = TimeSpan.FromSeconds(5);

    /// <summary>Runs until it is cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(ReadAllAsync(cancellationToken), DeliverAsync(cancellationToken));

    /// <summary>A new mailbox gets a worker, and a peer that is pinned is listened to at once: both stand in the configuration folder.</summary>
    private async Task ReadAllAsync(CancellationToken cancellationToken)
    {
        using var watch = new FolderWatch(engine.Home.ConfigFolder, NextLook);
        var workers = new Dictionary<Mailbox, Task>();
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                foreach (var mailbox in engine.Mailboxes.List())
                {
                    if (!workers.ContainsKey(mailbox))
                    {
                        workers[mailbox] = Task.Run(() => ReadAsync(mailbox, cancellationToken), CancellationToken.None);
                    }
                }

                await engine.OwnCard.SendDueAsync(cancellationToken).ConfigureAwait(false);
                Tell(await engine.Intake.TakeParkedAsync(cancellationToken).ConfigureAwait(false));
                await watch.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                log.Write($"the mailboxes cannot be read: {error.Message}");
                await Task.Delay(NextLook, engine.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        await Task.WhenAll(workers.Values).ConfigureAwait(false);
    }

    private async Task ReadAsync(Mailbox mailbox, CancellationToken cancellationToken)
    {
        var pause = new BackOff(engine.Time);
        var isFirst = true;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var read = await engine.Reader.ReadAsync(mailbox, isFirst, HttpRelay.LongestWait, cancellationToken).ConfigureAwait(false);
                isFirst = false;
                pause.Reset();
                Tell(read.Report);
                if (read.Dropped > 0)
                {
                    log.Write($"{MailPass.Dropped(mailbox, read.Dropped).Message}");
                }
            }
            catch (WireException error)
            {
                log.Write($"mailbox {mailbox}: {error.Message}");

                if (error.Reason == WireReason.MailboxLost)
                {
                    return;
                }

                // What comes back after a trouble may be other data than before.
                isFirst = true;
                await pause.WaitAsync((error as RelayException)?.RetryAfter, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task DeliverAsync(CancellationToken cancellationToken)
    {
        using var watch = new FolderWatch(engine.Home.OutboxFolder, NextLook);
        var resting = new Dictionary<string, (BackOff Pause, DateTimeOffset Until)>(StringComparer.Ordinal);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var now = engine.Time.GetUtcNow();
                var deliveries = await engine.Sender.RunAsync(item => !resting.TryGetValue(item.EventId, out var rest) || rest.Until <= now, Unreadable, cancellationToken).ConfigureAwait(false);
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
            if (delivery.Status is not (DeliveryStatus.Delivered or DeliveryStatus.Duplicate))
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
