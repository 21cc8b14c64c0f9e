using WirePS.Module.Output;
using WirePS.Pairing;

namespace WirePS.Module.Ceremony;

/// <summary>What the person in front of a pairing sees and is asked.</summary>
internal interface ICeremonyView
{
    /// <summary>Shows a line that is to be read now.</summary>
    void Tell(string text);

    /// <summary>Shows where the pairing stands.</summary>
    void Progress(PendingPair pair);

    /// <summary>Asks for the other side's digits; null where nobody answers.</summary>
    string? AskDigits();
}

/// <summary>A pairing from its code to its end, in front of a person.</summary>
internal static class PairCeremony
{
    /// <summary>
    /// Goes along with a pairing until it has ended, and takes it further where no daemon does. Leaving it early leaves
    /// it as it is. The end without a pin is its reason as an error.
    /// </summary>
    internal static async Task<PendingPair> RunAsync(WireEngine engine, string key, string id, ICeremonyView view, CancellationToken cancellationToken)
    {
        await using var driver = new PairDriver(engine, key);
        if (!engine.DaemonFiles.IsRunning())
        {
            driver.Start();
        }

        var last = (PendingPair?)null;
        await foreach (var pair in engine.Pairing.WatchAsync(key, id, null, cancellationToken))
        {
            view.Progress(pair);
            if (last?.Status != pair.Status && pair.Status == PairStatus.SasReady)
            {
                view.Tell(PairWords.Compare(pair, PairWords.PeerKeyOf(pair, engine)));
                await ConfirmAsync(engine, key, view, cancellationToken);
                driver.Wake();
            }
            else if (pair.IsEnded)
            {
                await driver.FinishAsync(cancellationToken);
                return pair.Status == PairStatus.Paired ? pair : throw new WireException(pair.Reason ?? WireReason.AbortedRestart, null, pair.Id);
            }

            last = pair;
        }

        throw new WireException(WireReason.PairNotFound, "The pairing's file was removed while it was under way.", last?.Id);
    }

    private static async Task ConfirmAsync(WireEngine engine, string key, ICeremonyView view, CancellationToken cancellationToken)
    {
        while (true)
        {
            var typed = view.AskDigits() ?? throw new WireException(WireReason.DigitsRequired);
            try
            {
                await engine.Pairing.ConfirmAsync(key, typed, cancellationToken);
                view.Tell(PairWords.Confirmed);
                return;
            }
            catch (WireException error) when (error.Reason is WireReason.InvalidDigits or WireReason.OwnDigits)
            {
                view.Tell(error.Message);
            }
            catch (WireException error) when (error.Reason is WireReason.PairEnded or WireReason.PairNotReady)
            {
                // It ended while the person was typing; the watch tells how.
                return;
            }
        }
    }
}
