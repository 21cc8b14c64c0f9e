using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Support.InviteScene;
using static WirePS.Tests.Support.PartyScene;

namespace WirePS.Tests.Invites;

/// <summary>The named flaws of wire.md §11.4: one test each, which fails on the flawed behaviour. FlawCoverage.md says where the others are.</summary>
public sealed class FlawTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task I1_an_answer_with_a_made_up_nonce_or_proof_pins_nobody()
    {
        using var scene = new InviteScene();
        var guest = await scene.AddStrangerAsync();
        await scene.MintAsync(protocol: 1);
        var (_, url) = await scene.MintAsync();
        scene.PutAtIssuer(scene.DropOf(guest, BodyOf(guest).With("pair_nonce", new string('a', 64))));
        scene.PutAtIssuer(scene.DropOf(guest, BodyOf(guest)));
        scene.PutAtIssuer(scene.DropOf(guest, Proven(BodyOf(guest), url, guest).With("pair_nonce", new string('a', 64)).With(InviteProof.Member, WireJson.EmptyObject)));
        await AssertNobodyAsync(scene, 3);
    }

    [Fact]
    public async Task I2_a_nonce_that_is_used_up_over_or_taken_back_pairs_nobody_more()
    {
        using var scene = new InviteScene();
        var (first, second) = (await scene.AddStrangerAsync(), await scene.AddStrangerAsync("second"));
        var (_, used) = await scene.MintAsync(protocol: 1);
        var (_, over) = await scene.MintAsync(protocol: 1, lifetime: TimeSpan.FromMinutes(1));
        var (back, taken) = await scene.MintAsync(protocol: 1);
        await scene.Issuer.Engine.Invites.RemoveAsync(back.InviteId, None);
        scene.PutAtIssuer(scene.DropOf(first, BodyOf(first).With("pair_nonce", used.Payload.Nonce)));
        await scene.Issuer.TickAsync();
        scene.Time.Advance(TimeSpan.FromMinutes(2));
        foreach (var url in (InviteUrl[])[used, over, taken])
        {
            scene.PutAtIssuer(scene.DropOf(second, BodyOf(second).With("pair_nonce", url.Payload.Nonce)));
            scene.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await scene.Issuer.TryTickAsync();
        Assert.Equal(CardOf(first).Did, Assert.Single(scene.Issuer.Engine.Trust.List()).Did);
        Assert.Equal(3, scene.Issuer.Engine.Refused.List().Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task I3_an_invite_carries_a_grant_of_its_own_that_ends_with_it(int protocol)
    {
        using var scene = new InviteScene();
        var (invite, url) = await scene.MintAsync(protocol: protocol);
        Assert.DoesNotContain(url.Payload.Route.SlotToken, scene.Relay.SlotTokens);
        Assert.True(scene.Relay.TakesMessage(invite.SlotId, url.Payload.Route.SlotToken));
        scene.Time.Advance(TimeSpan.FromHours(25));
        var guest = await scene.AddStrangerAsync();
        var late = await scene.Relay.ConnectionsOf("thief").To(scene.Relay.Url).Mail.PostAsync(invite.SlotId, url.Payload.Route.SlotToken, scene.DropOf(guest, BodyOf(guest)), None);
        Assert.Equal(WirePS.Relay.PostOutcome.Stale, late);

        using var old = new InviteScene(isOurs: false);
        Assert.Equal(WireReason.RelayWithoutGrants, (await Assert.ThrowsAsync<WireException>(() => old.MintAsync(protocol: protocol))).Reason);
    }

    [Fact]
    public async Task I4_neither_a_handle_nor_a_nonce_leads_out_of_its_folder()
    {
        using var scene = new InviteScene();
        var guest = await scene.AddStrangerAsync();
        var (_, url) = await scene.MintAsync(protocol: 1);
        var before = scene.Issuer.Files.Files;
        foreach (var handle in (string[])["../../../evil", "a/b", "x\0y", "..", "con", "-x", "trust.json"])
        {
            scene.PutAtIssuer(DropWithHandle(scene, handle, url));
        }

        foreach (var nonce in (string[])["../../../config/wire/trust", "./" + url.Payload.Nonce, url.Payload.Nonce + "\0", url.Payload.Nonce.ToUpperInvariant()])
        {
            scene.PutAtIssuer(scene.DropOf(guest, BodyOf(guest).With("pair_nonce", nonce)));
        }

        scene.PutAtIssuer(scene.DropOf(guest, BodyOf(guest).With(InviteProof.Member, WireJson.ObjectOf(("id", WireJson.From("../../../config/wire/trust")), ("sig", WireJson.From(""))))));
        await AssertNobodyAsync(scene, 12);
        Assert.DoesNotContain(scene.Issuer.Files.Files.Except(before), static f => !f.EndsWith("refused.jsonl", StringComparison.Ordinal) && !f.EndsWith("mail-places.json", StringComparison.Ordinal));
    }

    [Fact]
    public async Task I5_what_a_stranger_leaves_does_not_hold_up_what_comes_behind_it()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        var stranger = await scene.AddStrangerAsync();
        scene.PutAtIssuer(scene.DropOf(stranger, BodyOf(stranger)));
        await AcceptAsync(guest, url);
        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);

        // It is looked at once.
        await scene.Issuer.TickAsync();
        Assert.Single(scene.Issuer.Engine.Refused.List());
        Assert.Empty(scene.AtIssuer);
    }

    [Fact]
    public async Task I6_an_acknowledgement_without_the_issuers_signature_moves_no_address()
    {
        using var scene = new InviteScene();
        var (guest, _, url) = await scene.AnsweredAsync();
        await scene.SettleAsync(guest);
        var stranger = await scene.AddStrangerAsync();
        var route = guest.Engine.Mailboxes.FindRoute(CardOf(scene.Issuer).Handle);
        using var own = stranger.Engine.Identity.Open();
        var body = BodyOf(stranger).Without("card").With("invite_id", url.Payload.InviteId!).With("for_key", Convert.ToHexStringLower(CardOf(guest).PublicKey));
        var forged = own.CreateEvent(CardOf(guest).Did, "pair_drop_ack", EventKinds.TrustAddKey, body, scene.Time.GetUtcNow(), null, stranger.Random).Json.With("from", CardOf(scene.Issuer).Did);
        scene.Relay.Mail.Repeat(SlotOf(guest), forged.ToCompactBytes());
        await guest.TickAsync();
        Assert.Equal(route, guest.Engine.Mailboxes.FindRoute(CardOf(scene.Issuer).Handle));
        Assert.Single(guest.Engine.Refused.List());
    }

    [Fact]
    public async Task I8_a_known_name_is_given_to_no_other_key_on_either_side()
    {
        using var scene = new InviteScene();
        var (good, bad) = (scene.Add("good"), scene.Add("bad"));
        await good.Engine.Identity.EnsureAsync("web", None);
        await bad.Engine.Identity.EnsureAsync("web", None);
        var (invite, url) = await scene.MintAsync(uses: 5);
        await AcceptAsync(good, url);
        await scene.SettleAsync(good);
        await AcceptAsync(bad, url);
        await scene.SettleAsync(bad);
        Assert.Equal(CardOf(good).PublicKey, Assert.Single(scene.Issuer.Engine.Trust.List()).PublicKey);
        Assert.Single(scene.InviteOf(invite.InviteId).Accepted);

        var impostor = scene.Add("impostor");
        await impostor.Engine.Identity.EnsureAsync(CardOf(scene.Issuer).Handle, None);
        using var own = impostor.Engine.Identity.Open();
        var second = InviteUrl.Mint(own, url.Payload.Route, new byte[32], url.Payload.ExpiresAt, new string('3', 32));
        Assert.Equal(WireReason.IdentityConflict, (await Assert.ThrowsAsync<WireException>(() => good.Engine.Invites.AcceptAsync(second.Text, false, None))).Reason);
    }

    [Fact]
    public async Task I9_the_acceptor_says_paired_only_when_the_issuer_has_pinned_it()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        scene.Relay.Weather = static call => call.Action == RelayAction.PostEvent ? new RelayFault.DropBefore() : null;
        await guest.Engine.Invites.AcceptAsync(url.Text, false, None);
        await guest.TryTickAsync();
        Assert.Equal(PairStatus.RequestGuest, PairOf(guest).Status);
        Assert.Empty(guest.Engine.Trust.List());
        scene.Relay.Weather = null;
        await guest.TickAsync();
        await guest.TickAsync();
        Assert.Equal((PairStatus.Polling, false), (PairOf(guest).Status, PairOf(guest).PeerAcked));
        Assert.Empty(guest.Engine.Trust.List());
        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);
    }

    [Fact]
    public async Task I10_an_old_answer_played_again_brings_back_nothing_and_burns_no_use()
    {
        using var scene = new InviteScene();
        var guest = await scene.AddStrangerAsync();
        var (invite, url) = await scene.MintAsync(uses: 3);
        var held = scene.DropOf(guest, Proven(BodyOf(guest, 1), url, guest));
        scene.Time.Advance(TimeSpan.FromMinutes(1));
        var newer = scene.DropOf(guest, Proven(BodyOf(guest, 2), url, guest));
        scene.PutAtIssuer(newer);
        await scene.Issuer.TickAsync();
        for (var i = 0; i < 3; i++)
        {
            scene.PutAtIssuer(newer);
            scene.PutAtIssuer(held);
            await scene.Issuer.TickAsync();
        }

        Assert.Single(scene.InviteOf(invite.InviteId).Accepted);
        Assert.EndsWith("2", scene.Issuer.Engine.Mailboxes.FindRoute(CardOf(guest).Handle)!.SlotId, StringComparison.Ordinal);

        // After the time for which events are remembered it is too old.
        scene.Time.Advance(TimeSpan.FromDays(40));
        scene.PutAtIssuer(newer);
        await scene.Issuer.TryTickAsync();
        Assert.Equal(EventRefusal.TooOld, scene.Issuer.Engine.Refused.List()[^1].Reason);
    }

    [Fact]
    public async Task I11_an_event_of_an_unknown_kind_or_schema_holds_up_nothing()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        var stranger = await scene.AddStrangerAsync();
        var item = scene.DropOf(stranger, BodyOf(stranger)).Json;
        scene.PutAtIssuer(SignedEvent.FromJson(item.With("kind", 4711)));
        scene.PutAtIssuer(SignedEvent.FromJson(item.With("schema_version", "v9.0")));
        await AcceptAsync(guest, url);
        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);
        Assert.Equal(2, scene.Issuer.Engine.Refused.List().Count);
    }

    [Fact]
    public async Task I12_an_empty_handle_is_refused_like_any_other_bad_card()
    {
        using var scene = new InviteScene();
        var (_, url) = await scene.MintAsync(protocol: 1);
        scene.PutAtIssuer(DropWithHandle(scene, "", url));
        await AssertNobodyAsync(scene, 1);
        Assert.Equal(EventRefusal.InvalidCard, scene.Issuer.Engine.Refused.List()[0].Reason);
    }

    [Fact]
    public async Task I13_an_event_without_an_id_does_not_begin_the_mailbox_anew()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        var stranger = await scene.AddStrangerAsync();
        await AcceptAsync(guest, url);
        scene.PutAtIssuer(SignedEvent.FromJson(scene.DropOf(stranger, BodyOf(stranger)).Json.Without("event_id")));
        await scene.SettleAsync(guest);
        Assert.Equal(IntakeReport.Nothing, (await scene.Issuer.TickAsync()).Mail.Taken);
        scene.AssertPaired(guest);
    }

    [Fact]
    public async Task I14_no_peer_is_pinned_without_an_address_to_answer_to()
    {
        using var scene = new InviteScene();
        var guest = await scene.AddStrangerAsync();
        var (_, url) = await scene.MintAsync(uses: 9);
        var endpoint = BodyOf(guest).Without("card");
        var bare = WireJson.EmptyObject.With("card", CardOf(guest).Json);
        foreach (var body in (WireJson[])
        [
            bare,
            bare.With("endpoints", WireJson.EmptyArray),
            BodyOf(guest).Without("slot_token"),
            BodyOf(guest).With("relay_url", "http://127.0.0.1:1"),
            bare.With("endpoints", WireJson.ArrayOf((WireJson[])[endpoint])),
            BodyOf(guest).With("relay_url", "https://10.0.0.1").With("endpoints", WireJson.ArrayOf((WireJson[])[endpoint.With("relay_url", "https://192.168.0.1")])),
        ])
        {
            scene.PutAtIssuer(scene.DropOf(guest, Proven(body, url, guest)));
        }

        await AssertNobodyAsync(scene, 6);

        // One that has a usable one in the list is as good.
        scene.PutAtIssuer(scene.DropOf(guest, Proven(BodyOf(guest).With("relay_url", "https://10.0.0.1").With("endpoints", WireJson.ArrayOf((WireJson[])[WireJson.EmptyObject, endpoint])), url, guest)));
        await scene.Issuer.TickAsync();
        Assert.NotNull(scene.Issuer.Engine.Mailboxes.FindRoute(Assert.Single(scene.Issuer.Engine.Trust.List()).Handle));
    }

    [Fact]
    public async Task I15_pins_made_at_once_are_all_there()
    {
        using var scene = new InviteScene();
        var cards = Enumerable.Range(0, 40).Select(static i => AgentCard.Create(Enumerable.Repeat((byte)i, 32).ToArray(), $"peer{i}")).ToList();
        await Task.WhenAll(cards.Select(card => Task.Run(() => scene.Issuer.Engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "invite", "person", "invite", null, null), static (_, _) => Task.CompletedTask, None))));
        Assert.Equal(40, scene.Issuer.Engine.Trust.List().Count);
    }

    [Fact]
    public async Task I16_uses_and_lifetimes_have_bounds_and_a_key_uses_an_invite_once()
    {
        using var scene = new InviteScene();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => scene.MintAsync(uses: 0));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => scene.MintAsync(uses: InviteOperations.MostUses + 1));
        foreach (var life in (TimeSpan[])[TimeSpan.FromSeconds(59), TimeSpan.FromDays(31), TimeSpan.MaxValue, TimeSpan.FromHours(-1)])
        {
            Assert.Equal(WireReason.InvalidDuration, (await Assert.ThrowsAsync<WireException>(() => scene.MintAsync(lifetime: life))).Reason);
        }

        var guest = await scene.AddStrangerAsync();
        var (invite, url) = await scene.MintAsync(uses: 3);
        for (var i = 0; i < 4; i++)
        {
            scene.Time.Advance(TimeSpan.FromSeconds(1));
            scene.PutAtIssuer(scene.DropOf(guest, Proven(BodyOf(guest), url, guest)));
        }

        await scene.Issuer.TryTickAsync();
        Assert.Equal(2, scene.InviteOf(invite.InviteId).UsesLeft);
    }

    [Fact]
    public async Task I17_an_answer_for_somebody_else_or_of_another_time_is_refused()
    {
        using var scene = new InviteScene();
        var guest = await scene.AddStrangerAsync();
        var (_, url) = await scene.MintAsync(uses: 9);
        using var own = guest.Engine.Identity.Open();
        var body = Proven(BodyOf(guest), url, guest);
        foreach (var (to, days) in ((string, int)[])[("did:wire:somebody-00000000", 0), (CardOf(scene.Issuer).Did, -40)])
        {
            scene.PutAtIssuer(own.CreateEvent(to, "pair_drop", EventKinds.AgentCard, body, scene.Time.GetUtcNow().AddDays(days), null, guest.Random));
        }

        await AssertNobodyAsync(scene, 2);
        Assert.Equal([EventRefusal.WrongRecipient, EventRefusal.TooOld], scene.Issuer.Engine.Refused.List().Select(static r => r.Reason));
    }

    [Fact]
    public async Task I18_the_acceptor_answers_with_a_mailbox_on_the_invites_relay()
    {
        using var scene = new InviteScene();
        var guest = await scene.AddStrangerAsync("guest");
        Directory.CreateDirectory(guest.Home.ConfigFolder);
        var self = WireJson.ObjectOf(("relay_url", WireJson.From("http://127.0.0.1:8771")), ("slot_id", WireJson.From(new string('1', 32))), ("slot_token", WireJson.From(new string('2', 64))));
        guest.Engine.Files.WritePrivate(guest.Home.RelayFile, WireJson.EmptyObject.With("self", self).With("peers", WireJson.EmptyObject).ToCompactBytes());
        var (_, url) = await scene.MintAsync();
        await guest.Engine.Invites.AcceptAsync(url.Text, false, None);
        await guest.Engine.Runner.RunAsync(PairOf(guest).Id, new PairPassOptions(true, TimeSpan.Zero), None);
        var body = Assert.Single(scene.AtIssuer).Body!;
        Assert.Equal(scene.Relay.Url, body.GetString("relay_url"));
        Assert.DoesNotContain("127.0.0.1", body.ToCompactString(), StringComparison.Ordinal);
        Assert.Equal(2, guest.Engine.Mailboxes.List().Count);
    }

    [Fact]
    public async Task I21_a_handle_that_is_no_file_name_pins_nobody_and_stops_nothing()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, bare) = await scene.MintAsync(protocol: 1, uses: 9);
        var (_, url) = await scene.MintAsync();
        scene.PutAtIssuer(DropWithHandle(scene, "a/b", bare));
        scene.PutAtIssuer(DropWithHandle(scene, "x\0y", bare));
        await AcceptAsync(guest, url);
        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);
        Assert.Single(scene.Issuer.Engine.Trust.List());
        Assert.Equal(2, scene.Issuer.Engine.Refused.List().Count);
    }

    [Fact]
    public async Task I22_our_own_answer_posted_back_changes_nothing_and_our_own_invite_is_refused()
    {
        using var scene = new InviteScene();
        var (invite, url) = await scene.MintAsync(uses: 2);
        var trust = File.ReadAllText(scene.Issuer.Home.TrustFile);
        scene.PutAtIssuer(scene.DropOf(scene.Issuer, Proven(BodyOf(scene.Issuer), url, scene.Issuer)));
        await AssertNobodyAsync(scene, 1);
        Assert.Equal(trust, File.ReadAllText(scene.Issuer.Home.TrustFile));
        Assert.Empty(scene.InviteOf(invite.InviteId).Accepted);
        Assert.Equal(WireReason.OwnInvite, (await Assert.ThrowsAsync<WireException>(() => scene.Issuer.Engine.Invites.AcceptAsync(url.Text, false, None))).Reason);
        Assert.Empty(scene.Issuer.Engine.Pairs.List());
    }

    [Fact]
    public async Task I23_one_that_was_revoked_stalls_nothing()
    {
        using var scene = new InviteScene();
        var (bad, good) = (scene.Add("bad"), scene.Add("good"));
        var (_, url) = await scene.MintAsync(uses: 3);
        await AcceptAsync(bad, url);
        await scene.SettleAsync(bad);
        File.WriteAllText(scene.Issuer.Home.TrustFile, File.ReadAllText(scene.Issuer.Home.TrustFile).Replace("\"ceremony\": \"invite\"", "\"ceremony\": \"invite\", \"revoked_at\": \"2026-01-01T00:00:00Z\"", StringComparison.Ordinal));
        scene.Time.Advance(TimeSpan.FromSeconds(1));
        scene.PutAtIssuer(scene.DropOf(bad, Proven(BodyOf(bad), url, bad)));
        await AcceptAsync(good, url);
        await scene.SettleAsync(good);
        scene.AssertPaired(good);
        Assert.Empty(scene.AtIssuer);
    }

    private static async Task AssertNobodyAsync(InviteScene scene, int refused)
    {
        await scene.Issuer.TickAsync();
        Assert.Empty(scene.Issuer.Engine.Trust.List());
        Assert.Equal(refused, scene.Issuer.Engine.Refused.List().Count);
        Assert.Empty(scene.AtIssuer);
    }

    /// <summary>An answer with the right nonce, whose card holds but for its handle.</summary>
    private static SignedEvent DropWithHandle(InviteScene scene, string handle, InviteUrl url)
    {
        var seed = Encoding.UTF8.GetBytes(handle.PadRight(32, '~'))[..32];
        var key = Ed25519.PublicKey(seed);
        var members = AgentCard.Create(seed, "honest").Json
            .With("handle", handle)
            .With("did", $"did:wire:{handle}-{Fingerprint.Short(key)}")
            .With("verify_keys", WireJson.EmptyObject.With(Fingerprint.CardKeyName(handle, key), WireJson.ObjectOf(("key", WireJson.From(StrictBase64.Encode(key))))));
        var card = AgentCard.Sign(seed, members);
        var body = WireJson.EmptyObject.With("card", card).With("relay_url", FakeRelay.DefaultUrl).With("slot_id", new string('1', 32)).With("slot_token", new string('2', 64)).With("pair_nonce", url.Payload.Nonce);
        var content = WireJson.EmptyObject
            .With("schema_version", "v3.1")
            .With("timestamp", WirePS.Storage.Timestamps.Format(scene.Time.GetUtcNow()))
            .With("from", card.GetString("did")!)
            .With("to", CardOf(scene.Issuer).Did)
            .With("type", "pair_drop")
            .With("kind", 1100)
            .With("body", body);
        return SignedEvent.Sign(seed, handle, content);
    }
}
