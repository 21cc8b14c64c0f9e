using System.Text;
using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Relay;

/// <summary>The directory of handles: what the client asks, what it takes for an answer, and what a home makes of it.</summary>
public sealed class DirectoryTests
{
    private static readonly AgentCard Card = AgentCard.Create(Machine.Bytes(11), "build-server");
    private static readonly Mailbox Mailbox = new("", Machine.Slot, Machine.Token);

    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task Requests_are_those_of_the_specification()
    {
        await using var server = new TestServer(static request => (request.Method, request.Path) switch
        {
            ("POST", "/v1/handle/claim") => Reply(201, """{"nick":"build-server","did":"d","status":"claimed"}"""),
            ("DELETE", _) => Reply(200, """{"nick":"build-server","status":"unclaimed"}"""),
            ("GET", "/.well-known/wire/agent") => Reply(200, Record(static _ => { })),
            ("GET", _) => Reply(200, """{"handles":[{"nick":"build-server","did":"d"}],"next_cursor":"build-server"}"""),
            _ => Reply(201, """{"event_id":"e","status":"dropped","to_nick":"build-server"}"""),
        });
        var directory = Client(server).Directory;
        Assert.Equal(HandleClaim.Claimed, await directory.ClaimAsync(Mailbox, Card, false, None));
        Assert.True(await directory.UnclaimAsync(Mailbox, "build-server", None));
        var record = (await directory.ResolveAsync("build-server", None))!;
        Assert.Equal((Card.Did, new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero)), (record.Card.Did, record.ClaimedAt));
        var page = await directory.ListAsync("alpha", 7, None);
        Assert.Equal(["build-server"], page.Handles);
        Assert.Equal("build-server", page.Next);
        Assert.Equal(PostOutcome.Stored, await directory.IntroduceAsync("build-server", SignedEvent.FromJson(WireJson.EmptyObject), None));

        Assert.Equal(
            ["POST /v1/handle/claim", "DELETE /v1/handle/claim/build-server", "GET /.well-known/wire/agent?handle=build-server", "GET /v1/handles?limit=7&cursor=alpha", "POST /v1/handle/intro/build-server"],
            server.Requests.Select(static r => $"{r.Method} {r.Target}"));
        var claim = JsonNode.Parse(server.Requests.First().Body)!;
        Assert.Equal(("build-server", Machine.Slot, server.Url, false), ((string?)claim["nick"], (string?)claim["slot_id"], (string?)claim["relay_url"], (bool?)claim["discoverable"]));
        Assert.Equal(Card.Did, AgentCard.Parse(Encoding.UTF8.GetBytes(claim["card"]!.ToJsonString())).Verify().Did);
        Assert.Equal([true, true, false, false, false], server.Requests.Select(static r => r.Headers.ContainsKey("Authorization")));
    }

    [Fact]
    public async Task A_record_that_does_not_hold_together_is_no_answer()
    {
        var other = AgentCard.Create(Machine.Bytes(12), "build-server");
        foreach (var (change, reason) in new (Action<JsonObject>, WireReason)[]
        {
            (static r => r["nick"] = "somebody", WireReason.RelayBadReply),
            (static r => r.Remove("card"), WireReason.RelayBadReply),
            (r => r["did"] = other.Did, WireReason.InvalidCard),
            (static r => r["card"]!["name"] = "Changed", WireReason.InvalidCard),
            (static r => r["card"] = JsonNode.Parse(AgentCard.Create(Machine.Bytes(11), "another").JsonText), WireReason.InvalidCard),
        })
        {
            await using var server = new TestServer(_ => Reply(200, Record(change)));
            var error = await Assert.ThrowsAnyAsync<WireException>(() => Client(server).Directory.ResolveAsync("build-server", None));
            Assert.Equal(reason, error.Reason);
        }
    }

    [Fact]
    public async Task A_list_that_does_not_go_on_is_not_read_for_ever()
    {
        await using var server = new TestServer(static _ => Reply(200, """{"handles":[],"next_cursor":"beta"}"""));
        Assert.Equal("beta", (await Client(server).Directory.ListAsync("alpha", 1, None)).Next);
        await Assert.ThrowsAsync<RelayException>(() => Client(server).Directory.ListAsync("beta", 1, None));
        await Assert.ThrowsAsync<RelayException>(() => Client(server).Directory.ListAsync("gamma", 1, None));
    }

    [Theory]
    [InlineData(404, """{"error":"unknown slot"}""", WireReason.MailboxLost)]
    [InlineData(403, """{"error":"bad token"}""", WireReason.MailboxLost)]
    [InlineData(400, """{"error":"x"}""", WireReason.RelayRefused)]
    [InlineData(429, "slow", WireReason.RelayRateLimited)]
    public async Task A_refused_claim_says_why(int status, string body, WireReason reason)
    {
        await using var server = new TestServer(_ => Reply(status, body));
        Assert.Equal(reason, (await Assert.ThrowsAsync<RelayException>(() => Client(server).Directory.ClaimAsync(Mailbox, Card, null, None))).Reason);
    }

    [Fact]
    public async Task A_home_is_found_under_its_handle_until_it_goes()
    {
        var time = new FakeTime();
        var relay = new FakeRelay(time);
        using var one = new Party("one", relay, time);
        using var other = new Party("other", relay, time);
        await one.Engine.Identity.EnsureAsync("build-server", None);
        await one.Engine.Directory.RegisterAsync(relay.Url, null, None);
        var found = (await other.Engine.Directory.FindAsync(relay.Url, "build-server", None))!;
        Assert.Equal((one.Engine.Identity.Find()!.Did, PeerKeyFamiliarity.New), (found.Card.Did, found.Familiarity));
        Assert.Equal(["build-server"], await ListedAsync(other));

        await one.Engine.Directory.RegisterAsync(relay.Url, false, None);
        Assert.Empty(await ListedAsync(other));
        Assert.NotNull(await other.Engine.Directory.FindAsync(relay.Url, "build-server", None));

        Assert.True(await one.Engine.Directory.UnregisterAsync(relay.Url, None));
        Assert.False(await one.Engine.Directory.UnregisterAsync(relay.Url, None));
        Assert.Null(await other.Engine.Directory.FindAsync(relay.Url, "build-server", None));
    }

    [Fact]
    public async Task A_handle_of_somebody_else_stays_theirs()
    {
        var time = new FakeTime();
        var relay = new FakeRelay(time);
        using var one = new Party("one", relay, time);
        using var other = new Party("other", relay, time);
        await one.Engine.Identity.EnsureAsync("build-server", None);
        await other.Engine.Identity.EnsureAsync("build-server", None);
        await one.Engine.Directory.RegisterAsync(relay.Url, null, None);
        Assert.Equal(WireReason.HandleTaken, (await Assert.ThrowsAsync<WireException>(() => other.Engine.Directory.RegisterAsync(relay.Url, null, None))).Reason);
        Assert.False(await other.Engine.Directory.UnregisterAsync(relay.Url, None));
        Assert.Equal(one.Engine.Identity.Find()!.Did, (await other.Engine.Directory.FindAsync(relay.Url, "build-server", None))!.Card.Did);
    }

    private static async Task<List<string>> ListedAsync(Party party)
    {
        var handles = new List<string>();
        await foreach (var found in party.Engine.Directory.ListAsync(party.Relay.Url, static _ => true, 10, None))
        {
            handles.Add(found.Card.Handle);
        }

        return handles;
    }

    private static string Record(Action<JsonObject> change)
    {
        var record = new JsonObject
        {
            ["nick"] = "build-server",
            ["did"] = Card.Did,
            ["card"] = JsonNode.Parse(Card.JsonText),
            ["slot_id"] = Machine.Slot,
            ["relay_url"] = null,
            ["claimed_at"] = "2026-01-02T00:00:00Z",
        };
        change(record);
        return record.ToJsonString();
    }

    private static string Reply(int status, string body) => TestServer.Reply(status, body);

    private static HttpRelay Client(TestServer server) => new(server.Url, Clients, new FakeTime());

    private static readonly HttpClient Clients = new();
}
