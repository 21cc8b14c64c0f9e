using Microsoft.Data.Sqlite;
using WirePS.Relay.Storage;
using WirePS.Relay.Storage.Sqlite;
using WirePS.Relay.Tests.Support;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Tests;

/// <summary>The rendezvous of protocol v2 under crashes, old data and everybody at once.</summary>
public sealed class V2DurabilityTests
{
    private const int Many = 64;

    [Fact]
    public async Task Every_answered_write_is_there_after_kill_9_right_behind_it()
    {
        using var folder = new TempFolder();
        V2Side host = null!, guest = null!;
        await StepAsync(async client =>
        {
            (host, guest) = V2Side.NewPair(client);
            await host.MustPutAsync(0);
        });
        foreach (var (side, phase, state) in new (Func<V2Side> Side, int Phase, string State)[]
        {
            (() => guest, 0, "open"), (() => host, 1, "open"), (() => guest, 1, "open"), (() => host, 2, "open"), (() => guest, 2, "decided"), (() => host, 3, "decided"),
        })
        {
            await StepAsync(async _ => Assert.Equal((201, state), (await side().PutAsync(phase)).Verdict()));
            await StepAsync(async _ => Assert.Equal((200, state), (await side().PutAsync(phase)).Verdict()));
        }

        await StepAsync(async _ => Assert.Equal((409, "decided"), (await host.LeaveAsync()).Verdict()));
        await StepAsync(async _ => Assert.Equal(204, (await host.LeaveAsync("done")).Status));
        await StepAsync(async _ => Assert.Equal(204, (await guest.LeaveAsync("done")).Status));
        await StepAsync(async client =>
        {
            Assert.Equal((404, "no_rendezvous"), (await host.GetAsync()).Verdict());
            (host, guest) = await V2Side.PairUpToAsync(client, 0);
            Assert.Equal(403, (await (guest with { Token = V2Side.NewHex() }).PutAsync(0)).Status);
        });
        await StepAsync(async _ =>
        {
            Assert.True((await host.GetAsync()).Json.GetProperty("crowded").GetBoolean());
            Assert.Equal(403, (await (host with { Token = V2Side.NewHex() }).GetAsync()).Status);
            Assert.Equal(204, (await guest.LeaveAsync("sas_mismatch")).Status);
        });
        await StepAsync(async _ => Assert.Equal(("ended", "sas_mismatch"), ((await host.GetAsync()).Text("state"), (await host.GetAsync()).Text("reason"))));

        async Task StepAsync(Func<RelayClient, Task> step)
        {
            await using var relay = await RelayProcess.StartAsync(folder);
            (host, guest) = (host?.With(relay.Client)!, guest?.With(relay.Client)!);
            await step(relay.Client);
            await relay.KillAsync();
        }
    }

    [Fact]
    public async Task Of_many_different_messages_for_a_phase_exactly_one_is_taken()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        var statuses = await Task.WhenAll(Enumerable.Range(0, Many).Select(async i => ((await host.PutAsync(1, $$"""{"i":{{i}}}""")).Verdict(), i)));
        var winner = Assert.Single(statuses, static item => item.Item1.Status == 201).i;
        Assert.Equal(Many - 1, statuses.Count(static item => item.Item1 == (409, "phase_conflict")));
        Assert.Equal($$"""{"i":{{winner}}}""", (await guest.GetAsync("?after=0")).Json.GetProperty("messages")[0].GetProperty("body").GetRawText());
    }

    [Fact]
    public async Task Of_many_equal_messages_one_is_new_and_the_others_are_the_same()
    {
        await using var relay = await TestRelay.StartAsync(configure: static options => options with { RendezvousPerMinute = Many });
        var (host, _) = V2Side.NewPair(relay.Client);
        var answers = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => host.PutAsync(0)));
        Assert.Single(answers, static answer => answer.Status == 201);
        Assert.Equal(Many - 1, answers.Count(static answer => answer.Status == 200));
        Assert.Single(answers.Select(static answer => answer.Text("expires_at")).Distinct());

        // only the one that made it was paid for
        for (var i = 0; i < 10; i++)
        {
            await V2Side.NewPair(relay.Client).Host.MustPutAsync(0);
        }
    }

    [Fact]
    public async Task Of_many_who_come_for_a_role_exactly_one_gets_it()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = V2Side.NewPair(relay.Client);
        await host.MustPutAsync(0);
        var answers = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => (guest with { Token = V2Side.NewHex() }).PutAsync(0)));
        Assert.Single(answers, static answer => answer.Status == 201);
        Assert.Equal(Many - 1, answers.Count(static answer => answer.Verdict() == (403, "role_taken")));
        Assert.True((await host.GetAsync()).Json.GetProperty("crowded").GetBoolean());
    }

    [Fact]
    public async Task Whatever_comes_first_of_the_decision_and_an_end_stands()
    {
        await using var relay = await TestRelay.StartAsync();
        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 1);
            await host.MustPutAsync(2);
            var accept = guest.PutAsync(2);
            var end = i % 2 == 0 ? host.LeaveAsync("sas_mismatch") : host.PutAsync(9);
            await Task.WhenAll(accept, end);
            var seen = await guest.GetAsync();
            var state = seen.Text("state");
            if (state == "decided")
            {
                Assert.Equal((201, "decided"), (await accept).Verdict());
                Assert.Equal((409, "decided"), (await end).Verdict());
                Assert.Equal("0,1,2", seen.Phases());
            }
            else
            {
                Assert.Equal((410, "ended"), (await accept).Verdict());
                Assert.Equal(i % 2 == 0 ? 204 : 201, (await end).Status);
                Assert.Equal("[0,1]", seen.Own());
            }

            return state;
        }));
        Assert.All(results, static state => Assert.True(state is "decided" or "ended"));
    }

    [Fact]
    public async Task Whatever_comes_first_of_the_decision_and_the_expiry_stands()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        for (var i = 0; i < 20; i++)
        {
            var (host, guest) = V2Side.NewPair(relay.Client);
            await host.MustPutAsync(0, "?expires_in=10");
            await guest.MustPutAsync(0);
            await host.MustPutAsync(1);
            await guest.MustPutAsync(1);
            await host.MustPutAsync(2);
            var accept = guest.PutAsync(2);
            time.Advance(TimeSpan.FromSeconds(10));
            var verdict = (await accept).Verdict();
            Assert.True(verdict == (201, "decided") || verdict == (410, "expired"), verdict.ToString());
            Assert.Equal(verdict.Word, (await host.GetAsync()).Text("state"));
            Assert.Equal(verdict.Word, (await guest.GetAsync()).Text("state"));
        }

        // on time, whoever looks afterwards
        var (first, second) = await V2Side.PairUpToAsync(relay.Client, 1);
        await first.MustPutAsync(2);
        time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        Assert.Equal((201, "decided"), (await second.PutAsync(2)).Verdict());
        time.Advance(TimeSpan.FromDays(1));
        Assert.Equal("decided", (await first.GetAsync()).Text("state"));
    }

    [Fact]
    public async Task A_relay_restored_from_a_backup_shows_what_it_lacks_and_takes_it_again()
    {
        using var folder = new TempFolder();
        var options = new RelayOptions { DataFolder = folder.Data, Urls = ["http://127.0.0.1:0"] };
        var backup = Path.Combine(folder.Path, "backup.db");
        V2Side host, guest;
        await using (var relay = await RelayHost.StartAsync(options))
        {
            using var client = new RelayClient(relay.Urls[0]);
            (host, guest) = await V2Side.PairUpToAsync(client, 0);
            Databases.Scalar(folder.Data, $"VACUUM INTO '{backup}'");
            await host.MustPutAsync(1);
            await guest.MustPutAsync(1);
            await host.MustPutAsync(2);
        }

        foreach (var file in Directory.EnumerateFiles(folder.Data, "relay.db*"))
        {
            File.Delete(file);
        }

        File.Move(backup, Databases.PathOf(folder.Data));
        await using (var relay = await RelayHost.StartAsync(options))
        {
            using var client = new RelayClient(relay.Urls[0]);
            (host, guest) = (host.With(client), guest.With(client));
            Assert.Equal("[0]", (await host.GetAsync("?after=1")).Own());
            var news = await V2Side.WaitAsync(client, 50, host.Item(after: 1, own: 2), guest.Item(after: 2, own: 1));
            Assert.Equal(["host", "guest"], news.Json.GetProperty("items").EnumerateArray().Select(static item => item.GetProperty("role").GetString()));
            foreach (var (side, phase) in new[] { (host, 1), (guest, 1), (host, 2), (guest, 2) })
            {
                Assert.Contains((await side.PutAsync(phase)).Status, new[] { 200, 201 });
            }

            Assert.Equal(("decided", "0,1,2"), ((await guest.GetAsync()).Text("state"), (await guest.GetAsync()).Phases()));
        }
    }

    [Fact]
    public async Task A_host_sees_every_durable_write_before_its_reply()
    {
        RecordingStore? recording = null;
        await using var relay = await TestRelay.StartAsync(decorate: store => recording = new RecordingStore(store));
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 1);
        Assert.Equal(4, recording!.Writes);
        recording.Fail = true;
        var lost = await host.PutAsync(2);
        Assert.Equal((503, "unavailable"), lost.Verdict());
        Assert.Equal("5", lost.Headers["retry-after"]);
        recording.Fail = false;

        // the write was durable, only its answer was lost: the repeat finds it
        Assert.Equal(200, (await host.PutAsync(2)).Status);
        recording.Fail = true;
        Assert.Equal(503, (await guest.LeaveAsync()).Status);
        recording.Fail = false;
        Assert.Equal("ended", (await host.GetAsync()).Text("state"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Data_of_an_older_version_are_brought_up_to_date_in_place(int version)
    {
        using var folder = new TempFolder();
        string relayId;
        Slot slot;
        string pair;
        var options = new RelayOptions { DataFolder = folder.Data, Urls = ["http://127.0.0.1:0"] };
        await using (var relay = await RelayHost.StartAsync(options))
        {
            using var client = new RelayClient(relay.Urls[0]);
            relayId = relay.RelayId;
            slot = await client.AllocateAsync();
            await client.PostEventAsync(slot, """{"event_id":"old"}""");
            pair = await client.OpenPairAsync("c", "host", "H");
        }

        // as an older program left it
        Databases.MakeOld(folder.Data, version);
        for (var i = 0; i < 2; i++)
        {
            await using var relay = await RelayHost.StartAsync(options);
            using var client = new RelayClient(relay.Urls[0]);
            Assert.Equal(relayId, relay.RelayId);
            Assert.Equal("3", Databases.Scalar(folder.Data, "SELECT value FROM meta WHERE name = 'schema_version'"));
            Assert.Equal("""[{"event_id":"old"}]""", (await client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Body);
            Assert.Equal("H", (await client.GetAsync($"/v1/pair/{pair}?as_role=guest")).Text("peer_msg"));
            await V2Side.PairUpToAsync(client, 3);
            Assert.Equal(i + 1, Databases.Count(folder.Data, "pair_v2"));

            // of an old event nothing but the id is known
            Assert.Equal("duplicate", (await client.PostEventAsync(slot, """{"event_id":"old"}""")).Text("status"));
            Assert.Equal("duplicate", (await client.PostEventAsync(slot, """{"event_id":"old","signature":"s"}""")).Text("status"));
            Assert.Equal("""{"events":[{"seq":1,"grant":null,"event":{"event_id":"old"}}],"more":false,"next":1,"first":1}""", (await client.GetAsync($"/v2/events/{slot.Id}", slot.Token)).Body);
        }
    }

    [Fact]
    public async Task A_step_of_the_schema_happens_whole_or_not_at_all()
    {
        using var folder = new TempFolder();
        await SqliteRelayStore.Open(folder.Data, new NewsBoard(), new RelayMetrics(), TimeProvider.System).DisposeAsync();
        foreach (var sql in new[] { "DROP TABLE pair_v2", "UPDATE meta SET value = '1' WHERE name = 'schema_version'" })
        {
            Databases.Scalar(folder.Data, sql);
        }

        // the table of messages is in the way
        Assert.Throws<StoreException>(() => SqliteRelayStore.Open(folder.Data, new NewsBoard(), new RelayMetrics(), TimeProvider.System));
        Assert.Equal("1", Databases.Scalar(folder.Data, "SELECT value FROM meta WHERE name = 'schema_version'"));
        Assert.Equal(0L, Databases.Scalar(folder.Data, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'pair_v2'"));
    }

    [Fact]
    public async Task Every_statement_of_the_rendezvous_finds_its_rows_by_an_index()
    {
        await using var relay = await TestRelay.StartAsync();
        foreach (var sql in new[]
        {
            RelaySql.FindPairV2, RelaySql.FindPairsV2, RelaySql.UpdatePairV2, RelaySql.EndPairV2, RelaySql.SetPairV2Crowded, RelaySql.DeletePairV2,
            RelaySql.ExpiredPairsV2, RelaySql.FindPairV2Message, RelaySql.ReadPairV2Messages, RelaySql.DeletePairV2Messages,
        })
        {
            Assert.All(Databases.Plan(relay.DataFolder, sql), static step => Assert.StartsWith("SEARCH", step, StringComparison.Ordinal));
        }
    }
}
