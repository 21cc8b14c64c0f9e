using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Tests.Handshakes;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Trust;

/// <summary>The named flaws of wire.md §11.4 and §11.6 that concern trust, requests and routes: one test each, which fails on the flawed behaviour.</summary>
public sealed class TrustFlawTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task I1_a_drop_with_a_made_up_nonce_is_neither_trusted_nor_kept()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var stranger = new TrustRequestTests.Stranger(Machine.Bytes(50), "stranger");
        var body = WireJson.ObjectOf(("card", stranger.Card.Json), ("pair_nonce", WireJson.From(Machine.Token)), ("relay_url", WireJson.From(pair.Relay.Url)), ("slot_id", WireJson.From(Machine.Slot)), ("slot_token", WireJson.From(Machine.Token)));
        Leave(pair, stranger.Event(pair.Two, EventTypes.PairDrop, EventKinds.AgentCard, body, pair.Relay));
        await pair.Two.TickAsync();
        Assert.Empty(pair.Two.Engine.Trust.ListAll());
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        Assert.Null(pair.Two.Engine.Mailboxes.FindRoute("stranger"));
        Assert.Single(pair.Two.Engine.Refused.List());
    }

    [Theory]
    [InlineData("../../config/wire/trust")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a\0b")]
    [InlineData("_under")]
    [InlineData("con")]
    public async Task I4_a_name_that_is_no_file_name_makes_no_file(string handle)
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var before = pair.Two.Files.Files;
        Leave(pair, Request(pair, CardOf(handle)));
        await pair.Two.TickAsync();
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        Assert.Equal(EventRefusal.InvalidCard, Assert.Single(pair.Two.Engine.Refused.List()).Reason);
        Assert.Equal(["state/wire/mail-places.json", "state/wire/refused.jsonl"], pair.Two.Files.Files.Except(before));
    }

    [Fact]
    public async Task I5_a_drop_that_nobody_decides_holds_up_nothing_and_a_refusal_has_effect()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var known = new TrustRequestTests.Stranger(Machine.Bytes(51), "known");
        await PinAsync(pair.Two, known.Card);
        Leave(pair, new TrustRequestTests.Stranger(Machine.Bytes(52), "waiting").Ask(pair.Two, pair.Relay));
        Leave(pair, known.Event(pair.Two, "note", EventKinds.Message, WireJson.From("behind it"), pair.Relay));
        Assert.Equal(1, (await pair.Two.TickAsync()).Mail.Taken.Messages);
        Assert.Empty(pair.Relay.Mail.TextsOf(TrustRequestTests.SlotOf(pair.Two)));
        await pair.Two.Engine.Requests.DenyAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, null, None);
        await pair.Two.TryTickAsync();
        Assert.Empty(pair.Two.Engine.Requests.Pending());
    }

    [Fact]
    public async Task I8_a_request_with_the_name_of_a_peer_does_not_take_its_place()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var known = new TrustRequestTests.Stranger(Machine.Bytes(51), "known");
        await PinAsync(pair.Two, known.Card);
        var route = new PeerRoute(pair.Relay.Url, Machine.Slot, new string('a', 64));
        await pair.Two.Engine.Mailboxes.SetRouteAsync("known", route, None);
        Leave(pair, new TrustRequestTests.Stranger(Machine.Bytes(53), "known").Ask(pair.Two, pair.Relay));
        await pair.Two.TickAsync();
        var error = await Assert.ThrowsAsync<WireException>(() => pair.Two.Engine.Requests.ApproveAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, None));
        Assert.Equal(WireReason.IdentityConflict, error.Reason);
        Assert.Equal(known.Card.PublicKey, Assert.Single(pair.Two.Engine.Trust.ListAll()).PublicKey);
        Assert.Equal(route, pair.Two.Engine.Mailboxes.FindRoute("known"));
    }

    [Fact]
    public async Task I10_an_old_drop_repeated_rolls_nothing_back()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var stranger = new TrustRequestTests.Stranger(Machine.Bytes(54), "stranger");
        var drop = stranger.Ask(pair.Two, pair.Relay);
        Leave(pair, drop);
        await pair.Two.TickAsync();
        await pair.Two.Engine.Requests.ApproveAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, None);
        var peer = Assert.Single(pair.Two.Engine.Trust.List());
        var newer = CardChain.Next(Machine.Bytes(54), stranger.Card, static c => c.With("name", "Newer"));
        await pair.Two.Engine.Trust.UpdateCardAsync(peer, newer, None);
        var route = new PeerRoute(pair.Relay.Url, Machine.Slot, new string('b', 64));
        await pair.Two.Engine.Mailboxes.SetRouteAsync("stranger", route, None);
        var entry = Assert.Single(pair.Two.Engine.Trust.List()) with { Card = null };

        Leave(pair, drop);
        Leave(pair, SignedEvent.Sign(Machine.Bytes(54), "stranger", SignedEvent.Parse(drop).Json.With("again", 1)).Json.ToCompactBytes());
        await pair.Two.TryTickAsync();
        var after = Assert.Single(pair.Two.Engine.Trust.List());
        Assert.Equal(("Newer", 1), (after.Card!.Name, after.CardSeq));
        Assert.Equal((entry.Grant, entry.PinnedAt, entry.RequestId), (after.Grant, after.PinnedAt, after.RequestId));
        Assert.Equal(route, pair.Two.Engine.Mailboxes.FindRoute("stranger"));
        Assert.Empty(pair.Two.Engine.Requests.Pending());
    }

    [Fact]
    public async Task I12_an_empty_name_is_refused_and_what_follows_is_taken()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        Leave(pair, Request(pair, CardOf("")));
        Leave(pair, new TrustRequestTests.Stranger(Machine.Bytes(55), "after").Ask(pair.Two, pair.Relay));
        await pair.Two.TickAsync();
        Assert.Equal("after", Assert.Single(pair.Two.Engine.Requests.Pending()).Handle);
    }

    [Fact]
    public async Task I14_a_request_without_an_address_is_no_request_and_an_empty_list_hides_none()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var stranger = new TrustRequestTests.Stranger(Machine.Bytes(56), "stranger");
        var body = WireJson.ObjectOf(("card", stranger.Card.Json), ("trust_request", stranger.Sign(TrustMessageType.Request, pair.Two, null, pair.Relay, 1)), ("endpoints", WireJson.EmptyArray));
        Leave(pair, stranger.Event(pair.Two, EventTypes.PairDrop, EventKinds.AgentCard, body, pair.Relay));
        await pair.Two.TickAsync();
        Assert.Empty(pair.Two.Engine.Requests.Pending());

        body = body.With("relay_url", pair.Relay.Url).With("slot_id", Machine.Slot).With("slot_token", Machine.Token);
        Leave(pair, stranger.Event(pair.Two, EventTypes.PairDrop, EventKinds.AgentCard, body, pair.Relay));
        await pair.Two.TickAsync();
        await pair.Two.Engine.Requests.ApproveAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, None);
        Assert.Equal(Machine.Slot, pair.Two.Engine.Mailboxes.FindRoute("stranger")!.SlotId);
    }

    [Fact]
    public async Task I15_changes_of_the_trust_store_at_once_are_all_there()
    {
        using var home = new TestHome();
        using var one = new WireEngine(home.Home);
        using var other = new WireEngine(home.Home);
        await Parallel.ForEachAsync(Enumerable.Range(1, 24), async (n, token) =>
        {
            var engine = n % 2 == 0 ? one : other;
            await engine.Trust.PinAsync(new PinRequest(AgentCard.Create(Machine.Bytes((byte)n), $"peer{n}"), TrustTier.Verified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, token);
            await engine.Trust.SetPeerAckedAsync(engine.Trust.List().Single(p => p.Handle == $"peer{n}").Did, token);
        });
        Assert.Equal(24, one.Trust.List().Count(static p => p.PeerAcked));
    }

    [Fact]
    public async Task I21_a_peer_whose_name_is_no_file_name_does_not_stop_the_others()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var (odd, known) = (new TrustRequestTests.Stranger(Machine.Bytes(57), "known"), new TrustRequestTests.Stranger(Machine.Bytes(58), "other"));
        var oddCard = CardOf("_odd");
        await PinAsync(pair.Two, AgentCard.From(oddCard));
        await PinAsync(pair.Two, known.Card);
        Leave(pair, SignedEvent.Create(Machine.Bytes(57), AgentCard.From(oddCard), pair.Two.Engine.Identity.Find()!.Did, "note", EventKinds.Message, WireJson.From("odd"), pair.Time.GetUtcNow()).Json.ToCompactBytes());
        Leave(pair, known.Event(pair.Two, "note", EventKinds.Message, WireJson.From("hello"), pair.Relay));
        Assert.Equal(1, (await pair.Two.TickAsync()).Mail.Taken.Messages);
        Assert.Single(pair.Two.Engine.Refused.List());
        Assert.NotEqual(odd.Card.Did, oddCard.GetString("did"));
    }

    [Fact]
    public async Task I23_what_a_revoked_peer_sends_does_not_stall_the_mailbox()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var (revoked, known) = (new TrustRequestTests.Stranger(Machine.Bytes(57), "revoked"), new TrustRequestTests.Stranger(Machine.Bytes(58), "other"));
        await PinAsync(pair.Two, revoked.Card);
        await PinAsync(pair.Two, known.Card);
        await pair.Two.Engine.PeerRevocation.RevokeAsync(pair.Two.Engine.Trust.Find(revoked.Card.Did)!, null, None);
        Leave(pair, revoked.Ask(pair.Two, pair.Relay));
        Leave(pair, revoked.Event(pair.Two, "note", EventKinds.Message, WireJson.From("still here"), pair.Relay));
        Leave(pair, known.Event(pair.Two, "note", EventKinds.Message, WireJson.From("hello"), pair.Relay));
        Assert.Equal(new IntakeReport(1, 0, 2), (await pair.Two.TickAsync()).Mail.Taken);
        Assert.All(pair.Two.Engine.Refused.List(), static r => Assert.Equal(EventRefusal.Revoked, r.Reason));
        Assert.Equal(IntakeReport.Nothing, (await pair.Two.TickAsync()).Mail.Taken);
    }

    [Fact]
    public async Task M2_a_route_stands_in_both_forms_and_everything_goes_by_the_same_one()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        await pair.AskAsync(null);
        await pair.SettleAsync();
        await pair.Two.Engine.Requests.ApproveAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, None);
        await pair.SettleAsync();
        var route = pair.One.Engine.Mailboxes.FindRoute("two")!;
        var entry = JsonNode.Parse(File.ReadAllText(pair.One.Home.RelayFile))!["peers"]!["two"]!;
        var endpoint = Assert.Single(entry["endpoints"]!.AsArray())!;
        foreach (var place in (JsonNode[])[entry, endpoint])
        {
            Assert.Equal((route.RelayUrl, route.SlotId, route.SlotToken), ((string?)place["relay_url"], (string?)place["slot_id"], (string?)place["slot_token"]));
        }

        // A message, a card and a request go there, whatever sends them.
        var before = pair.Relay.CountOf(RelayAction.PostEvent);
        var peer = pair.One.Engine.Trust.Find(pair.Two.Engine.Identity.Find()!.Did)!;
        pair.One.Engine.Outbox.Add(pair.One.Engine.Post.MakeMessage(peer, "note", EventKinds.Message, WireJson.From("hello")));
        await pair.One.Engine.OwnCard.ChangeAsync(static c => c.With("name", "One"), None);
        await pair.One.Engine.Requests.AskAsync(peer, null, None);
        Assert.All((await pair.One.TickAsync()).Mail.Deliveries, static d => Assert.Equal(DeliveryStatus.Delivered, d.Status));
        Assert.Equal(before + 3, pair.Relay.CountOf(RelayAction.PostEvent));
        Assert.Equal(3, pair.Relay.Mail.TextsOf(route.SlotId).Count);
    }

    [Fact]
    public async Task M3_another_mailbox_takes_neither_the_first_one_nor_its_place_away()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        Leave(pair, new TrustRequestTests.Stranger(Machine.Bytes(59), "stranger").Ask(pair.Two, pair.Relay));
        await pair.Two.TickAsync();
        var first = Assert.Single(pair.Two.Engine.Mailboxes.List());
        var places = File.ReadAllText(pair.Two.Home.MailPlacesFile);
        var connections = pair.Relay.ConnectionsOf("two");
        var second = await pair.Two.Engine.Mailboxes.EnsureAsync(connections.To(pair.Relay.Url), new string('c', 32), None);
        Assert.Equal([first, second], pair.Two.Engine.Mailboxes.List());
        Assert.Equal(places, File.ReadAllText(pair.Two.Home.MailPlacesFile));
        Assert.Equal(IntakeReport.Nothing, (await pair.Two.TickAsync()).Mail.Taken);
    }

    private static void Leave(TrustRequestTests.Strangers pair, byte[] utf8) => pair.Relay.Mail.Repeat(TrustRequestTests.SlotOf(pair.Two), utf8);

    private static Task<string?> PinAsync(Party party, AgentCard card) =>
        party.Engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, None);

    /// <summary>A card with any name, signed by its key: what an attacker makes.</summary>
    private static WireJson CardOf(string handle)
    {
        var seed = Machine.Bytes(57);
        var key = Ed25519.PublicKey(seed);
        var honest = AgentCard.Create(seed, "honest").Json;
        var keys = WireJson.EmptyObject.With(Fingerprint.CardKeyName(handle, key), honest.GetObject("verify_keys")!.MemberAt(0, WireJsonOrder.Sorted).Value);
        return AgentCard.Sign(seed, honest.With("handle", handle).With("did", $"did:wire:{handle}-{Fingerprint.Short(key)}").With("verify_keys", keys));
    }

    private static byte[] Request(TrustRequestTests.Strangers pair, WireJson card)
    {
        var seed = Machine.Bytes(57);
        var sender = AgentCard.From(card);
        using var own = new OwnIdentity(sender, SecretBytes.CopyOf(seed));
        var members = TrustMessage.Create(TrustMessageType.Request, sender, pair.Two.Engine.Identity.Find()!.Card, null, null, pair.Time.GetUtcNow(), new PinnedRandom(1)).Sign(own);
        var body = WireJson.ObjectOf(("card", card), ("trust_request", members), ("relay_url", WireJson.From(pair.Relay.Url)), ("slot_id", WireJson.From(Machine.Slot)), ("slot_token", WireJson.From(Machine.Token)));
        return SignedEvent.Create(seed, sender, pair.Two.Engine.Identity.Find()!.Did, EventTypes.PairDrop, EventKinds.AgentCard, body, pair.Time.GetUtcNow()).Json.ToCompactBytes();
    }
}
