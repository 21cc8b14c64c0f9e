using System.Globalization;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Support.DeviceScene;
using static WirePS.Tests.Support.PartyScene;

namespace WirePS.Tests.Devices;

/// <summary>Devices that admit further devices (wireps.md §7): the root verifies by itself, and has the last word.</summary>
public sealed class IssuingDeviceTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task A_device_admits_another_one_and_the_root_publishes_it()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer", DeviceRights.Add | DeviceRights.Send);
        var laptop = scene.Add("laptop");
        var minted = await scene.MintAtAsync(issuer);
        Assert.Equal(DeviceRights.Add | DeviceRights.Send, minted.Minted.Info.Rights);
        Assert.Equal(PairStatus.Polling, (await AskAsync(laptop, minted.Url, "lap")).Status);
        await scene.SettleThroughAsync(issuer, laptop);
        scene.AssertAdmitted(laptop);

        var listed = Assert.Single(scene.Devices, d => d.Device.HasKey(CardOf(laptop).PublicKey));
        Assert.Equal(("lap", DeviceRights.Add | DeviceRights.Send, minted.Minted.Info.TokenHash), (listed.Label, listed.Device.Rights, listed.TokenHash));
        Assert.Equal(PairTokenState.Used, Assert.Single(await issuer.Engine.PairTokens.ListAsync(None)).State);
        Assert.Contains(scene.Root.Notices.Devices, n => n.Device == CardOf(laptop).Did && n.IsAdded);

        // The new machine trusts the identity; the device that let it in is no peer of it.
        Assert.Equal(CardOf(scene.Root).Did, Assert.Single(laptop.Engine.Trust.List()).Did);
        await issuer.TickAsync();
        Assert.Contains(issuer.Notices.Devices, n => n.Device == CardOf(laptop).Did && n.IsAdded);
    }

    [Fact]
    public async Task Neither_the_relay_nor_the_issuer_reads_what_the_new_machine_is_to_write_with()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        var minted = await scene.MintAtAsync(issuer);
        await AskAsync(laptop, minted.Url);
        await issuer.TickAsync();
        var atRoot = Assert.Single(scene.At(scene.Root), static e => e.Type == "device_redeem" && e.EphemeralKey is null);
        var passed = PassedTo(scene, issuer, atRoot);
        Assert.DoesNotContain(minted.Minted.Token, passed.ToCompactString(), StringComparison.Ordinal);
        await scene.Root.TickAsync();
        var answer = OpenAt(issuer, scene.Root, scene.AnswersAt(issuer)[^1]).ToCompactString();
        await issuer.TickAsync();
        await laptop.TickAsync();
        scene.AssertAdmitted(laptop);
        var written = laptop.Engine.Mailboxes.FindRoute(CardOf(scene.Root).Handle)!.SlotToken;
        Assert.DoesNotContain(written, answer, StringComparison.Ordinal);
        Assert.All(new[] { scene.Root, issuer, laptop }.SelectMany(p => scene.Relay.Mail.TextsOf(SlotOf(p))), text =>
        {
            Assert.DoesNotContain(written, text, StringComparison.Ordinal);
            Assert.DoesNotContain(minted.Minted.Info.TokenHash, text, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData(DeviceRights.Send | DeviceRights.Receive, null)]
    [InlineData(DeviceRights.Add | DeviceRights.Send, DeviceRights.Receive)]
    public async Task A_token_for_more_than_the_device_may_is_not_made(DeviceRights own, DeviceRights? wanted)
    {
        using var scene = new DeviceScene();
        var device = await scene.AdmitAsync("device", own);
        Assert.Equal(WireReason.RightsExceeded, (await Assert.ThrowsAsync<WireException>(() => scene.MintAtAsync(device, wanted))).Reason);
        Assert.Empty(await device.Engine.PairTokens.ListAsync(None));
    }

    [Fact]
    public async Task A_token_for_an_identity_of_others_is_not_made()
    {
        using var scene = new DeviceScene();
        await scene.MintAsync();
        var stranger = await scene.AddStrangerAsync();
        Assert.Equal(WireReason.PrincipalUnknown, (await Assert.ThrowsAsync<WireException>(() => scene.MintAtAsync(stranger))).Reason);
    }

    [Fact]
    public async Task Without_the_root_the_machine_waits_and_nobody_answers_in_its_place()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer, expiresIn: TimeSpan.FromMinutes(5))).Url);
        for (var waited = TimeSpan.Zero; waited < TimeSpan.FromMinutes(4); waited += TimeSpan.FromSeconds(20))
        {
            scene.Time.Advance(TimeSpan.FromSeconds(20));
            await issuer.TickAsync();
            await laptop.TickAsync();
            Assert.Equal(PairStatus.Polling, PairOf(laptop).Status);
        }

        Assert.Empty(scene.AnswersAt(laptop));
        Assert.Equal(PairTokenState.Reserved, Assert.Single(await issuer.Engine.PairTokens.ListAsync(None)).State);

        // The root comes back when it is too late: nobody looks for the answer any more, and nobody is added.
        scene.Time.Advance(TimeSpan.FromMinutes(3));
        await laptop.TickAsync();
        scene.Time.Advance(TimeSpan.FromMinutes(2));
        await laptop.TickAsync();
        Assert.Equal((PairStatus.Aborted, WireReason.IssuerNoAnswer, true), (PairOf(laptop).Status, PairOf(laptop).Reason, PairOf(laptop).OutcomeUnknown));
        await scene.SettleThroughAsync(issuer);
        Assert.Single(scene.Devices);
        Assert.Empty(scene.AnswersAt(laptop));
    }

    [Fact]
    public async Task A_root_that_comes_back_in_time_admits()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        for (var i = 0; i < 10; i++)
        {
            scene.Time.Advance(TimeSpan.FromMinutes(4));
            await issuer.TickAsync();
            await laptop.TickAsync();
        }

        await scene.SettleThroughAsync(issuer, laptop);
        scene.AssertAdmitted(laptop);
        Assert.Equal(2, scene.Devices.Count);
        Assert.Single(scene.Root.Notices.Devices, n => n.Device == CardOf(laptop).Did);
    }

    [Fact]
    public async Task A_device_that_was_revoked_in_between_admits_nobody()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();

        // What it has passed on lies in the root's mailbox.
        Assert.NotNull(await scene.Root.Engine.DeviceOperations.RevokeAsync(CardOf(issuer).PublicKey, None));
        await scene.Root.TickAsync();
        Assert.Empty(scene.Devices);
        Assert.Null(Trusts(scene.Root, laptop));
        Assert.Equal(EventRefusal.UnknownSender, scene.Root.Engine.Refused.List()[^1].Reason);

        // It learns that it is none any more, and says so to the machine that asks again.
        await issuer.TickAsync();
        scene.Time.Advance(TimeSpan.FromMinutes(1));
        await laptop.TickAsync();
        await issuer.TickAsync();
        await laptop.TickAsync();
        Assert.Equal((PairStatus.Aborted, WireReason.PrincipalUnknown), (PairOf(laptop).Status, PairOf(laptop).Reason));
        Assert.Equal(WireReason.PrincipalUnknown, (await Assert.ThrowsAsync<WireException>(() => scene.MintAtAsync(issuer))).Reason);
    }

    [Fact]
    public async Task A_device_whose_right_to_add_was_taken_is_refused_by_the_root_and_the_token_stays()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();
        await SetRightsAsync(scene.Root, issuer, DeviceRights.Send | DeviceRights.Receive);
        await scene.SettleThroughAsync(issuer, laptop);
        Assert.Equal((PairStatus.Aborted, WireReason.RightsExceeded, true, false), (PairOf(laptop).Status, PairOf(laptop).Reason, PairOf(laptop).ReasonVerified, PairOf(laptop).OutcomeUnknown));
        Assert.Single(scene.Devices);
        Assert.Equal(EventRefusal.RightMissing, scene.Root.Engine.Refused.List()[^1].Reason);
        Assert.Equal(PairTokenState.Live, Assert.Single(await issuer.Engine.PairTokens.ListAsync(None)).State);

        // Given back, the same token admits another machine.
        await SetRightsAsync(scene.Root, issuer, DeviceRights.All);
        await scene.Root.TickAsync();
        await issuer.TickAsync();
        var other = scene.Add("other");
        await AskAsync(other, (await scene.MintAtAsync(issuer)).Url);
        await scene.SettleThroughAsync(issuer, other);
        scene.AssertAdmitted(other);
    }

    [Fact]
    public async Task W02_what_a_hostile_device_passes_on_admits_nobody()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer", DeviceRights.Add | DeviceRights.Send);
        var other = await scene.AdmitAsync("other");
        var mute = await scene.AdmitAsync("mute", DeviceRights.Send);
        var (laptop, thief) = (scene.Add("laptop"), await scene.AddStrangerAsync("thief"));
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();
        var redeem = PassedTo(scene, issuer, TakeFromRoot(scene));

        // More rights than its own; another card with the proof of this one; another token; a proof for another issuer; a device without the right.
        Put(scene, issuer, redeem.With("rights", DeviceRights.All.ToJson()));
        Put(scene, issuer, redeem.With("card", CardOf(thief).Json));
        Put(scene, issuer, redeem.With("token_hash", new string('a', 64)));
        Put(scene, other, redeem);
        Put(scene, mute, Signed(redeem, laptop, mute, CardOf(scene.Root).Did));
        Put(scene, issuer, redeem.With("token", "x"));
        Put(scene, issuer, redeem.Without("proof"));
        Put(scene, issuer, redeem.With("exp", scene.Time.GetUtcNow().AddDays(2).ToUnixTimeSeconds()));
        Put(scene, issuer, redeem.With("exp", scene.Time.GetUtcNow().AddMinutes(-2).ToUnixTimeSeconds()));

        // A peer that is no device, with a proof that names it.
        await scene.Root.Engine.Trust.PinAsync(new PinRequest(CardOf(thief), TrustTier.Verified, "sas-v2", "person", "pair", null, null), static (_, _) => Task.CompletedTask, None);
        Put(scene, thief, Signed(redeem, laptop, thief, CardOf(scene.Root).Did));
        var before = scene.Root.Engine.Refused.List().Count;
        await scene.Root.TryTickAsync();
        Assert.Equal(3, scene.Devices.Count);
        Assert.Null(Trusts(scene.Root, laptop));
        Assert.Equal(
            [
                EventRefusal.RightMissing, EventRefusal.NotExpected, EventRefusal.NotExpected, EventRefusal.NotExpected, EventRefusal.RightMissing,
                EventRefusal.Malformed, EventRefusal.Malformed, EventRefusal.NotExpected, EventRefusal.NotExpected, EventRefusal.RightMissing,
            ],
            scene.Root.Engine.Refused.List().Skip(before).Select(static r => r.Reason));
        Assert.Empty(scene.AnswersAt(laptop));

        // None of that has used the token up: what is whole is taken.
        Put(scene, issuer, redeem);
        await scene.Root.TickAsync();
        Assert.Equal(4, scene.Devices.Count);
        Assert.NotNull(Trusts(scene.Root, laptop));
    }

    [Fact]
    public async Task A_device_that_passes_on_its_own_key_again_and_again_is_no_news_and_does_not_grow_the_notes()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var other = await scene.AdmitAsync("other");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();
        var redeem = PassedTo(scene, issuer, TakeFromRoot(scene));
        await scene.Root.TryTickAsync();
        await other.TickAsync();
        var (known, grants) = (Trusts(scene.Root, issuer)!, scene.Relay.LiveGrants);
        var (news, told) = (scene.Root.Notices.Devices.Count, NewsAt(other));
        for (var i = 0; i < CardDeviceBook.MaxClaimsOfOneIssuer + 2; i++)
        {
            Put(scene, issuer, Signed(redeem.With("token_hash", i.ToString("x64", CultureInfo.InvariantCulture)), issuer, issuer, CardOf(scene.Root).Did));
        }

        await scene.Root.TickAsync();
        Assert.Equal((known.Grant, known.PinnedAt), (Trusts(scene.Root, issuer)!.Grant, Trusts(scene.Root, issuer)!.PinnedAt));
        Assert.Equal(grants.Order(), scene.Relay.LiveGrants.Order());
        Assert.Equal((news, told), (scene.Root.Notices.Devices.Count, NewsAt(other)));
        Assert.Equal(2, scene.Root.Engine.Journal.Read(0).Count(static e => e is { Kind: "device", To: "added" }));
        Assert.Equal(CardDeviceBook.MaxClaimsOfOneIssuer, WireJson.Parse(File.ReadAllText(scene.Root.Home.DevicesFile)).GetObject("claims")!.Count);
        Assert.Equal(["too_many_tokens", "too_many_tokens"], scene.Root.Engine.Refused.List().Select(static r => r.Detail));

        // It has the address that it had, and another device's room is its own.
        var answer = scene.AnswersAt(issuer).Select(e => OpenAt(issuer, scene.Root, e)).Last(static b => b.GetObject("answer") is not null).GetObject("answer")!;
        Assert.Equal(issuer.Engine.Mailboxes.FindRoute(CardOf(scene.Root).Handle)!.SlotToken, OpenAt(issuer, scene.Root, SignedEvent.Parse(answer.ToCompactBytes())).GetString("slot_token"));
        Put(scene, other, Signed(redeem, laptop, other, CardOf(scene.Root).Did));
        await scene.Root.TickAsync();
        Assert.NotNull(Trusts(scene.Root, laptop));

        // What was claimed does not come back when its device was revoked.
        Assert.NotNull(await scene.Root.Engine.DeviceOperations.RevokeAsync(CardOf(issuer).PublicKey, None));
        Put(scene, other, Signed(redeem, issuer, other, CardOf(scene.Root).Did));
        await scene.Root.TickAsync();
        Assert.DoesNotContain(scene.Devices, d => d.Device.HasKey(CardOf(issuer).PublicKey));

        int NewsAt(Party party) => scene.At(party).Count(static e => e.Type == EventTypes.DeviceAdded);
    }

    [Fact]
    public async Task What_the_relay_holds_passes_on_nothing()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();
        var item = TakeFromRoot(scene);
        var seed = Enumerable.Repeat((byte)9, 32).ToArray();
        var thief = AgentCard.Create(seed, "issuer");
        scene.PutAt(scene.Root, SignedEvent.Sign(seed, "issuer", item.Json.Without("signature").With("from", thief.Did)));
        scene.PutAt(scene.Root, SignedEvent.Sign(seed, "issuer", item.Json.Without("signature").With("from", CardOf(issuer).Did)));
        using (var own = issuer.Engine.Identity.Open())
        {
            // Open, as no device sends it.
            var open = WireJson.ObjectOf(("redeem", PassedTo(scene, issuer, item)));
            scene.PutAt(scene.Root, own.CreateEvent(CardOf(scene.Root).Did, "device_redeem", EventKinds.Ack, open, scene.Time.GetUtcNow(), null, issuer.Random));
        }

        await scene.Root.TryTickAsync();
        Assert.Single(scene.Devices);
        Assert.Equal([EventRefusal.UnknownSender, EventRefusal.BadSignature, EventRefusal.SealBroken], scene.Root.Engine.Refused.List().Select(static r => r.Reason));
    }

    [Fact]
    public async Task A_request_that_was_passed_on_is_good_for_no_other_identity()
    {
        using var scene = new DeviceScene();
        using var elsewhere = new Party("elsewhere", scene.Relay, scene.Time);
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();
        var redeem = PassedTo(scene, issuer, TakeFromRoot(scene));

        // The same device serves another identity as well, and passes on to that what was meant for this one.
        var url = (await elsewhere.Engine.DeviceOperations.MintAsync(new PairTokenWish(""), scene.Relay.Url, false, None)).Url;
        await issuer.Engine.DeviceOperations.RegisterAsync(url, null, false, None);
        await issuer.TickAsync();
        await elsewhere.TickAsync();
        await issuer.TickAsync();
        Assert.Equal(2, issuer.Engine.DeviceOperations.Memberships().Count);
        Put(scene, issuer, redeem, elsewhere);
        await elsewhere.TickAsync();
        Assert.Single(elsewhere.Engine.Devices.List());
        Assert.Null(Trusts(elsewhere, laptop));
        Assert.Equal((EventRefusal.NotExpected, "invalid_device_proof"), elsewhere.Engine.Refused.List().Select(static r => (r.Reason, r.Detail)).Last());
    }

    [Fact]
    public async Task The_root_repeats_its_answer_to_the_same_key_alone_and_never_after_a_revocation()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var (laptop, second) = (scene.Add("laptop"), await scene.AddStrangerAsync("second"));
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();
        var redeem = PassedTo(scene, issuer, TakeFromRoot(scene));
        Put(scene, issuer, redeem);
        await scene.Root.TryTickAsync();
        var first = RootAnswer(scene, issuer, laptop);

        scene.Time.Advance(TimeSpan.FromSeconds(5));
        Put(scene, issuer, redeem);
        await scene.Root.TickAsync();
        Assert.Equal(first, RootAnswer(scene, issuer, laptop));
        Assert.Single(scene.Root.Notices.Devices, n => n.Device == CardOf(laptop).Did);

        Put(scene, issuer, Signed(redeem, second, issuer, CardOf(scene.Root).Did));
        await scene.Root.TickAsync();
        Assert.Equal("token_refused", OpenAt(issuer, scene.Root, scene.AnswersAt(issuer)[^1]).GetString("reason"));
        Assert.Equal(2, scene.Devices.Count);

        await scene.Root.Engine.DeviceOperations.RevokeAsync(CardOf(laptop).PublicKey, None);
        scene.Time.Advance(TimeSpan.FromSeconds(5));
        Put(scene, issuer, redeem);
        await scene.Root.TickAsync();
        Assert.Single(scene.Devices);
        Assert.Equal("token_refused", OpenAt(issuer, scene.Root, scene.AnswersAt(issuer)[^1]).GetString("reason"));
    }

    [Fact]
    public async Task The_root_forgets_which_key_has_used_a_token_when_nothing_can_come_by_it_any_more()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var hashes = new List<string>();
        foreach (var name in new[] { "first", "second" })
        {
            var machine = scene.Add(name);
            var minted = await scene.MintAtAsync(issuer, expiresIn: TimeSpan.FromMinutes(5));
            hashes.Add(minted.Minted.Info.TokenHash);
            await AskAsync(machine, minted.Url);
            await scene.SettleThroughAsync(issuer, machine);
            scene.AssertAdmitted(machine);
            Assert.Contains($"\"{minted.Minted.Info.TokenHash}\":", Claims(scene), StringComparison.Ordinal);
            scene.Time.Advance(TimeSpan.FromHours(2));
        }

        Assert.DoesNotContain($"\"{hashes[0]}\":", Claims(scene), StringComparison.Ordinal);

        static string Claims(DeviceScene scene) => WireJson.Parse(File.ReadAllText(scene.Root.Home.DevicesFile)).GetObject("claims")!.ToCompactString();
    }

    [Fact]
    public async Task Only_the_root_says_what_became_of_a_token_and_only_about_the_key_that_waits()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var (laptop, thief) = (scene.Add("laptop"), await scene.AddStrangerAsync("thief"));
        var minted = await scene.MintAtAsync(issuer);
        await AskAsync(laptop, minted.Url);
        await issuer.TickAsync();
        await issuer.Engine.Trust.PinAsync(new PinRequest(CardOf(thief), TrustTier.Verified, "sas-v2", "person", "pair", null, null), static (_, _) => Task.CompletedTask, None);
        var refusal = WireJson.ObjectOf(
            ("token_hash", WireJson.From(minted.Minted.Info.TokenHash)),
            ("key", WireJson.From(Convert.ToHexStringLower(CardOf(laptop).PublicKey))),
            ("reason", WireJson.From("rights_exceeded")));
        Say(thief, refusal);
        Say(scene.Root, refusal, isSealed: false);
        Say(scene.Root, refusal.With("key", Convert.ToHexStringLower(CardOf(thief).PublicKey)));
        Say(scene.Root, refusal.With("reason", "made_up"));
        Say(scene.Root, refusal.Without("reason"));

        // An answer that the root has not signed, and one that is for somebody else.
        using (var own = thief.Engine.Identity.Open())
        {
            Say(scene.Root, refusal.Without("reason").With("answer", own.CreateEvent(CardOf(laptop).Did, "device_redeemed", EventKinds.Ack, refusal, scene.Time.GetUtcNow(), CardOf(laptop).DhPublicKey, thief.Random).Json));
        }

        using (var own = scene.Root.Engine.Identity.Open())
        {
            Say(scene.Root, refusal.Without("reason").With("answer", own.CreateEvent(CardOf(thief).Did, "device_redeemed", EventKinds.Ack, refusal, scene.Time.GetUtcNow(), CardOf(thief).DhPublicKey, thief.Random).Json));
        }

        await issuer.TickAsync();
        Assert.Equal(
            [
                EventRefusal.NotExpected, EventRefusal.SealBroken, EventRefusal.NotExpected, EventRefusal.Malformed, EventRefusal.Malformed, EventRefusal.Malformed, EventRefusal.Malformed,
            ],
            issuer.Engine.Refused.List().Select(static r => r.Reason));
        Assert.Equal(PairTokenState.Reserved, Assert.Single(await issuer.Engine.PairTokens.ListAsync(None)).State);
        Assert.Empty(scene.AnswersAt(laptop));
        await scene.SettleThroughAsync(issuer, laptop);
        scene.AssertAdmitted(laptop);

        void Say(Party from, WireJson body, bool isSealed = true)
        {
            scene.Time.Advance(TimeSpan.FromMilliseconds(1));
            using var own = from.Engine.Identity.Open();
            scene.PutAt(issuer, own.CreateEvent(CardOf(issuer).Did, "device_redeemed", EventKinds.Ack, body, scene.Time.GetUtcNow(), isSealed ? CardOf(issuer).DhPublicKey : null, from.Random));
        }
    }

    [Fact]
    public async Task Of_16_machines_with_one_url_of_a_device_one_wins_and_the_others_hear_that_it_is_used()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var minted = await scene.MintAtAsync(issuer);
        var machines = Enumerable.Range(1, 16).Select(i => scene.Add($"machine{i}", seed: i * 104_729)).ToArray();
        await Task.WhenAll(machines.Select(machine => Task.Run(() => AskAsync(machine, minted.Url))));
        await scene.SettleThroughAsync(issuer, machines);
        var winner = Assert.Single(machines, static machine => PairOf(machine).Status == PairStatus.Paired);
        scene.AssertAdmitted(winner);
        Assert.Equal(2, scene.Devices.Count);
        Assert.All(machines.Where(machine => machine != winner), static machine =>
            Assert.Equal((PairStatus.Aborted, WireReason.TokenRefused), (PairOf(machine).Status, PairOf(machine).Reason)));
    }

    [Fact]
    public async Task An_answer_that_the_relay_lost_is_given_again()
    {
        using var scene = new DeviceScene();
        var issuer = await scene.AdmitAsync("issuer");
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        await issuer.TickAsync();
        await scene.Root.TickAsync();
        await issuer.TickAsync();
        scene.Relay.Mail.Drop(SlotOf(laptop), scene.At(laptop).Count);
        scene.Time.Advance(TimeSpan.FromMinutes(1));
        await laptop.TryTickAsync();
        await scene.SettleThroughAsync(issuer, laptop);
        scene.AssertAdmitted(laptop);
    }

    [Theory]
    [InlineData("machine")]
    [InlineData("issuer")]
    [InlineData("root")]
    public async Task A_death_at_any_access_to_a_file_is_finished_by_the_next_process(string who)
    {
        var points = 0;
        for (var point = 1; await DieAtAsync(point, who); point += 3)
        {
            points++;
        }

        Assert.True(points > 20, $"only {points} points");
    }

    private static async Task<bool> DieAtAsync(int point, string who)
    {
        var accesses = 0;
        var isDying = false;
        var files = new FaultyFiles(DiskFileSystem.Instance) { Weather = (_, _) => isDying && ++accesses >= point ? FileFault.Failed : FileFault.None };
        using var scene = new DeviceScene(who == "root" ? files : null);
        var issuer = scene.Add("issuer", files: who == "issuer" ? files : null);
        await AskAsync(issuer, (await scene.MintAsync()).Url);
        await scene.SettleAsync(issuer);
        var laptop = scene.Add("laptop", files: who == "machine" ? files : null);
        await AskAsync(laptop, (await scene.MintAtAsync(issuer)).Url);
        var dying = who switch { "root" => scene.Root, "issuer" => issuer, _ => laptop };
        isDying = true;
        foreach (var party in new[] { issuer, scene.Root, issuer, laptop })
        {
            // The point may fall on either of the issuer's two passes.
            await TryAsync(party);
            isDying = accesses < point;
        }

        isDying = false;
        var hasDied = accesses >= point;
        scene.Time.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 2; i++)
        {
            await laptop.TickAsync();
            await scene.SettleThroughAsync(issuer, laptop);
            scene.Time.Advance(TimeSpan.FromMinutes(1));
        }

        scene.AssertAdmitted(laptop);
        Assert.Equal(2, scene.Devices.Count);
        Assert.Equal(PairTokenState.Used, Assert.Single(await issuer.Engine.PairTokens.ListAsync(None)).State);
        Assert.Contains(issuer.Engine.Journal.Read(0), static e => e is { Kind: "token", To: "used" });
        Assert.True(dying.Engine.Journal.Verify().Valid);
        return hasDied;

        static async Task TryAsync(Party party)
        {
            try
            {
                await party.TryTickAsync();
            }
            catch (WireException error) when (error.Reason == WireReason.StorageFailed)
            {
            }
        }
    }

    /// <summary>What a device has passed on; taken away from the relay, so that the root's next tick reports that something is missing.</summary>
    private static SignedEvent TakeFromRoot(DeviceScene scene)
    {
        var item = Assert.Single(scene.At(scene.Root), static e => e.Type == "device_redeem" && e.EphemeralKey is null);
        scene.Relay.Mail.Drop(SlotOf(scene.Root), scene.At(scene.Root).Count);
        return item;
    }

    private static WireJson PassedTo(DeviceScene scene, Party issuer, SignedEvent item) => OpenAt(scene.Root, issuer, item).GetObject("redeem")!;

    private static WireJson OpenAt(Party machine, Party from, SignedEvent item)
    {
        using var own = machine.Engine.Identity.Open();
        Assert.True(own.TryOpenBody(item, CardOf(from).DhPublicKey!, out var body));
        return body;
    }

    /// <summary>What the root has for the new machine, in its newest word to the issuer.</summary>
    private static string RootAnswer(DeviceScene scene, Party issuer, Party machine)
    {
        var answer = OpenAt(issuer, scene.Root, scene.AnswersAt(issuer)[^1]).GetObject("answer")!;
        return OpenAt(machine, scene.Root, SignedEvent.Parse(answer.ToCompactBytes())).ToCompactString();
    }

    /// <summary>The same, for another machine, with a proof of its own that names an issuer.</summary>
    private static WireJson Signed(WireJson redeem, Party machine, Party issuer, string principal)
    {
        using var own = machine.Engine.Identity.Open();
        var proof = DeviceProof.Sign(own, CardOf(issuer).PublicKey, redeem.GetString("token_hash")!, principal);
        return redeem.With("card", own.Card.Json).With("proof", Convert.ToBase64String(proof));
    }

    private static void Put(DeviceScene scene, Party from, WireJson redeem, Party? to = null)
    {
        scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        to ??= scene.Root;
        using var own = from.Engine.Identity.Open();
        scene.PutAt(to, own.CreateEvent(CardOf(to).Did, "device_redeem", EventKinds.Ack, WireJson.ObjectOf(("redeem", redeem)), scene.Time.GetUtcNow(), CardOf(to).DhPublicKey, from.Random));
    }

    private static Task<AgentCard> SetRightsAsync(Party root, Party device, DeviceRights rights) => root.Engine.Identity.UpdateCardAsync(
        content => DeviceEntry.With(content, [.. DeviceEntry.ListOf(AgentCard.From(content)).Select(d => d.HasKey(CardOf(device).PublicKey) ? d with { Rights = rights } : d)]), None);
}
