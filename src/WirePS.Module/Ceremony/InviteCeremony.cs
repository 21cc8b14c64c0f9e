using WirePS.Pairing;

namespace WirePS.Module.Ceremony;

/// <summary>An accepted invite, or the registration of this machine as a device, to its end, while a person looks on.</summary>
internal static class InviteCeremony
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Goes along until the issuer has answered, and takes the pairing and its mailbox further where no daemon does. The
    /// end without a pin is its reason as an error.
    /// </summary>
    internal static async Task<PendingPair> RunAsync(WireEngine engine, string key, PendingPair accepted, Action<PendingPair> progress, CancellationToken cancellationToken)
    {
        await using var driver = new PairDriver(engine, key);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var mail = Task.CompletedTask;
        if (!engine.DaemonFiles.IsRunning())
        {
            driver.Start();
            mail = Task.Run(() => ReadAsync(engine, accepted.RelayUrl, ending.Token), CancellationToken.None);
        }

        try
        {
            await foreach (var pair in engine.Pairing.WatchAsync(key, accepted.Id, null, cancellationToken))
            {
                progress(pair);
                if (pair.IsEnded)
                {
                    await driver.FinishAsync(cancellationToken);
                    return pair.Status == PairStatus.Paired ? pair : throw new WireException(pair.Reason ?? WireReason.AbortedRestart, null, pair.Id);
                }

                // The answer may have come by the mailbox.
                driver.Wake();
            }
        }
        finally
        {
            await ending.CancelAsync();
            await mail;
        }

        throw new WireException(WireReason.PairNotFound, "The pairing's file was removed while it was under way.", accepted.Id);
    }

    private static async Task ReadAsync(WireEngine engine, string relayUrl, CancellationToken cancellationToken)
    {
        var isFirst = true;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (engine.Mailboxes.List().LastOrDefault(m => m.RelayUrl == relayUrl) is { } mailbox)
                {
                    await engine.Reader.ReadAsync(mailbox, isFirst, Look, cancellationToken).ConfigureAwait(false);
                    isFirst = false;
                    continue;
                }
            }
            catch (WireException)
            {
                // A relay or a file in trouble: the pairing tells of it, and it is tried again.
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(isFirst ? TimeSpan.FromMilliseconds(200) : Pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
