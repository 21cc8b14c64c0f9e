using System.Text;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>The rendezvous of protocol v2: messages, states, who may do what when.</summary>
public sealed class V2PairTests
{
    [Fact]
    public async Task A_whole_pairing_goes_through()
    {
        await using var relay = await TestRelay.StartAsync(new ManualTime());
        var (host, guest) = V2Side.NewPair(relay.Client);

        var first = await host.PutAsync(0);
        Assert.Equal(201, first.Status);
        Assert.Equal("""{"state":"open","phase":0,"expires_at":"2026-01-02T00:00:00Z"}""", first.Body);
        Assert.Equal(
            $$"""{"state":"open","reason":null,"expires_at":"2026-01-02T00:00:00Z","crowded":false,"own":[],"messages":[{"phase":0,"body":{{host.Body(0)}}}]}""",
            (await guest.GetAsync()).Body);
        foreach (var (side, phase, state) in new[] { (guest, 0, "open"), (host, 1, "open"), (guest, 1, "open"), (host, 2, "open"), (guest, 2, "decided"), (host, 3, "decided"), (guest, 3, "decided") })
        {
            var answer = await side.PutAsync(phase);
            Assert.Equal((201, state), answer.Verdict());
            Assert.Equal(phase, answer.Json.GetProperty("phase").GetInt32());
        }

        var seen = await host.GetAsync("?after=1");
        Assert.Equal(("decided", "[0,1,2,3]", "2,3"), (seen.Text("state"), seen.Own(), seen.Phases()));
        Assert.Equal(204, (await host.LeaveAsync("done")).Status);
        Assert.Equal(("decided", "0,1,2,3"), ((await guest.GetAsync()).Text("state"), (await guest.GetAsync()).Phases()));
        Assert.Equal(204, (await host.LeaveAsync("done")).Status);
        Assert.Equal(204, (await guest.LeaveAsync("done")).Status);

        // both have said done: nothing is kept, and a repeated done is told so
        Assert.Equal((404, "no_rendezvous"), (await host.LeaveAsync("done")).Verdict());
        Assert.Equal((404, "no_rendezvous"), (await guest.GetAsync()).Verdict());
        Assert.Equal(0, Databases.Count(relay.DataFolder, "pair_v2"));
        Assert.Equal(0, Databases.Count(relay.DataFolder, "pair_v2_message"));
    }

    [Theory]
    [InlineData("open")]
    [InlineData("decided")]
    [InlineData("ended")]
    [InlineData("expired")]
    public async Task The_same_bytes_are_200_and_others_a_conflict_whatever_the_state(string state)
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, guest) = await BringToAsync(relay, time, state);

        foreach (var side in new[] { host, guest })
        {
            for (var phase = 0; phase < (state == "decided" ? 3 : 2); phase++)
            {
                Assert.Equal((200, state), (await side.PutAsync(phase)).Verdict());
                Assert.Equal((409, "phase_conflict"), (await side.PutAsync(phase, side.Body(phase) + " ")).Verdict());
            }
        }

        Assert.Equal((200, state), (await host.PutAsync(0, null, "?expires_in=5")).Verdict());
        Assert.Equal(host.Body(0), (await guest.GetAsync()).Json.GetProperty("messages")[0].GetProperty("body").GetRawText());
    }

    [Fact]
    public async Task A_phase_needs_the_one_before_it_and_an_abort_the_first()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = V2Side.NewPair(relay.Client);
        foreach (var phase in new[] { 1, 2, 3, 9 })
        {
            Assert.Equal((409, "phase_order"), (await host.PutAsync(phase)).Verdict());
        }

        await host.MustPutAsync(0);
        foreach (var phase in new[] { 1, 2, 3, 9 })
        {
            Assert.Equal((409, "phase_order"), (await guest.PutAsync(phase)).Verdict());
        }

        Assert.Equal((409, "phase_order"), (await host.PutAsync(2)).Verdict());

        // a refused message binds nothing
        await (guest with { Token = V2Side.NewHex() }).MustPutAsync(0);
        await host.MustPutAsync(9);
        Assert.Equal("ended", (await host.GetAsync()).Text("state"));
    }

    [Fact]
    public async Task A_guest_needs_the_hosts_first_message()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = V2Side.NewPair(relay.Client);
        foreach (var phase in new[] { 0, 1, 9 })
        {
            Assert.Equal((404, "no_rendezvous"), (await guest.PutAsync(phase)).Verdict());
        }

        Assert.Equal((404, "no_rendezvous"), (await guest.GetAsync()).Verdict());
        Assert.Equal((404, "no_rendezvous"), (await host.GetAsync()).Verdict());
        Assert.Equal((404, "no_rendezvous"), (await host.LeaveAsync()).Verdict());
        Assert.Equal(0, Databases.Count(relay.DataFolder, "pair_v2"));
    }

    [Theory]
    [InlineData("host")]
    [InlineData("guest")]
    public async Task Another_token_for_a_role_that_is_taken_is_refused_and_makes_it_crowded_for_both(string role)
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        var stranger = (role == "host" ? host : guest) with { Token = V2Side.NewHex() };

        Assert.Equal((403, "role_taken"), (await stranger.GetAsync()).Verdict());
        Assert.Equal((403, "role_taken"), (await stranger.LeaveAsync()).Verdict());
        Assert.Equal((403, "role_taken"), (await stranger.LeaveAsync("done")).Verdict());
        Assert.Equal((403, "role_taken"), (await stranger.PutAsync(1)).Verdict());
        Assert.Equal((403, "role_taken"), (await stranger.PutAsync(9)).Verdict());
        Assert.False((await host.GetAsync()).Json.GetProperty("crowded").GetBoolean());

        Assert.Equal((403, "role_taken"), (await stranger.PutAsync(0)).Verdict());
        Assert.True((await host.GetAsync()).Json.GetProperty("crowded").GetBoolean());
        Assert.True((await guest.GetAsync()).Json.GetProperty("crowded").GetBoolean());

        // it goes on, for those who were first
        await guest.MustPutAsync(1);
        Assert.Equal(("open", "[0]"), ((await host.GetAsync()).Text("state"), (await host.GetAsync()).Own()));
    }

    [Fact]
    public async Task While_a_role_is_unbound_any_token_reads_and_binds_nothing()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = V2Side.NewPair(relay.Client);
        await host.MustPutAsync(0);
        foreach (var token in new[] { V2Side.NewHex(), V2Side.NewHex() })
        {
            Assert.Equal("0", (await (guest with { Token = token }).GetAsync()).Phases());
            Assert.Equal((404, "no_rendezvous"), (await (guest with { Token = token }).LeaveAsync()).Verdict());
        }

        await guest.MustPutAsync(0);
        Assert.Equal("open", (await host.GetAsync()).Text("state"));
        Assert.Equal("0", (await guest.GetAsync()).Phases());
    }

    [Theory]
    [InlineData("ended")]
    [InlineData("expired")]
    public async Task After_the_end_a_new_phase_is_gone_and_what_was_said_stays_readable_for_a_week(string state)
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, guest) = await BringToAsync(relay, time, state);
        foreach (var side in new[] { host, guest })
        {
            foreach (var phase in new[] { 2, 3, 9 })
            {
                Assert.Equal((410, state), (await side.PutAsync(phase)).Verdict());
            }

            Assert.Equal(204, (await side.LeaveAsync("wrong_code")).Status);
            Assert.Equal(204, (await side.LeaveAsync("done")).Status);
        }

        var reason = state == "ended" ? "sas_mismatch" : null;
        time.Advance(TimeSpan.FromDays(7) - TimeSpan.FromSeconds(1));
        foreach (var side in new[] { host, guest })
        {
            var seen = await side.GetAsync();
            Assert.Equal((state, reason, "[0,1]", "0,1"), (seen.Text("state"), seen.Text("reason"), seen.Own(), seen.Phases()));
        }

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((404, "no_rendezvous"), (await guest.GetAsync()).Verdict());
        Assert.Equal((404, "no_rendezvous"), (await host.LeaveAsync()).Verdict());

        // the lookup is nobody's again
        await (host with { Token = V2Side.NewHex() }).MustPutAsync(0);
        Assert.Equal("0", (await guest.GetAsync()).Phases());
    }

    [Fact]
    public async Task The_guests_first_message_is_gone_too_after_the_end()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = V2Side.NewPair(relay.Client);
        await host.MustPutAsync(0);
        Assert.Equal(204, (await host.LeaveAsync()).Status);

        Assert.Equal((410, "ended"), (await guest.PutAsync(0)).Verdict());
        Assert.Equal("cancelled", (await guest.GetAsync()).Text("reason"));
        Assert.Equal((404, "no_rendezvous"), (await guest.LeaveAsync()).Verdict());
    }

    [Theory]
    [InlineData("""{"v":2,"reason":"wrong_code"}""", "wrong_code")]
    [InlineData("""{"v":2,"reason":"sealed","sealed":"AA=="}""", "sealed")]
    [InlineData("""{"reason":{"reason":"wrong_code"},"x":[{"reason":"wrong_code"}]}""", null)]
    [InlineData("""{"reason":"\u0077rong_code"}""", "wrong_code")]
    [InlineData("""{"reason":"<b>of somebody's choice</b>"}""", null)]
    [InlineData("{}", null)]
    public async Task An_abort_ends_it_with_the_reason_it_names(string body, string? reason)
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        Assert.Equal((201, "ended"), (await guest.PutAsync(9, body)).Verdict());

        var seen = await host.GetAsync("?after=0");
        Assert.Equal(("ended", reason, "9"), (seen.Text("state"), seen.Text("reason"), seen.Phases()));
        Assert.Equal(body, seen.Json.GetProperty("messages")[0].GetProperty("body").GetRawText());
        Assert.Equal("[0,9]", (await guest.GetAsync()).Own());
        Assert.Equal((200, "ended"), (await guest.PutAsync(9, body)).Verdict());
        Assert.Equal((410, "ended"), (await host.PutAsync(9)).Verdict());
        Assert.Equal(204, (await host.LeaveAsync("sas_mismatch")).Status);
        Assert.Equal(reason, (await host.GetAsync()).Text("reason"));
    }

    [Fact]
    public async Task Every_abort_reason_ends_it_and_nothing_else_is_one()
    {
        await using var relay = await TestRelay.StartAsync();
        foreach (var reason in new[]
        {
            "wrong_code", "commitment_mismatch", "identity_mismatch", "invalid_share", "sas_mismatch", "self_pairing", "cancelled", "expired",
            "crowded", "unsupported_version", "protocol_error", "relay_interference",
        })
        {
            var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
            Assert.Equal(204, (await guest.LeaveAsync(reason)).Status);
            Assert.Equal(("ended", reason), ((await host.GetAsync()).Text("state"), (await host.GetAsync()).Text("reason")));
        }

        var side = (await V2Side.PairUpToAsync(relay.Client, 0)).Host;
        foreach (var reason in new[] { "", "sealed", "Cancelled", "code_used", "%00", "done&reason=done" })
        {
            Assert.Equal((400, "bad_request"), (await side.LeaveAsync(reason)).Verdict());
        }

        Assert.Equal("open", (await side.GetAsync()).Text("state"));
    }

    [Fact]
    public async Task What_is_decided_cannot_be_left_and_is_kept_until_both_are_done()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 2);
        foreach (var side in new[] { host, guest })
        {
            Assert.Equal((409, "decided"), (await side.PutAsync(9)).Verdict());
            Assert.Equal((409, "decided"), (await side.LeaveAsync()).Verdict());
            Assert.Equal((409, "decided"), (await side.LeaveAsync("sas_mismatch")).Verdict());
        }

        time.Advance(TimeSpan.FromDays(29));
        Assert.Equal((201, "decided"), (await guest.PutAsync(3)).Verdict());
        Assert.Equal(204, (await guest.LeaveAsync("done")).Status);
        Assert.Equal(204, (await guest.LeaveAsync("done")).Status);
        Assert.Equal((409, "decided"), (await guest.LeaveAsync()).Verdict());
        Assert.Equal((201, "decided"), (await host.PutAsync(3)).Verdict());
        Assert.Equal("2,3", (await host.GetAsync("?after=1")).Phases());
        Assert.Equal(204, (await host.LeaveAsync("done")).Status);
        Assert.Equal((404, "no_rendezvous"), (await host.GetAsync()).Verdict());
    }

    [Fact]
    public async Task What_is_decided_is_kept_for_thirty_days()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, _) = await V2Side.PairUpToAsync(relay.Client, 2);
        time.Advance(TimeSpan.FromDays(30) - TimeSpan.FromSeconds(1));
        Assert.Equal("decided", (await host.GetAsync()).Text("state"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((404, "no_rendezvous"), (await host.GetAsync()).Verdict());
    }

    [Fact]
    public async Task Before_the_decision_done_is_refused_and_a_third_phase_decides_nothing()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 1);
        await host.MustPutAsync(2);
        Assert.Equal((201, "open"), (await host.PutAsync(3)).Verdict());
        Assert.Equal((409, "open"), (await host.LeaveAsync("done")).Verdict());
        Assert.Equal("open", (await guest.GetAsync()).Text("state"));
        Assert.Equal(204, (await guest.LeaveAsync()).Status);
        Assert.Equal((410, "ended"), (await guest.PutAsync(2)).Verdict());
    }

    [Fact]
    public async Task Reads_do_not_extend_the_lifetime_and_the_host_chooses_it()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, guest) = V2Side.NewPair(relay.Client);
        Assert.Equal("2026-01-01T00:00:10Z", (await host.PutAsync(0, null, "?expires_in=10")).Text("expires_at"));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("2026-01-01T00:00:10Z", (await host.PutAsync(0, null, "?expires_in=600")).Text("expires_at"));
        Assert.Equal("2026-01-01T00:00:10Z", (await guest.PutAsync(0, null, "?expires_in=600")).Text("expires_at"));
        Assert.Equal("2026-01-01T00:00:10Z", (await host.PutAsync(1, null, "?expires_in=x")).Text("expires_at"));
        Assert.Equal("2026-01-01T00:00:10Z", (await guest.GetAsync()).Text("expires_at"));
        time.Advance(TimeSpan.FromSeconds(4.999));
        Assert.Equal("open", (await guest.GetAsync()).Text("state"));
        time.Advance(TimeSpan.FromSeconds(0.001));
        var seen = await guest.GetAsync();
        Assert.Equal(("expired", "2026-01-01T00:00:10Z"), (seen.Text("state"), seen.Text("expires_at")));
        Assert.Equal(3L, Databases.Scalar(relay.DataFolder, "SELECT state FROM pair_v2"));
    }

    [Fact]
    public async Task What_was_told_to_be_expired_stays_so_when_the_clock_is_set_back()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var (host, guest) = V2Side.NewPair(relay.Client);
        await host.MustPutAsync(0, "?expires_in=10");
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("expired", (await guest.GetAsync()).Text("state"));
        time.Advance(TimeSpan.FromSeconds(-5));
        Assert.Equal((410, "expired"), (await guest.PutAsync(0)).Verdict());
        Assert.Equal("expired", (await host.GetAsync()).Text("state"));
    }

    [Theory]
    [InlineData("1", 201)]
    [InlineData("604800", 201)]
    [InlineData("0", 400)]
    [InlineData("604801", 400)]
    [InlineData("-1", 400)]
    [InlineData("1.5", 400)]
    [InlineData("", 400)]
    [InlineData("1e3", 400)]
    [InlineData("99999999999999999999", 400)]
    [InlineData("5&expires_in=6", 400)]
    public async Task A_lifetime_is_taken_within_its_bounds(string expiresIn, int status)
    {
        await using var relay = await TestRelay.StartAsync();
        var answer = await V2Side.NewPair(relay.Client).Host.PutAsync(0, null, "?expires_in=" + expiresIn);
        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 400 ? "bad_request" : null, answer.Text("code"));
    }

    [Theory]
    [InlineData("", "0,1,2,3")]
    [InlineData("?after=-1", "0,1,2,3")]
    [InlineData("?after=0", "1,2,3")]
    [InlineData("?after=2", "3")]
    [InlineData("?after=3", "")]
    [InlineData("?after=9", "")]
    public async Task A_read_gives_the_other_sides_messages_above_what_is_held(string query, string phases)
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 3);
        foreach (var (side, other) in new[] { (host, guest), (guest, host) })
        {
            var seen = await side.GetAsync(query);
            Assert.Equal(phases, seen.Phases());
            Assert.All(
                seen.Json.GetProperty("messages").EnumerateArray(),
                message => Assert.Equal(other.Body(message.GetProperty("phase").GetInt32()), message.GetProperty("body").GetRawText()));
        }
    }

    [Fact]
    public async Task A_message_comes_out_as_the_bytes_that_came()
    {
        await using var relay = await TestRelay.StartAsync();
        foreach (var text in new[]
        {
            "{}",
            " \r\n\t{ \"a\" : [ 1.0 , 1E+2, -0 ] ,\t\"b\" : \"\\u00e9é\\/\u2028<&'\" }\n\n",
            """{"a":1,"a":2,"":null,"\u0000":"\u0000"}""",
            """{"deep":""" + new string('[', 31) + new string(']', 31) + "}",
            "{\"s\":\"" + new string('x', 65536 - 8) + "\"}",
        })
        {
            var (host, guest) = V2Side.NewPair(relay.Client);
            var body = text.Utf8();
            Assert.True(body.Length <= 65536);
            Assert.Equal(201, (await host.PutBytesAsync(0, body)).Status);
            var seen = (await guest.GetAsync()).Body;
            Assert.EndsWith("\"messages\":[{\"phase\":0,\"body\":" + text + "}]}", seen, StringComparison.Ordinal);
            Assert.Equal(200, (await host.PutBytesAsync(0, body)).Status);
        }
    }

    public static TheoryData<string, int, string> HostileBodies => new()
    {
        { "", 400, "malformed" },
        { " ", 400, "malformed" },
        { "null", 400, "malformed" },
        { "[]", 400, "malformed" },
        { "\"{}\"", 400, "malformed" },
        { "5", 400, "malformed" },
        { "{", 400, "malformed" },
        { "{}{}", 400, "malformed" },
        { "{},", 400, "malformed" },
        { "{\"a\":1,}", 400, "malformed" },
        { "{'a':1}", 400, "malformed" },
        { "{}//", 400, "malformed" },
        { "/**/{}", 400, "malformed" },
        { "\uFEFF{}", 400, "malformed" },
        { "{\"a\":01}", 400, "malformed" },
        { "{\"a\":NaN}", 400, "malformed" },
        { "{\"a\":1e999}", 400, "malformed" },
        { "{\"a\":\"\\ud800\"}", 400, "malformed" },
        { "{\"\\udc00\":1}", 400, "malformed" },
        { "{\"a\":\"\n\"}", 400, "malformed" },
        { "{\"a\":" + new string('[', 32) + new string(']', 32) + "}", 400, "malformed" },
        { string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000), 400, "malformed" },
        { "{\"s\":\"" + new string('x', 65536 - 7) + "\"}", 413, "message_too_large" },
        { new string('{', 3_000_000), 413, "message_too_large" },
    };

    [Theory]
    [MemberData(nameof(HostileBodies))]
    public async Task A_body_that_is_no_small_object_is_refused(string body, int status, string code)
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, _) = V2Side.NewPair(relay.Client);
        var answer = await host.PutBytesAsync(0, body.Utf8());
        Assert.Equal((status, code), answer.Verdict());
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal((404, "no_rendezvous"), (await host.GetAsync()).Verdict());
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_are_refused()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, _) = V2Side.NewPair(relay.Client);
        foreach (var bad in new byte[][] { [0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80] })
        {
            Assert.Equal((400, "malformed"), (await host.PutBytesAsync(0, [.. "{\"a\":\""u8, .. bad, .. "\"}"u8])).Verdict());
        }

        Assert.Equal((400, "malformed"), (await host.PutBytesAsync(0, Encoding.Unicode.GetBytes("{}"))).Verdict());
    }

    public static TheoryData<string, string, string?, int> HostileRequests
    {
        get
        {
            var lookup = new string('a', 64);
            var token = new string('b', 64);
            var data = new TheoryData<string, string, string?, int>();
            foreach (var bad in new[] { new string('a', 63), new string('a', 65), new string('A', 64), new string('g', 64), new string('a', 63) + "%C3%A9", "0x" + new string('a', 62) })
            {
                data.Add("GET", $"/v2/pair/{bad}/host", token, 400);
                data.Add("PUT", $"/v2/pair/{bad}/host/0", token, 400);
                data.Add("DELETE", $"/v2/pair/{bad}/guest", token, 400);
                data.Add("GET", $"/v2/pair/{lookup}/host", bad, 400);
                data.Add("PUT", $"/v2/pair/{lookup}/host/0", bad, 400);
                data.Add("DELETE", $"/v2/pair/{lookup}/host", bad, 400);
            }

            foreach (var role in new[] { "Host", "hosts", "eve", "0" })
            {
                data.Add("GET", $"/v2/pair/{lookup}/{role}", token, 400);
                data.Add("PUT", $"/v2/pair/{lookup}/{role}/0", token, 400);
                data.Add("DELETE", $"/v2/pair/{lookup}/{role}", token, 400);
            }

            foreach (var phase in new[] { "4", "8", "10", "-1", "00", "0.0", "x", "%30%30", "%D9%A1" })
            {
                data.Add("PUT", $"/v2/pair/{lookup}/host/{phase}", token, 400);
            }

            foreach (var query in new[] { "after=", "after=4", "after=-2", "after=x", "after=0&after=0", "after=1.0", "wait=", "wait=-1", "wait=x", "wait=1.5", "wait=1&wait=1" })
            {
                data.Add("GET", $"/v2/pair/{lookup}/host?{query}", token, 400);
            }

            data.Add("GET", $"/v2/pair/{lookup}/host", null, 400);
            data.Add("PUT", $"/v2/pair/{lookup}/host/0", null, 400);
            data.Add("DELETE", $"/v2/pair/{lookup}/host", null, 400);
            data.Add("GET", $"/v2/pair/{lookup}/host/0", token, 405);
            data.Add("POST", $"/v2/pair/{lookup}/host", token, 405);
            data.Add("PUT", $"/v2/pair/{lookup}/host", token, 405);
            data.Add("GET", "/v2/pair/wait", token, 405);
            data.Add("GET", $"/v2/pair/{lookup}", token, 404);
            data.Add("PUT", $"/v2/pair/{lookup}/host/0/", token, 404);
            data.Add("PUT", $"/v2/pair//host/0", token, 404);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(HostileRequests))]
    public async Task A_request_out_of_shape_is_refused(string method, string path, string? token, int status)
    {
        await using var relay = await TestRelay.StartAsync();
        KeyValuePair<string, string>[] headers = token is null ? [] : [new("Authorization", "Bearer " + token)];
        var answer = await relay.Client.SendAsync(method, path, method == "PUT" ? "{}"u8.ToArray() : null, headers);
        Assert.Equal(status, answer.Status);
        Assert.Equal(status switch { 400 => "bad_request", 405 => "method_not_allowed", _ => "not_found" }, answer.Text("code"));
        Assert.Equal(0, Databases.Count(relay.DataFolder, "pair_v2"));
    }

    [Fact]
    public async Task Creating_a_rendezvous_is_limited_going_on_with_one_is_not()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time, static options => options with { RendezvousPerMinute = 2 });
        var (host, guest) = V2Side.NewPair(relay.Client);
        await host.MustPutAsync(0);
        await relay.Client.OpenPairAsync("v1 pays from the same purse", "host", "m");

        var other = V2Side.NewPair(relay.Client).Host;
        var limited = await other.PutAsync(0);
        Assert.Equal((429, "rate_limited"), limited.Verdict());
        Assert.Equal(("30", "application/problem+json"), (limited.Headers["retry-after"], limited.ContentType));

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(200, (await host.PutAsync(0)).Status);
        }

        await guest.MustPutAsync(0);
        await host.MustPutAsync(1);
        time.Advance(TimeSpan.FromSeconds(30));
        await other.MustPutAsync(0);
        Assert.Equal(429, (await V2Side.NewPair(relay.Client).Host.PutAsync(0)).Status);
    }

    [Fact]
    public async Task What_is_over_is_removed_in_the_background()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        for (var i = 0; i < 5; i++)
        {
            await V2Side.NewPair(relay.Client).Host.MustPutAsync(0, "?expires_in=10");
        }

        await V2Side.PairUpToAsync(relay.Client, 2);
        time.Advance(TimeSpan.FromDays(8));
        for (var i = 0; i < 200 && Databases.Count(relay.DataFolder, "pair_v2") > 1; i++)
        {
            await Task.Delay(20);
        }

        Assert.Equal(1, Databases.Count(relay.DataFolder, "pair_v2"));
        Assert.Equal(6, Databases.Count(relay.DataFolder, "pair_v2_message"));
    }

    [Fact]
    public async Task Tokens_are_kept_as_hashes()
    {
        await using var relay = await TestRelay.StartAsync();
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, 0);
        foreach (var file in Directory.EnumerateFiles(relay.DataFolder, "relay.db*"))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            await stream.ReadExactlyAsync(bytes);
            foreach (var token in new[] { host.Token, guest.Token })
            {
                Assert.True(bytes.AsSpan().IndexOf(token.Utf8()) < 0);
                Assert.True(bytes.AsSpan().IndexOf(Convert.FromHexString(token)) < 0);
            }
        }
    }

    private static async Task<(V2Side Host, V2Side Guest)> BringToAsync(TestRelay relay, ManualTime time, string state)
    {
        var (host, guest) = await V2Side.PairUpToAsync(relay.Client, state == "decided" ? 2 : 1);
        switch (state)
        {
            case "ended":
                Assert.Equal(204, (await guest.LeaveAsync("sas_mismatch")).Status);
                break;
            case "expired":
                time.Advance(TimeSpan.FromHours(24));
                break;
        }

        Assert.Equal(state, (await host.GetAsync()).Text("state"));
        return (host, guest);
    }
}
