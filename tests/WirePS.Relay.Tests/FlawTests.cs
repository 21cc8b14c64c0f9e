using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using WirePS.Identity;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Storage.Operations;
using WirePS.Relay.Storage.Sqlite;
using WirePS.Relay.Tests.Support;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Tests;

/// <summary>The flaws of the real relay (wire.md §11.5), each by its id: every test fails on the flawed behaviour.</summary>
public sealed class FlawTests
{
    [Fact]
    public async Task R1_one_source_that_has_used_its_share_locks_nobody_else_out()
    {
        await using var relay = await TestRelay.StartAsync(configure: static options => options with
        {
            AllocationsPerMinute = 3,
            RendezvousPerMinute = 3,
            TrustedProxies = [System.Net.IPNetwork.Parse("127.0.0.0/8")],
        });
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(201, (await AllocateFromAsync(relay, "192.0.2.1")).Status);
        }

        var limited = await AllocateFromAsync(relay, "192.0.2.1");
        Assert.Equal(429, limited.Status);
        Assert.Null(limited.ContentType);
        Assert.Equal($"Too Many Requests! Wait for {limited.Headers["x-ratelimit-after"]}s", limited.Body);
        Assert.Equal(limited.Headers["x-ratelimit-after"], limited.Headers["retry-after"]);
        Assert.Equal(201, (await AllocateFromAsync(relay, "192.0.2.2")).Status);
        Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("c", "host", "m"))).Status);
    }

    [Fact]
    public async Task R2_claims_introductions_and_lookups_are_limited_by_source()
    {
        await using var relay = await TestRelay.StartAsync(configure: static options => options with { ClaimsPerMinute = 3, IntrosPerMinute = 2, LookupsPerMinute = 20, TrustedProxies = [System.Net.IPNetwork.Parse("127.0.0.0/8")] });
        var people = new List<Person>();
        foreach (var nick in new[] { "anna", "bert", "carl", "dora" })
        {
            people.Add(await Person.CreateAsync(relay.Client, nick));
        }

        Assert.Equal([201, 201, 201, 429], people.Select(static person => person.Claim.Status));
        Assert.Equal(people[3].Claim.Headers["x-ratelimit-after"], people[3].Claim.Headers["retry-after"]);
        var intros = new List<int>();
        foreach (var to in people.Take(3))
        {
            intros.Add((await Person.PostIntroAsync(relay.Client, to.Nick, people[3].Intro("i"))).Status);
        }

        Assert.Equal([201, 201, 429], intros);
        var lookups = new List<Answer>();
        for (var i = 0; i < 6; i++)
        {
            lookups.Add(await relay.Client.GetAsync("/.well-known/wire/agent?handle=anna"));
            lookups.Add(await relay.Client.GetAsync("/.well-known/agent-card.json?handle=anna"));
            lookups.Add(await relay.Client.GetAsync("/v1/handles"));
        }

        Assert.Equal(17, lookups.Count(static answer => answer.Status == 200));
        Assert.Equal(1, lookups.Count(static answer => answer.Status == 429));
        var other = await relay.Client.SendAsync("GET", "/v1/handles", headers: [new("X-Forwarded-For", "192.0.2.9")]);
        Assert.Equal(200, other.Status);
    }

    [Fact]
    public async Task R3_neither_junk_nor_one_source_blocks_introductions_to_somebody()
    {
        await using var relay = await TestRelay.StartAsync(configure: static options => options with { TrustedProxies = [System.Net.IPNetwork.Parse("127.0.0.0/8")] });
        var victim = await Person.CreateAsync(relay.Client, "victim");
        var friend = await Person.CreateAsync(relay.Client, "friend");
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(400, (await Person.PostIntroAsync(relay.Client, victim.Nick, $$"""{"event_id":"j{{i}}","kind":1100,"type":"pair_drop"}""")).Status);
        }

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(201, (await Person.PostIntroAsync(relay.Client, victim.Nick, friend.Intro($"i{i}"))).Status);
            Assert.Equal(200, (await Person.PostIntroAsync(relay.Client, victim.Nick, friend.Intro($"i{i}"))).Status);
        }

        var limited = await Person.PostIntroAsync(relay.Client, victim.Nick, friend.Intro("i5"));
        Assert.Equal((429, "too many pair-intros to \"victim\" — rate limited (5 per 300s). Try again shortly."), (limited.Status, limited.Text("error")));
        Assert.Equal("60", limited.Headers["retry-after"]);
        Assert.Equal(201, (await Person.PostIntroAsync(relay.Client, friend.Nick, victim.Intro("to another"))).Status);
        var elsewhere = await relay.Client.SendAsync(
            "POST",
            "/v1/handle/intro/victim",
            Encoding.UTF8.GetBytes($$"""{"event":{{friend.Intro("from elsewhere")}}}"""),
            [new("Content-Type", "application/json"), new("X-Forwarded-For", "192.0.2.9")]);
        Assert.Equal(201, elsewhere.Status);
    }

    [Fact]
    public async Task R4_introductions_cannot_fill_a_mailbox()
    {
        await using var relay = await TestRelay.StartAsync();
        var victim = await Person.CreateAsync(relay.Client, "victim");
        const long share = WireLimits.SlotBytes / 4;
        Databases.Scalar(relay.DataFolder, $"UPDATE slot SET event_bytes = {share}, intro_bytes = {share} WHERE slot_id = '{victim.Slot.Id}'");
        var refused = await Person.PostIntroAsync(relay.Client, "victim", (await Person.CreateAsync(relay.Client, "friend")).Intro("i"));
        Assert.Equal((413, "target slot quota exceeded"), (refused.Status, refused.Text("error")));
        Assert.Equal(201, (await relay.Client.PostEventAsync(victim.Slot, "1")).Status);
    }

    [Fact]
    public async Task R4_unread_events_are_removed_after_thirty_days_and_a_full_slot_takes_events_again()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await relay.Client.AllocateAsync();
        var filling = new string('x', WireLimits.EventBytes - 2);
        for (var i = 0; i < WireLimits.SlotBytes / WireLimits.EventBytes; i++)
        {
            Assert.Equal(201, (await relay.Client.PostEventAsync(slot, $"\"{filling}\"")).Status);
        }

        var full = await relay.Client.PostEventAsync(slot, "1");
        Assert.Equal(413, full.Status);
        Assert.Equal("application/json", full.ContentType);
        Assert.Equal("slot quota exceeded", full.Text("error"));
        Assert.Equal(WireLimits.SlotBytes, full.Json.GetProperty("slot_bytes_used").GetInt64());
        Assert.Equal(WireLimits.SlotBytes, full.Json.GetProperty("slot_bytes_max").GetInt64());
        Assert.NotNull(full.Text("remediation"));

        time.Advance(TimeSpan.FromDays(30) + TimeSpan.FromMinutes(2));
        var status = 413;
        for (var i = 0; i < 200 && status != 201; i++)
        {
            status = (await relay.Client.PostEventAsync(slot, "2")).Status;
            await Task.Delay(20);
        }

        Assert.Equal(201, status);
        for (var i = 0; i < 200 && Databases.Count(relay.DataFolder, "event") > 1; i++)
        {
            await Task.Delay(20);
        }

        Assert.Equal("[2]", (await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Body);
        Assert.Equal(1, (await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json.GetProperty("event_count").GetInt64());
        Assert.Equal(257L, Databases.Scalar(relay.DataFolder, "SELECT seq FROM event"));
    }

    [Theory]
    [InlineData(RelaySql.FindEventById)]
    [InlineData(RelaySql.ReadEvents)]
    [InlineData(RelaySql.SlotUse)]
    [InlineData(RelaySql.FindSlot)]
    [InlineData(RelaySql.FindGrantByToken)]
    [InlineData(RelaySql.FindPair)]
    [InlineData(RelaySql.FindPairByCode)]
    [InlineData(RelaySql.ExpiredPairs)]
    [InlineData(RelaySql.ExpiredEvents)]
    public async Task R5_no_request_walks_through_a_table(string statement)
    {
        await using var relay = await TestRelay.StartAsync();
        var plan = Databases.Plan(relay.DataFolder, statement);

        Assert.NotEmpty(plan);
        Assert.All(plan, static step => Assert.StartsWith("SEARCH", step));
        Assert.DoesNotContain(plan, static step => step.Contains("TEMP B-TREE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task R6_of_64_identical_posts_at_a_time_exactly_one_is_stored()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => relay.Client.PostEventAsync(slot, """{"event_id":"same","n":1}""")));

        Assert.Equal(1, answers.Count(static answer => answer.Status == 201));
        Assert.Equal(63, answers.Count(static answer => answer.Status == 200 && answer.Text("status") == "duplicate"));
        Assert.Equal("""[{"event_id":"same","n":1}]""", (await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Body);
    }

    [Fact]
    public async Task R6_posts_at_a_time_do_not_overrun_the_quota()
    {
        using var folder = new TempFolder();
        await using var store = SqliteRelayStore.Open(folder.Data, new NewsBoard(), new RelayMetrics(), TimeProvider.System);
        var access = await NewSlotAsync(store);
        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => store.PostEventAsync(access, new NewEvent(null, new byte[100], 1000), CancellationToken.None)));

        Assert.Equal(10, results.Count(static result => result.Outcome == PostEventOutcome.Stored));
        Assert.Equal(54, results.Count(static result => result is { Outcome: PostEventOutcome.QuotaExceeded, SlotBytesUsed: 1000 }));
    }

    [Fact]
    public async Task R7_what_could_not_be_stored_is_not_there_and_its_repeat_is_no_duplicate()
    {
        using var folder = new TempFolder();
        using var database = SqliteDatabase.Open(folder.Data, TimeProvider.System);
        var session = database.OpenWriter();
        SqliteSchema.Prepare(session, database.Path);
        await using var writer = new GroupCommitWriter(session, new NewsBoard(), new RelayMetrics());
        await writer.WriteAsync(static on => SlotOperations.Create(on, "s", TokenHash.Of("t")), CancellationToken.None);
        var access = await writer.WriteAsync(static on => SlotOperations.Authorise(on, "s", TokenHash.Of("t")), CancellationToken.None);
        var item = new NewEvent(TokenHash.Of("id"), "{}"u8.ToArray(), 1000);

        // the disk refuses in the middle of one operation; its neighbours of the same moment do not suffer
        var failing = writer.WriteAsync<PostEventResult>(
            on =>
            {
                Assert.Equal(PostEventOutcome.Stored, SlotOperations.Post(on, access, item).Outcome);
                throw new SqliteException("disk I/O error", 10);
            },
            CancellationToken.None);
        var neighbours = Enumerable.Range(0, 20).Select(i => writer.WriteAsync(
            on => SlotOperations.Post(on, access, new NewEvent(TokenHash.Of($"n{i}"), "{}"u8.ToArray(), 1000)), CancellationToken.None)).ToList();

        await Assert.ThrowsAsync<SqliteException>(() => failing);
        Assert.All(await Task.WhenAll(neighbours), static result => Assert.Equal(PostEventOutcome.Stored, result.Outcome));
        Assert.Equal(20, (await writer.WriteAsync(on => SlotOperations.ReadState(on, access), CancellationToken.None)).EventCount);
        Assert.Equal(PostEventOutcome.Stored, (await writer.WriteAsync(on => SlotOperations.Post(on, access, item), CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task R8_slots_allocated_at_a_time_are_all_there_after_a_crash()
    {
        using var folder = new TempFolder();
        await using var first = await RelayProcess.StartAsync(folder);
        var slots = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => first.Client.AllocateAsync()));
        await first.KillAsync();

        await using var second = await RelayProcess.StartAsync(folder);
        foreach (var slot in slots)
        {
            Assert.Equal(200, (await second.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Status);
        }
    }

    [Fact]
    public async Task R9_a_crash_in_a_storm_of_posts_loses_no_event_that_was_answered_and_tears_none()
    {
        using var folder = new TempFolder();
        var answered = new System.Collections.Concurrent.ConcurrentBag<string>();
        Slot slot;
        await using (var relay = await RelayProcess.StartAsync(folder))
        {
            slot = await relay.Client.AllocateAsync();
            var storm = Parallel.ForAsync(0, 100_000, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
            {
                var id = $"e{i.ToString(CultureInfo.InvariantCulture)}";
                if ((await relay.Client.PostEventAsync(slot, $$"""{"event_id":"{{id}}","fill":"{{new string('x', 500)}}"}""")).Status == 201)
                {
                    answered.Add(id);
                }
            });
            while (answered.Count < 300)
            {
                await Task.Delay(5);
            }

            await relay.KillAsync();
            await Assert.ThrowsAsync<HttpRequestException>(() => storm);
        }

        await using var again = await RelayProcess.StartAsync(folder);
        var stored = new HashSet<string>();
        var since = "";
        while (true)
        {
            var page = (await again.Client.GetAsync($"/v1/events/{slot.Id}?limit=1000&since={since}", slot.Token)).Json;
            foreach (var item in page.EnumerateArray())
            {
                since = item.GetProperty("event_id").GetString()!;
                Assert.True(stored.Add(since));
            }

            if (page.GetArrayLength() == 0)
            {
                break;
            }
        }

        Assert.Subset(stored, answered.ToHashSet());
    }

    [Fact]
    public async Task R10_no_token_is_stored_and_nobody_else_can_read_the_files()
    {
        using var folder = new TempFolder();
        await using var relay = await RelayProcess.StartAsync(folder);
        var slot = await relay.Client.AllocateAsync();
        var grant = new string('b', 64);
        var code = "5ec2e7c0de";
        await relay.Client.PutAsync($"/v2/slot/{slot.Id}/grants/{new string('a', 32)}", $$"""{"token":"{{grant}}","rights":["post"]}""", slot.Token);
        await relay.Client.OpenPairAsync(code, "host", "m");
        var inviteUrl = "wire://pair?inv=secret.part";
        var invite = (await relay.Client.PostAsync("/v1/invite/register", $$"""{"invite_url":"{{inviteUrl}}"}""")).Text("token")!;
        var files = Directory.GetFiles(folder.Data);
        Assert.Equal(["relay.db", "relay.db-shm", "relay.db-wal", "relay.lock"], files.Select(Path.GetFileName).Order());
        foreach (var path in files)
        {
            Assert.Equal(Modes.PrivateFile, Modes.Of(path, Modes.PrivateFile));
            if (path.EndsWith(".lock", StringComparison.Ordinal))
            {
                continue;
            }

            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[file.Length];
            await file.ReadExactlyAsync(bytes);
            Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(inviteUrl)));
            foreach (var secret in new[] { slot.Token, grant, code, invite })
            {
                Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)));
                Assert.Equal(-1, bytes.AsSpan().IndexOf(Convert.FromHexString(secret)));
            }
        }

        Assert.Equal(Modes.PrivateFolder, Modes.Of(folder.Data, Modes.PrivateFolder));
        Assert.Equal(Modes.PrivateFile, Modes.Of(Path.Combine(folder.Path, "ready.json"), Modes.PrivateFile));
    }

    [Fact]
    public async Task R11_a_handle_is_bound_to_the_key_and_not_to_the_text_of_the_card()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var alice = await Person.CreateAsync(relay.Client, "alice");
        var thief = await Person.CreateAsync(relay.Client, "thief");

        // a card of one's own with the DID of somebody else does not commit to its key
        var forged = AgentCard.Sign(thief.Seed, thief.Card.Json.With("did", alice.Card.Did).With("handle", "alice"));
        var refused = await relay.Client.PostAsync("/v1/handle/claim", $$"""{"nick":"alice","slot_id":"{{thief.Slot.Id}}","card":{{forged.ToCompactString()}}}""", thief.Slot.Token);
        Assert.Equal((400, "card signature invalid: card DID does not commit to its verify key (suffix mismatch)"), (refused.Status, refused.Text("error")));

        // another key with the same name
        var namesake = AgentCard.Create(thief.Seed, "alice");
        refused = await Person.ClaimAsync(relay.Client, thief.Slot, namesake);
        Assert.Equal((409, "alice", alice.Card.Did), (refused.Status, refused.Text("nick"), refused.Text("claimed_by")));

        // the real card is public: it does not move the handle to the mailbox of whoever shows it
        refused = await Person.ClaimAsync(relay.Client, thief.Slot, alice.Card);
        Assert.Equal((409, alice.Card.Did), (refused.Status, refused.Text("claimed_by")));
        Assert.Equal(alice.Slot.Id, (await relay.Client.GetAsync("/.well-known/wire/agent?handle=alice")).Text("slot_id"));

        // its owner can move it
        var rotated = await relay.Client.AllocateAsync();
        Assert.Equal(200, (await relay.Client.DeleteAsync("/v1/handle/claim/alice", alice.Slot.Token)).Status);
        Assert.Equal("claimed", (await Person.ClaimAsync(relay.Client, rotated, alice.Card)).Text("status"));

        // also when the token is lost: once nobody has come for the events of the old slot for as long as events live
        time.Advance(TimeSpan.FromDays(20));
        await relay.Client.GetAsync($"/v1/events/{rotated.Id}", rotated.Token);
        await relay.RestartAsync();
        time.Advance(TimeSpan.FromDays(29));
        Assert.Equal(409, (await Person.ClaimAsync(relay.Client, alice.Slot, alice.Card)).Status);
        time.Advance(TimeSpan.FromDays(2));
        Assert.Equal("re-claimed", (await Person.ClaimAsync(relay.Client, alice.Slot, alice.Card)).Text("status"));
    }

    [Fact]
    public async Task R12_short_urls_cannot_be_guessed_and_looks_are_limited_and_counted()
    {
        await using var relay = await TestRelay.StartAsync(configure: static options => options with { LookupsPerMinute = 10, InvitesPerMinute = 2 });
        var invites = new List<Answer>();
        for (var i = 0; i < 3; i++)
        {
            invites.Add(await RegisterAsync(relay, "wire://pair?inv=a.b", ",\"uses\":1"));
        }

        Assert.Equal([201, 201, 429], invites.Select(static answer => answer.Status));
        Assert.Matches("^[0-9a-f]{32}$", invites[0].Text("token"));
        Assert.NotEqual(invites[0].Text("token"), invites[1].Text("token"));
        Assert.Equal("wire://pair?inv=a.b", (await relay.Client.GetAsync(invites[0].Text("path") + "?format=url")).Body);
        Assert.Equal(410, (await relay.Client.GetAsync(invites[0].Text("path") + "?format=url")).Status);
        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(404, (await relay.Client.GetAsync($"/i/{new string('0', 32)}")).Status);
        }

        var limited = await relay.Client.GetAsync(invites[1].Text("path")!);
        Assert.Equal((429, "6"), (limited.Status, limited.Headers["retry-after"]));
    }

    [Fact]
    public async Task R13_a_short_url_that_was_registered_works()
    {
        await using var relay = await TestRelay.StartAsync();
        var invite = await RegisterAsync(relay, "wire://pair?inv=a.b");
        Assert.Equal("/i/" + invite.Text("token"), invite.Text("path"));
        for (var i = 0; i < 3; i++)
        {
            var answer = await relay.Client.GetAsync(invite.Text("path") + "?format=url");
            Assert.Equal((200, "wire://pair?inv=a.b"), (answer.Status, answer.Body));
        }
    }

    [Fact]
    public async Task R14_a_use_survives_a_restart_and_what_has_expired_is_removed()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var single = await RegisterAsync(relay, "wire://pair?inv=a.b", ",\"uses\":1");
        var many = await RegisterAsync(relay, "wire://pair?inv=a.b", ",\"uses\":2,\"ttl_seconds\":120");
        Assert.Equal(200, (await relay.Client.GetAsync(single.Text("path")!)).Status);
        Assert.Equal(200, (await relay.Client.GetAsync(many.Text("path")!)).Status);
        await relay.RestartAsync();
        var used = await relay.Client.GetAsync(single.Text("path")!);
        Assert.Equal((410, "this invite has been used up\n"), (used.Status, used.Body));

        time.Advance(TimeSpan.FromSeconds(120));
        var expired = await relay.Client.GetAsync(many.Text("path")!);
        Assert.Equal((410, "this invite has expired\n"), (expired.Status, expired.Body));
        time.Advance(TimeSpan.FromDays(2) + TimeSpan.FromMinutes(2));
        Assert.Equal(404, (await relay.Client.GetAsync(many.Text("path")!)).Status);
        for (var i = 0; i < 300 && Databases.Count(relay.DataFolder, "invite") > 0; i++)
        {
            await Task.Delay(20);
        }

        Assert.Equal(0, Databases.Count(relay.DataFolder, "invite"));
    }

    [Fact]
    public async Task R15_only_urls_of_wire_are_taken_and_the_page_is_no_script()
    {
        await using var relay = await TestRelay.StartAsync();
        foreach (var text in new[] { "anything", "https://evil.example/", "wire://", "WIRE://pair?inv=a.b", "wire://pair?inv=a' ; rm -rf ~ #", "wire://$(id)", "wire://`id`", "wire://a\\nrm", "wire://<b>", "wire://é" })
        {
            var refused = await RegisterAsync(relay, text);
            Assert.Equal((400, "invite_url must be a wire:// URL"), (refused.Status, refused.Text("error")));
        }

        const string url = "wire://pair?v=1&inv=abc-_.def%20+~";
        var page = await relay.Client.GetAsync((await RegisterAsync(relay, url)).Text("path")!);
        Assert.Equal((200, "text/plain; charset=utf-8"), (page.Status, page.ContentType));
        Assert.Equal(("private, no-store, max-age=0", "nosniff"), (page.Headers["cache-control"], page.Headers["x-content-type-options"]));
        Assert.Contains("WirePS", page.Body, StringComparison.Ordinal);

        // the URL stands alone; all else is a comment to whatever shell would read it
        Assert.Equal([url], page.Body.Split('\n').Where(static line => line.Length > 0 && line[0] != '#'));
    }

    [Fact]
    public async Task R16_a_bootstrap_cannot_be_overwritten_and_the_sizes_are_bounded()
    {
        await using var relay = await TestRelay.StartAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "m");
        Assert.Equal(201, (await relay.Client.BootstrapAsync(id, "host", "S1")).Status);
        Assert.Equal(201, (await relay.Client.BootstrapAsync(id, "host", "S1")).Status);
        Assert.Equal(409, (await relay.Client.BootstrapAsync(id, "host", "S2")).Status);
        Assert.Equal("S1", (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest")).Text("peer_bootstrap"));

        Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(new string('c', 128), "host", new string('m', 4096)))).Status);
        Assert.Equal(201, (await relay.Client.BootstrapAsync(id, "guest", new string('s', 65_536))).Status);
        foreach (var refused in new[]
        {
            await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(new string('c', 129), "host", "m")),
            await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("d", "host", new string('m', 4097))),
            await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("d", "host", new string('é', 2049))),
            await relay.Client.BootstrapAsync(id, "guest", new string('s', 65_537)),
        })
        {
            Assert.Equal((413, "message_too_large", "application/problem+json"), (refused.Status, refused.Text("code"), refused.ContentType));
        }
    }

    [Fact]
    public async Task R17_polling_does_not_keep_a_rendezvous_alive()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var id = await relay.Client.OpenPairAsync("c", "host", "m", 600);
        for (var i = 0; i < 9; i++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            Assert.Equal(200, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host")).Status);
            Assert.Equal(id, await relay.Client.OpenPairAsync("c", "host", "m", 600));
        }

        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(404, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host")).Status);
    }

    [Fact]
    public async Task R17_nothing_is_forgotten_because_nobody_polled()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var id = await relay.Client.OpenPairAsync("c", "host", "m", 600);
        time.Advance(TimeSpan.FromSeconds(599));

        Assert.Equal(200, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host")).Status);
    }

    [Fact]
    public async Task R18_a_rendezvous_survives_a_restart()
    {
        await using var relay = await TestRelay.StartAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");
        await relay.Client.OpenPairAsync("c", "guest", "G");
        await relay.Client.BootstrapAsync(id, "guest", "GS");
        var relayId = relay.Host.RelayId;
        await relay.RestartAsync();

        var seen = await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host");
        Assert.Equal(("G", "GS"), (seen.Text("peer_msg"), seen.Text("peer_bootstrap")));
        Assert.Equal(id, await relay.Client.OpenPairAsync("c", "host", "H"));
        Assert.Equal(relayId, relay.Host.RelayId);
    }

    [Fact]
    public async Task R19_an_event_posted_under_the_id_of_another_one_does_not_make_that_a_duplicate()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var grants = new[] { new string('a', 64), new string('b', 64) };
        for (var i = 0; i < grants.Length; i++)
        {
            await relay.Client.PutAsync($"/v2/slot/{slot.Id}/grants/{new string((char)('1' + i), 32)}", $$"""{"token":"{{grants[i]}}","rights":["post"]}""", slot.Token);
        }

        const string real = """{"event_id":"x","n":1,"public_key_id":"k","signature":"s"}""";
        foreach (var (token, text, status) in new[]
        {
            // by another token, with any content
            (grants[1], """{"event_id":"x","n":2}""", "stored"),
            (grants[1], """{"event_id":"x","n":2,"public_key_id":"k","signature":"s"}""", "stored"),

            // by the same token, as peers of v1 share one, without the signature that only the real sender can make
            (grants[0], """{"event_id":"x","n":1}""", "stored"),
            (grants[0], """{"event_id":"x","n":1,"public_key_id":"k","signature":"t"}""", "stored"),
            (grants[0], """{"event_id":"x","n":1,"public_key_id":"l","signature":"s"}""", "stored"),
            (grants[0], real, "stored"),
            (grants[0], real, "duplicate"),
            (slot.Token, real, "stored"),
        })
        {
            Assert.Equal(status, (await relay.Client.PostEventAsync(slot with { Token = token }, text)).Text("status"));
        }

        // who goes on after the id misses nothing
        var rest = (await relay.Client.GetAsync($"/v1/events/{slot.Id}?since=x", slot.Token)).Json;
        Assert.Equal(6, rest.GetArrayLength());
    }

    [Fact]
    public async Task R20_a_reader_by_sequence_is_told_whether_there_is_more_and_never_starts_again()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        for (var i = 0; i < 5; i++)
        {
            await relay.Client.PostEventAsync(slot, "\"no id\"");
        }

        var seen = new List<long>();
        var after = 0L;
        bool more;
        do
        {
            var page = (await relay.Client.GetAsync($"/v2/events/{slot.Id}?limit=2&after={after}", slot.Token)).Json;
            seen.AddRange(page.GetProperty("events").EnumerateArray().Select(static item => item.GetProperty("seq").GetInt64()));
            after = page.GetProperty("next").GetInt64();
            more = page.GetProperty("more").GetBoolean();
            Assert.Equal(204, (await relay.Client.PostAsync($"/v2/events/{slot.Id}/ack", $$"""{"upto":{{after}}}""", slot.Token)).Status);
        }
        while (more);

        Assert.Equal([1, 2, 3, 4, 5], seen);
        Assert.Equal(0, (await relay.Client.GetAsync($"/v2/events/{slot.Id}?after={after}", slot.Token)).Json.GetProperty("events").GetArrayLength());
    }

    [Fact]
    public async Task R21_an_introduction_reaches_streams_and_waits_at_once()
    {
        await using var relay = await TestRelay.StartAsync();
        var victim = await Person.CreateAsync(relay.Client, "victim");
        var friend = await Person.CreateAsync(relay.Client, "friend");
        using var stream = await relay.Client.OpenAsync($"/v1/events/{victim.Slot.Id}/stream", [new("Authorization", "Bearer " + victim.Slot.Token)]);
        var waits = new[]
        {
            relay.Client.GetAsync($"/v1/events/{victim.Slot.Id}?wait=55", victim.Slot.Token),
            relay.Client.GetAsync($"/v2/events/{victim.Slot.Id}?wait=55", victim.Slot.Token),
        };
        await Task.Delay(300);
        var text = friend.Intro("i");
        Assert.Equal(201, (await Person.PostIntroAsync(relay.Client, victim.Nick, text)).Status);

        using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync());
        Assert.Equal("data: " + text, await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)));
        var answers = await Task.WhenAll(waits).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal($"[{text}]", answers[0].Body);
        Assert.Equal($$"""{"events":[{"seq":1,"grant":null,"event":{{text}}}],"more":false,"next":1,"first":1}""", answers[1].Body);
    }

    [Fact]
    public async Task R25_a_handle_can_be_released_and_is_free_then()
    {
        await using var relay = await TestRelay.StartAsync();
        var alice = await Person.CreateAsync(relay.Client, "alice");
        var other = await relay.Client.AllocateAsync();
        Assert.Equal(401, (await relay.Client.DeleteAsync("/v1/handle/claim/alice")).Status);
        Assert.Equal(403, (await relay.Client.DeleteAsync("/v1/handle/claim/alice", other.Token)).Status);
        var released = await relay.Client.DeleteAsync("/v1/handle/claim/alice", alice.Slot.Token);
        Assert.Equal((200, """{"nick":"alice","status":"unclaimed"}"""), (released.Status, released.Body));
        await relay.RestartAsync();

        var again = await relay.Client.DeleteAsync("/v1/handle/claim/alice", alice.Slot.Token);
        Assert.Equal((404, "\"alice\" isn't claimed"), (again.Status, again.Text("error")));
        Assert.Equal(404, (await relay.Client.GetAsync("/.well-known/wire/agent?handle=alice")).Status);
        Assert.Equal("claimed", (await Person.CreateAsync(relay.Client, "alice")).Claim.Text("status"));
    }

    [Fact]
    public async Task R22_the_time_of_the_last_pull_survives_a_restart()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token);
        time.Advance(TimeSpan.FromHours(1));
        await relay.RestartAsync();

        var state = (await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json;
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds(), state.GetProperty("last_pull_at_unix").GetInt64());
    }

    [Fact]
    public async Task R23_SIGTERM_stops_within_two_seconds_with_streams_and_polls_open()
    {
        using var folder = new TempFolder();
        await using var relay = await RelayProcess.StartAsync(folder);
        var slot = await relay.Client.AllocateAsync();
        using var stream = await relay.Client.OpenAsync($"/v1/events/{slot.Id}/stream", [new("Authorization", "Bearer " + slot.Token)]);
        var poll = relay.Client.GetAsync($"/v1/events/{slot.Id}?wait=55", slot.Token);
        await Task.Delay(300);
        var (code, took) = await relay.TerminateAsync();

        Assert.Equal(0, code);
        Assert.True(took < TimeSpan.FromSeconds(2), took.ToString());
        Assert.Equal(503, (await poll).Status);
        Assert.Equal("", await stream.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task R24_no_history_of_the_counters_is_kept()
    {
        await using var relay = await TestRelay.StartAsync();
        Assert.Equal(200, (await relay.Client.GetAsync("/stats.json")).Status);
        Assert.Equal(404, (await relay.Client.GetAsync("/stats.history?hours=168")).Status);
        Assert.All(Directory.GetFiles(relay.DataFolder), static file => Assert.StartsWith("relay.", Path.GetFileName(file), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"event_id":"f1","x":999999999999999.9}""")]
    [InlineData("""{"x":[1.0,1e3,0.1,-0.0,18446744073709551615,1e16,9007199254740993.0,123456789012345678901234567890,1E+2]}""")]
    [InlineData("""{"s":"\u00e9\u2028\/\"","z":1,"a":{"z":1,"b":2},"é":"\ud83d\ude00"}""")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("\" two  spaces \\\" and\ttab \"", true)]
    public async Task R26_numbers_pass_through_unchanged(string text, bool refused = false)
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        using var stream = await relay.Client.OpenAsync($"/v1/events/{slot.Id}/stream", [new("Authorization", "Bearer " + slot.Token)]);
        var answer = await relay.Client.PostEventAsync(slot, text);
        if (refused)
        {
            // a raw tab inside a string is no JSON
            Assert.Equal(400, answer.Status);
            return;
        }

        Assert.Equal(201, answer.Status);
        Assert.Equal($"[{text}]", (await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Body);
        using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync());
        Assert.Equal("data: " + text, await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task R26_only_white_space_between_tokens_is_left_out()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PostAsync($"/v1/events/{slot.Id}", "{ \"event\" :\r\n\t{ \"a b\" : \" x \\\" y \" , \"n\" : [ 1e3 , -0.0 ] } }", slot.Token);

        Assert.Equal("""[{"a b":" x \" y ","n":[1e3,-0.0]}]""", (await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Body);
    }

    [Fact]
    public async Task R27_a_post_into_a_full_slot_costs_what_a_post_into_an_empty_one_costs()
    {
        using var folder = new TempFolder();
        await using var store = SqliteRelayStore.Open(folder.Data, new NewsBoard(), new RelayMetrics(), TimeProvider.System);
        var access = await NewSlotAsync(store);
        var empty = await MeasureAsync(store, access, 0);
        await FillAsync(store, access, 1_000_000, 30_000);
        var full = await MeasureAsync(store, access, 2_000_000);

        // the real relay is twelve times slower here; the margin is for a busy machine
        Assert.True(full < (empty * 5) + TimeSpan.FromMilliseconds(200), $"{empty} empty, {full} full");
    }

    private static async Task<TimeSpan> MeasureAsync(SqliteRelayStore store, SlotAccess access, int from)
    {
        var watch = Stopwatch.StartNew();
        await FillAsync(store, access, from, 2000);
        return watch.Elapsed;
    }

    private static async Task FillAsync(SqliteRelayStore store, SlotAccess access, int from, int count)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes("an event");
        await Task.WhenAll(Enumerable.Range(from, count).Select(i =>
            store.PostEventAsync(access, new NewEvent(TokenHash.Of(i.ToString(CultureInfo.InvariantCulture)), body, WireLimits.SlotBytes), CancellationToken.None)));
    }

    private static async Task<SlotAccess> NewSlotAsync(SqliteRelayStore store)
    {
        await store.CreateSlotAsync("s", TokenHash.Of("t"), CancellationToken.None);
        return await store.AuthoriseAsync("s", TokenHash.Of("t"), CancellationToken.None);
    }

    private static Task<Answer> RegisterAsync(TestRelay relay, string url, string more = "") =>
        relay.Client.PostAsync("/v1/invite/register", $$"""{"invite_url":"{{url}}"{{more}}}""");

    private static Task<Answer> AllocateFromAsync(TestRelay relay, string address) =>
        relay.Client.SendAsync("POST", "/v1/slot/allocate", "{}"u8.ToArray(), [new("Content-Type", "application/json"), new("X-Forwarded-For", address)]);
}
