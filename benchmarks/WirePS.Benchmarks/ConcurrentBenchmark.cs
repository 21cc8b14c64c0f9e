using System.Diagnostics;
using WirePS.Pairing;
using WirePS.Storage;

namespace WirePS.Benchmarks;

/// <summary>
/// Many pairings of protocol v2 at once between two homes: one daemon each, one relay. The codes are made, and stretched
/// by both sides, inside the clock and on the same cores.
/// </summary>
internal static class ConcurrentBenchmark
{
    public const int AtOnce = 40;
    public const int Rounds = 3;

    // A daemon and a relay live for days; before this many rounds their code is still being compiled beside the work.
    private const int WarmUps = 5;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan NextLook = TimeSpan.FromMilliseconds(500);

    /// <returns>Pairings per second; null where the relay does not serve the protocol.</returns>
    public static async Task<Measured?> RunAsync(string relayProgram, string folder, CancellationToken cancellationToken)
    {
        Report.Heading($"{AtOnce} pairings at once, protocol V2: from the first call that makes a code to both numbers of all ready ({WarmUps} rounds before to warm up)");
        await using var relay = await MeasuredRelay.StartAsync(relayProgram, Path.Combine(folder, "relay"), cancellationToken);
        if (!await relay.ServesAsync(PairProtocolVersion.V2, cancellationToken))
        {
            Console.WriteLine("  not measured: this relay does not serve it");
            return null;
        }

        await using var host = await Party.StartAsync(Path.Combine(folder, "host"), relay.Url, cancellationToken);
        await using var guest = await Party.StartAsync(Path.Combine(folder, "guest"), relay.Url, cancellationToken);
        var took = new List<TimeSpan>();
        for (var round = -WarmUps; round < Rounds; round++)
        {
            var time = await RoundAsync(host, guest, cancellationToken);
            if (round >= 0)
            {
                took.Add(time);
            }
        }

        var rates = new Measured(took.Select(static t => AtOnce / t.TotalSeconds));
        Report.Row("all ready after", new Measured(took.Select(static t => t.TotalMilliseconds)));
        Report.RateRow("pairings", rates);
        return rates;
    }

    private static async Task<TimeSpan> RoundAsync(Party host, Party guest, CancellationToken cancellationToken)
    {
        var pairs = new (string Key, string Host, string Guest)[AtOnce];
        var start = Stopwatch.GetTimestamp();
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        using (var hostFiles = new FolderWatch(host.Engine.Home.PendingPairFolder, NextLook))
        using (var guestFiles = new FolderWatch(guest.Engine.Home.PendingPairFolder, NextLook))
        {
            // More callers than cores would only wait for each other's Argon2id.
            limit.CancelAfter(Patience);
            var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = limit.Token };
            await Parallel.ForAsync(0, AtOnce, options, async (i, ending) =>
            {
                var (key, pair) = await host.Engine.Pairing.RequestAsync(new PairWish(), ending);
                var (_, joined) = await guest.Engine.Pairing.RequestAsync(new PairWish { Code = pair.Code }, ending);
                pairs[i] = (key, pair.Id, joined.Id);
            });
            await Task.WhenAll(UntilAllReadyAsync(host, hostFiles, pairs, limit.Token), UntilAllReadyAsync(guest, guestFiles, pairs, limit.Token));
        }

        var took = Stopwatch.GetElapsedTime(start);
        foreach (var (key, _, _) in pairs)
        {
            await host.Engine.Pairing.StopAsync(key, cancellationToken);
        }

        // The next round begins when nothing of this one is under way any more.
        foreach (var (_, hostId, guestId) in pairs)
        {
            await Task.WhenAll(UntilEndedAsync(host, hostId, cancellationToken), UntilEndedAsync(guest, guestId, cancellationToken));
        }

        await Task.Delay(Rest, cancellationToken);
        return took;
    }

    // One watch for all: a watch for each would make this process read each file again at every change of any.
    private static async Task UntilAllReadyAsync(Party party, FolderWatch files, IEnumerable<(string Key, string Host, string Guest)> pairs, CancellationToken cancellationToken)
    {
        var missing = pairs.Select(static pair => pair.Key).ToHashSet(StringComparer.Ordinal);
        missing.RemoveWhere(IsReady);
        while (missing.Count > 0)
        {
            var changed = await files.WaitAsync(cancellationToken);
            var names = changed?.Select(PendingPairStore.KeyOf).ToHashSet(StringComparer.Ordinal);
            missing.RemoveWhere(key => (names is null || names.Contains(key)) && IsReady(key));
        }

        bool IsReady(string key) => party.Engine.Pairs.Load(key) is { IsEnded: false } pair
            ? pair.Status == PairStatus.SasReady
            : throw new InvalidOperationException("one of many pairings ended before its numbers were ready");
    }

    private static async Task UntilEndedAsync(Party party, string id, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        while (party.Engine.Pairs.Load(id) is not { IsEnded: true, Leaving.IsEmpty: true })
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), limit.Token);
        }
    }
}
