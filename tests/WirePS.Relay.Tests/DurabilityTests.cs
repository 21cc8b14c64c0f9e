using WirePS.Relay.Storage;
using WirePS.Relay.Storage.Sqlite;
using WirePS.Relay.Tests.Support;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Tests;

/// <summary>What was answered is on disk, whatever happens next.</summary>
public sealed class DurabilityTests
{
    [Fact]
    public async Task Every_answered_write_is_there_after_kill_9_right_behind_it()
    {
        using var folder = new TempFolder();
        Slot slot = null!;
        var pair = "";
        var grant = $"grants/{new string('a', 32)}";
        var token = new string('b', 64);

        await StepAsync(folder, async client => slot = await client.AllocateAsync());
        await StepAsync(folder, async client => Assert.Equal(201, (await client.PostEventAsync(slot, """{"event_id":"one"}""")).Status));
        await StepAsync(folder, async client =>
        {
            Assert.Equal(200, (await client.PostEventAsync(slot, """{"event_id":"one"}""")).Status);
            Assert.Equal(200, (await client.PostAsync($"/v1/slot/{slot.Id}/responder-health", """{"status":"online","set_at":"x"}""", slot.Token)).Status);
        });
        await StepAsync(folder, async client =>
        {
            Assert.Equal("online", (await client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json.GetProperty("responder_health").GetProperty("status").GetString());
            pair = await client.OpenPairAsync("c", "host", "H");
        });
        await StepAsync(folder, async client => Assert.Equal(pair, await client.OpenPairAsync("c", "guest", "G")));
        await StepAsync(folder, async client =>
        {
            Assert.Equal("G", (await client.GetAsync($"/v1/pair/{pair}?as_role=host")).Text("peer_msg"));
            Assert.Equal(201, (await client.BootstrapAsync(pair, "host", "HS")).Status);
            Assert.Equal(201, (await client.BootstrapAsync(pair, "guest", "GS")).Status);
        });
        await StepAsync(folder, async client =>
        {
            Assert.Equal("GS", (await client.GetAsync($"/v1/pair/{pair}?as_role=host")).Text("peer_bootstrap"));
            Assert.Equal(204, (await client.AbandonAsync("c")).Status);
            Assert.Equal(204, (await client.DoneAsync("c", pair, "guest")).Status);
        });
        await StepAsync(folder, async client =>
        {
            Assert.True((await client.GetAsync($"/v1/pair/{pair}?as_role=host&have=msg")).Json.GetProperty("peer_done").GetBoolean());
            Assert.Equal(201, (await client.PutAsync($"/v2/slot/{slot.Id}/{grant}", $$"""{"token":"{{token}}","rights":["post"]}""", slot.Token)).Status);
        });
        await StepAsync(folder, async client =>
        {
            Assert.Equal(201, (await client.PostEventAsync(slot with { Token = token }, "2")).Status);
            Assert.Equal(204, (await client.DeleteAsync($"/v2/slot/{slot.Id}/{grant}", slot.Token)).Status);
        });
        await StepAsync(folder, async client =>
        {
            Assert.Equal(403, (await client.PostEventAsync(slot with { Token = token }, "3")).Status);
            Assert.Equal("""[{"event_id":"one"},2]""", (await client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Body);
        });
    }

    [Fact]
    public async Task Writes_at_a_time_share_a_flush_and_each_is_answered_after_it()
    {
        using var folder = new TempFolder();
        var metrics = new RelayMetrics();
        await using var store = SqliteRelayStore.Open(folder.Data, new NewsBoard(), metrics, TimeProvider.System);
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => store.CreateSlotAsync($"s{i}", TokenHash.Of("t"), CancellationToken.None)));

        Assert.Equal(500, Databases.Count(folder.Data, "slot"));
        var commits = Value(metrics, "wireps_relay_commits_total");
        Assert.Equal(500, Value(metrics, "wireps_relay_committed_operations_total"));
        Assert.InRange(commits, 1, 250);
    }

    [Fact]
    public async Task A_commit_is_on_disk_before_it_returns()
    {
        using var folder = new TempFolder();
        using var database = SqliteDatabase.Open(folder.Data, TimeProvider.System);
        using var writer = database.OpenWriter();
        Assert.Equal("wal", writer.First("PRAGMA journal_mode", static reader => reader.GetString(0)));
        Assert.Equal(2, writer.First("PRAGMA synchronous", static reader => reader.GetInt64(0)));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_host_sees_every_durable_write_before_its_reply()
    {
        RecordingStore? recording = null;
        await using var relay = await TestRelay.StartAsync(decorate: store => recording = new RecordingStore(store));
        var slot = await relay.Client.AllocateAsync();
        Assert.Equal(1, recording!.Writes);
        recording.Fail = true;
        var failed = await relay.Client.PostEventAsync(slot, """{"event_id":"e"}""");
        Assert.Equal(503, failed.Status);
        Assert.Equal("5", failed.Headers["retry-after"]);
        recording.Fail = false;

        // the write was durable, only its answer was lost: the repeat finds it
        Assert.Equal("duplicate", (await relay.Client.PostEventAsync(slot, """{"event_id":"e"}""")).Text("status"));
    }

    [Fact]
    public async Task Nothing_answered_is_lost_when_the_relay_stops_in_a_storm()
    {
        using var folder = new TempFolder();
        var answered = 0;
        Slot slot;
        await using (var relay = await RelayProcess.StartAsync(folder))
        {
            slot = await relay.Client.AllocateAsync();
            using var stop = new CancellationTokenSource();
            var storm = Enumerable.Range(0, 8).Select(async _ =>
            {
                try
                {
                    while ((await relay.Client.PostEventAsync(slot, "1")).Status == 201)
                    {
                        Interlocked.Increment(ref answered);
                    }
                }
                catch (HttpRequestException)
                {
                    // the relay is gone
                }
            }).ToList();
            await Task.Delay(700);

            // not SIGINT: who runs the tests in the background of a shell has it ignored, and the relay inherits that
            var (code, took) = await relay.TerminateAsync();
            Assert.Equal(0, code);
            Assert.True(took < TimeSpan.FromSeconds(2), took.ToString());
            await Task.WhenAll(storm);
        }

        Assert.True(answered > 0);
        Assert.InRange(Databases.Count(folder.Data, "event"), answered, answered + 8);
        await using var again = await RelayProcess.StartAsync(folder);
        Assert.True((await again.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json.GetProperty("event_count").GetInt64() >= answered);
    }

    private static async Task StepAsync(TempFolder folder, Func<RelayClient, Task> step)
    {
        await using var relay = await RelayProcess.StartAsync(folder);
        await step(relay.Client);
        await relay.KillAsync();
    }

    private static long Value(RelayMetrics metrics, string name) =>
        long.Parse(metrics.ToString().Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal)).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
}
