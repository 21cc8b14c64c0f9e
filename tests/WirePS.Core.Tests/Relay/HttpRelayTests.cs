using System.Globalization;
using System.Net.Sockets;
using System.Text;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Tests.Support;
using Xunit;
using static WirePS.Tests.Support.TestServer;

namespace WirePS.Tests.Relay;

/// <summary>The relay client against a server that answers anything, nothing, or without end.</summary>
public sealed class HttpRelayTests
{
    private const string Hash = "9b475e386747c0ad37f960c70aa143cd152c4777c9725e8c0dc54b6d718fdce1";
    private const string OtherHash = "0b475e386747c0ad37f960c70aa143cd152c4777c9725e8c0dc54b6d718fdce1";
    private const string Nothing = """{"peer_bootstrap":null,"peer_msg":null}""";

    private static readonly Mailbox Mailbox = new("", Machine.Slot, Machine.Token);
    private static readonly V1OpenRequest OpenRequest = new(Hash, PairRole.Host, "Uxxxx", TimeSpan.FromSeconds(90.2));

    private static readonly V2Known Fresh = new(-1, -1, false);

    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task Requests_and_replies_are_those_of_the_specification()
    {
        var time = new FakeTime();
        await using var server = new TestServer(request => (request.Method, request.Path) switch
        {
            ("GET", "/healthz") => Reply(200, "ok\n", "text/plain"),
            ("GET", "/v2/info") => Reply(200, $$$"""{"relay_id":"{{{Machine.RelayId}}}","version":"1","protocols":["v1",7],"time":"2026-01-01T00:00:00Z","limits":{}}"""),
            ("POST", "/v1/slot/allocate") => Reply(201, $$$"""{"slot_id":"{{{Machine.Slot}}}","slot_token":"{{{Machine.Token}}}"}"""),
            ("PUT", _) => Reply(201, "{}"),
            ("DELETE", _) => Reply(204, ""),
            ("POST", "/v1/pair") => Reply(201, $$$"""{"pair_id":"{{{Machine.PairId}}}","expires_at":"2026-01-02T00:00:00Z"}"""),
            ("GET", _) => Reply(200, """{"peer_bootstrap":"b","peer_msg":"m","expires_at":"2026-01-02T00:00:00Z","peer_done":true}"""),
            ("POST", "/v1/pair/abandon") => Reply(204, ""),
            _ => Reply(201, """{"ok":true}"""),
        });
        var relay = Client(server, time);
        await relay.CheckHealthAsync(None);
        var info = (await relay.GetInfoAsync(None))!;
        Assert.Equal((Machine.RelayId, "1"), (info.RelayId, info.Version));
        Assert.Equal(["v1"], info.Protocols);
        Assert.Equal(new Mailbox(server.Url, Machine.Slot, Machine.Token), await relay.AllocateMailboxAsync(None));
        Assert.True(await relay.PutGrantAsync(Mailbox, new Grant(Machine.Grant, Machine.Token), None));
        await relay.RevokeGrantAsync(Mailbox, Machine.Grant, None);
        var opened = (await relay.V1Pairs.OpenAsync(OpenRequest, None))!;
        Assert.Equal((Machine.PairId, new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero)), (opened.PairId, opened.ExpiresAt));
        var view = (await relay.V1Pairs.ReadAsync(Machine.PairId, PairRole.Guest, V1Have.Msg, TimeSpan.FromSeconds(9), None))!;
        Assert.Equal(("m", "b", true), (view.PeerMsg, view.PeerBootstrap, view.PeerDone));
        Assert.Equal(V1PostResult.Posted, await relay.V1Pairs.PostBootstrapAsync(Machine.PairId, PairRole.Guest, "sealed", None));
        await relay.V1Pairs.AbandonAsync(Hash, None);
        await relay.V1Pairs.FinishAsync(Hash, Machine.PairId, PairRole.Host, None);

        var requests = server.Requests.ToList();
        Assert.Equal(
            [
                "GET /healthz ",
                "GET /v2/info ",
                "POST /v1/slot/allocate {}",
                $"PUT /v2/slot/{Machine.Slot}/grants/{Machine.Grant} {{\"token\":\"{Machine.Token}\",\"rights\":[\"post\"]}}",
                $"DELETE /v2/slot/{Machine.Slot}/grants/{Machine.Grant} ",
                $"POST /v1/pair {{\"code_hash\":\"{Hash}\",\"msg\":\"Uxxxx\",\"role\":\"host\",\"expires_in\":91}}",
                $"GET /v1/pair/{Machine.PairId}?as_role=guest&have=msg&wait=9 ",
                $"POST /v1/pair/{Machine.PairId}/bootstrap {{\"role\":\"guest\",\"sealed\":\"sealed\"}}",
                $"POST /v1/pair/abandon {{\"code_hash\":\"{Hash}\"}}",
                $"POST /v1/pair/abandon {{\"code_hash\":\"{Hash}\",\"pair_id\":\"{Machine.PairId}\",\"role\":\"host\",\"done\":true}}",
            ],
            requests.Select(static r => $"{r.Method} {r.Target} {r.Body}"));
        Assert.All(requests.Where(static r => r.Body.Length > 0), static r => Assert.Equal("application/json", r.Headers["Content-Type"]));
        Assert.Equal([$"Bearer {Machine.Token}", $"Bearer {Machine.Token}"], requests.Where(static r => r.Headers.ContainsKey("Authorization")).Select(static r => r.Headers["Authorization"]));
        Assert.Empty(time.Pending);
    }

    [Fact]
    public async Task Statuses_are_values_where_the_specification_gives_them_a_meaning()
    {
        var status = 404;
        await using var server = new TestServer(request => Reply(status, """{"error":"unknown pair_id"}"""));
        var relay = Client(server);
        Assert.Null(await relay.GetInfoAsync(None));
        Assert.Null(await relay.V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.Zero, None));
        Assert.Equal(V1PostResult.Gone, await relay.V1Pairs.PostBootstrapAsync(Machine.PairId, PairRole.Host, "s", None));
        await relay.RevokeGrantAsync(Mailbox, Machine.Grant, None);
        status = 409;
        Assert.Null(await relay.V1Pairs.OpenAsync(OpenRequest, None));
        Assert.Equal(V1PostResult.Conflict, await relay.V1Pairs.PostBootstrapAsync(Machine.PairId, PairRole.Host, "s", None));
    }

    [Fact]
    public async Task A_404_that_is_not_the_relays_own_does_not_end_a_pairing()
    {
        await using var server = new TestServer(static _ => Reply(404, "<html>no such page</html>", "text/html"));
        var relay = Client(server);
        await AssertTroubleAsync(WireReason.RelayRefused, () => relay.V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.Zero, None));
        await AssertTroubleAsync(WireReason.RelayRefused, () => relay.V1Pairs.PostBootstrapAsync(Machine.PairId, PairRole.Host, "s", None));
    }

    public static TheoryData<int, string, double?> Waits { get; } = new()
    {
        { 429, "Retry-After: 7", 7 },
        { 429, "Retry-After: Fri, 02 Jan 2026 03:04:35 GMT", 30 },
        { 429, "Retry-After: Fri, 02 Jan 2026 03:04:00 GMT", 0 },
        { 429, "x-ratelimit-after: 9", 9 },
        { 429, "Retry-After: 99999999", 3600 },
        { 429, "Retry-After: nonsense", null },
        { 429, "Retry-After: -5", null },
        { 429, "x-ratelimit-after: many", null },
        { 429, "X-Other: 1", null },
        { 503, "Retry-After: 3", 3 },
        { 500, "X-Other: 1", null },
        { 502, "Retry-After: 2", 2 },
    };

    [Theory]
    [MemberData(nameof(Waits))]
    public async Task A_relay_that_asks_for_patience_gets_it(int status, string header, double? seconds)
    {
        await using var server = new TestServer(request => Reply(status, "Too Many Requests! Wait for 3s", "text/plain", header));
        var relay = Client(server, new FakeTime());
        var trouble = await AssertTroubleAsync(status == 429 ? WireReason.RelayRateLimited : WireReason.RelayRefused, () => relay.V1Pairs.OpenAsync(OpenRequest, None));
        Assert.Equal(seconds, trouble.RetryAfter?.TotalSeconds);
    }

    public static TheoryData<string, string> Nonsense { get; } = new()
    {
        { "not JSON", "hello" },
        { "half", "{\"pair_id\":" },
        { "an array", "[]" },
        { "a text", "\"x\"" },
        { "nothing", "" },
        { "no member", "{}" },
        { "a number for it", "{\"pair_id\":7}" },
        { "null for it", "{\"pair_id\":null}" },
        { "too short", "{\"pair_id\":\"abc\"}" },
        { "upper case", "{\"pair_id\":\"0123456789ABCDEF0123456789ABCDEF\"}" },
        { "a path", "{\"pair_id\":\"../../../v1/slot/allocate/xxxxxx\"}" },
        { "a lone surrogate", "{\"pair_id\":\"\\ud800\"}" },
        { "deep", new string('[', 200) + new string(']', 200) },
    };

    [Theory]
    [MemberData(nameof(Nonsense))]
    public async Task A_relay_that_answers_nonsense_is_a_trouble_that_may_pass(string what, string body)
    {
        Assert.NotNull(what);
        await using var server = new TestServer(_ => Reply(201, body));
        await AssertTroubleAsync(WireReason.RelayBadReply, () => Client(server).V1Pairs.OpenAsync(OpenRequest, None));
    }

    [Theory]
    [InlineData("""{"peer_msg":7,"peer_bootstrap":null}""")]
    [InlineData("""{"peer_msg":null,"peer_bootstrap":[]}""")]
    [InlineData("""{"peer_msg":"\ud800","peer_bootstrap":null}""")]
    public async Task A_message_of_a_wrong_kind_is_nonsense(string body)
    {
        await using var server = new TestServer(_ => Reply(200, body));
        await AssertTroubleAsync(WireReason.RelayBadReply, () => Client(server).V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.Zero, None));
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_not_followed(int status)
    {
        await using var elsewhere = new TestServer(static _ => Reply(201, "{}"));
        await using var server = new TestServer(_ => Reply(status, "", "text/plain", $"Location: {elsewhere.Url}/v1/pair"));
        await AssertTroubleAsync(WireReason.RelayRefused, () => Client(server).V1Pairs.OpenAsync(OpenRequest, None));
        Assert.Empty(elsewhere.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_without_end_is_not_read_to_its_end(bool chunked)
    {
        var written = 0L;
        await using var server = new TestServer(async (_, stream, token) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 201 X\r\nContent-Type: application/json\r\n{(chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 9000000000\r\n")}\r\n"), token);
            var block = chunked ? [.. Encoding.ASCII.GetBytes("2000\r\n"), .. new byte[8192], .. "\r\n"u8.ToArray()] : new byte[8192];
            while (true)
            {
                await stream.WriteAsync(block, token);
                Interlocked.Add(ref written, block.Length);
            }
        });
        await AssertTroubleAsync(WireReason.RelayBadReply, () => Client(server).V1Pairs.OpenAsync(OpenRequest, None));
        Assert.InRange(Interlocked.Read(ref written), 1, 50_000_000);
    }

    [Fact]
    public async Task A_server_that_says_nothing_times_out_by_the_clock()
    {
        var time = new FakeTime();
        await using var server = new TestServer(static (_, _, token) => Task.Delay(Timeout.Infinite, token));
        var open = Client(server, time).V1Pairs.OpenAsync(OpenRequest, None);
        await server.NextRequestAsync();
        time.Advance(TimeSpan.FromSeconds(29.9));
        Assert.False(open.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));
        var trouble = await AssertTroubleAsync(WireReason.RelayUnreachable, () => open);
        Assert.Contains("30 seconds", trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_stops_in_the_middle_times_out_too()
    {
        var time = new FakeTime();
        var begun = new TaskCompletionSource();
        await using var server = new TestServer(async (_, stream, token) =>
        {
            await stream.WriteAsync("HTTP/1.1 201 X\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"u8.ToArray(), token);
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, token);
        });
        var open = Client(server, time).V1Pairs.OpenAsync(OpenRequest, None);
        await begun.Task;
        time.Advance(TimeSpan.FromSeconds(30));
        await AssertTroubleAsync(WireReason.RelayUnreachable, () => open);
    }

    [Fact]
    public async Task A_wait_gets_more_time_than_it_asks_for()
    {
        var time = new FakeTime();
        await using var server = new TestServer(static (_, _, token) => Task.Delay(Timeout.Infinite, token));
        var read = Client(server, time).V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.FromMinutes(5), None);
        await server.NextRequestAsync();
        Assert.Equal([TimeSpan.FromSeconds(65)], time.Pending);
        time.Advance(TimeSpan.FromSeconds(64));
        Assert.False(read.IsCompleted);
        Assert.EndsWith("&wait=50", Assert.Single(server.Requests).Query, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromSeconds(1));
        await AssertTroubleAsync(WireReason.RelayUnreachable, () => read);
    }

    [Fact]
    public async Task Nobody_there_garbage_and_a_closed_connection_are_troubles_that_may_pass()
    {
        using (var listener = new TcpListener(System.Net.IPAddress.Loopback, 0))
        {
            listener.Start();
            var url = $"http://127.0.0.1:{((System.Net.IPEndPoint)listener.LocalEndpoint).Port}";
            listener.Stop();
            await AssertTroubleAsync(WireReason.RelayUnreachable, () => new HttpRelayConnections(TimeProvider.System).To(url).GetInfoAsync(None));
        }

        await using var garbage = new TestServer(static _ => "SSH-2.0-OpenSSH_9.6\r\n\r\n");
        await AssertTroubleAsync(WireReason.RelayUnreachable, () => Client(garbage).GetInfoAsync(None));
        await using var closing = new TestServer(static (_, stream, _) =>
        {
            stream.Socket.Close();
            return Task.CompletedTask;
        });
        await AssertTroubleAsync(WireReason.RelayUnreachable, () => Client(closing).GetInfoAsync(None));
        await using var endlessHeaders = new TestServer(async (_, stream, token) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 X\r\n"u8.ToArray(), token);
            while (true)
            {
                await stream.WriteAsync("X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"u8.ToArray(), token);
            }
        });
        await AssertTroubleAsync(WireReason.RelayUnreachable, () => Client(endlessHeaders).GetInfoAsync(None));
    }

    [Fact]
    public async Task A_relay_that_does_not_wait_is_polled_with_growing_gaps_and_is_not_asked_to_wait_again()
    {
        var time = new FakeTime();
        await using var server = new TestServer(_ => Reply(200, Nothing));
        var relay = Client(server, time);
        var read = relay.V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.FromSeconds(50), None);
        var gaps = new List<double>();
        for (var i = 0; i < 12; i++)
        {
            await time.UntilTimerAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(5));
            var gap = time.Pending[0];
            gaps.Add(gap.TotalMilliseconds);
            Assert.Equal(i + 1, server.Requests.Count);
            time.Advance(gap);
        }

        Assert.Equal([250, 375, 562, 843, 1265, 1898, 2847, 4271, 5000, 5000, 5000, 5000], gaps);
        await FinishAsync(time, read);
        Assert.Equal(V1Have.None, (await read)!.Have);
        var queries = server.Requests.Select(static r => r.Query).ToList();
        Assert.EndsWith("&wait=50", queries[0], StringComparison.Ordinal);
        Assert.All(queries.Skip(1), static q => Assert.DoesNotContain("wait", q, StringComparison.Ordinal));

        // A second read knows it already.
        var count = server.Requests.Count;
        var again = relay.V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.FromSeconds(2), None);
        await FinishAsync(time, again);
        await again;
        Assert.All(server.Requests.Skip(count), static r => Assert.DoesNotContain("wait", r.Query, StringComparison.Ordinal));
    }

    [Fact]
    public async Task P23_a_relay_that_waits_is_asked_again_for_what_is_left_without_a_gap()
    {
        var time = new FakeTime();
        var release = new SemaphoreSlim(0);
        var reply = Nothing;
        await using var server = new TestServer(async (_, stream, token) =>
        {
            await release.WaitAsync(token);
            await stream.WriteAsync(Encoding.UTF8.GetBytes(Reply(200, reply)), token);
        });
        var read = Client(server, time).V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.FromSeconds(50), None);
        await server.NextRequestAsync();
        time.Advance(TimeSpan.FromSeconds(30));
        release.Release();
        await server.NextRequestAsync();
        reply = """{"peer_bootstrap":null,"peer_msg":"m"}""";
        release.Release();
        Assert.Equal("m", (await read)!.PeerMsg);
        Assert.Equal(["50", "20"], server.Requests.Select(static r => r.Query.Split("wait=")[1]));
    }

    [Fact]
    public async Task A_cancelled_request_ends_at_once_and_as_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        var arrived = new TaskCompletionSource();
        await using var server = new TestServer(async (_, _, token) =>
        {
            arrived.TrySetResult();
            await Task.Delay(Timeout.Infinite, token);
        });
        var read = Client(server).V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.FromSeconds(50), cancel.Token);
        await arrived.Task;
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read).WaitAsync(TimeSpan.FromSeconds(10));

        await using var polled = new TestServer(_ => Reply(200, Nothing));
        using var cancelPoll = new CancellationTokenSource();
        var time = new FakeTime();
        var poll = Client(polled, time).V1Pairs.ReadAsync(Machine.PairId, PairRole.Host, V1Have.None, TimeSpan.FromSeconds(50), cancelPoll.Token);
        await time.UntilTimerAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(5));
        await cancelPoll.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => poll).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Empty(time.Pending);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(413)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(200)]
    public async Task No_failure_repeats_what_is_secret(int status)
    {
        // The server says everything back that it was told.
        await using var server = new TestServer(request => Reply(status, $"{{\"x\":\"{request.Target} {request.Body.Replace('"', ' ')} {request.Headers.GetValueOrDefault("Authorization")}\"}}"));
        var relay = Client(server);
        var secrets = new[] { Machine.Token, Machine.Grant, Hash, Machine.PairId, "Uxxxx", "the sealed card" };
        foreach (var work in (Func<Task>[])
        [
            () => relay.AllocateMailboxAsync(None),
            () => relay.PutGrantAsync(Mailbox, new Grant(Machine.Grant, Machine.Token), None),
            () => relay.RevokeGrantAsync(Mailbox, Machine.Grant, None),
            () => relay.V1Pairs.OpenAsync(OpenRequest, None),
            () => relay.V1Pairs.PostBootstrapAsync(Machine.PairId, PairRole.Host, "the sealed card", None),
            () => relay.V1Pairs.AbandonAsync(Hash, None),
            () => relay.V1Pairs.FinishAsync(Hash, Machine.PairId, PairRole.Host, None),
        ])
        {
            if (await Record.ExceptionAsync(work) is { } error)
            {
                Assert.IsType<RelayException>(error);
                Assert.All(secrets, secret => Assert.DoesNotContain(secret, error.ToString(), StringComparison.Ordinal));
            }
            else
            {
                Assert.Equal(200, status);
            }
        }
    }

    [Fact]
    public void Names_with_secrets_do_not_show_them()
    {
        Assert.DoesNotContain(Machine.Token, new Mailbox("u", "s", Machine.Token).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Machine.Token, new Grant("g", Machine.Token).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Hash, OpenRequest.ToString(), StringComparison.Ordinal);
        Assert.Equal("have Bootstrap", new V1PairView("m", "b", null, false).ToString());
    }

    [Theory]
    [InlineData("grant_revoked", true)]
    [InlineData("grant_conflict", false)]
    public async Task A_grant_that_was_revoked_is_told_from_other_conflicts(string code, bool isRevoked)
    {
        await using var server = new TestServer(_ => Reply(409, $$"""{"code":"{{code}}"}""", "application/problem+json"));
        var trouble = await AssertTroubleAsync(WireReason.RelayRefused, () => Client(server).PutGrantAsync(Mailbox, new Grant(Machine.Grant, Machine.Token), None));
        Assert.Equal(isRevoked, trouble.IsGrantRevoked);
    }

    [Fact]
    public async Task A_mailbox_that_the_relay_does_not_know_is_no_trouble_and_any_other_404_is()
    {
        var body = """{"code":"unknown_slot"}""";
        await using var server = new TestServer(_ => Reply(404, body, "application/problem+json"));
        Assert.False(await Client(server).PutGrantAsync(Mailbox, new Grant(Machine.Grant, Machine.Token), None));
        body = """{"code":"gone_fishing"}""";
        await AssertTroubleAsync(WireReason.RelayRefused, () => Client(server).PutGrantAsync(Mailbox, new Grant(Machine.Grant, Machine.Token), None));
        await using var other = new TestServer(static _ => Reply(404, "no", "text/plain"));
        await AssertTroubleAsync(WireReason.RelayRefused, () => Client(other).PutGrantAsync(Mailbox, new Grant(Machine.Grant, Machine.Token), None));
    }

    [Fact]
    public async Task The_clock_of_a_relay_is_known_from_any_answer_and_best_from_what_it_says_of_itself()
    {
        var time = new FakeTime();
        var now = time.GetUtcNow();
        await using var server = new TestServer(request => Reply(
            200,
            request.Path == "/v2/info" ? $$"""{"relay_id":"{{Machine.RelayId}}","protocols":[],"time":"{{now.AddMinutes(-7):O}}"}""" : "{}",
            headers: $"Date: {now.AddHours(3):R}"));
        var relay = Client(server, time);
        Assert.Null(relay.ClockSkew);
        await relay.CheckHealthAsync(None);
        Assert.InRange(relay.ClockSkew!.Value, TimeSpan.FromHours(3) - TimeSpan.FromSeconds(1), TimeSpan.FromHours(3));
        await relay.GetInfoAsync(None);
        Assert.Equal(TimeSpan.FromMinutes(-7), relay.ClockSkew);
        Assert.NotNull(ClockSkew.Describe(now, DateTimeOffset.MinValue - now));
        Assert.NotNull(ClockSkew.Describe(now, DateTimeOffset.MaxValue - now));
        Assert.Null(ClockSkew.Describe(now, TimeSpan.FromMinutes(-5)));
    }

    private static async Task FinishAsync(FakeTime time, Task read)
    {
        while (!read.IsCompleted)
        {
            await Task.WhenAny(read, time.UntilTimerAsync(TimeSpan.FromTicks(1), TimeSpan.FromSeconds(5)));
            if (!read.IsCompleted && time.Pending is [var next, ..] && next <= TimeSpan.FromSeconds(5))
            {
                time.Advance(next);
            }
        }
    }

    [Fact]
    public async Task A_message_as_deep_as_a_relay_takes_does_not_spoil_the_reply_for_others()
    {
        var deep = "{\"a\":" + new string('[', 31) + new string(']', 31) + "}";
        await using var server = new TestServer(_ => Reply(200, $$"""{"items":[{{Item(Hash, deep)}},{{Item(OtherHash, """{"v":2}""")}}]}"""));
        var news = await Client(server).V2Pairs.WaitAnyAsync([(Side(Hash), Fresh), (Side(OtherHash), Fresh)], TimeSpan.Zero, None);
        Assert.Equal([deep, """{"v":2}"""], news.Select(static n => Assert.Single(n.View!.Messages).Body));
    }

    [Theory]
    [InlineData("7")]
    [InlineData("null")]
    [InlineData("""{"lookup":7,"role":"host","state":"open"}""")]
    public async Task An_item_that_names_nobody_is_nonsense_of_the_relay(string item)
    {
        await using var server = new TestServer(_ => Reply(200, $$"""{"items":[{{item}}]}"""));
        await AssertTroubleAsync(WireReason.RelayBadReply, () => Client(server).V2Pairs.WaitAnyAsync([(Side(Hash), Fresh)], TimeSpan.Zero, None));
    }

    [Theory]
    [InlineData("\"messages\":[7]", WireReason.RelayBadReply)]
    [InlineData("\"messages\":[{\"phase\":\"0\",\"body\":{}}]", WireReason.RelayBadReply)]
    [InlineData("\"own\":[\"0\"]", WireReason.RelayBadReply)]
    [InlineData("\"code\":\"out_of_paper\"", WireReason.RelayRefused)]
    public async Task A_wrong_item_is_the_trouble_of_its_own_pairing_alone(string members, WireReason reason)
    {
        await using var server = new TestServer(_ => Reply(200, $$"""{"items":[{"lookup":"{{Hash}}","role":"host","state":"open",{{members}}},{{Item(OtherHash, """{"v":2}""")}}]}"""));
        var relay = Client(server).V2Pairs;
        var news = await relay.WaitAnyAsync([(Side(Hash), Fresh), (Side(OtherHash), Fresh)], TimeSpan.Zero, None);
        Assert.Equal([(Side(Hash), reason), (Side(OtherHash), null)], news.Select(static n => (n.Side, n.Trouble?.Reason)));

        // Those who wait together are told apart too.
        var bad = relay.ReadAsync(Side(Hash), Fresh, TimeSpan.FromSeconds(50), None);
        var good = relay.ReadAsync(Side(OtherHash), Fresh, TimeSpan.FromSeconds(50), None);
        await AssertTroubleAsync(reason, () => bad);
        Assert.Equal("""{"v":2}""", Assert.Single((await good).Messages).Body);
    }

    [Fact]
    public async Task What_a_relay_says_of_itself_moves_no_cursor_and_fills_no_file()
    {
        const string Title = "\u001b]0;owned\u0007";
        var code = Title.Replace("\u001b", "\\u001b", StringComparison.Ordinal).Replace("\u0007", "\\u0007", StringComparison.Ordinal);
        await using var server = new TestServer(request => request.Path == "/v2/info"
            ? Reply(200, $$"""{"relay_id":"{{Machine.RelayId}}","version":"1{{code}}","protocols":["v1{{code}}"]}""")
            : Reply(403, $$"""{"code":"{{code}}{{new string('A', 60_000)}}"}""", "application/problem+json"));
        var trouble = await Assert.ThrowsAsync<RelayException>(() => Client(server).V2Pairs.LeaveAsync(Side(Hash), "done", None));
        Assert.InRange(trouble.Message.Length, 1, 1000);
        Assert.DoesNotContain(trouble.Message, char.IsControl);
        var info = (await Client(server).GetInfoAsync(None))!;
        Assert.DoesNotContain(info.Version + info.Protocols[0], char.IsControl);

        await using var garbage = new TestServer(static _ => $"HTTP/1.1 2{Title} OK\r\n\r\n");
        trouble = await AssertTroubleAsync(WireReason.RelayUnreachable, () => Client(garbage).GetInfoAsync(None));
        Assert.DoesNotContain(trouble.Message, char.IsControl);
    }

    [Theory]
    [InlineData("""{"items":[]}""")]
    [InlineData("""{"items":[{"lookup":"HASH","role":"host","state":"open","own":[0],"messages":[]}]}""")]
    public async Task A_relay_that_answers_a_wait_at_once_without_news_is_not_asked_without_end(string reply)
    {
        var time = new FakeTime();
        await using var server = new TestServer(_ => Reply(200, reply.Replace("HASH", Hash, StringComparison.Ordinal)));
        var read = Client(server, time).V2Pairs.ReadAsync(Side(Hash), new V2Known(-1, 0, false), TimeSpan.FromSeconds(50), None);
        for (var i = 0; i < 3; i++)
        {
            await time.UntilTimerAsync(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2));
            time.Advance(TimeSpan.FromMilliseconds(2));
            await server.NextRequestAsync();
            await time.UntilTimerAsync(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
            time.Advance(time.Pending.Where(static p => p >= TimeSpan.FromSeconds(1)).Min());
        }

        Assert.Equal(3, server.Requests.Count);
        await FinishAsync(time, read);
        Assert.Empty((await read).Messages);
    }

    private static V2PairSide Side(string lookup) => new(lookup, PairRole.Host, Machine.Token);

    private static string Item(string lookup, string body) =>
        $$"""{"lookup":"{{lookup}}","role":"host","state":"open","expires_at":"2026-01-02T00:00:00Z","own":[0],"messages":[{"phase":0,"body":{{body}}}]}""";

    private static IRelay Client(TestServer server, TimeProvider? time = null) => new HttpRelayConnections(time ?? TimeProvider.System).To(server.Url);

    private static async Task<RelayException> AssertTroubleAsync(WireReason reason, Func<Task> work)
    {
        var trouble = await Assert.ThrowsAsync<RelayException>(work);
        Assert.Equal(reason, trouble.Reason);
        return trouble;
    }
}
