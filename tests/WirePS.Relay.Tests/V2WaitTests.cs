using System.Diagnostics;
using System.Text.Json;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>Waiting for one rendezvous of protocol v2, and for many in one request.</summary>
public sealed class V2WaitTests
{
    private const string Nothing = """{"items":[]}""";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("message")]
    [InlineData("abort")]
    [InlineData("leave")]
    [InlineData("crowded")]
    public async Task A_read_that_waits_is_answered_by_what_the_other_side_does(string what)
    {
        var (relay, store) = await StartAsync();
        await using var disposed = relay;
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        var poll = host.GetAsync("?after=0&wait=50");
        await LookedAsync(store, 1);
        Assert.False(poll.IsCompleted);
        await (what switch
        {
            "message" => guest.PutAsync(1),
            "abort" => guest.PutAsync(9),
            "leave" => guest.LeaveAsync("wrong_code"),
            _ => (guest with { Token = V2Side.NewHex() }).PutAsync(0),
        });
        var answer = await poll.WaitAsync(Soon);

        Assert.Equal(what is "abort" or "leave" ? "ended" : "open", answer.Text("state"));
        Assert.Equal(what switch { "message" => "1", "abort" => "9", _ => "" }, answer.Phases());
        Assert.Equal(what == "crowded", answer.Json.GetProperty("crowded").GetBoolean());
    }

    [Fact]
    public async Task A_guest_waits_for_its_host_and_a_host_is_told_at_once_that_there_is_nothing()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = V2Side.NewPair(relay.Client);
        var poll = guest.GetAsync("?wait=50");
        await Task.Delay(200);
        Assert.False(poll.IsCompleted);
        Assert.Equal((404, "no_rendezvous"), (await host.GetAsync("?wait=50").WaitAsync(Soon)).Verdict());
        await host.MustPutAsync(0);
        Assert.Equal("0", (await poll.WaitAsync(Soon)).Phases());
    }

    [Fact]
    public async Task A_guest_who_holds_the_first_message_hears_of_a_host_that_puts_it_again()
    {
        var (relay, store) = await StartAsync();
        await using var disposed = relay;
        var (host, guest) = V2Side.NewPair(relay.Client);
        var poll = guest.GetAsync("?after=0&wait=50");
        await LookedAsync(store, 1);
        await host.MustPutAsync(0);
        var answer = await poll.WaitAsync(Soon);
        Assert.Equal(("", "[]"), (answer.Phases(), answer.Own()));
    }

    [Fact]
    public async Task Without_news_the_answer_comes_when_the_time_is_over_and_that_is_55_seconds_at_most()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        var nobody = V2Side.NewPair(relay.Client).Guest;
        var timers = time.Waiting;
        var polls = new[]
        {
            host.GetAsync("?after=0&wait=100000"),
            nobody.GetAsync("?wait=55"),
            V2Side.WaitAsync(relay.Client, 100_000, guest.Item(0, 0), nobody.Item()),
            V2Side.WaitAsync(relay.Client, 55),
        };
        await SetAsync(time, timers + polls.Length);
        time.Advance(TimeSpan.FromSeconds(54.9));
        await Task.Delay(200);
        Assert.All(polls, static poll => Assert.False(poll.IsCompleted));
        time.Advance(TimeSpan.FromSeconds(0.1));
        var answers = await Task.WhenAll(polls).WaitAsync(Soon);

        Assert.Equal(("open", "", "[0]"), (answers[0].Text("state"), answers[0].Phases(), answers[0].Own()));
        Assert.Equal((404, "no_rendezvous"), answers[1].Verdict());
        Assert.Equal((200, Nothing), (answers[2].Status, answers[2].Body));
        Assert.Equal((200, Nothing), (answers[3].Status, answers[3].Body));
    }

    [Fact]
    public async Task A_read_of_what_is_over_does_not_wait_and_of_what_is_decided_does()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 2);
        var poll = host.GetAsync("?after=2&wait=50");
        await Task.Delay(200);
        Assert.False(poll.IsCompleted);
        await guest.MustPutAsync(3);
        Assert.Equal(("decided", "3"), ((await poll.WaitAsync(Soon)).Text("state"), (await poll).Phases()));

        (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        await guest.LeaveAsync();
        Assert.Equal("ended", (await host.GetAsync("?after=3&wait=50").WaitAsync(Soon)).Text("state"));
        Assert.Equal(200, (await relay.Client.SendAsync("HEAD", guest.Path + "?after=3&wait=50", null, [new("Authorization", "Bearer " + guest.Token)]).WaitAsync(Soon)).Status);
    }

    [Fact]
    public async Task The_expiry_wakes_who_waits_at_its_time()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (first, _) = V2Side.NewPair(relay.Client);
        var (second, guest) = V2Side.NewPair(relay.Client);
        await first.MustPutAsync(0, "?expires_in=30");
        await second.MustPutAsync(0, "?expires_in=5");
        var timers = time.Waiting;
        var one = guest.GetAsync("?after=0&wait=50");
        var many = V2Side.WaitAsync(relay.Client, 50, first.Item(own: 0), second.Item(own: 0));
        await SetAsync(time, timers + 2);
        time.Advance(TimeSpan.FromSeconds(4.9));
        await Task.Delay(200);
        Assert.False(one.IsCompleted || many.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal("expired", (await one.WaitAsync(Soon)).Text("state"));
        var item = Assert.Single(Items(await many.WaitAsync(Soon)));
        Assert.Equal((second.Lookup, "expired"), (item.GetProperty("lookup").GetString(), item.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task What_counts_as_news_of_an_item()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 1);

        // messages above after
        Assert.Equal("0,1", await NewsAsync(host.Item(-1, 1)));
        Assert.Equal("1", await NewsAsync(host.Item(0, 1)));
        Assert.Null(await NewsAsync(host.Item(1, 1)));
        Assert.Null(await NewsAsync(host.Item(9, 1)));

        // fewer of mine than I believe, not more
        Assert.Equal("", await NewsAsync(host.Item(1, 2)));
        Assert.Equal("", await NewsAsync(host.Item(1, 9)));
        Assert.Null(await NewsAsync(host.Item(1, 0)));
        Assert.Null(await NewsAsync(host.Item(1, -1)));

        // crowded newly set
        await (guest with { Token = V2Side.NewHex() }).PutAsync(0);
        Assert.Equal("", await NewsAsync(host.Item(1, 1)));
        Assert.Equal("", await NewsAsync(guest.Item(1, 1)));
        Assert.Null(await NewsAsync(host.Item(1, 1, crowded: true)));

        // the decision by itself is none, the end is
        await host.MustPutAsync(2);
        await guest.MustPutAsync(2);
        Assert.Null(await NewsAsync(host.Item(2, 2, crowded: true)));
        (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        await guest.LeaveAsync();
        Assert.Equal("", await NewsAsync(host.Item(3, 0)));
        (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        time.Advance(TimeSpan.FromHours(24));
        Assert.Equal("", await NewsAsync(host.Item(3, 0)));

        async Task<string?> NewsAsync(string item)
        {
            var answer = await V2Side.WaitAsync(relay.Client, 0, item);
            var news = Items(answer);
            return news.Count == 0 ? null : string.Join(',', news[0].GetProperty("messages").EnumerateArray().Select(static message => message.GetProperty("phase").GetInt32()));
        }
    }

    [Fact]
    public async Task An_item_looks_like_a_read()
    {
        await using var relay = await TestRelay.StartAsync(new ManualTime());
        var (host, guest) = V2Side.NewPair(relay.Client);
        await host.PutAsync(0, "{ \"x\" : 1 }");
        Assert.Equal(
            $$$"""{"items":[{"lookup":"{{{guest.Lookup}}}","role":"guest","state":"open","reason":null,"expires_at":"2026-01-02T00:00:00Z","crowded":false,"own":[],"messages":[{"phase":0,"body":{ "x" : 1 }}]}]}""",
            (await V2Side.WaitAsync(relay.Client, 50, guest.Item())).Body);
    }

    [Fact]
    public async Task Items_that_may_not_be_read_come_back_with_their_code_but_a_guest_waits_for_its_host()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        var (absentHost, absentGuest) = V2Side.NewPair(relay.Client);
        var stranger = guest with { Token = V2Side.NewHex() };
        var answer = await V2Side.WaitAsync(relay.Client, 50, stranger.Item(0, 0), absentGuest.Item(0, 0), absentHost.Item(0, 0), host.Item(0, 0));
        Assert.Equal(
            $$"""{"items":[{"lookup":"{{guest.Lookup}}","role":"guest","code":"role_taken"},{"lookup":"{{absentHost.Lookup}}","role":"host","code":"no_rendezvous"}]}""",
            answer.Body);

        // a host that comes, or comes again, is news: there is its message, or fewer of mine than I believe
        var polls = new[] { V2Side.WaitAsync(relay.Client, 50, host.Item(0, 0), absentGuest.Item()), V2Side.WaitAsync(relay.Client, 50, absentGuest.Item(0, 0)) };
        await Task.Delay(300);
        Assert.All(polls, static poll => Assert.False(poll.IsCompleted));
        await absentHost.MustPutAsync(0);
        foreach (var woken in await Task.WhenAll(polls).WaitAsync(Soon))
        {
            Assert.Equal(absentGuest.Lookup, Assert.Single(Items(woken)).GetProperty("lookup").GetString());
        }
    }

    [Fact]
    public async Task A_wait_for_a_thousand_is_answered_with_the_one_that_changes_and_looks_at_no_other()
    {
        var (relay, store) = await StartAsync();
        await using var disposed = relay;
        var pairs = new List<(V2Side Host, V2Side Guest)>();
        foreach (var chunk in Enumerable.Range(0, 1000).Chunk(50))
        {
            pairs.AddRange(await Task.WhenAll(chunk.Select(_ => V2Side.PairUpToAsync(relay.Client, 0))));
        }

        var before = store.PairsRead;
        var poll = V2Side.WaitAsync(relay.Client, 50, pairs.Select(static pair => pair.Host.Item(0, 0)));
        await LookedAsync(store, before + 1000);

        // not news to this side
        await pairs[1].Host.MustPutAsync(1);
        await Task.Delay(200);
        Assert.False(poll.IsCompleted);

        var watch = Stopwatch.StartNew();
        await pairs[777].Guest.MustPutAsync(1);
        var item = Assert.Single(Items(await poll.WaitAsync(Soon)));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), watch.Elapsed.ToString());
        Assert.Equal(pairs[777].Host.Lookup, item.GetProperty("lookup").GetString());
        Assert.InRange(store.PairsRead - before, 1001, 1002);

        // the same thousand again, with the one held
        Assert.Equal(Nothing, (await V2Side.WaitAsync(relay.Client, 0, pairs.Select((pair, i) => pair.Host.Item(i == 777 ? 1 : 0, 0)))).Body);
    }

    [Fact]
    public async Task An_answer_stays_within_bounds_and_says_that_there_is_more()
    {
        await using var relay = await TestRelay.StartAsync();
        var large = "{\"s\":\"" + new string('x', 65_000) + "\"}";
        var guests = new List<V2Side>();
        for (var i = 0; i < 140; i++)
        {
            var (host, guest) = V2Side.NewPair(relay.Client);
            Assert.Equal(201, (await host.PutAsync(0, large)).Status);
            guests.Add(guest);
        }

        var first = await V2Side.WaitAsync(relay.Client, 50, guests.Select(static guest => guest.Item()));
        Assert.InRange(first.Body.Length, 8_000_000, 9_000_000);
        Assert.True(first.Json.GetProperty("more").GetBoolean());
        var held = Items(first).Select(static item => item.GetProperty("lookup").GetString()).ToHashSet();
        var rest = await V2Side.WaitAsync(relay.Client, 50, guests.Where(guest => !held.Contains(guest.Lookup)).Select(static guest => guest.Item()));
        Assert.Equal(140, held.Count + Items(rest).Count);
        Assert.False(rest.Json.TryGetProperty("more", out _));
    }

    [Fact]
    public async Task Both_sides_of_one_lookup_may_stand_in_one_wait()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        var poll = V2Side.WaitAsync(relay.Client, 50, host.Item(0, 0), guest.Item(0, 0));
        await Task.Delay(200);
        await host.MustPutAsync(1);
        Assert.Equal("guest", Assert.Single(Items(await poll.WaitAsync(Soon))).GetProperty("role").GetString());
    }

    public static TheoryData<string, int, string> HostileWaits
    {
        get
        {
            var hex = new string('a', 64);
            string Item(string more) => $$"""{"items":[{"lookup":"{{hex}}","role":"guest","token":"{{hex}}"{{more}}}]}""";
            return new()
            {
                { "", 400, "malformed" },
                { "[]", 400, "malformed" },
                { "{", 400, "malformed" },
                { "{\"items\":[\"\\ud800\"]}", 400, "malformed" },
                { "{}", 400, "bad_request" },
                { """{"items":null}""", 400, "bad_request" },
                { """{"items":{}}""", 400, "bad_request" },
                { """{"items":[null]}""", 400, "bad_request" },
                { """{"items":[{}]}""", 400, "bad_request" },
                { $$"""{"items":[{"lookup":"{{hex}}","role":"guest"}]}""", 400, "bad_request" },
                { $$"""{"items":[{"lookup":"{{hex}}","role":"eve","token":"{{hex}}"}]}""", 400, "bad_request" },
                { $$"""{"items":[{"lookup":"{{hex}}A","role":"host","token":"{{hex}}"}]}""", 400, "bad_request" },
                { $$"""{"items":[{"lookup":"{{hex}}","role":"host","token":5}]}""", 400, "bad_request" },
                { Item(",\"after\":4"), 400, "bad_request" },
                { Item(",\"after\":-2"), 400, "bad_request" },
                { Item(",\"after\":\"0\""), 400, "bad_request" },
                { Item(",\"own\":1.5"), 400, "bad_request" },
                { Item(",\"own\":99999999999999999999"), 400, "bad_request" },
                { Item(",\"crowded\":1"), 400, "bad_request" },
                { """{"items":[],"wait":-1}""", 400, "bad_request" },
                { """{"items":[],"wait":"5"}""", 400, "bad_request" },
                { """{"items":[],"wait":0.5}""", 400, "bad_request" },
                { $$"""{"items":[{{string.Join(',', Enumerable.Repeat($$"""{"lookup":"{{hex}}","role":"guest","token":"{{hex}}"}""", 2))}}]}""", 400, "bad_request" },
                { $$"""{"items":[{{string.Join(',', Enumerable.Range(0, 1001).Select(i => $$"""{"lookup":"{{i:x64}}","role":"guest","token":"{{hex}}"}"""))}}]}""", 400, "bad_request" },
                { "{\"items\":[\"" + new string('x', 600_000) + "\"]}", 413, "message_too_large" },
                { Item(",\"after\":0,\"own\":0,\"crowded\":true,\"x\":1"), 200, "" },
                { """{"items":[]}""", 200, "" },
                { """{"items":[],"wait":0,"x":{}}""", 200, "" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(HostileWaits))]
    public async Task A_wait_out_of_shape_is_refused(string body, int status, string code)
    {
        await using var relay = await TestRelay.StartAsync();
        var answer = await relay.Client.PostAsync("/v2/pair/wait", body);
        Assert.Equal((status, code), (answer.Status, answer.Text("code") ?? ""));
    }

    [Fact]
    public async Task Waiters_of_one_source_are_bounded_and_a_wait_for_many_counts_as_several()
    {
        var (relay, store) = await StartAsync(static options => options with { MaxWaitersPerSource = 2 });
        await using var disposed = relay;
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        using var gone = new CancellationTokenSource();
        var held = new[] { host.GetAsync("?after=0&wait=50", gone.Token), guest.GetAsync("?after=0&wait=50", gone.Token) };
        await LookedAsync(store, 2);

        foreach (var refused in new[] { await guest.GetAsync("?after=0&wait=50"), await V2Side.WaitAsync(relay.Client, 50, guest.Item(0, 0)) })
        {
            Assert.Equal((429, "rate_limited"), refused.Verdict());
            Assert.True(refused.Headers.ContainsKey("retry-after"));
        }

        Assert.Equal(200, (await guest.GetAsync("?after=0")).Status);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(held));
        var answer = await UntilTakenAsync(() => V2Side.WaitAsync(relay.Client, 1, Enumerable.Range(0, 65).Select(_ => V2Side.NewPair(relay.Client).Guest.Item())));
        Assert.Equal(Nothing, answer.Body);
    }

    [Fact]
    public async Task Waits_without_a_role_are_bounded_by_themselves()
    {
        var (relay, store) = await StartAsync(static options => options with { MaxUnboundWaitsPerSource = 3 });
        await using var disposed = relay;
        var guests = Enumerable.Range(0, 4).Select(_ => V2Side.NewPair(relay.Client).Guest).ToList();
        using var gone = new CancellationTokenSource();
        var held = guests[0].GetAsync("?wait=50", gone.Token);
        var (host, bound) = await V2Side.PairUpToAsync(relay.Client, 0);
        var many = relay.Client.PostAsync("/v2/pair/wait", $$"""{"items":[{{guests[1].Item()}},{{guests[2].Item()}},{{bound.Item(0, 0)}}],"wait":50}""", cancellationToken: gone.Token);
        await LookedAsync(store, 4);

        foreach (var refused in new[] { await guests[3].GetAsync("?wait=50"), await V2Side.WaitAsync(relay.Client, 50, host.Item(0, 0), guests[3].Item()) })
        {
            Assert.Equal((429, "rate_limited"), refused.Verdict());
            Assert.True(refused.Headers.ContainsKey("retry-after"));
        }

        Assert.Equal((404, "no_rendezvous"), (await guests[3].GetAsync()).Verdict());
        Assert.Equal(Nothing, (await V2Side.WaitAsync(relay.Client, 1, host.Item(0, 0))).Body);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(held, many));
        Assert.Equal((404, "no_rendezvous"), (await UntilTakenAsync(() => guests[3].GetAsync("?wait=1"))).Verdict());
    }

    [Fact]
    public async Task A_relay_that_stops_answers_503_and_the_wait_goes_on_after_the_restart()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        var polls = new[] { host.GetAsync("?after=0&wait=55"), V2Side.WaitAsync(relay.Client, 55, guest.Item(0, 0)) };
        await Task.Delay(300);
        var restart = relay.RestartAsync();
        foreach (var poll in polls)
        {
            try
            {
                var answer = await poll.WaitAsync(Soon);
                Assert.Equal((503, "unavailable", "1"), (answer.Status, answer.Text("code"), answer.Headers["retry-after"]));
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
            {
                // the connection ended first
            }
        }

        await restart;
        var again = V2Side.WaitAsync(relay.Client, 50, host.Item(0, 0), guest.Item(0, 0));
        await Task.Delay(200);
        await guest.With(relay.Client).MustPutAsync(1);
        Assert.Equal(host.Lookup, Assert.Single(Items(await again.WaitAsync(Soon))).GetProperty("lookup").GetString());
    }

    [Fact]
    public async Task Nobody_who_waits_is_remembered_afterwards()
    {
        var board = new Waiting.NewsBoard();
        var gathering = board.Gather(["a", "b", "a"]);
        using (board.Listen("a"))
        {
            Assert.Equal(2, board.TopicCount);
            var changed = gathering.Changed;
            board.Announce("c");
            Assert.False(changed.IsCompleted);
            board.Announce("b");
            board.Announce("b");
            board.Announce("a");
            await changed;
            Assert.Equal([1, 0, 2], gathering.Take());
            Assert.Empty(gathering.Take());
            Assert.False(gathering.Changed.IsCompleted);
            gathering.Dispose();
            gathering.Dispose();
            Assert.Equal(1, board.TopicCount);
        }

        Assert.Equal(0, board.TopicCount);
    }

    private static async Task<(TestRelay Relay, RecordingStore Store)> StartAsync(Func<RelayOptions, RelayOptions>? configure = null)
    {
        RecordingStore? store = null;
        var relay = await TestRelay.StartAsync(configure: configure, decorate: inner => store = new RecordingStore(inner));
        return (relay, store!);
    }

    /// <summary>Who waits listens before it looks: when it has looked, nothing passes it by.</summary>
    private static async Task LookedAsync(RecordingStore store, int pairs)
    {
        while (store.PairsRead < pairs)
        {
            await Task.Delay(20);
        }

        await Task.Delay(200);
    }

    /// <summary>Until as many timers are set: then all who wait count their time from now.</summary>
    private static async Task SetAsync(ManualTime time, int timers)
    {
        while (time.Waiting < timers)
        {
            await Task.Delay(20);
        }
    }

    private static async Task<Answer> UntilTakenAsync(Func<Task<Answer>> ask)
    {
        for (var i = 0; ; i++)
        {
            var answer = await ask();
            if (answer.Status != 429 || i == 100)
            {
                return answer;
            }

            await Task.Delay(50);
        }
    }

    private static List<JsonElement> Items(Answer answer)
    {
        Assert.Equal(200, answer.Status);
        return [.. answer.Json.GetProperty("items").EnumerateArray()];
    }
}
