using System.Text;
using WirePS.Cryptography;
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

/// <summary>"My second machine" over a relay (wireps.md §7), in ticks of new processes.</summary>
public sealed class RegistrationTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task A_url_makes_another_machine_a_device_and_both_know()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        var minted = await scene.MintAsync(new PairTokenWish("") { Rights = DeviceRights.Send | DeviceRights.Receive, Label = "laptop" });
        var waiting = await AskAsync(laptop, minted.Url);
        Assert.Equal((PairKinds.Device, PairStatus.Polling, CardOf(scene.Root).Did), (waiting.Kind, waiting.Status, waiting.PeerDid));
        await scene.SettleAsync(laptop);
        scene.AssertAdmitted(laptop);

        var listed = Assert.Single(scene.Devices);
        Assert.Equal(("laptop", DeviceRights.Send | DeviceRights.Receive, minted.Minted.Info.TokenHash), (listed.Label, listed.Device.Rights, listed.TokenHash));
        Assert.Equal(SlotOf(laptop), Assert.Single(listed.Device.Endpoints).SlotId);
        Assert.Equal(PairTokenState.Used, Assert.Single(await scene.Root.Engine.PairTokens.ListAsync(None)).State);

        // It keeps its own identity, and nothing of the secret is left on it.
        Assert.NotEqual(CardOf(scene.Root).Did, CardOf(laptop).Did);
        var file = File.ReadAllText(laptop.Engine.Pairs.PathOf(PairOf(laptop).Id));
        Assert.DoesNotContain(minted.Minted.Token, file, StringComparison.Ordinal);
        Assert.DoesNotContain("wire://device", file, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_device_is_told_to_the_person_the_journal_and_the_other_devices()
    {
        using var scene = new DeviceScene();
        var first = await scene.AdmitAsync("first");
        var news = Assert.Single(scene.Root.Notices.Devices);
        Assert.Equal((CardOf(first).Did, "first", Fingerprint.Display(CardOf(first).PublicKey), true), (news.Device, news.Label, news.Fingerprint, news.IsAdded));
        var second = await scene.AdmitAsync("second");
        await first.TickAsync();
        Assert.Equal([CardOf(second).Did], first.Notices.Devices.Select(static n => n.Device));
        Assert.Equal([CardOf(first).Did, CardOf(second).Did], scene.Root.Engine.Journal.Read(0).Where(static e => e is { Kind: "device", To: "added" }).Select(static e => e.Peer));
        Assert.Equal([CardOf(second).Did], first.Engine.Journal.Read(0).Where(static e => e is { Kind: "device", To: "added", From: null } && e.Peer is not null && e.Id.Length != 32).Select(static e => e.Peer));
    }

    [Fact]
    public async Task The_journal_says_when_a_token_is_made_used_and_removed_and_holds_no_secret()
    {
        using var scene = new DeviceScene();
        var (laptop, late) = (scene.Add("laptop"), scene.Add("late"));
        var minted = await scene.MintAsync(new PairTokenWish("") { ExpiresIn = TimeSpan.FromHours(1) });
        await AskAsync(laptop, minted.Url);
        await AskAsync(late, minted.Url);
        await scene.SettleAsync(laptop, late);

        // Asked again, and by another one: neither is a use.
        scene.Time.Advance(TimeSpan.FromMinutes(1));
        await scene.Root.Engine.DeviceOperations.ResumeAsync(None);
        Assert.Equal(WireReason.TokenRefused, PairOf(late).Reason);
        await scene.Root.Engine.DeviceOperations.RemoveTokenAsync(minted.Minted.Info.TokenHash, None);
        var lines = scene.Root.Engine.Journal.Read(0).Where(static e => e.Kind == "token").ToList();
        Assert.Equal([(null, "live", null), ("live", "used", CardOf(laptop).Did), ("live", "removed", null)], lines.Select(static e => (e.From, e.To, e.Peer)));
        Assert.All(lines, e => Assert.Equal(minted.Minted.Info.TokenHash[..32], e.Id));
        var texts = string.Join('\n', Directory.EnumerateFiles(scene.Root.Home.Root, "*", SearchOption.AllDirectories).Where(static f => f.Contains("journal", StringComparison.Ordinal)).Select(File.ReadAllText));
        Assert.Contains(minted.Minted.Info.TokenHash[..32], texts, StringComparison.Ordinal);
        Assert.DoesNotContain(minted.Minted.Info.TokenHash, texts, StringComparison.Ordinal);
        Assert.DoesNotContain(minted.Minted.Token, texts, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(CardOf(laptop).PublicKey), texts, StringComparison.Ordinal);
    }

    [Fact]
    public async Task W03_the_relay_sees_neither_token_nor_card_nor_proof()
    {
        using var scene = new DeviceScene();
        var seen = new List<string>();
        var laptop = scene.Add("laptop");
        var minted = await scene.MintAsync();
        await AskAsync(laptop, minted.Url);
        seen.AddRange(scene.Relay.Mail.TextsOf(SlotOf(scene.Root)));
        await scene.Root.TickAsync();
        seen.AddRange(scene.Relay.Mail.TextsOf(SlotOf(laptop)));
        Assert.True(seen.Count >= 2);
        Assert.All(seen, text =>
        {
            Assert.DoesNotContain(minted.Minted.Token, text, StringComparison.Ordinal);
            Assert.DoesNotContain(minted.Minted.Info.TokenHash, text, StringComparison.Ordinal);
            Assert.DoesNotContain("\"proof\"", text, StringComparison.Ordinal);
            Assert.DoesNotContain("\"card\"", text, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task What_the_relay_holds_admits_nobody_else()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAsync()).Url);
        var request = Assert.Single(scene.At(scene.Root));

        // The same sealed body, signed by a key of the relay: as it is, and under the name of the machine that asked.
        var seed = Enumerable.Repeat((byte)9, 32).ToArray();
        var thief = AgentCard.Create(seed, "laptop");
        foreach (var from in new[] { thief.Did, CardOf(laptop).Did })
        {
            scene.PutAt(scene.Root, SignedEvent.Sign(seed, "laptop", request.Json.Without("signature").With("from", from)));
        }

        await scene.SettleAsync(laptop);
        scene.AssertAdmitted(laptop);
        Assert.Single(scene.Devices);
        Assert.Equal([EventRefusal.SealBroken, EventRefusal.BadSignature], scene.Root.Engine.Refused.List().Select(static r => r.Reason));
    }

    [Fact]
    public async Task Of_64_machines_with_one_url_one_wins_and_the_others_hear_that_it_is_used()
    {
        using var scene = new DeviceScene();
        var minted = await scene.MintAsync();
        var machines = Enumerable.Range(1, 64).Select(i => scene.Add($"machine{i}", seed: i * 104_729)).ToArray();
        await Task.WhenAll(machines.Select(machine => Task.Run(() => AskAsync(machine, minted.Url))));
        await scene.Root.TickAsync();
        await Task.WhenAll(machines.Select(static machine => Task.Run(machine.TickAsync)));
        var winner = Assert.Single(machines, static machine => PairOf(machine).Status == PairStatus.Paired);
        scene.AssertAdmitted(winner);
        Assert.Single(scene.Devices);
        Assert.All(machines.Where(machine => machine != winner), static machine =>
        {
            var pair = PairOf(machine);
            Assert.Equal((PairStatus.Aborted, WireReason.TokenRefused, true, false), (pair.Status, pair.Reason, pair.ReasonVerified, pair.OutcomeUnknown));
            Assert.Empty(machine.Engine.Trust.List());
        });
    }

    [Fact]
    public async Task Without_the_issuer_the_machine_waits_visibly_and_says_so_at_the_end()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAsync()).Url);
        for (var waited = TimeSpan.Zero; waited < TimeSpan.FromMinutes(4); waited += TimeSpan.FromSeconds(20))
        {
            scene.Time.Advance(TimeSpan.FromSeconds(20));
            await laptop.TickAsync();
            Assert.Equal(PairStatus.Polling, PairOf(laptop).Status);
        }

        Assert.Equal(5, scene.At(scene.Root).Count);
        scene.Time.Advance(TimeSpan.FromMinutes(2));
        await laptop.TickAsync();
        Assert.Equal(PairStatus.Polling, PairOf(laptop).Status);
        Assert.Contains("did not answer", PairOf(laptop).LastError, StringComparison.Ordinal);
        scene.Time.Advance(TimeSpan.FromMinutes(2));
        await laptop.TickAsync();
        var pair = PairOf(laptop);
        Assert.Equal((PairStatus.Aborted, WireReason.IssuerNoAnswer, true), (pair.Status, pair.Reason, pair.OutcomeUnknown));
        Assert.Empty(laptop.Engine.Trust.List());
        Assert.Empty(pair.Leaving);

        // Too late is too late: nothing is admitted, and nobody is told anything.
        await scene.SettleAsync(laptop);
        Assert.Empty(scene.Devices);
        Assert.Empty(scene.Root.Engine.Outbox.List());
        Assert.Empty(scene.At(laptop));
    }

    [Fact]
    public async Task An_answer_that_lay_in_the_mailbox_at_the_end_still_counts()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAsync()).Url);
        await scene.Root.TickAsync();
        scene.Time.Advance(TimeSpan.FromHours(2));
        await laptop.TickAsync();
        scene.AssertAdmitted(laptop);
    }

    [Fact]
    public async Task A_clock_that_goes_back_revives_no_token()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAsync()).Url);

        // The issuer has seen a later time; then its clock is set back to when the token lived.
        scene.Time.Advance(TimeSpan.FromMinutes(6));
        await scene.Root.Engine.DeviceOperations.MintAsync(new PairTokenWish("") { ExpiresIn = TimeSpan.FromHours(1) }, scene.Relay.Url, false, None);
        scene.Time.Advance(TimeSpan.FromMinutes(-6));
        await scene.Root.TickAsync();
        Assert.Empty(scene.Devices);
        Assert.Empty(await scene.Root.Engine.PairTokens.ListAsync(None));
    }

    [Fact]
    public async Task The_same_request_again_gets_the_same_answer()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, (await scene.MintAsync()).Url);
        await scene.Root.TickAsync();
        var first = Assert.Single(scene.AnswersAt(laptop));
        scene.Time.Advance(TimeSpan.FromSeconds(20));

        // The relay has lost the answer, and the machine asks again.
        scene.Relay.Mail.Drop(SlotOf(laptop), scene.At(laptop).Count);
        await laptop.TryTickAsync();
        await scene.Root.TickAsync();
        var second = Assert.Single(scene.AnswersAt(laptop));
        Assert.NotEqual(first.EventId, second.EventId);
        Assert.Equal(Open(laptop, scene.Root, first), Open(laptop, scene.Root, second));
        await laptop.TickAsync();
        scene.AssertAdmitted(laptop);
        Assert.Single(scene.Root.Notices.Devices);
    }

    [Fact]
    public async Task Who_names_no_token_of_ours_is_never_answered()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        var minted = await scene.MintAsync();
        await AskAsync(laptop, minted.Url);
        await scene.Root.Engine.DeviceOperations.RemoveTokenAsync(minted.Minted.Info.TokenHash, None);
        await scene.Root.TickAsync();
        Assert.Equal(EventRefusal.NotExpected, Assert.Single(scene.Root.Engine.Refused.List()).Reason);
        Assert.Empty(scene.Root.Engine.Outbox.List());
        Assert.Empty(scene.At(laptop));
        Assert.Empty(scene.Relay.LiveGrants.Intersect(GrantsOf(scene.Root)));
    }

    [Fact]
    public async Task A_machine_under_a_name_that_is_taken_is_told_and_the_token_stays_good()
    {
        using var scene = new DeviceScene();
        var minted = await scene.MintAsync();
        await scene.Root.Engine.Trust.PinAsync(
            new PinRequest(AgentCard.Create(Enumerable.Repeat((byte)3, 32).ToArray(), "desk"), TrustTier.Verified, "sas-v2", "person", "pair", null, null), static (_, _) => Task.CompletedTask, None);
        var desk = scene.Add("desk");
        await desk.Engine.Identity.EnsureAsync("desk", None);
        await AskAsync(desk, minted.Url);
        await scene.SettleAsync(desk);
        Assert.Equal((PairStatus.Aborted, WireReason.IdentityConflict), (PairOf(desk).Status, PairOf(desk).Reason));
        var other = scene.Add("other");
        await AskAsync(other, minted.Url);
        await scene.SettleAsync(other);
        scene.AssertAdmitted(other);
    }

    [Fact]
    public async Task Answers_of_others_and_open_ones_change_nothing()
    {
        using var scene = new DeviceScene();
        var (laptop, stranger) = (scene.Add("laptop"), scene.Add("stranger"));
        var minted = await scene.MintAsync();
        await AskAsync(laptop, minted.Url);
        await stranger.Engine.Identity.EnsureAsync(null, None);
        var body = WireJson.ObjectOf(("token_hash", WireJson.From(minted.Minted.Info.TokenHash)), ("reason", WireJson.From("token_refused")));
        using (var own = stranger.Engine.Identity.Open())
        {
            scene.PutAt(laptop, own.CreateEvent(CardOf(laptop).Did, "device_redeemed", EventKinds.Ack, body, scene.Time.GetUtcNow(), CardOf(laptop).DhPublicKey, stranger.Random));
        }

        using (var own = scene.Root.Engine.Identity.Open())
        {
            scene.PutAt(laptop, own.CreateEvent(CardOf(laptop).Did, "device_redeemed", EventKinds.Ack, body, scene.Time.GetUtcNow(), null, stranger.Random));

            // A card that does not list this machine.
            var card = WireJson.ObjectOf(("token_hash", WireJson.From(minted.Minted.Info.TokenHash)), ("card", own.Card.Json));
            scene.PutAt(laptop, own.CreateEvent(CardOf(laptop).Did, "device_redeemed", EventKinds.Ack, card, scene.Time.GetUtcNow(), CardOf(laptop).DhPublicKey, stranger.Random));
        }

        await laptop.TickAsync();
        Assert.Equal(PairStatus.Polling, PairOf(laptop).Status);
        Assert.Equal([EventRefusal.NotExpected, EventRefusal.SealBroken, EventRefusal.Malformed], laptop.Engine.Refused.List().Select(static r => r.Reason));
        await scene.SettleAsync(laptop);
        scene.AssertAdmitted(laptop);
    }

    [Fact]
    public async Task A_device_that_was_revoked_is_told_forgets_and_comes_back_by_nothing()
    {
        using var scene = new DeviceScene();
        var kept = await scene.AdmitAsync("kept");
        var lost = scene.Add("lost");
        var minted = await scene.MintAsync();
        await AskAsync(lost, minted.Url);
        var request = Assert.Single(scene.At(scene.Root));
        await scene.SettleAsync(lost);
        var key = CardOf(lost).PublicKey;
        var route = lost.Engine.Mailboxes.FindRoute(CardOf(scene.Root).Handle)!;
        var before = CardChain.PositionOf(CardOf(scene.Root));

        Assert.Equal(CardOf(lost).Did, (await scene.Root.Engine.DeviceOperations.RevokeAsync(key, None))!.Device.Did);
        Assert.Null(await scene.Root.Engine.DeviceOperations.RevokeAsync(key, None));
        Assert.Equal(before.Seq + 1, CardChain.PositionOf(CardOf(scene.Root)).Seq);
        Assert.Equal([CardOf(kept).Did], scene.Devices.Select(static d => d.Device.Did));
        await scene.SettleAsync(lost, kept);
        Assert.Empty(lost.Engine.DeviceOperations.Memberships());
        Assert.Empty(lost.Engine.Trust.List());
        Assert.Null(Trusts(scene.Root, lost));
        Assert.True(lost.Notices.Devices.Last() is { IsAdded: false, IsThisHome: true });
        Assert.Contains(kept.Notices.Devices, n => n is { IsAdded: false } && n.Device == CardOf(lost).Did);
        Assert.False(scene.Relay.TakesMessage(route.SlotId, route.SlotToken));

        // Neither what it asked with, nor an event of its own, gets in again.
        scene.PutAt(scene.Root, request);
        using (var own = lost.Engine.Identity.Open())
        {
            scene.PutAt(scene.Root, own.CreateEvent(CardOf(scene.Root).Did, "decision", EventKinds.Decision, WireJson.ObjectOf(("a", WireJson.From(1))), scene.Time.GetUtcNow(), CardOf(scene.Root).DhPublicKey, lost.Random));
        }

        await scene.Root.TickAsync();
        Assert.Equal([CardOf(kept).Did], scene.Devices.Select(static d => d.Device.Did));
        Assert.DoesNotContain(scene.Root.Engine.Received.Read(0), static r => r.Entry.IsMessage);
        Assert.Contains(scene.Root.Engine.Journal.Read(0), e => e is { Kind: "device", To: "revoked" } && e.Peer == CardOf(lost).Did);
    }

    [Fact]
    public async Task Peers_and_devices_learn_of_a_device_and_of_its_end_by_the_next_card()
    {
        using var scene = new DeviceScene();
        var kept = await scene.AdmitAsync("kept");
        var lost = await scene.AdmitAsync("lost");
        await kept.TickAsync();
        Assert.Equal([CardOf(kept).Did, CardOf(lost).Did], DeviceEntry.ListOf(Trusts(kept, scene.Root)!.Card!).Select(static d => d.Did));
        await scene.Root.Engine.DeviceOperations.RevokeAsync(CardOf(lost).PublicKey, None);
        await scene.SettleAsync(kept);
        Assert.Equal([CardOf(kept).Did], DeviceEntry.ListOf(Trusts(kept, scene.Root)!.Card!).Select(static d => d.Did));
        Assert.Equal(CardChain.PositionOf(CardOf(scene.Root)), CardChain.PositionOf(Trusts(kept, scene.Root)!.Card!));
    }

    [Fact]
    public async Task A_token_file_of_another_program_keeps_no_device_from_being_revoked()
    {
        using var scene = new DeviceScene();
        var lost = await scene.AdmitAsync("lost");
        scene.Root.Engine.Files.WritePrivate(scene.Root.Home.PairTokensFile, "schema_version = 1\n"u8);
        Assert.Equal(WireReason.TokenStoreUnsupported, (await Assert.ThrowsAsync<WireException>(() => scene.MintAsync())).Reason);
        Assert.NotNull(await scene.Root.Engine.DeviceOperations.RevokeAsync(CardOf(lost).PublicKey, None));
        await scene.SettleAsync(lost);
        Assert.Empty(scene.Devices);
        Assert.Empty(lost.Engine.DeviceOperations.Memberships());
    }

    [Theory]
    [InlineData("{")]
    [InlineData("""{"claims":5,"devices":5}""")]
    [InlineData("""{"version":2}""")]
    public async Task Notes_that_cannot_be_read_keep_no_device_from_being_revoked_nor_bring_one_back(string notes)
    {
        using var scene = new DeviceScene();
        var lost = await scene.AdmitAsync("lost");
        File.WriteAllText(scene.Root.Home.DevicesFile, notes);
        Assert.Null(Assert.Single(scene.Devices).Label);
        Assert.NotNull(await scene.Root.Engine.DeviceOperations.RevokeAsync(CardOf(lost).PublicKey, None));
        await scene.SettleAsync(lost);
        Assert.Empty(scene.Devices);
        Assert.Null(Trusts(scene.Root, lost));
        Assert.Empty(lost.Engine.DeviceOperations.Memberships());
        Assert.Equal(notes, File.ReadAllText(scene.Root.Home.DevicesFile));
    }

    [Fact]
    public async Task Only_the_identity_itself_says_what_its_devices_are()
    {
        using var scene = new DeviceScene();
        var (first, second) = (await scene.AdmitAsync("first"), await scene.AdmitAsync("second"));
        await first.TickAsync();
        var told = first.Notices.Devices.Count;
        var body = WireJson.ObjectOf(("principal", WireJson.From(CardOf(scene.Root).Did)), ("device", WireJson.From(CardOf(scene.Root).Did)), ("card_seq", WireJson.From(9)));
        using (var own = second.Engine.Identity.Open())
        {
            scene.PutAt(scene.Root, own.CreateEvent(CardOf(scene.Root).Did, "device_revoked", EventKinds.TrustRevokeKey, body, scene.Time.GetUtcNow(), CardOf(scene.Root).DhPublicKey, second.Random));
        }

        await scene.Root.TickAsync();
        Assert.Equal(EventRefusal.RightMissing, Assert.Single(scene.Root.Engine.Refused.List()).Reason);
        Assert.Equal(2, scene.Root.Engine.Trust.List().Count);
        Assert.Equal(told, first.Notices.Devices.Count);
    }

    [Fact]
    public async Task A_bare_token_works_where_the_home_of_its_issuer_is()
    {
        using var scene = new DeviceScene();
        await scene.Root.Engine.Settings.SetRelayAsync(scene.Relay.Url, None);
        var minted = await scene.MintAsync();
        var url = await scene.Root.Engine.DeviceOperations.UrlOfAsync(minted.Minted.Token, None);
        Assert.NotEqual(minted.Url, url);
        var laptop = scene.Add("laptop");
        await AskAsync(laptop, url);
        await scene.SettleAsync(laptop);
        scene.AssertAdmitted(laptop);
        foreach (var wrong in new[] { minted.Minted.Token, minted.Minted.Token.ToUpperInvariant(), "" })
        {
            Assert.Equal(WireReason.TokenRefused, (await Assert.ThrowsAsync<WireException>(() => scene.Root.Engine.DeviceOperations.UrlOfAsync(wrong, None))).Reason);
        }
    }

    [Fact]
    public async Task A_registration_that_cannot_work_is_refused_before_anything_changes()
    {
        using var scene = new DeviceScene();
        var minted = await scene.MintAsync();
        Assert.Equal(WireReason.SelfPairing, await ReasonAsync(scene.Root, minted.Url));
        var laptop = scene.Add("laptop");
        Assert.Equal(WireReason.InvalidDeviceUrl, await ReasonAsync(laptop, minted.Minted.Token));
        Assert.Equal(WireReason.InvalidLabel, await ReasonAsync(laptop, minted.Url, "a\nb"));
        scene.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(WireReason.DeviceUrlExpired, await ReasonAsync(laptop, minted.Url));
        Assert.Empty(laptop.Engine.Pairs.List());
    }

    [Fact]
    public async Task Registering_again_by_the_same_url_is_the_same_entry()
    {
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        var minted = await scene.MintAsync();
        var first = await AskAsync(laptop, minted.Url);
        var (_, second) = await laptop.Engine.DeviceOperations.RegisterAsync($"  {minted.Url}\n", null, false, None);
        Assert.Equal(first.Id, second.Id);
        await scene.SettleAsync(laptop);
        Assert.Equal(first.Id, (await laptop.Engine.DeviceOperations.RegisterAsync(minted.Url, null, false, None)).Pair.Id);
    }

    [Fact]
    public async Task No_token_is_left_where_its_url_could_not_be_made()
    {
        using var scene = new DeviceScene();
        scene.Relay.Weather = static call => call.Action == RelayAction.PutGrant ? new RelayFault.DropAfter() : null;
        await Assert.ThrowsAsync<WirePS.Relay.RelayException>(() => scene.MintAsync());
        scene.Relay.Weather = null;
        await scene.Root.TickAsync();
        Assert.Empty(await scene.Root.Engine.PairTokens.ListAsync(None));
        Assert.Empty(scene.Relay.LiveGrants);
    }

    [Fact]
    public async Task Weather_on_the_way_delays_and_breaks_nothing()
    {
        var choice = new Random(20_251);
        using var scene = new DeviceScene();
        var laptop = scene.Add("laptop");
        var minted = await scene.MintAsync(new PairTokenWish("") { ExpiresIn = TimeSpan.FromHours(1) });
        await laptop.Engine.DeviceOperations.RegisterAsync(minted.Url, null, false, None);
        scene.Relay.Weather = _ => choice.Next(3) switch { 0 => new RelayFault.DropBefore(), 1 => new RelayFault.DropAfter(), _ => null };
        for (var i = 0; i < 40 && PairOf(laptop).Status != PairStatus.Paired; i++)
        {
            scene.Time.Advance(TimeSpan.FromSeconds(20));
            await laptop.TryTickAsync();
            await scene.Root.TryTickAsync();
        }

        scene.Relay.Weather = null;
        await scene.SettleAsync(laptop);
        scene.AssertAdmitted(laptop);
        Assert.Single(scene.Devices);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_death_at_any_access_to_a_file_is_finished_by_the_next_process(bool isIssuer)
    {
        var points = 0;
        for (var point = 1; await DieAtAsync(point, isIssuer); point++)
        {
            points++;
        }

        Assert.True(points > 50, $"only {points} points");
    }

    /// <summary>False where a pass needed fewer accesses than that, and so did not die.</summary>
    private static async Task<bool> DieAtAsync(int point, bool isIssuer)
    {
        var accesses = 0;
        var isDying = false;
        var files = new FaultyFiles(DiskFileSystem.Instance) { Weather = (_, _) => isDying && ++accesses >= point ? FileFault.Failed : FileFault.None };
        using var scene = new DeviceScene(isIssuer ? files : null);
        var laptop = scene.Add("laptop", files: isIssuer ? null : files);
        var minted = await scene.MintAsync(new PairTokenWish("") { ExpiresIn = TimeSpan.FromHours(1) });
        await AskAsync(laptop, minted.Url);
        if (!isIssuer)
        {
            await scene.Root.TickAsync();
        }

        isDying = true;
        try
        {
            await (isIssuer ? scene.Root : laptop).TryTickAsync();
        }
        catch (WireException error) when (error.Reason == WireReason.StorageFailed)
        {
        }

        isDying = false;
        var hasDied = accesses >= point;
        scene.Time.Advance(TimeSpan.FromMinutes(1));
        await laptop.TickAsync();
        await scene.SettleAsync(laptop);
        scene.AssertAdmitted(laptop);
        Assert.Single(scene.Devices);
        Assert.NotEmpty(scene.Root.Notices.Devices);
        Assert.Contains(scene.Root.Engine.Journal.Read(0), static e => e is { Kind: "device", To: "added" });
        Assert.True(scene.Root.Engine.Journal.Verify().Valid);
        return hasDied;
    }

    private static string Open(Party machine, Party from, SignedEvent item)
    {
        using var own = machine.Engine.Identity.Open();
        Assert.True(own.TryOpenBody(item, CardOf(from).DhPublicKey!, out var body));
        return body.ToCompactString();
    }

    private static IEnumerable<string> GrantsOf(Party party) => party.Engine.Revocations.List().Select(static g => g.GrantId);

    private static async Task<WireReason> ReasonAsync(Party party, string text, string? label = null) =>
        (await Assert.ThrowsAsync<WireException>(() => party.Engine.DeviceOperations.RegisterAsync(text, label, false, None))).Reason;
}
