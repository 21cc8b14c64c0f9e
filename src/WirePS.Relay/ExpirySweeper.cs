using System.Data.Common;
using WirePS.Relay.Storage;

namespace WirePS.Relay;

/// <summary>Removes what is over, once a minute, in portions that keep nobody waiting. Reads do not depend on it: a row past its time is not seen.</summary>
internal sealed partial class ExpirySweeper(IRelayStore store, RelayMetrics metrics, TimeProvider time, ILogger<ExpirySweeper> logger)
{
    private const int Portion = 200;
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                await SweepAsync(stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // the relay stops
        }
    }

    private async Task SweepAsync(CancellationToken stopping)
    {
        try
        {
            int removed;
            do
            {
                removed = await store.RemoveExpiredAsync(Portion, stopping);
                metrics.Removed(removed);
            }
            while (removed >= Portion);
        }
        catch (Exception failure) when (failure is DbException or StoreException)
        {
            LogFailure(failure.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "expired rows could not be removed now: {Reason}")]
    private partial void LogFailure(string reason);
}
