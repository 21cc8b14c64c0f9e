using System.Text.Json;
using WirePS.Identity;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>The directory of handles, and introductions to whoever holds one.</summary>
public sealed class HandleTests
{
    private static string[] Nicks(Answer list) => [.. list.Json.GetProperty("handles").EnumerateArray().Select(static item => item.GetProperty("nick").GetString()!)];

    private static void AssertNicks(Answer list, params string[] expected) => Assert.Equal(expected, Nicks(list));

    [Fact]
    public async Task A_handle_is_found_with_its_card_as_it_came_and_without_a_token_also_after_a_restart()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        time.Advance(TimeSpan.FromMilliseconds(1500));
        var alice = await Person.CreateAsync(relay.Client, "alice", ",\"relay_url\":\"https://Relay.example:8770/\"");
        Assert.Equal((201, $$"""{"did":"{{alice.Card.Did}}","nick":"alice","status":"claimed"}"""), (alice.Claim.Status, alice.Claim.Body));
        await relay.RestartAsync();

        foreach (var handle in new[] { "alice", "alice@anywhere.example" })
        {
            var found = await relay.Client.GetAsync("/.well-known/wire/agent?handle=" + handle);
            Assert.Equal(200, found.Status);
            Assert.Equal(["card", "claimed_at", "did", "nick", "relay_url", "slot_id"], found.Json.EnumerateObject().Select(static member => member.Name));
            Assert.Equal(alice.Card.JsonText, found.Json.GetProperty("card").GetRawText());
            Assert.Equal(("alice", alice.Card.Did, alice.Slot.Id), (found.Text("nick"), found.Text("did"), found.Text("slot_id")));
            Assert.Equal(("https://relay.example:8770", "2026-01-01T00:00:01Z"), (found.Text("relay_url"), found.Text("claimed_at")));
            Assert.DoesNotContain(alice.Slot.Token, found.Body, StringComparison.Ordinal);
        }

        Assert.Equal("re-claimed", (await Person.ClaimAsync(relay.Client, alice.Slot, alice.Card)).Text("status"));
    }

    [Fact]
    public async Task Programs_of_A2A_find_the_card_in_their_form()
    {
        await using var relay = await TestRelay.StartAsync();
        var bare = await Person.CreateAsync(relay.Client, "alice");
        var rich = Person.WithProfile(bare.Seed, "alice", """{"display_name":"Alice A.","motto":"on the line","emoji":"☎"}""");
        var first = (await relay.Client.GetAsync("/.well-known/agent-card.json?handle=alice")).Json;
        Assert.Equal(("alice", "", "/v1/handle/intro/alice"), (first.GetProperty("name").GetString(), first.GetProperty("description").GetString(), first.GetProperty("endpoint").GetString()));

        await Person.ClaimAsync(relay.Client, bare.Slot, rich, ",\"relay_url\":\"http://127.0.0.1:8770\"");
        var found = (await relay.Client.GetAsync("/.well-known/agent-card.json?handle=alice@x")).Json;
        Assert.Equal(
            ["id", "name", "description", "version", "endpoint", "provider", "capabilities", "securitySchemes", "security", "skills", "extensions", "signature"],
            found.EnumerateObject().Select(static member => member.Name));
        Assert.Equal(bare.Card.Did, found.GetProperty("id").GetString());
        Assert.Equal(("Alice A.", "on the line", "wire/0.5"), (found.GetProperty("name").GetString(), found.GetProperty("description").GetString(), found.GetProperty("version").GetString()));
        Assert.Equal("http://127.0.0.1:8770/v1/handle/intro/alice", found.GetProperty("endpoint").GetString());
        Assert.Equal("EdDSA", found.GetProperty("securitySchemes").GetProperty("ed25519-event-sig").GetProperty("alg").GetString());
        var extension = found.GetProperty("extensions")[0];
        Assert.Equal(("https://slancha.ai/wire/ext/v0.5", false), (extension.GetProperty("uri").GetString(), extension.GetProperty("required").GetBoolean()));
        var parameters = extension.GetProperty("params");
        Assert.Equal(["did", "handle", "slot_id", "relay_url", "card", "profile", "claimed_at"], parameters.EnumerateObject().Select(static member => member.Name));
        Assert.Equal(bare.Slot.Id, parameters.GetProperty("slot_id").GetString());
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(rich.JsonText), parameters.GetProperty("card")));
    }

    [Fact]
    public async Task The_list_comes_in_pages_by_nick_and_hides_who_does_not_want_to_be_found()
    {
        await using var relay = await TestRelay.StartAsync();
        foreach (var nick in new[] { "emil", "anna", "demo-x", "test-y", "carl", "bert", "dora" })
        {
            await Person.CreateAsync(relay.Client, nick);
        }

        var hidden = await Person.CreateAsync(relay.Client, "hidden", ",\"discoverable\":false");
        var shy = await Person.CreateAsync(relay.Client, "shy");
        await Person.ClaimAsync(relay.Client, shy.Slot, Person.WithProfile(shy.Seed, "shy", """{"listed":false}"""));

        var seen = new List<string>();
        string? cursor = "";
        do
        {
            var page = await relay.Client.GetAsync($"/v1/handles?limit=2&cursor={cursor}");
            seen.AddRange(Nicks(page));
            cursor = page.Text("next_cursor");
        }
        while (cursor is not null);
        Assert.Equal(["anna", "bert", "carl", "dora", "emil"], seen);

        // not said again, it stays as it was; hidden ones are found by who knows them
        await Person.ClaimAsync(relay.Client, hidden.Slot, hidden.Card);
        Assert.DoesNotContain("hidden", Nicks(await relay.Client.GetAsync("/v1/handles")));
        Assert.Equal(200, (await relay.Client.GetAsync("/.well-known/wire/agent?handle=hidden")).Status);
        await Person.ClaimAsync(relay.Client, hidden.Slot, hidden.Card, ",\"discoverable\":true");
        Assert.Contains("hidden", Nicks(await relay.Client.GetAsync("/v1/handles")));
        Assert.Single(Nicks(await relay.Client.GetAsync("/v1/handles?limit=0")));
        Assert.Equal(400, (await relay.Client.GetAsync("/v1/handles?limit=x")).Status);
    }

    [Fact]
    public async Task The_list_shows_the_profile_and_finds_by_vibe()
    {
        await using var relay = await TestRelay.StartAsync();
        var anna = await Person.CreateAsync(relay.Client, "anna");
        var bert = await Person.CreateAsync(relay.Client, "bert");
        const string profile = """{"emoji":"🦊","motto":"m","now":{"text":"t"},"pronouns":"they","secret":"no","vibe":["Calm","É"]}""";
        await Person.ClaimAsync(relay.Client, anna.Slot, Person.WithProfile(anna.Seed, "anna", profile));
        await Person.ClaimAsync(relay.Client, bert.Slot, Person.WithProfile(bert.Seed, "bert", $$"""{"motto":"{{new string('x', WireLimits.ProfileBytes)}}","vibe":["calm","CALM",5]}"""));

        var list = await relay.Client.GetAsync("/v1/handles?vibe=cALM");
        AssertNicks(list, "anna", "bert");
        var shown = list.Json.GetProperty("handles")[0];
        Assert.Equal(["claimed_at", "did", "nick", "profile"], shown.EnumerateObject().Select(static member => member.Name));
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""{"emoji":"🦊","motto":"m","now":{"text":"t"},"pronouns":"they","vibe":["Calm","É"]}"""), shown.GetProperty("profile")));
        Assert.Equal(JsonValueKind.Null, list.Json.GetProperty("handles")[1].GetProperty("profile").GetProperty("motto").ValueKind);
        AssertNicks(await relay.Client.GetAsync("/v1/handles?vibe=calm&limit=1"), "anna");
        AssertNicks(await relay.Client.GetAsync("/v1/handles?vibe=calm&cursor=anna"), "bert");
        AssertNicks(await relay.Client.GetAsync("/v1/handles?vibe=%C3%89"), "anna");
        Assert.Empty(Nicks(await relay.Client.GetAsync("/v1/handles?vibe=%C3%A9")));

        // who claims anew without it is not found by it any more
        await Person.ClaimAsync(relay.Client, anna.Slot, anna.Card);
        AssertNicks(await relay.Client.GetAsync("/v1/handles?vibe=calm"), "bert");
    }

    [Theory]
    [InlineData("alice", ",\"relay_url\":\"ftp://x\"", 400)]
    [InlineData("alice", ",\"relay_url\":\"https://a@b\"", 400)]
    [InlineData("alice", ",\"relay_url\":\"https://a b\"", 400)]
    [InlineData("alice", ",\"relay_url\":\" https://a\"", 400)]
    [InlineData("alice", ",\"relay_url\":\"https://a/path\"", 400)]
    [InlineData("alice", ",\"relay_url\":\"https://\"", 400)]
    [InlineData("alice", ",\"relay_url\":null,\"discoverable\":null", 201)]
    [InlineData("alice", ",\"relay_url\":\"\"", 201)]
    [InlineData("alice", ",\"relay_url\":5", 422)]
    [InlineData("alice", ",\"discoverable\":\"yes\"", 422)]
    [InlineData("bob-2", "", 400)]
    [InlineData("admin", "", 400)]
    [InlineData("Alice", "", 400)]
    public async Task A_claim_needs_a_clean_address_and_the_nick_of_its_card(string nick, string more, int status)
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var card = AgentCard.Create(new byte[32], "alice");
        var answer = await Person.ClaimAsync(relay.Client, slot, card, more, nick);
        Assert.Equal(status, answer.Status);
        if (nick == "bob-2")
        {
            Assert.Equal(("bob-2", "alice"), (answer.Text("nick"), answer.Text("expected")));
        }
    }

    [Fact]
    public async Task A_claim_needs_the_token_of_the_slot_and_a_grant_is_none()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var grant = slot with { Token = new string('b', 64) };
        await relay.Client.PutAsync($"/v2/slot/{slot.Id}/grants/{new string('a', 32)}", $$"""{"token":"{{grant.Token}}","rights":["post"]}""", slot.Token);
        var card = AgentCard.Create(new byte[32], "alice");
        Assert.Equal(403, (await Person.ClaimAsync(relay.Client, grant, card)).Status);
        Assert.Equal(404, (await Person.ClaimAsync(relay.Client, slot with { Id = new string('0', 32) }, card)).Status);
    }

    [Fact]
    public async Task An_introduction_is_an_event_in_the_mailbox_of_the_handle()
    {
        await using var relay = await TestRelay.StartAsync();
        var alice = await Person.CreateAsync(relay.Client, "alice");
        var bob = await Person.CreateAsync(relay.Client, "bob");
        var text = bob.Intro("i", ",\"n\":1.0");
        var dropped = await Person.PostIntroAsync(relay.Client, "alice", text);
        Assert.Equal((201, """{"event_id":"i","status":"dropped","to_nick":"alice"}"""), (dropped.Status, dropped.Body));
        var again = await Person.PostIntroAsync(relay.Client, "alice", text);
        Assert.Equal((200, """{"event_id":"i","status":"duplicate"}"""), (again.Status, again.Body));
        Assert.Equal($"[{text}]", (await relay.Client.GetAsync($"/v1/events/{alice.Slot.Id}", alice.Slot.Token)).Body);

        // a stranger's event does not stand in the way of one that comes with a token, and acking frees the strangers' share
        Assert.Equal("stored", (await relay.Client.PostEventAsync(alice.Slot, text)).Text("status"));
        Assert.Equal((long)text.Length, Databases.Scalar(relay.DataFolder, $"SELECT intro_bytes FROM slot WHERE slot_id = '{alice.Slot.Id}'"));
        await relay.Client.PostAsync($"/v2/events/{alice.Slot.Id}/ack", """{"upto":2}""", alice.Slot.Token);
        Assert.Equal(0L, Databases.Scalar(relay.DataFolder, $"SELECT intro_bytes FROM slot WHERE slot_id = '{alice.Slot.Id}'"));
    }

    [Theory]
    [InlineData("""{"kind":1,"type":"pair_drop"}""", 1, "pair_drop")]
    [InlineData("""{"kind":1100,"type":"x"}""", 1100, "x")]
    [InlineData("""{"kind":1100.0,"type":"pair_drop"}""", 0, "pair_drop")]
    [InlineData("""{"kind":-1100,"type":"pair_drop"}""", 0, "pair_drop")]
    [InlineData("""{"kind":"1100","type":["pair_drop"]}""", 0, "")]
    [InlineData("5", 0, "")]
    public async Task Other_events_are_no_introductions(string text, int kind, string type)
    {
        await using var relay = await TestRelay.StartAsync();
        await Person.CreateAsync(relay.Client, "alice");
        var refused = await Person.PostIntroAsync(relay.Client, "alice", text);
        Assert.Equal((400, kind, type), (refused.Status, refused.Json.GetProperty("got_kind").GetInt32(), refused.Text("got_type")));
    }

    [Fact]
    public async Task An_introduction_needs_a_card_that_verifies_and_a_size_that_fits()
    {
        await using var relay = await TestRelay.StartAsync();
        await Person.CreateAsync(relay.Client, "alice");
        var bob = await Person.CreateAsync(relay.Client, "bob");
        foreach (var (text, status) in new[]
        {
            ("""{"kind":1100,"type":"agent_card"}""", 400),
            ("""{"kind":1100,"type":"agent_card","body":5}""", 400),
            ("""{"kind":1100,"type":"agent_card","body":{"card":5}}""", 400),
            (bob.Intro("i").Replace("\"Bob\"", "\"x\"", StringComparison.Ordinal), 400),
            (bob.Intro("i", $",\"x\":\"{new string('x', WireLimits.EventBytes)}\""), 413),
            (bob.Intro("i").Replace("pair_drop", "agent_card", StringComparison.Ordinal), 201),
        })
        {
            Assert.Equal(status, (await Person.PostIntroAsync(relay.Client, "alice", text)).Status);
        }
    }

    [Theory]
    [InlineData(RelaySql.FindHandle)]
    [InlineData(RelaySql.FindHandleHolder)]
    [InlineData(RelaySql.ListHandles)]
    [InlineData(RelaySql.ListHandlesByVibe)]
    [InlineData(RelaySql.DeleteVibes)]
    [InlineData(RelaySql.DeleteHandle)]
    public Task Every_statement_finds_its_rows_by_an_index(string statement) => Databases.AssertByIndexAsync(statement);
}
