using System.Diagnostics;
using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Pairing;

namespace WirePS.Benchmarks;

/// <summary>
/// Where the time of a pairing of protocol V2 goes: both sides in this process, daemons and all, with every stretch, piece
/// of group arithmetic, durable write and request timed. What runs at the same time as something else counts once, for
/// what stands first in the table, so that the parts add up.
/// </summary>
internal static class BreakdownBenchmark
{
    private const int WarmUps = 5;

    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(string relayProgram, string folder, Measured apart, int rounds, CancellationToken cancellationToken)
    {
        await using var relay = await MeasuredRelay.StartAsync(relayProgram, Path.Combine(folder, "relay"), cancellationToken);
        using var spans = new Spans();
        var readings = new List<Reading>();
        using (var host = await EngineAsync("host"))
        using (var guest = await EngineAsync("guest"))
        using (var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            var daemons = Task.WhenAll(new DaemonLoop(host).RunAsync(ending.Token), new DaemonLoop(guest).RunAsync(ending.Token));
            try
            {
                for (var round = -WarmUps; round < rounds; round++)
                {
                    var reading = await RoundAsync(host, guest, spans, cancellationToken);
                    if (round >= 0)
                    {
                        readings.Add(reading);
                    }
                }
            }
            finally
            {
                await ending.CancelAsync();
                await daemons.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        Show(readings, apart);

        async Task<WireEngine> EngineAsync(string name)
        {
            var home = Path.Combine(folder, name);
            await Party.SetUpAsync(home, relay.Url, cancellationToken);
            return new WireEngine(WireHome.Resolve(home), spans.Surroundings());
        }
    }

    private static async Task<Reading> RoundAsync(WireEngine host, WireEngine guest, Spans spans, CancellationToken cancellationToken)
    {
        var (hostKey, pair) = await host.Pairing.RequestAsync(new PairWish(), cancellationToken);
        await foreach (var seen in host.Pairing.WatchAsync(hostKey, pair.Id, Patience, cancellationToken))
        {
            if (seen.Status == PairStatus.Polling)
            {
                break;
            }
        }

        await Task.Delay(Rest, cancellationToken);
        spans.Clear();
        var start = Stopwatch.GetTimestamp();
        var (guestKey, joined) = await guest.Pairing.RequestAsync(new PairWish { Code = pair.Code }, cancellationToken);
        await Task.WhenAll(
            host.Pairing.WaitAsync(hostKey, pair.Id, PairMilestone.SasReady, Patience, cancellationToken),
            guest.Pairing.WaitAsync(guestKey, joined.Id, PairMilestone.SasReady, Patience, cancellationToken));
        var reading = spans.Read(start, Stopwatch.GetTimestamp());

        // It has been seen; the next round is again one of strangers.
        await host.Pairing.StopAsync(hostKey, cancellationToken);
        foreach (var (engine, id) in ((WireEngine, string)[])[(host, pair.Id), (guest, joined.Id)])
        {
            await foreach (var seen in engine.Pairing.WatchAsync(id, id, Patience, cancellationToken))
            {
                if (seen is { IsEnded: true, Leaving.IsEmpty: true })
                {
                    break;
                }
            }
        }

        await Task.Delay(Rest, cancellationToken);
        return reading;
    }

    private static void Show(List<Reading> readings, Measured apart)
    {
        Console.WriteLine();
        Console.WriteLine("Where the time goes, protocol V2: from the call that joins to both numbers ready, both sides in one process");
        Report.Line($"  {"",-64} {"median",9} {"times",9} {"each",9}");
        var total = new Measured(readings.Select(static r => r.Total)).Median;
        var rest = total;
        foreach (var part in Enum.GetValues<SpanPart>())
        {
            var parts = readings.Select(r => r.Parts[part]).ToList();
            var median = new Measured(parts.Select(static p => p.OnTheClock)).Median;
            var count = parts.Sum(static p => p.Count);
            var each = count > 0 ? parts.Sum(static p => p.Took) / count : 0;
            rest -= median;
            Report.Line($"  {NameOf(part),-64} {median,6:0.00} ms {(double)count / parts.Count,9:0.0} {each,6:0.00} ms");
        }

        Report.Line($"  {"the rest: news of files and from the relay, JSON, reads, turns",-64} {rest,6:0.00} ms");
        Report.Line($"  {"together",-64} {total,6:0.00} ms");
        Report.Line($"  {"more where host and guest are processes of their own, as above",-64} {apart.Median - total,6:0.00} ms");
        Report.Line($"  {"together, the median above",-64} {apart.Median,6:0.00} ms");
        Console.WriteLine("  What runs beside something else is counted once, for the first of them here; \"each\" is how long one takes by itself.");
    }

    private static string NameOf(SpanPart part) => part switch
    {
        SpanPart.Stretch => "Argon2id, of the side that joins",
        SpanPart.Group => "group arithmetic of both sides (shares, keys)",
        SpanPart.Write => "durable writes of both sides",
        SpanPart.Request => "requests, with the relay's own durable writes; no waiting ones",
        _ => throw new ArgumentOutOfRangeException(nameof(part)),
    };
}
