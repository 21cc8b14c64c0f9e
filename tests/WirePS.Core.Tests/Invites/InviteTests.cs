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

/// <summary>Invites from the issuer's command to the pins on both sides, over a relay that fails, lies and reads everything.</summary>
public sealed class InviteTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task Both_sides_are_pinned_and_the_acceptor_only_when_the_issuer_has_said_so()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (invite, url) = await scene.MintAsync(label: "fleet");
        var waiting = await AcceptAsync(guest, url);
        Assert.Equal((PairStatus.Polling, PairKinds.Invite, 1), (waiting.Status, waiting.Kind, waiting.Drops));
        Assert.True(InviteProtocol.IsWaitingForAck(waiting));
        Assert.Empty(guest.Engine.Trust.List());

        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);
        Assert.True(Trusts(guest, scene.Issuer)!.PeerAcked);
        Assert.Equal("fleet", Trusts(scene.Issuer, guest)!.Label);

        // The grants are those two alone and the invite's; what the invite carried is no longer used.
        Assert.Equal(3, scene.Relay.LiveGrants.Count);
        Assert.NotEqual(url.Payload.Route.SlotToken, guest.Engine.Mailboxes.FindRoute(CardOf(scene.Issuer).Handle)!.SlotToken);
        var use = Assert.Single(scene.InviteOf(invite.InviteId).Accepted);
        Assert.Equal(Convert.ToHexStringLower(CardOf(guest).PublicKey), use.Key);
        Assert.Equal(InviteStatus.UsedUp, scene.InviteOf(invite.InviteId).StatusAt(scene.Time.GetUtcNow()));
        Assert.Equal(["open", "used"], scene.Issuer.Engine.Journal.Read(0).Where(e => e.Id == invite.InviteId).Select(static e => e.To));
        Assert.Equal(["request_guest", "polling", "paired"], guest.Engine.Journal.Read(0).Where(e => e.Id == waiting.Id).Select(static e => e.To));
    }

    [Fact]
    public async Task The_secret_is_in_no_file_of_the_issuer_and_goes_at_the_acceptors_end()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        AssertNowhere(scene.Issuer, url);
        var waiting = await AcceptAsync(guest, url);
        Assert.DoesNotContain(guest.Files.Files, name => name.Contains(url.Payload.Nonce, StringComparison.Ordinal));
        await scene.SettleAsync(guest);
        AssertNowhere(scene.Issuer, url);
        AssertNowhere(guest, url);
        Assert.Null(PairOf(guest).Invite);
        Assert.Equal(waiting.Id, PairOf(guest).Id);

        // The relay has seen neither.
        Assert.DoesNotContain(scene.Relay.Calls, call => call.Subject?.Contains(url.Payload.Nonce, StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Of_64_that_accept_a_single_use_invite_one_wins_and_the_others_are_told()
    {
        using var scene = new InviteScene();
        var (invite, url) = await scene.MintAsync();
        var guests = Enumerable.Range(0, 64).Select(i => scene.Add($"guest{i}", 1000 + i)).ToArray();
        foreach (var guest in guests)
        {
            await AcceptAsync(guest, url);
        }

        await scene.SettleAsync(guests);
        var winner = Assert.Single(guests, static g => PairOf(g).Status == PairStatus.Paired);
        scene.AssertPaired(winner);
        Assert.Single(scene.Issuer.Engine.Trust.List());
        Assert.Single(scene.InviteOf(invite.InviteId).Accepted);
        foreach (var loser in guests.Where(g => g != winner))
        {
            var pair = PairOf(loser);
            Assert.Contains(scene.Issuer.Engine.Refused.List(), r => r.Reason == EventRefusal.UsedUp);
            Assert.Equal((PairStatus.Aborted, WireReason.InviteUsedUp, true, false), (pair.Status, pair.Reason, pair.ReasonVerified, pair.OutcomeUnknown));
            Assert.Empty(loser.Engine.Trust.ListAll());
            await loser.TickAsync();
        }

        // Nobody keeps what it gave away for the invite, but the two that are paired.
        Assert.Equal(3, scene.Relay.LiveGrants.Count);
    }

    [Fact]
    public async Task Uses_count_keys_and_the_same_key_gets_the_same_answer()
    {
        using var scene = new InviteScene();
        var (first, second) = (scene.Add("first"), scene.Add("second"));
        var (invite, url) = await scene.MintAsync(uses: 2);
        var waiting = await AcceptAsync(first, url);
        await scene.Issuer.TickAsync();
        var grant = Assert.Single(scene.InviteOf(invite.InviteId).Accepted).GrantId;

        // The acknowledgement is lost; what is repeated is a new event with the same proof.
        scene.Relay.Mail.Clear();
        var again = new List<string?> { waiting.Messages.Sent["drop"] };
        for (var i = 0; i < 3; i++)
        {
            scene.Time.Advance(TimeSpan.FromHours(2));
            await first.TickAsync();
            again.Add(Assert.Single(scene.AtIssuer).Body!.ToCompactString());
            await scene.Issuer.TickAsync();
            Assert.Equal(grant, Assert.Single(scene.InviteOf(invite.InviteId).Accepted).GrantId);
        }

        Assert.Single(again.Distinct());
        await AcceptAsync(second, url);
        await scene.SettleAsync(first, second);
        scene.AssertPaired(first);
        scene.AssertPaired(second);
        Assert.Equal(2, scene.InviteOf(invite.InviteId).Accepted.Length);
    }

    [Fact]
    public async Task Nothing_is_lost_or_doubled_when_any_request_fails()
    {
        for (var victim = 0; victim < 14; victim++)
        {
            foreach (var fault in (RelayFault[])[new RelayFault.DropBefore(), new RelayFault.DropAfter(), new RelayFault.ServerError()])
            {
                using var scene = new InviteScene();
                var guest = scene.Add("guest");
                var (invite, url) = await scene.MintAsync();
                await guest.Engine.Invites.AcceptAsync(url.Text, false, None);
                var number = 0;
                scene.Relay.Weather = _ => Interlocked.Increment(ref number) - 1 == victim ? fault : null;
                for (var i = 0; i < 3; i++)
                {
                    await guest.TryTickAsync();
                    await scene.Issuer.TryTickAsync();
                }

                scene.Relay.Weather = null;
                await guest.TickAsync();
                await scene.SettleAsync(guest);
                scene.AssertPaired(guest);
                Assert.Single(scene.InviteOf(invite.InviteId).Accepted);
            }
        }
    }

    [Theory]
    [InlineData(InviteStatus.Revoked, WireReason.InviteRevoked)]
    [InlineData(InviteStatus.Expired, WireReason.InviteExpired)]
    public async Task One_that_is_over_when_the_answer_is_read_is_refused_and_the_acceptor_is_told(InviteStatus status, WireReason reason)
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (invite, url) = await scene.MintAsync(lifetime: TimeSpan.FromMinutes(5));
        await AcceptAsync(guest, url);
        if (status == InviteStatus.Revoked)
        {
            await scene.Issuer.Engine.Invites.RemoveAsync(invite.InviteId, None);
        }
        else
        {
            scene.Time.Advance(TimeSpan.FromMinutes(6));
        }

        await scene.SettleAsync(guest);
        Assert.Equal((PairStatus.Aborted, reason, true), (PairOf(guest).Status, PairOf(guest).Reason, PairOf(guest).ReasonVerified));
        Assert.Empty(scene.Issuer.Engine.Trust.List());
        Assert.Equal(status, scene.InviteOf(invite.InviteId).StatusAt(scene.Time.GetUtcNow()));
    }

    [Fact]
    public async Task Taking_an_invite_back_closes_the_relay_for_it_and_leaves_those_that_have_accepted()
    {
        using var scene = new InviteScene();
        var (early, late) = (scene.Add("early"), scene.Add("late"));
        var (invite, url) = await scene.MintAsync(uses: 5);
        await AcceptAsync(early, url);
        await scene.SettleAsync(early);
        await scene.Issuer.Engine.Invites.RemoveAsync(invite.InviteId, None);
        await scene.Issuer.Engine.Invites.RemoveAsync(invite.InviteId, None);
        await scene.Issuer.TickAsync();
        Assert.DoesNotContain(invite.GrantId, scene.Relay.LiveGrants);
        scene.AssertPaired(early);

        var pair = await AcceptAsync(late, url);
        Assert.Equal((PairStatus.Aborted, WireReason.InviteRevoked, false, false), (pair.Status, pair.Reason, pair.ReasonVerified, pair.OutcomeUnknown));
        Assert.Null(await scene.Issuer.Engine.Invites.RemoveAsync(new string('0', 32), None));
        Assert.Equal(["open", "used", "revoked"], scene.Issuer.Engine.Journal.Read(0).Where(e => e.Id == invite.InviteId).Select(static e => e.To));
    }

    [Fact]
    public async Task An_unknown_invite_is_never_answered_and_pins_nobody()
    {
        using var scene = new InviteScene();
        var (guest, invite, url) = await scene.AnsweredAsync();
        File.Delete(Path.Combine(scene.Issuer.Home.PendingInviteFolder, invite.InviteId + ".json"));
        await scene.Issuer.TickAsync();
        Assert.Empty(scene.Issuer.Engine.Outbox.List());
        Assert.Empty(scene.Relay.Mail.TextsOf(SlotOf(guest)));
        Assert.Empty(scene.Issuer.Engine.Trust.List());
        Assert.Equal(EventRefusal.NotExpected, Assert.Single(scene.Issuer.Engine.Refused.List()).Reason);
    }

    [Fact]
    public async Task What_is_over_is_remembered_for_30_days_and_then_forgotten()
    {
        using var scene = new InviteScene();
        var (invite, _) = await scene.MintAsync();
        scene.Time.Advance(TimeSpan.FromDays(30));
        Assert.Equal(InviteStatus.Expired, scene.InviteOf(invite.InviteId).StatusAt(scene.Time.GetUtcNow()));
        scene.Time.Advance(TimeSpan.FromDays(2));
        Assert.Empty(scene.Issuer.Engine.Invites.List());
        await scene.MintAsync();
        Assert.DoesNotContain(scene.Issuer.Files.Files, name => name.Contains(invite.InviteId, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_relay_that_reads_everything_cannot_accept_in_the_acceptors_place()
    {
        using var scene = new InviteScene();
        var (guest, thief) = (scene.Add("guest"), scene.Add("thief"));
        var (invite, url) = await scene.MintAsync();
        await AcceptAsync(guest, url);
        await thief.Engine.Identity.EnsureAsync(null, None);
        var seen = Assert.Single(scene.AtIssuer);
        var body = seen.Body!;
        var before = scene.Relay.Mail.TextsOf(SlotOf(scene.Issuer));

        // It holds the answer back, and tries what it can make of it: its own card with the acceptor's proof, with the
        // acceptor's address or its own, the acceptor's event under another name, the bare nonce that it does not know.
        scene.Relay.Mail.Clear();
        var stolen = body.With("card", CardOf(thief).Json);
        scene.PutAtIssuer(scene.DropOf(thief, stolen));
        scene.PutAtIssuer(scene.DropOf(thief, BodyOf(thief).With(InviteProof.Member, body.GetObject(InviteProof.Member)!)));
        scene.PutAtIssuer(SignedEvent.FromJson(seen.Json.With("from", CardOf(thief).Did)));
        scene.PutAtIssuer(SignedEvent.FromJson(seen.Json.With("body", body.With("slot_token", new string('9', 64)))));
        scene.PutAtIssuer(scene.DropOf(thief, BodyOf(thief).With("pair_nonce", invite.PublicKey)));
        scene.PutAtIssuer(scene.DropOf(thief, BodyOf(thief).With("pair_nonce", url.Payload.Route.SlotToken)));
        await scene.Issuer.TickAsync();
        Assert.Empty(scene.Issuer.Engine.Trust.List());
        Assert.Empty(scene.InviteOf(invite.InviteId).Accepted);
        Assert.Equal(6, scene.Issuer.Engine.Refused.List().Count);
        Assert.Empty(scene.Relay.Mail.TextsOf(SlotOf(guest)));

        scene.Relay.Mail.Repeat(SlotOf(scene.Issuer), Encoding.UTF8.GetBytes(Assert.Single(before)));
        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);
    }

    [Fact]
    public async Task A_thief_of_the_issuers_files_cannot_accept()
    {
        using var scene = new InviteScene();
        var thief = scene.Add("thief");
        var (invite, url) = await scene.MintAsync();
        await thief.Engine.Identity.EnsureAsync(null, None);
        var loot = scene.Issuer.Files.Files
            .Select(name => File.ReadAllBytes(Path.Combine(scene.Issuer.Files.Folder, name)))
            .ToList();
        foreach (var secret in (string[])[url.Payload.Nonce, Convert.ToBase64String(Convert.FromHexString(url.Payload.Nonce))])
        {
            Assert.DoesNotContain(loot, text => Encoding.Latin1.GetString(text).Contains(secret, StringComparison.OrdinalIgnoreCase));
        }

        // What stands there where the secret should be opens nothing, as seed or as nonce.
        foreach (var guess in (string[])[invite.PublicKey, invite.GrantId + invite.GrantId, invite.InviteId + invite.InviteId])
        {
            var forged = InviteUrlWith(scene, url, guess, invite.InviteId);
            scene.PutAtIssuer(scene.DropOf(thief, Proven(BodyOf(thief), forged, thief)));
        }

        await scene.Issuer.TickAsync();
        Assert.Empty(scene.Issuer.Engine.Trust.List());
        Assert.All(scene.Issuer.Engine.Refused.List(), static r => Assert.Equal(EventRefusal.BadSignature, r.Reason));
        Assert.Equal(3, scene.Issuer.Engine.Refused.List().Count);
    }

    [Fact]
    public async Task An_answer_that_is_not_the_issuers_or_not_for_us_changes_nothing()
    {
        using var scene = new InviteScene();
        var (guest, other, stranger) = (scene.Add("guest"), scene.Add("other"), scene.Add("stranger"));
        var (_, url) = await scene.MintAsync();
        await AcceptAsync(guest, url);
        await stranger.Engine.Identity.EnsureAsync(null, None);
        await other.Engine.Identity.EnsureAsync(null, None);
        var good = BodyOf(scene.Issuer).Without("card").With("invite_id", url.Payload.InviteId!).With("for_key", Convert.ToHexStringLower(CardOf(guest).PublicKey));
        var bad = new List<SignedEvent>
        {
            Ack(scene, stranger, guest, good),
            Ack(scene, scene.Issuer, guest, good.With("invite_id", new string('0', 32))),
            Ack(scene, scene.Issuer, guest, good.With("for_key", Convert.ToHexStringLower(CardOf(other).PublicKey))),
            Ack(scene, scene.Issuer, guest, good.With("slot_id", "../x")),
            Ack(scene, scene.Issuer, guest, good, isSealed: false),
            Refusal(scene, stranger, guest, url, "invite_revoked"),
            Refusal(scene, scene.Issuer, guest, url, "sas_mismatch"),
        };
        foreach (var item in bad)
        {
            scene.Relay.Mail.Repeat(SlotOf(guest), item.Json.ToCompactBytes());
        }

        await guest.TickAsync();
        Assert.Equal(PairStatus.Polling, PairOf(guest).Status);
        Assert.Empty(guest.Engine.Trust.List());
        Assert.Equal(bad.Count, guest.Engine.Refused.List().Count);
        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);
    }

    [Fact]
    public async Task What_comes_after_the_end_of_the_invite_is_waited_for_by_a_machine_that_was_asleep()
    {
        using var scene = new InviteScene();
        var (guest, _, url) = await scene.AnsweredAsync();
        await scene.Issuer.TickAsync();
        scene.Time.Advance(TimeSpan.FromDays(3));
        await guest.TickAsync();
        scene.AssertPaired(guest);
    }

    [Fact]
    public async Task Where_no_answer_comes_it_ends_with_the_invite()
    {
        using var scene = new InviteScene();
        var (guest, _, url) = await scene.AnsweredAsync();
        scene.Time.Advance(TimeSpan.FromHours(25));
        await guest.TickAsync();
        Assert.Equal(PairStatus.Polling, PairOf(guest).Status);
        scene.Time.Advance(TimeSpan.FromMinutes(16));
        await guest.TickAsync();
        Assert.Equal((PairStatus.Aborted, WireReason.InviteExpired, true), (PairOf(guest).Status, PairOf(guest).Reason, PairOf(guest).OutcomeUnknown));
        await guest.TickAsync();
        Assert.DoesNotContain(guest.Engine.Trust.ListAll(), static _ => true);
        Assert.Single(scene.Relay.LiveGrants);
    }

    [Fact]
    public async Task Stopping_gives_back_the_name_and_the_grant()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        var (key, _) = await guest.Engine.Invites.AcceptAsync(url.Text, false, None);
        await guest.TickAsync();
        var stopped = await guest.Engine.Pairing.StopAsync(key, None);
        Assert.Equal((PairStatus.Aborted, WireReason.Cancelled, true), (stopped.Status, stopped.Reason, stopped.OutcomeUnknown));
        await guest.TickAsync();
        Assert.Null(PairOf(guest).Invite);
        Assert.Single(scene.Relay.LiveGrants);
        Assert.Contains("\"agents\"", File.ReadAllText(guest.Home.TrustFile), StringComparison.Ordinal);
        Assert.DoesNotContain("reserved_for", File.ReadAllText(guest.Home.TrustFile), StringComparison.Ordinal);

        // It can be accepted again.
        await AcceptAsync(guest, url);
        Assert.Equal(2, guest.Engine.Pairs.List().Count);
    }

    [Fact]
    public async Task Accepting_again_gives_the_same_pairing()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        var first = await AcceptAsync(guest, url);
        Assert.Equal(first.Id, (await AcceptAsync(guest, url)).Id);
        await scene.SettleAsync(guest);
        var (_, paired) = await guest.Engine.Invites.AcceptAsync(url.Text, false, None);
        Assert.Equal((first.Id, PairStatus.Paired), (paired.Id, paired.Status));
    }

    [Fact]
    public async Task A_peer_that_people_have_compared_stays_so_and_gets_a_new_address()
    {
        using var scene = new InviteScene();
        var guest = await scene.AddStrangerAsync("guest");
        await scene.Issuer.Engine.Identity.EnsureAsync(null, None);
        await scene.Issuer.Engine.Trust.PinAsync(new PinRequest(CardOf(guest), TrustTier.Verified, "sas-v2", "person", "sas", null, null), static (_, _) => Task.CompletedTask, None);
        var (_, url) = await scene.MintAsync();
        await AcceptAsync(guest, url);
        await scene.SettleAsync(guest);
        var peer = Trusts(scene.Issuer, guest)!;
        Assert.Equal(("sas-v2", "sas"), (peer.Ceremony, peer.KeySource));
        Assert.NotNull(peer.Grant);
        Assert.NotNull(scene.Issuer.Engine.Mailboxes.FindRoute(peer.Handle));
    }

    [Fact]
    public async Task One_that_was_revoked_does_not_come_back_by_an_invite()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (invite, url) = await scene.MintAsync(uses: 2);
        await AcceptAsync(guest, url);
        await scene.SettleAsync(guest);
        var text = File.ReadAllText(scene.Issuer.Home.TrustFile).Replace("\"ceremony\": \"invite\"", "\"ceremony\": \"invite\", \"revoked_at\": \"2026-01-01T00:00:00Z\"", StringComparison.Ordinal);
        File.WriteAllText(scene.Issuer.Home.TrustFile, text);
        scene.PutAtIssuer(scene.DropOf(guest, Proven(BodyOf(guest), url, guest)));
        await scene.Issuer.TickAsync();
        Assert.Empty(scene.Issuer.Engine.Trust.List());
        Assert.Equal(EventRefusal.Revoked, Assert.Single(scene.Issuer.Engine.Refused.List()).Reason);
        Assert.Empty(scene.Issuer.Engine.Outbox.List());
        Assert.Single(scene.InviteOf(invite.InviteId).Accepted);
    }

    [Fact]
    public async Task Two_invites_of_one_issuer_are_answered_one_after_the_other()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, first) = await scene.MintAsync();
        var (_, second) = await scene.MintAsync();
        await AcceptAsync(guest, first);
        Assert.Equal(WireReason.PairActive, (await Assert.ThrowsAsync<WireException>(() => AcceptAsync(guest, second))).Reason);
        await scene.SettleAsync(guest);
        await AcceptAsync(guest, second);
        await scene.SettleAsync(guest);
        var route = scene.Issuer.Engine.Mailboxes.FindRoute(CardOf(guest).Handle)!;
        Assert.True(scene.Relay.TakesMessage(route.SlotId, route.SlotToken));
        route = guest.Engine.Mailboxes.FindRoute(CardOf(scene.Issuer).Handle)!;
        Assert.True(scene.Relay.TakesMessage(route.SlotId, route.SlotToken));
    }

    [Fact]
    public async Task One_that_was_removed_can_come_back_while_the_invite_is_good_and_gets_another_grant()
    {
        using var scene = new InviteScene();
        var (guest, invite, url) = await scene.AnsweredAsync();
        await scene.SettleAsync(guest);
        var before = Trusts(scene.Issuer, guest)!.Grant!;
        await scene.Issuer.Engine.Peers.RemoveAsync(CardOf(guest).Did, None);
        await scene.Issuer.TickAsync();
        scene.PutAtIssuer(scene.DropOf(guest, Proven(BodyOf(guest), url, guest)));
        await scene.Issuer.TickAsync();
        Assert.NotEqual(before, Trusts(scene.Issuer, guest)!.Grant);
        Assert.Single(scene.InviteOf(invite.InviteId).Accepted);
    }

    [Fact]
    public async Task Two_with_one_name_are_a_conflict_also_when_they_come_together()
    {
        using var scene = new InviteScene();
        var (one, two) = (scene.Add("one"), scene.Add("two"));
        await one.Engine.Identity.EnsureAsync("web", None);
        await two.Engine.Identity.EnsureAsync("web", None);
        var (invite, url) = await scene.MintAsync(uses: 5);
        await AcceptAsync(one, url);
        await AcceptAsync(two, url);
        await scene.SettleAsync(one, two);
        scene.AssertPaired(one);
        Assert.Equal((PairStatus.Polling, WireReason.InviteNameConflict), (PairOf(two).Status, PairOf(two).Reason));
        Assert.Single(scene.InviteOf(invite.InviteId).Accepted);

        // A person resolves it, and the answer that is repeated goes through.
        await scene.Issuer.Engine.Peers.RemoveAsync(CardOf(one).Did, None);
        scene.Time.Advance(TimeSpan.FromMinutes(5));
        await two.TickAsync();
        await scene.SettleAsync(two);
        Assert.Equal((PairStatus.Paired, null), (PairOf(two).Status, PairOf(two).Reason));
    }

    [Fact]
    public async Task An_invite_for_other_programs_takes_the_bare_nonce_and_only_such_a_one_does()
    {
        using var scene = new InviteScene();
        var (guest, other) = (scene.Add("guest"), scene.Add("other"));
        var (_, url) = await scene.MintAsync(protocol: 1);
        Assert.False(url.Payload.AcceptsV2);
        AssertNowhere(scene.Issuer, url);
        var pair = await AcceptAsync(guest, url);
        Assert.Equal((1, PairStatus.Paired, false), (pair.Protocol, pair.Status, pair.PeerAcked));
        var drop = Assert.Single(scene.AtIssuer);
        Assert.Equal(["card", "pair_nonce", "relay_url", "slot_id", "slot_token"], drop.Body!.Members.Select(static m => m.Key).Order(StringComparer.Ordinal));

        // An issuer of ours acknowledges all the same, and its address takes the place of that in the invite.
        await scene.SettleAsync(guest);
        scene.AssertPaired(guest);
        Assert.True(PairOf(guest).PeerAcked);
        Assert.True(Trusts(guest, scene.Issuer)!.PeerAcked);
        Assert.NotEqual(url.Payload.Route.SlotToken, guest.Engine.Mailboxes.FindRoute(CardOf(scene.Issuer).Handle)!.SlotToken);

        var (_, proven) = await scene.MintAsync();
        await other.Engine.Identity.EnsureAsync(null, None);
        scene.PutAtIssuer(scene.DropOf(other, BodyOf(other).With("pair_nonce", proven.Payload.Nonce)));
        await scene.Issuer.TickAsync();
        Assert.Null(Trusts(scene.Issuer, other));
    }

    [Fact]
    public async Task A_real_wire_that_accepts_gets_an_open_acknowledgement_with_a_grant_of_its_own()
    {
        using var scene = new InviteScene();
        var (_, url) = await scene.MintAsync(protocol: 1);
        var seed = new byte[32];
        seed[0] = 7;
        var made = AgentCard.Create(seed, "realwire").Json.With("capabilities", WireJson.ArrayOf((string[])["wire/v3.2"])).Without("dh_pubkey");
        var card = AgentCard.From(AgentCard.Sign(seed, made));
        var body = WireJson.EmptyObject.With("card", card.Json).With("relay_url", FakeRelay.DefaultUrl).With("slot_id", new string('1', 32)).With("slot_token", new string('2', 64)).With("pair_nonce", url.Payload.Nonce);
        scene.PutAtIssuer(SignedEvent.Create(seed, card, CardOf(scene.Issuer).Did, "pair_drop", EventKinds.AgentCard, body, scene.Time.GetUtcNow()));
        scene.Relay.Weather = static call => call.Action == RelayAction.PostEvent ? new RelayFault.DropBefore() : null;
        await scene.Issuer.TryTickAsync();
        Assert.Equal(card.Did, Assert.Single(scene.Issuer.Engine.Trust.List()).Did);
        var ack = SignedEvent.Parse(Encoding.UTF8.GetBytes(Assert.Single(scene.Issuer.Engine.Outbox.List()).Event));
        Assert.Equal(("pair_drop_ack", 1101u, null), (ack.Type, ack.Kind, ack.Enc));
        Assert.Equal(SlotOf(scene.Issuer), ack.Body!.GetString("slot_id"));
        Assert.NotEqual(url.Payload.Route.SlotToken, ack.Body.GetString("slot_token"));
        Assert.True(scene.Relay.TakesMessage(SlotOf(scene.Issuer), ack.Body.GetString("slot_token")!));
    }

    [Fact]
    public async Task A_relay_that_goes_back_to_an_older_protocol_gets_no_key_to_the_mailbox()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (_, url) = await scene.MintAsync();
        await guest.Engine.Invites.AcceptAsync(url.Text, false, None);
        scene.Relay.Weather = null;
        scene.Relay.ForgetGrants();
        var report = await guest.TryTickAsync();
        Assert.Contains(report.Failures, static f => f.Error.Reason == WireReason.RelayDowngraded);
        Assert.Equal(PairStatus.RequestGuest, PairOf(guest).Status);
        Assert.Empty(PairOf(guest).Messages.Sent);
    }

    [Fact]
    public async Task A_grant_that_the_relay_did_not_make_leaves_no_invite()
    {
        using var scene = new InviteScene();
        scene.Relay.Weather = static call => call.Action == RelayAction.PutGrant ? new RelayFault.DropAfter() : null;
        await Assert.ThrowsAsync<WirePS.Relay.RelayException>(() => scene.MintAsync());
        Assert.Empty(scene.Issuer.Engine.Invites.List());
        scene.Relay.Weather = null;
        await scene.Issuer.TickAsync();
        Assert.Empty(scene.Relay.LiveGrants);
    }

    [Fact]
    public async Task Waiting_for_an_invite_ends_with_its_last_use_or_with_its_end()
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        var (invite, url) = await scene.MintAsync();
        var wait = scene.Issuer.Engine.Invites.WaitAsync(invite.InviteId, null, None);
        await AcceptAsync(guest, url);
        Assert.False(wait.IsCompleted);
        await scene.Issuer.TickAsync();
        Assert.Equal(0, (await wait).UsesLeft);

        var (removed, _) = await scene.MintAsync();
        await scene.Issuer.Engine.Invites.RemoveAsync(removed.InviteId, None);
        Assert.Equal(WireReason.InviteRevoked, (await Assert.ThrowsAsync<WireException>(() => scene.Issuer.Engine.Invites.WaitAsync(removed.InviteId, null, None))).Reason);
        Assert.Equal(WireReason.InviteNotFound, (await Assert.ThrowsAsync<WireException>(() => scene.Issuer.Engine.Invites.WaitAsync(new string('1', 32), null, None))).Reason);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8000")]
    [InlineData("https://10.0.0.1")]
    [InlineData("https://printer.local")]
    [InlineData("http://relay.example.com")]
    public async Task An_invite_does_not_make_a_home_talk_to_its_own_network(string relay)
    {
        using var scene = new InviteScene();
        var guest = scene.Add("guest");
        await scene.Issuer.Engine.Identity.EnsureAsync(null, None);
        using var own = scene.Issuer.Engine.Identity.Open();
        var url = InviteUrl.Mint(own, new PeerRoute(relay, new string('1', 32), new string('2', 64)), new byte[32], scene.Time.GetUtcNow().AddDays(1), new string('3', 32));
        var error = await Assert.ThrowsAsync<WireException>(() => guest.Engine.Invites.AcceptAsync(url.Text, false, None));
        Assert.Equal(WireReason.RelayInsecure, error.Reason);
        Assert.Empty(guest.Files.Files);
        await guest.Engine.Invites.AcceptAsync(url.Text, true, None);
    }

    private static void AssertNowhere(Party party, InviteUrl url)
    {
        foreach (var name in party.Files.Files)
        {
            var text = File.ReadAllText(Path.Combine(party.Files.Folder, name), Encoding.Latin1);
            Assert.DoesNotContain(url.Payload.Nonce, text, StringComparison.Ordinal);
            Assert.DoesNotContain(url.Payload.Route.SlotToken, text, StringComparison.Ordinal);
            Assert.DoesNotContain("wire://", text, StringComparison.Ordinal);
        }
    }

    private static InviteUrl InviteUrlWith(InviteScene scene, InviteUrl url, string nonce, string id)
    {
        using var own = scene.Issuer.Engine.Identity.Open();
        return InviteUrl.Mint(own, url.Payload.Route, Convert.FromHexString(nonce), url.Payload.ExpiresAt, id);
    }

    private static SignedEvent Ack(InviteScene scene, Party from, Party to, WireJson body, bool isSealed = true)
    {
        using var own = from.Engine.Identity.Open();
        return own.CreateEvent(CardOf(to).Did, "pair_drop_ack", EventKinds.TrustAddKey, body, scene.Time.GetUtcNow(), isSealed ? CardOf(to).DhPublicKey : null, from.Random);
    }

    private static SignedEvent Refusal(InviteScene scene, Party from, Party to, InviteUrl url, string reason)
    {
        using var own = from.Engine.Identity.Open();
        var body = WireJson.EmptyObject.With("invite_id", url.Payload.InviteId!).With("reason", reason);
        return own.CreateEvent(CardOf(to).Did, "pair_drop_refused", EventKinds.Ack, body, scene.Time.GetUtcNow(), CardOf(to).DhPublicKey, from.Random);
    }
}
