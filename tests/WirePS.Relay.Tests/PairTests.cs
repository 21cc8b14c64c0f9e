using System.Text.Json;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>The rendezvous of v1 with its additions: repeats, expiry, decided, done.</summary>
public sealed class PairTests
{
    private const string Code = "c0de";

    [Fact]
    public async Task An_open_with_the_same_message_is_harmless_and_one_with_another_is_refused()
    {
        await using var relay = await TestRelay.StartAsync();
        var first = await relay.Client.OpenPairAsync(Code, "host", "M");

        Assert.Equal(first, await relay.Client.OpenPairAsync(Code, "host", "M"));
        var other = await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(Code, "host", "N"));

        Assert.Equal(409, other.Status);
        Assert.Equal("{\"error\":\"host already registered for this code\"}", other.Body);
    }

    [Fact]
    public async Task Without_additions_the_replies_are_exactly_those_of_v1()
    {
        await using var relay = await TestRelay.StartAsync();
        var open = await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(Code, "host", "M"));
        var id = open.Text("pair_id")!;

        Assert.Equal($"{{\"pair_id\":\"{id}\"}}", open.Body);
        Assert.Equal("{\"peer_bootstrap\":null,\"peer_msg\":\"M\"}", (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest")).Body);
        Assert.Equal("{\"peer_bootstrap\":null,\"peer_msg\":\"M\"}", (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest&wait=1")).Body);
    }

    [Fact]
    public async Task The_host_decides_the_expiry_whichever_side_comes_first()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);

        var guest = await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(Code, "guest", "G", 100));
        Assert.Equal("2026-01-01T00:01:40Z", guest.Text("expires_at"));
        time.Advance(TimeSpan.FromSeconds(10));
        var host = await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(Code, "host", "H", 60));
        Assert.Equal("2026-01-01T00:01:10Z", host.Text("expires_at"));

        // repeats, also with other lifetimes, move nothing
        Assert.Equal("2026-01-01T00:01:10Z", (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(Code, "host", "H", 600))).Text("expires_at"));
        Assert.Equal("2026-01-01T00:01:10Z", (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(Code, "guest", "G", 600))).Text("expires_at"));
        var seen = await relay.Client.GetAsync($"/v1/pair/{host.Text("pair_id")}?as_role=guest&have=none");
        Assert.Equal("2026-01-01T00:01:10Z", seen.Text("expires_at"));
    }

    [Fact]
    public async Task A_rendezvous_lives_a_day_if_nobody_says_otherwise_and_its_code_then_starts_a_new_one()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var id = await relay.Client.OpenPairAsync(Code, "host", "M");

        time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(200, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest")).Status);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(404, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest")).Status);
        Assert.Equal(404, (await relay.Client.BootstrapAsync(id, "host", "S")).Status);

        Assert.NotEqual(id, await relay.Client.OpenPairAsync(Code, "host", "another"));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("604801")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("\"60\"")]
    [InlineData("99999999999999999999")]
    public async Task A_lifetime_out_of_bounds_is_refused(string expiresIn)
    {
        await using var relay = await TestRelay.StartAsync();
        var answer = await relay.Client.PostAsync("/v1/pair", $$"""{"code_hash":"c","msg":"m","role":"host","expires_in":{{expiresIn}}}""");

        Assert.Equal(400, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal("bad_request", answer.Text("code"));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("604800")]
    [InlineData("null")]
    public async Task A_lifetime_within_bounds_is_taken(string expiresIn)
    {
        await using var relay = await TestRelay.StartAsync();
        Assert.Equal(201, (await relay.Client.PostAsync("/v1/pair", $$"""{"code_hash":"c","msg":"m","role":"host","expires_in":{{expiresIn}}}""")).Status);
    }

    [Fact]
    public async Task A_decided_rendezvous_survives_expiry_and_abandon_for_thirty_days()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var id = await DecideAsync(relay);

        Assert.Equal(204, (await relay.Client.AbandonAsync(Code)).Status);
        time.Advance(TimeSpan.FromDays(29));
        var seen = await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest");
        Assert.Equal("HS", seen.Text("peer_bootstrap"));

        // the code is still taken by it
        Assert.Equal(409, (await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson(Code, "host", "other"))).Status);
        Assert.Equal(id, await relay.Client.OpenPairAsync(Code, "host", "H"));

        time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(404, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest")).Status);
        Assert.NotEqual(id, await relay.Client.OpenPairAsync(Code, "host", "other"));
    }

    [Fact]
    public async Task When_both_sides_are_done_only_that_remains_for_a_week_and_the_code_is_free()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var id = await DecideAsync(relay);

        Assert.Equal(204, (await relay.Client.DoneAsync(Code, id, "host")).Status);
        Assert.Equal(204, (await relay.Client.DoneAsync(Code, id, "host")).Status);
        var guest = (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest&have=msg")).Json;
        Assert.True(guest.GetProperty("peer_done").GetBoolean());
        Assert.Equal("HS", guest.GetProperty("peer_bootstrap").GetString());
        Assert.False((await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&have=msg")).Json.GetProperty("peer_done").GetBoolean());

        Assert.Equal(204, (await relay.Client.DoneAsync(Code, id, "guest")).Status);
        foreach (var role in new[] { "host", "guest" })
        {
            var rest = (await relay.Client.GetAsync($"/v1/pair/{id}?as_role={role}&have=bootstrap")).Json;
            Assert.True(rest.GetProperty("peer_done").GetBoolean());
            Assert.Equal(JsonValueKind.Null, rest.GetProperty("peer_msg").ValueKind);
            Assert.Equal(JsonValueKind.Null, rest.GetProperty("peer_bootstrap").ValueKind);
        }

        Assert.Equal(204, (await relay.Client.DoneAsync(Code, id, "guest")).Status);
        Assert.NotEqual(id, await relay.Client.OpenPairAsync(Code, "host", "other"));
        Assert.Equal(409, (await relay.Client.BootstrapAsync(id, "host", "again")).Status);
        time.Advance(TimeSpan.FromDays(7) - TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host")).Status);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(404, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host")).Status);
    }

    [Fact]
    public async Task Done_changes_nothing_before_the_decision_or_with_a_wrong_id_or_code()
    {
        await using var relay = await TestRelay.StartAsync();
        var early = await relay.Client.OpenPairAsync("early", "host", "M");
        Assert.Equal(204, (await relay.Client.DoneAsync("early", early, "host")).Status);
        var seen = await relay.Client.GetAsync($"/v1/pair/{early}?as_role=guest&have=none");
        Assert.Equal("M", seen.Text("peer_msg"));
        Assert.False(seen.Json.GetProperty("peer_done").GetBoolean());

        var id = await DecideAsync(relay);
        Assert.Equal(204, (await relay.Client.DoneAsync(Code, early, "host")).Status);
        Assert.Equal(204, (await relay.Client.DoneAsync("early", id, "host")).Status);
        Assert.False((await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest&have=msg")).Json.GetProperty("peer_done").GetBoolean());
        Assert.Equal(400, (await relay.Client.DoneAsync(Code, id, "eve")).Status);
        Assert.Equal(422, (await relay.Client.PostAsync("/v1/pair/abandon", """{"code_hash":"c","done":true}""")).Status);
        Assert.Equal(422, (await relay.Client.PostAsync("/v1/pair/abandon", """{"code_hash":"early","done":"yes"}""")).Status);
        Assert.Equal(200, (await relay.Client.GetAsync($"/v1/pair/{early}?as_role=guest")).Status);
    }

    [Fact]
    public async Task Expired_rows_are_removed_in_the_background()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        for (var i = 0; i < 5; i++)
        {
            await relay.Client.OpenPairAsync($"code{i}", "host", "M", 10);
        }

        Assert.Equal(5, Databases.Count(relay.DataFolder, "rendezvous"));
        time.Advance(TimeSpan.FromMinutes(2));
        for (var i = 0; i < 100 && Databases.Count(relay.DataFolder, "rendezvous") > 0; i++)
        {
            await Task.Delay(20);
        }

        Assert.Equal(0, Databases.Count(relay.DataFolder, "rendezvous"));
    }

    private static async Task<string> DecideAsync(TestRelay relay)
    {
        var id = await relay.Client.OpenPairAsync(Code, "host", "H", 60);
        await relay.Client.OpenPairAsync(Code, "guest", "G");
        Assert.Equal(201, (await relay.Client.BootstrapAsync(id, "host", "HS")).Status);
        Assert.Equal(201, (await relay.Client.BootstrapAsync(id, "guest", "GS")).Status);
        return id;
    }
}
