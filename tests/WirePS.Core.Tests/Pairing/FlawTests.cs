using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using WirePS.Cryptography;
using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V1;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Golden;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>The named flaws of wire.md §11 that apply to the engine: one test each, which fails on the flawed behaviour. FlawCoverage.md says where the others are.</summary>
public sealed partial class FlawTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public void C4_our_own_sealed_card_handed_back_ends_the_pairing_and_pins_nobody()
    {
        foreach (var machine in Machine.All)
        {
            var pair = machine["confirmed, posted"];
            var ended = Machine.Step(pair, machine.Seen(machine.PeerMsg, pair.Messages.Sent["bootstrap"]));
            Assert.Equal((PairStatus.Aborted, WireReason.SelfPairing), (ended.Status, ended.Reason));

            // Sealed anew it is still our own card.
            ended = Machine.Step(pair, machine.Seen(machine.PeerMsg, machine.SelfBootstrap));
            Assert.Equal((PairStatus.Aborted, WireReason.SelfPairing), (ended.Status, ended.Reason));
        }
    }

    [Fact]
    public async Task P1_a_listing_during_writes_sees_every_file_whole()
    {
        using var couple = new Couple();
        await couple.Host.HostAsync();
        using var done = new CancellationTokenSource();
        var looks = 0;
        var reader = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                var file = Assert.Single(couple.Host.Engine.Pairs.List());
                Assert.Null(file.Error);
                looks++;
            }
        });
        for (var i = 0; (i < 100 || Volatile.Read(ref looks) < 10) && !reader.IsCompleted; i++)
        {
            await couple.Host.Engine.Pairs.UpdateAsync(couple.Host.Key, null, pair => pair with { LastError = new string('x', i % 100 * 50) }, None);
        }

        await done.CancelAsync();
        await reader;
        Assert.True(looks > 0);
    }

    [Fact]
    public async Task P2_what_holds_secrets_is_private_whatever_the_umask()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        Assert.Empty(Unix.WideIn(couple.Host.Files.Folder));
    }

    [Fact]
    public async Task P3_what_is_reported_of_a_pairing_holds_neither_seed_nor_token_nor_digits()
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        await couple.Guest.TickAsync();
        var report = await couple.Host.TickAsync();
        var pair = couple.Host.Pair;
        var text = string.Join('\n', report.Moves.Select(static m => m.ToString())) + pair + string.Join('\n', couple.Host.Engine.Journal.Read(0)) + string.Join('\n', couple.Host.Engine.Pairs.List());
        Assert.All((string[])[pair.Spake2Seed!, pair.OurSlotToken!, pair.Sas!, pair.Code, pair.CodeHash], secret => Assert.DoesNotContain(secret, text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task P4_mismatching_digits_are_repeated_nowhere()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        var digits = couple.Host.Pair.Sas!;
        var typed = digits == "123456" ? "654321" : "123456";
        var error = await Assert.ThrowsAsync<WireException>(() => couple.Host.ConfirmAsync(typed));
        Assert.Equal(WireReason.SasMismatch, error.Reason);
        var told = error + error.RecommendedAction + error.Target + File.ReadAllText(couple.Host.Home.JournalFile) + File.ReadAllText(couple.Host.Engine.Pairs.PathOf(couple.Host.Key)) + DesktopNotifier.TextOf(couple.Host.Pair);
        Assert.DoesNotContain(digits, told, StringComparison.Ordinal);
        Assert.DoesNotContain(typed, told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task P5_sas_ready_and_confirmed_are_restored_after_a_restart(bool isOurs)
    {
        using var couple = new Couple(isOurs);
        await couple.ReachSasReadyAsync();
        couple.Host.Restart();
        couple.Guest.Restart();
        Assert.Equal(couple.Guest.Pair.Sas, couple.Host.Pair.Sas);
        await couple.ConfirmBothAsync();
        couple.Host.Restart();
        couple.Guest.Restart();
        couple.Host.AssertStatus(PairStatus.Confirmed);
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task P8_whoever_was_refused_does_not_delete_the_others_rendezvous(bool isOurs)
    {
        using var couple = new Couple(isOurs);
        var code = await couple.Host.HostAsync();
        await couple.Host.TickAsync();
        Assert.NotNull(couple.Relay.OpenAs(couple.Host.Pair.CodeHash, PairRole.Guest, "U-of-somebody-else"));
        await couple.Guest.JoinAsync(code);
        for (var i = 0; i < 3; i++)
        {
            await couple.Guest.TickAsync();
        }

        couple.Guest.AssertStatus(PairStatus.Aborted, WireReason.Crowded);
        Assert.Equal(0, couple.Relay.CountOf(RelayAction.Abandon));
        Assert.Equal(1, couple.Relay.Rendezvouses);
    }

    [Fact]
    public async Task P9_a_lost_packet_a_limit_and_a_broken_server_end_nothing()
    {
        using var couple = new Couple();
        var faults = new Queue<RelayFault>([new RelayFault.DropBefore(), new RelayFault.RateLimited(TimeSpan.FromSeconds(10)), new RelayFault.ServerError(), new RelayFault.Nonsense(), new RelayFault.DropAfter()]);
        couple.Relay.Weather = _ => faults.TryDequeue(out var fault) ? fault : null;
        await couple.RequestAsync();
        for (var i = 0; i < 8; i++)
        {
            await couple.Host.TryTickAsync();
            await couple.Guest.TryTickAsync();
        }

        Assert.Empty(faults);
        couple.Host.AssertStatus(PairStatus.SasReady);
        couple.Guest.AssertStatus(PairStatus.SasReady);
    }

    [Fact]
    public async Task P10_the_other_person_may_confirm_hours_later()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.Host.ConfirmAsync(couple.Host.Pair.Sas!);
        await couple.Host.TickAsync();
        couple.Time.Advance(TimeSpan.FromHours(23));
        await couple.Host.TickAsync();
        couple.Host.AssertStatus(PairStatus.Confirmed);
        await couple.Guest.ConfirmAsync(couple.Guest.Pair.Sas!);
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Theory]
    [InlineData("relay.json")]
    [InlineData("trust.json")]
    [InlineData("pending")]
    [InlineData("journal.jsonl")]
    public async Task P12_a_pin_that_was_interrupted_anywhere_is_finished_with_route_and_once(string interrupted)
    {
        var faults = new FaultyFiles(DiskFileSystem.Instance);
        using var couple = new Couple(files: name => name == "host" ? faults : DiskFileSystem.Instance);
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.Guest.TickAsync();
        var pending = couple.Host.Engine.Pairs.PathOf(couple.Host.Key);
        var armed = true;
        faults.Weather = (work, path) =>
        {
            var hit = work is FileWork.Write or FileWork.Append && (interrupted == "pending" ? path == pending && couple.Host.Engine.Trust.List().Count > 0 : path.EndsWith(interrupted, StringComparison.Ordinal));
            if (!hit || !armed)
            {
                return FileFault.None;
            }

            armed = false;
            return FileFault.Failed;
        };
        var report = await couple.Host.TryTickAsync();
        Assert.False(armed);
        Assert.Contains(report.Failures, static f => f.Error.Reason == WireReason.StorageFailed);
        await couple.SettleAsync();
        couple.AssertPaired();
        Assert.NotNull(couple.Host.Engine.Mailboxes.FindRoute(couple.Guest.Engine.Identity.Find()!.Handle));
        Assert.Equal(["request_host", "polling", "sas_ready", "confirmed", "paired"], couple.Host.Story());
    }

    [Fact]
    public async Task P13_a_relay_that_forgets_the_untouched_is_reminded_while_people_compare()
    {
        using var couple = new Couple(isOurs: false);
        await couple.ReachSasReadyAsync();
        for (var i = 0; i < 10; i++)
        {
            couple.Time.Advance(TimeSpan.FromSeconds(200));
            await couple.Host.TickAsync();
        }

        Assert.Equal(1, couple.Relay.Rendezvouses);
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task P14_a_code_that_nobody_used_has_an_end(bool isOurs)
    {
        using var couple = new Couple(isOurs);
        await couple.Host.HostAsync(TimeSpan.FromMinutes(10));
        await couple.Host.TickAsync();
        couple.Time.Advance(TimeSpan.FromMinutes(10));
        await couple.Host.TickAsync();
        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.Expired);
        var calls = CallsForThePairing();
        await couple.Host.TickAsync();
        await couple.Host.TickAsync();
        Assert.InRange(CallsForThePairing() - calls, 0, 1);

        int CallsForThePairing() => couple.Relay.Attempts.Count(static c => c.Action != RelayAction.ReadEvents);
    }

    [Fact]
    public async Task P15_an_ended_pairing_stays_for_an_hour_after_its_end()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        couple.Time.Advance(TimeSpan.FromHours(20));
        await couple.Host.StopAsync();
        couple.Time.Advance(TimeSpan.FromMinutes(59));
        await couple.Host.TickAsync();
        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.Cancelled);
        couple.Time.Advance(TimeSpan.FromMinutes(2));
        await couple.Host.TickAsync();
        Assert.Null(couple.Host.Engine.Pairs.Load(couple.Host.Key));
    }

    [Fact]
    public async Task P16_asking_again_with_a_code_overwrites_nothing()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        var before = File.ReadAllBytes(couple.Guest.Engine.Pairs.PathOf(couple.Guest.Key));
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => couple.Guest.JoinAsync(couple.Guest.Pair.Code))).Reason);
        Assert.Equal(before, File.ReadAllBytes(couple.Guest.Engine.Pairs.PathOf(couple.Guest.Key)));

        // Host and guest of one code in one home do not touch each other's file.
        var host = couple.Host.Key;
        before = File.ReadAllBytes(couple.Host.Engine.Pairs.PathOf(host));
        await couple.Host.JoinAsync(couple.Host.Pair.Code);
        Assert.NotEqual(host, couple.Host.Key);
        Assert.Equal(before, File.ReadAllBytes(couple.Host.Engine.Pairs.PathOf(host)));
    }

    [Fact]
    public async Task P17_a_pass_that_was_on_its_way_when_a_person_stopped_brings_nothing_back()
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();

        // The answer is on its way to the tick; the person stops, and removes.
        var release = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        couple.Relay.Weather = call =>
        {
            if (call is not { Client: "host", Action: RelayAction.Read })
            {
                return null;
            }

            asked.TrySetResult();
            return new RelayFault.Hang(release.Task);
        };
        var tick = couple.Host.TryTickAsync();
        await asked.Task;
        using var person = new WireEngine(couple.Host.Home, new WireSurroundings { Time = couple.Time, Relays = couple.Relay.ConnectionsOf("person") });
        await person.Pairing.StopAsync(couple.Host.Key, None);
        couple.Relay.Weather = null;
        release.SetResult();
        await tick;
        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.Cancelled);
        await person.Pairing.RemoveAsync(couple.Host.Key, None);
        await couple.Host.TickAsync();
        Assert.Null(couple.Host.Engine.Pairs.Load(couple.Host.Key));
        Assert.Equal(["request_host", "polling", "aborted", "removed"], couple.Host.Story());
    }

    [Fact]
    public async Task P18_one_file_that_cannot_be_read_stops_neither_listing_nor_tick()
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        foreach (var (name, content) in new[] { ("11-AAAAAA", (byte[])[0xFF, 0xFE]), ("12-AAAAAA", []), ("13-AAAAAA", new byte[1_000_000]) })
        {
            DiskFileSystem.Instance.WritePrivate(couple.Host.Engine.Pairs.PathOf(name), content);
        }

        Directory.CreateDirectory(couple.Host.Engine.Pairs.PathOf("14-AAAAAA"));
        var report = await couple.Host.TryTickAsync();
        Assert.Equal(3, report.Failures.Count);
        couple.Host.AssertStatus(PairStatus.Polling);
        Assert.Equal(3, couple.Host.Engine.Pairs.List().Count(static f => f.Error is not null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("12-abcdef")]
    [InlineData("../../etc")]
    public async Task P19_a_code_in_a_file_that_is_none_is_refused_and_stops_nothing(string code)
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        var tree = JsonNode.Parse(PendingPairFormat.Write(Machine.Of(true)["polling"]))!.AsObject();
        tree["code"] = code;
        tree["code_hash"] = CodePhrase.Hash(code);
        DiskFileSystem.Instance.WritePrivate(couple.Host.Engine.Pairs.PathOf("11-AAAAAA"), Encoding.UTF8.GetBytes(tree.ToJsonString()));
        var failure = Assert.Single((await couple.Host.TryTickAsync()).Failures);
        Assert.Equal(WireReason.FileCorrupt, failure.Error.Reason);
        couple.Host.AssertStatus(PairStatus.Polling);
    }

    [Fact]
    public async Task P20_success_shows_in_the_status_the_peer_and_the_journal()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.Guest.TickAsync();
        var report = await couple.Host.TickAsync();
        var peer = couple.Guest.Engine.Identity.Find()!.Did;
        Assert.Contains(report.Moves, m => m is { From: PairStatus.Confirmed, To: PairStatus.Paired } && m.PeerDid == peer);
        Assert.Equal(peer, couple.Host.Pair.PeerDid);
        Assert.Contains(couple.Host.Engine.Journal.Read(0), e => e.To == "paired" && e.Peer == peer);
        Assert.Contains(peer, DesktopNotifier.TextOf(couple.Host.Pair)!.Value.Body, StringComparison.Ordinal);
        await couple.SettleAsync();
        Assert.Equal(PairStatus.Paired, (await couple.Host.Engine.Pairing.WaitAsync(couple.Host.Key, couple.Host.Pair.Id, PairMilestone.Paired, TimeSpan.FromSeconds(60), None)).Status);
    }

    [Fact]
    public async Task P21_the_same_event_of_another_pairing_is_told_again()
    {
        using var couple = new Couple();
        for (var i = 1; i <= 2; i++)
        {
            await couple.ReachSasReadyAsync();
            await couple.ConfirmBothAsync();
            await couple.SettleAsync();
            Assert.Equal(i, couple.Host.Notices.Told.Count(static s => s == PairStatus.SasReady));
            Assert.Equal(i, couple.Host.Notices.Told.Count(static s => s == PairStatus.Paired));
        }
    }

    [Fact]
    public async Task P22_a_slash_at_the_end_is_the_same_relay_and_the_same_mailbox()
    {
        using var couple = new Couple();
        await couple.Host.HostAsync();
        await couple.Host.TickAsync();
        await couple.Host.Engine.Pairing.RequestAsync(new PairWish { Relay = couple.Relay.Url.ToUpperInvariant() + "/", Protocol = 1 }, None);
        await couple.Host.TickAsync();
        Assert.Equal(1, couple.Relay.CountOf(RelayAction.Allocate));
        Assert.Equal([couple.Relay.Url], couple.Host.Engine.Mailboxes.RelayUrls());
    }

    [Fact]
    public async Task S1_a_pairing_over_another_relay_drops_no_mailbox()
    {
        using var couple = new Couple();
        await couple.Host.HostAsync();
        await couple.Host.TickAsync();
        var first = couple.Host.Pair.OurSlotId!;
        var other = new FakeRelay(couple.Time, url: "https://other.example.net");
        await couple.Host.Engine.Mailboxes.EnsureAsync(other.ConnectionsOf("host").To(other.Url), other.RelayId, None);
        Assert.NotNull(couple.Host.Engine.Mailboxes.Find(couple.Relay.Url, first));
        Assert.Equal(2, couple.Host.Engine.Mailboxes.RelayUrls().Count);
        var self = JsonNode.Parse(File.ReadAllText(couple.Host.Home.RelayFile))!["self"]!;
        Assert.Equal(first, (string?)self["slot_id"]);
    }

    [Theory]
    [InlineData("12-ABCDE1")]
    [InlineData("12-ABCDE")]
    [InlineData("nonsense")]
    public async Task S2_a_mistyped_code_costs_nothing(string typed)
    {
        using var couple = new Couple();
        await Assert.ThrowsAsync<WireException>(() => couple.Guest.JoinAsync(typed));
        Assert.Empty(couple.Guest.Files.Files);
        Assert.Empty(couple.Relay.Attempts);
    }

    [Theory]
    [InlineData("unix:///run/x.sock")]
    [InlineData("https://169.254.169.254")]
    [InlineData("http://evil.example")]
    [InlineData("https://user@evil.example")]
    [InlineData("")]
    public void S3_an_address_that_a_peer_may_not_send_us_to_is_not_stored(string url)
    {
        var machine = Machine.Of(true);
        var pair = machine["sas_ready"];
        using var key = V1Secrets.SealKey(pair);
        var text = new JsonObject { ["card"] = JsonNode.Parse(Machine.PeerCard.JsonText), ["relay_url"] = url, ["slot_id"] = Machine.Slot, ["slot_token"] = Machine.Token };
        var blob = Convert.ToBase64String(BootstrapSeal.Seal(key.Span, Machine.Bytes(40).AsSpan(0, 12), Encoding.UTF8.GetBytes(text.ToJsonString())));
        var (card, route) = V1Bootstrap.OpenPeer(pair with { Messages = pair.Messages.WithReceived("bootstrap", blob) });
        Assert.Equal(Machine.PeerCard.Did, card.Did);
        Assert.Null(route);
    }

    [Fact]
    public async Task S4_a_peer_replaces_neither_the_pin_nor_the_route_of_another_one()
    {
        using var couple = new Couple();
        var trust = couple.Host.Engine.Trust;
        static PinRequest Request(AgentCard card, string token) =>
            new(card, TrustTier.Verified, "sas-v1", "person", "sas", new PeerRoute(Machine.Url, Machine.Slot, token), null);
        static Task Nothing(GivenGrant grant, CancellationToken token) => Task.CompletedTask;
        Assert.Null(await trust.PinAsync(Request(Machine.PeerCard, Machine.Token), Nothing, None));
        Assert.NotNull(await trust.PinAsync(Request(AgentCard.Create(Machine.Bytes(50), Machine.PeerCard.Handle), new string('8', 64)), Nothing, None));
        Assert.Equal(Machine.PeerCard.PublicKey, Assert.Single(trust.List()).PublicKey);
        Assert.Equal(Machine.Token, couple.Host.Engine.Mailboxes.FindRoute(Machine.PeerCard.Handle)!.SlotToken);
        var (own, _) = await couple.Host.Engine.Identity.EnsureAsync(null, None);
        Assert.NotNull(await trust.PinAsync(Request(AgentCard.Create(Machine.Bytes(51), own.Handle), Machine.Token), Nothing, None));
        Assert.Null(couple.Host.Engine.Mailboxes.FindRoute(own.Handle));
    }

    [Fact]
    public async Task S5_a_route_is_written_in_both_forms_and_what_others_noted_stays()
    {
        using var couple = new Couple();
        DiskFileSystem.Instance.WritePrivate(couple.Host.Home.RelayFile, """{"self":null,"peers":{"peer-name":{"bilateral_completed_at":"2026-01-01T00:00:00Z","endpoints":[]}}}"""u8);
        await couple.Host.Engine.Mailboxes.SetRouteAsync("peer-name", new PeerRoute(Machine.Url, Machine.Slot, Machine.Token), None);
        var entry = JsonNode.Parse(File.ReadAllText(couple.Host.Home.RelayFile))!["peers"]!["peer-name"]!;
        Assert.Equal(Machine.Slot, (string?)entry["slot_id"]);
        Assert.Equal(Machine.Slot, (string?)entry["endpoints"]![0]!["slot_id"]);
        Assert.Equal("2026-01-01T00:00:00Z", (string?)entry["bilateral_completed_at"]);
    }

    [Fact]
    public async Task S6_a_failure_after_the_confirmation_is_made_up_for_and_confirming_again_is_harmless()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        couple.Relay.Weather = call => call.Action == RelayAction.Post ? new RelayFault.ServerError() : null;
        Assert.Single((await couple.Host.TryTickAsync()).Failures);
        couple.Relay.Weather = null;
        Assert.Equal(PairStatus.Confirmed, (await couple.Host.ConfirmAsync(couple.Guest.Pair.Sas!)).Status);
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Fact]
    public async Task S7_digits_that_differ_are_told_to_the_relay_and_success_leaves_nothing_there()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await Assert.ThrowsAsync<WireException>(() => couple.Host.ConfirmAsync(couple.Host.Pair.Sas == "111111" ? "222222" : "111111"));
        await couple.Host.TickAsync();
        Assert.Equal(0, couple.Relay.Rendezvouses);

        using var other = new Couple();
        await other.ReachSasReadyAsync();
        await other.ConfirmBothAsync();
        await other.SettleAsync();
        Assert.Null(other.Relay.BootstrapOf(PairRole.Host));
        Assert.Null(other.Relay.BootstrapOf(PairRole.Guest));
    }

    [Theory]
    [InlineData("12345")]
    [InlineData("1234567")]
    public async Task S8_five_or_seven_digits_cost_nothing(string typed)
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await Assert.ThrowsAsync<WireException>(() => couple.Host.ConfirmAsync(typed));
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Fact]
    public async Task S9_a_pairing_whose_time_is_over_says_so()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync(TimeSpan.FromMinutes(5));
        couple.Time.Advance(TimeSpan.FromMinutes(6));
        await couple.Host.TickAsync();
        Assert.Equal(WireReason.Expired, Assert.Single(couple.Host.Engine.Pairing.List(null)).Pair!.Reason);
        var error = await Assert.ThrowsAsync<WireException>(() => couple.Host.Engine.Pairing.WaitAsync(couple.Host.Key, couple.Host.Pair.Id, PairMilestone.Paired, TimeSpan.FromSeconds(60), None));
        Assert.Equal(WireReason.Expired, error.Reason);
    }

    [Fact]
    public async Task S10_no_peer_gets_the_token_of_our_mailbox_and_each_its_own_grant()
    {
        using var couple = new Couple();
        var tokens = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            using var guest = new Party($"guest{i}", couple.Relay, couple.Time);
            var host = couple.Host;
            await guest.JoinAsync(await host.HostAsync());
            for (var step = 0; step < 5; step++)
            {
                foreach (var party in (Party[])[host, guest])
                {
                    await party.TickAsync();
                    if (party.Pair is { Status: PairStatus.SasReady, Sas: { } digits })
                    {
                        await party.ConfirmAsync(digits);
                    }
                }
            }

            tokens.Add(guest.Engine.Mailboxes.FindRoute(host.Engine.Identity.Find()!.Handle)!.SlotToken);
        }

        Assert.Equal(2, tokens.Distinct().Count());
        Assert.Empty(tokens.Intersect(couple.Relay.SlotTokens));
    }

    [Fact]
    public async Task S11_plain_http_to_another_machine_is_refused_unless_asked_for()
    {
        using var couple = new Couple();
        var wish = new PairWish { Relay = "http://relay.example.net", Protocol = 1 };
        Assert.Equal(WireReason.RelayInsecure, (await Assert.ThrowsAsync<WireException>(() => couple.Host.Engine.Pairing.RequestAsync(wish, None))).Reason);
        Assert.Empty(couple.Host.Files.Files);
        var (_, pair) = await couple.Host.Engine.Pairing.RequestAsync(wish with { AllowInsecureRelay = true }, None);
        Assert.Equal("http://relay.example.net", pair.RelayUrl);
    }

    /// <summary>Every flaw of the lists has a test of its name somewhere under tests, or a line that says where else it is dealt with.</summary>
    [Fact]
    public void Every_named_flaw_has_a_test_or_a_reason()
    {
        string[] flaws =
        [
            "C4", "C5", "C9", "C11",
            .. Enumerable.Range(1, 24).Select(static n => $"P{n}"),
            .. Enumerable.Range(1, 11).Select(static n => $"S{n}"),
            .. Enumerable.Range(1, 24).Select(static n => $"I{n}"),
            .. Enumerable.Range(1, 8).Select(static n => $"M{n}"), "M9", "M10",
        ];
        var tests = Path.GetFullPath(Path.Combine(GoldenFolders.Own, ".."));
        var tested = Directory.EnumerateFiles(tests, "*.cs", SearchOption.AllDirectories)
            .Where(static path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(static path => TestName().Matches(File.ReadAllText(path)))
            .Select(static match => match.Groups[1].Value)
            .ToHashSet(StringComparer.Ordinal);
        var excused = File.ReadAllLines(Path.Combine(tests, "WirePS.Core.Tests", "Pairing", "FlawCoverage.md"))
            .Select(static line => Excuse().Match(line))
            .Where(static match => match.Success)
            .Select(static match => match.Groups[1].Value)
            .ToHashSet(StringComparer.Ordinal);
        Assert.Empty(flaws.Except(tested).Except(excused));
        Assert.Empty(excused.Intersect(tested));
    }

    [GeneratedRegex(@"public (?:async )?(?:Task|void) ([CIMPSR][0-9]+)_[a-z]")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\| ([CIMPS][0-9]+) \| [^|]{20,} \|$")]
    private static partial Regex Excuse();
}
