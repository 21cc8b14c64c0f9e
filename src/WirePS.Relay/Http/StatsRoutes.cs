using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>
/// How much the relay does (wire.md §4.12). Totals count since the start; no history is kept (R24), and what has to be counted in the store is
/// counted once in a while, whoever asks.
/// </summary>
internal sealed class StatsRoutes(RelayContext relay)
{
    private static readonly TimeSpan CountInterval = TimeSpan.FromSeconds(10);

    private readonly DateTimeOffset _startedAt = relay.Time.GetUtcNow();
    private readonly Lock _gate = new();
    private Task<RelayCounts>? _counts;
    private DateTimeOffset _countedAt;

    public void Map(RouteTable routes) => routes.Map("/stats.json", (HttpMethods.Get, StatsAsync));

    private async Task StatsAsync(HttpContext http, string[] values)
    {
        if (!await relay.MayLookUpAsync(http))
        {
            return;
        }

        var counts = await CountsAsync().WaitAsync(http.RequestAborted);
        var totals = relay.Metrics.Totals();
        var reply = new StatsReply(
            totals.EventsStored,
            totals.HandlesClaimed,
            totals.HandlesFirstClaimed,
            counts.Handles,
            totals.PairOpens,
            counts.OpenPairs,
            totals.SlotsAllocated,
            counts.Slots,
            totals.Streams,
            (long)(relay.Time.GetUtcNow() - _startedAt).TotalSeconds,
            RelayVersion.Text);
        await Reply.JsonAsync(http, StatusCodes.Status200OK, reply, RelayJson.Wire.StatsReply);
    }

    /// <summary>Shared by all who ask, so it ends with the relay and not with one of them.</summary>
    private Task<RelayCounts> CountsAsync()
    {
        lock (_gate)
        {
            var now = relay.Time.GetUtcNow();
            if (_counts is null || _counts.IsFaulted || _counts.IsCanceled || now - _countedAt >= CountInterval)
            {
                _counts = relay.Store.CountAsync(relay.Stopping);
                _countedAt = now;
            }

            return _counts;
        }
    }
}
