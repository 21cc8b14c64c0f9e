using System.Text.Json;
using WirePS.Relay.Storage.Operations;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>Grants: write only, revocable, limited.</summary>
public sealed class GrantTests
{
    private static string Id(int number) => number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    private static string Token(int number) => number.ToString("x64", System.Globalization.CultureInfo.InvariantCulture);

    private static string Body(int token, string more = "") => $$"""{"token":"{{Token(token)}}","rights":["post"]{{more}}}""";

    private static string PathOf(Slot slot, int id) => $"/v2/slot/{slot.Id}/grants/{Id(id)}";

    [Fact]
    public async Task A_grant_posts_and_asks_for_the_state_and_opens_nothing_else()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        Assert.Equal(201, (await relay.Client.PutAsync(PathOf(slot, 1), Body(1), slot.Token)).Status);
        var granted = slot with { Token = Token(1) };

        Assert.Equal(201, (await relay.Client.PostEventAsync(granted, """{"event_id":"e"}""")).Status);
        Assert.Equal(200, (await relay.Client.PostEventAsync(granted, """{"event_id":"e"}""")).Status);
        var state = await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", granted.Token);
        Assert.Equal(0, state.Json.GetProperty("event_count").GetInt64());
        Assert.Equal(JsonValueKind.Null, state.Json.GetProperty("last_pull_at_unix").ValueKind);

        foreach (var refused in new[]
        {
            await relay.Client.GetAsync($"/v1/events/{slot.Id}", granted.Token),
            await relay.Client.GetAsync($"/v1/events/{slot.Id}/stream", granted.Token),
            await relay.Client.PostAsync($"/v1/slot/{slot.Id}/responder-health", """{"status":"online","set_at":"x"}""", granted.Token),
            await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants", granted.Token),
            await relay.Client.PutAsync(PathOf(slot, 2), Body(2), granted.Token),
            await relay.Client.DeleteAsync(PathOf(slot, 1), granted.Token),
        })
        {
            Assert.Equal(403, refused.Status);
        }

        // the owner's pull is what a peer asks for; its own question is none
        await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token);
        state = await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", granted.Token);
        Assert.Equal(JsonValueKind.Number, state.Json.GetProperty("last_pull_at_unix").ValueKind);
        Assert.Equal(1, (await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json.GetProperty("event_count").GetInt64());

        // and another slot does not know it
        var other = await relay.Client.AllocateAsync();
        Assert.Equal(403, (await relay.Client.PostEventAsync(other with { Token = Token(1) }, "{}")).Status);
    }

    [Fact]
    public async Task Making_it_again_is_harmless_another_one_under_its_id_or_token_is_refused()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var body = Body(1, ",\"expires_at\":\"2030-01-01T00:00:00Z\",\"per_hour\":5");
        var made = await relay.Client.PutAsync(PathOf(slot, 1), body, slot.Token);
        var again = await relay.Client.PutAsync(PathOf(slot, 1), body, slot.Token);

        Assert.Equal((201, 200), (made.Status, again.Status));
        Assert.Equal(made.Body, again.Body);
        Assert.Equal("2030-01-01T00:00:00Z", made.Text("expires_at"));
        Assert.Null(made.Text("token"));
        Assert.Equal(200, (await relay.Client.PutAsync(PathOf(slot, 1), Body(1, ",\"per_hour\":5,\"expires_at\":\"2030-01-01T01:00:00+01:00\""), slot.Token)).Status);
        foreach (var other in new[] { (1, Body(2)), (1, Body(1)), (1, Body(1, ",\"expires_at\":\"2030-01-01T00:00:00Z\"")), (2, Body(1)) })
        {
            var refused = await relay.Client.PutAsync(PathOf(slot, other.Item1), other.Item2, slot.Token);
            Assert.Equal((409, "grant_conflict"), (refused.Status, refused.Text("code")));
            Assert.Equal("application/problem+json", refused.ContentType);
        }

        var ownToken = await relay.Client.PutAsync(PathOf(slot, 3), $$"""{"token":"{{slot.Token}}","rights":["post"]}""", slot.Token);
        Assert.Equal((409, "grant_conflict"), (ownToken.Status, ownToken.Text("code")));
    }

    [Fact]
    public async Task A_revoked_grant_is_refused_and_its_id_stays_known()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PutAsync(PathOf(slot, 1), Body(1), slot.Token);

        Assert.Equal(204, (await relay.Client.DeleteAsync(PathOf(slot, 1), slot.Token)).Status);
        Assert.Equal(204, (await relay.Client.DeleteAsync(PathOf(slot, 1), slot.Token)).Status);
        Assert.Equal(204, (await relay.Client.DeleteAsync(PathOf(slot, 9), slot.Token)).Status);
        var post = await relay.Client.PostEventAsync(slot with { Token = Token(1) }, "{}");
        Assert.Equal((403, "{\"error\":\"bad token\"}"), (post.Status, post.Body));
        Assert.Equal(403, (await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", Token(1))).Status);

        await relay.RestartAsync();
        var again = await relay.Client.PutAsync(PathOf(slot, 1), Body(1), slot.Token);
        Assert.Equal((409, "grant_revoked"), (again.Status, again.Text("code")));
        Assert.Equal(0, (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants", slot.Token)).Json.GetProperty("grants").GetArrayLength());
    }

    [Fact]
    public async Task An_expired_grant_is_refused()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PutAsync(PathOf(slot, 1), Body(1, ",\"expires_at\":\"2026-01-01T01:00:00Z\""), slot.Token);
        var granted = slot with { Token = Token(1) };

        time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(201, (await relay.Client.PostEventAsync(granted, "{}")).Status);
        time.Advance(TimeSpan.FromMinutes(1));
        var post = await relay.Client.PostEventAsync(granted, "{}");
        Assert.Equal((403, "{\"error\":\"bad token\"}"), (post.Status, post.Body));
    }

    [Fact]
    public async Task A_grant_posts_per_hour_what_it_may_and_a_duplicate_does_not_count()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PutAsync(PathOf(slot, 1), Body(1, ",\"per_hour\":2"), slot.Token);
        var granted = slot with { Token = Token(1) };

        Assert.Equal(201, (await relay.Client.PostEventAsync(granted, """{"event_id":"a"}""")).Status);
        time.Advance(TimeSpan.FromMinutes(20));
        Assert.Equal(200, (await relay.Client.PostEventAsync(granted, """{"event_id":"a"}""")).Status);
        Assert.Equal(201, (await relay.Client.PostEventAsync(granted, """{"event_id":"b"}""")).Status);
        var limited = await relay.Client.PostEventAsync(granted, """{"event_id":"c"}""");
        Assert.Equal(429, limited.Status);
        Assert.Equal("2400", limited.Headers["retry-after"]);
        Assert.Equal(200, (await relay.Client.PostEventAsync(granted, """{"event_id":"b"}""")).Status);
        Assert.Equal(201, (await relay.Client.PostEventAsync(slot, """{"event_id":"owner"}""")).Status);

        await relay.RestartAsync();
        Assert.Equal(429, (await relay.Client.PostEventAsync(granted, """{"event_id":"c"}""")).Status);
        time.Advance(TimeSpan.FromMinutes(40));
        Assert.Equal(201, (await relay.Client.PostEventAsync(granted, """{"event_id":"c"}""")).Status);
        var view = (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants", slot.Token)).Json.GetProperty("grants")[0];
        Assert.Equal(3, view.GetProperty("events").GetInt64());
        Assert.Equal("2026-01-01T01:00:00Z", view.GetProperty("last_used_at").GetString());
    }

    [Fact]
    public async Task The_list_comes_in_pages_and_says_whether_there_is_more()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        for (var i = 1; i <= 5; i++)
        {
            await relay.Client.PutAsync(PathOf(slot, i), Body(i), slot.Token);
        }

        var seen = new List<string>();
        var after = "";
        bool more;
        do
        {
            var page = (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants?limit=2&after={after}", slot.Token)).Json;
            seen.AddRange(page.GetProperty("grants").EnumerateArray().Select(static grant => grant.GetProperty("grant_id").GetString()!));
            more = page.GetProperty("more").GetBoolean();
            after = page.GetProperty("next").GetString();
        }
        while (more);

        Assert.Equal(Enumerable.Range(1, 5).Select(Id), seen);
        var empty = (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants?after={Id(5)}", slot.Token)).Json;
        Assert.Equal((0, false, JsonValueKind.Null), (empty.GetProperty("grants").GetArrayLength(), empty.GetProperty("more").GetBoolean(), empty.GetProperty("next").ValueKind));
        var members = (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants?limit=1", slot.Token)).Json.GetProperty("grants")[0].EnumerateObject().Select(static member => member.Name);
        Assert.Equal(["grant_id", "rights", "created_at", "expires_at", "per_hour", "events", "last_used_at"], members);
    }

    [Fact]
    public async Task A_slot_has_at_most_ten_thousand_grants()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        await Parallel.ForAsync(0, GrantOperations.MaxUsable, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) =>
            Assert.Equal(201, (await relay.Client.PutAsync(PathOf(slot, i), Body(i), slot.Token)).Status));

        var refused = await relay.Client.PutAsync(PathOf(slot, 50_000), Body(50_000), slot.Token);
        Assert.Equal((409, "grant_limit"), (refused.Status, refused.Text("code")));
        await relay.Client.DeleteAsync(PathOf(slot, 7), slot.Token);
        Assert.Equal(201, (await relay.Client.PutAsync(PathOf(slot, 50_000), Body(50_000), slot.Token)).Status);
    }

    [Theory]
    [InlineData("[]", "malformed")]
    [InlineData("{", "malformed")]
    [InlineData("", "malformed")]
    [InlineData("{}", "bad_request")]
    [InlineData("""{"token":5,"rights":["post"]}""", "bad_request")]
    [InlineData("""{"token":"AA","rights":["post"]}""", "bad_request")]
    [InlineData("""{"token":"$","rights":["read"]}""", "bad_request")]
    [InlineData("""{"token":"$","rights":["post","read"]}""", "bad_request")]
    [InlineData("""{"token":"$","rights":[5]}""", "bad_request")]
    [InlineData("""{"token":"$","rights":"post"}""", "bad_request")]
    [InlineData("""{"token":"$","rights":["post"],"per_hour":0}""", "bad_request")]
    [InlineData("""{"token":"$","rights":["post"],"per_hour":1.5}""", "bad_request")]
    [InlineData("""{"token":"$","rights":["post"],"expires_at":5}""", "bad_request")]
    [InlineData("""{"token":"$","rights":["post"],"expires_at":"tomorrow"}""", "bad_request")]
    [InlineData("""{"token":"$","rights":["post"],"expires_at":"2026-01-01"}""", "bad_request")]
    public async Task A_body_in_another_form_is_refused_with_its_code(string body, string code)
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var answer = await relay.Client.PutAsync(PathOf(slot, 1), body.Replace("$", Token(1), StringComparison.Ordinal), slot.Token);

        Assert.Equal((400, code), (answer.Status, answer.Text("code")));
        Assert.Equal(400, answer.Json.GetProperty("status").GetInt32());
    }

    [Fact]
    public async Task Wrong_ids_tokens_and_sizes_are_refused_with_problem_details()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        foreach (var (answer, status, code) in new[]
        {
            (await relay.Client.PutAsync($"/v2/slot/{slot.Id}/grants/xyz", Body(1), slot.Token), 400, "bad_request"),
            (await relay.Client.PutAsync($"/v2/slot/{slot.Id}/grants/{Id(1).ToUpperInvariant().Replace('0', 'A')}", Body(1), slot.Token), 400, "bad_request"),
            (await relay.Client.PutAsync(PathOf(slot, 1), Body(1)), 401, "missing_token"),
            (await relay.Client.PutAsync(PathOf(slot, 1), Body(1), "wrong"), 403, "bad_token"),
            (await relay.Client.PutAsync($"/v2/slot/nope/grants/{Id(1)}", Body(1), slot.Token), 404, "unknown_slot"),
            (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants?limit=x", slot.Token), 400, "bad_request"),
            (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants?limit=0", slot.Token), 400, "bad_request"),
            (await relay.Client.GetAsync($"/v2/slot/{slot.Id}/grants?after=x", slot.Token), 400, "bad_request"),
            (await relay.Client.PutAsync(PathOf(slot, 1), Body(1, ",\"x\":\"" + new string('x', 20_000) + "\""), slot.Token), 413, "message_too_large"),
            (await relay.Client.GetAsync(PathOf(slot, 1), slot.Token), 405, "method_not_allowed"),
            (await relay.Client.GetAsync("/v2/nope"), 404, "not_found"),
        })
        {
            Assert.Equal((status, code, "application/problem+json"), (answer.Status, answer.Text("code"), answer.ContentType));
        }
    }
}
