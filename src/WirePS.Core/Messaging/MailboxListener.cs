using WirePS.Daemon;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Messaging;

/// <summary>
/// Reads the mailboxes of a home as soon as something comes: a worker for each, that holds one request open at its
/// relay. For the daemon, and for whoever waits for messages where no daemon runs.
/// </summary>
/// <param name="engine">The home.</param>
/// <param name="taken">Takes what became of events.</param>
/// <param name="trouble">Takes each failure; what it keeps from being done is tried again.</param>
internal sealed class MailboxListener(WireEngine engine, Action<IntakeReport> taken, Action<WireException> trouble)
{
    private static readonly TimeSpan NextLook = TimeSpan.FromSeconds(5);

    /// <summary>Runs until it is cancelled. A new mailbox gets a worker, and a peer that is pinned is listened to at once: both stand in the configuration folder.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
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
                await engine.MachineLinks.RunAsync(cancellationToken).ConfigureAwait(false);
                taken(await engine.Intake.TakeParkedAsync(cancellationToken).ConfigureAwait(false));
                await watch.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                trouble(error);
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
                if (!engine.Mailboxes.List().Contains(mailbox))
                {
                    // It was given up.
                    return;
                }

                var read = await engine.Reader.ReadAsync(mailbox, isFirst, HttpRelay.LongestWait, cancellationToken).ConfigureAwait(false);
                isFirst = false;
                pause.Reset();
                taken(read.Report);
                if (read.Dropped > 0)
                {
                    trouble(MailPass.Dropped(mailbox, read.Dropped));
                }
            }
            catch (WireException error)
            {
                trouble(error);
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
}
