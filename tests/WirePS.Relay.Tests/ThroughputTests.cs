using System.Diagnostics;
using System.Globalization;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Storage.Sqlite;
using WirePS.Relay.Tests.Support;
using WirePS.Relay.Waiting;
using Xunit.Abstractions;

namespace WirePS.Relay.Tests;

/// <summary>Figures to look at: what they are is a matter of the machine, so only that all is stored is asserted.</summary>
public sealed class ThroughputTests(ITestOutputHelper output)
{
    private const int Measured = 10_000;
    private const int Filling = 100_000;
    private const int Callers = 256;

    [Fact]
    public async Task Durable_posts_into_an_empty_slot_and_into_one_with_100_000_events()
    {
        using var folder = new TempFolder();
        await using var store = SqliteRelayStore.Open(folder.Data, new NewsBoard(), new RelayMetrics(), TimeProvider.System);
        await store.CreateSlotAsync("s", TokenHash.Of("t"), CancellationToken.None);
        var access = await store.AuthoriseAsync("s", TokenHash.Of("t"), CancellationToken.None);

        var empty = await PostAsync(store, access, 0, Measured);
        await PostAsync(store, access, Measured, Filling - Measured);
        var full = await PostAsync(store, access, Filling, Measured);
        var watch = Stopwatch.StartNew();
        Assert.Equal(AckOutcome.Acked, await store.AckEventsAsync(access, Filling, CancellationToken.None));
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{Callers} callers: {empty:F0} durable posts/s into an empty slot, {full:F0} posts/s with {Filling} events in it; acking {Filling} events took {watch.Elapsed.TotalSeconds:F1} s");
        output.WriteLine(text);
        Console.WriteLine(text);
        Assert.Equal(Measured, (await store.ReadSlotStateAsync(access, CancellationToken.None)).EventCount);
    }

    private static async Task<double> PostAsync(SqliteRelayStore store, SlotAccess access, int from, int count)
    {
        var watch = Stopwatch.StartNew();
        await Parallel.ForAsync(from, from + count, new ParallelOptions { MaxDegreeOfParallelism = Callers }, async (i, cancellationToken) =>
        {
            var item = new NewEvent(TokenHash.Of(i.ToString(CultureInfo.InvariantCulture)), new byte[300], WireLimits.SlotBytes, "signature");
            Assert.Equal(PostEventOutcome.Stored, (await store.PostEventAsync(access, item, cancellationToken)).Outcome);
        });
        return count / watch.Elapsed.TotalSeconds;
    }
}
