using WirePS.Daemon;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>What goes wrong between two engines, and how it ends.</summary>
public sealed class FaultTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_people_who_confirm_a_day_apart_still_pair(bool isOurs)
    {
        using var couple = new Couple(isOurs);
        await couple.ReachSasReadyAsync(TimeSpan.FromDays(2));
        await couple.Host.ConfirmAsync(couple.Host.Pair.Sas!);

        // The daemons go on looking: a relay that forgets what nobody touches is reminded.
        for (var minutes = 0; minutes < 24 * 60; minutes += 4)
        {
            couple.Time.Advance(TimeSpan.FromMinutes(4));
            await couple.Host.TickAsync();
            await couple.Guest.TickAsync();
        }

        couple.Host.AssertStatus(PairStatus.Confirmed);
        couple.Guest.AssertStatus(PairStatus.SasReady);
        await couple.Guest.ConfirmAsync(couple.Host.Pair.Sas!);
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Fact]
    public async Task A_day_without_any_look_at_our_relay_loses_nothing()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync(TimeSpan.FromDays(2));
        await couple.Host.ConfirmAsync(couple.Host.Pair.Sas!);
        await couple.Host.TickAsync();
        couple.Time.Advance(TimeSpan.FromHours(25));
        await couple.Guest.ConfirmAsync(couple.Guest.Pair.Sas!);
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_relay_that_is_down_for_ten_minutes_delays_and_loses_nothing(int downAfterStep)
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        for (var step = 0; step < 6; step++)
        {
            if (step == downAfterStep)
            {
                couple.Relay.Weather = _ => new RelayFault.DropBefore();
                for (var minute = 0; minute < 10; minute++)
                {
                    couple.Time.Advance(TimeSpan.FromMinutes(1));
                    foreach (var party in couple.Both)
                    {
                        var report = await party.TryTickAsync();
                        Assert.All(report.Failures, f => Assert.Equal(WireReason.RelayUnreachable, f.Error.Reason));
                        Assert.Equal(party.Pair.Status == PairStatus.Paired && party.Pair.PeerAcked, !report.Failures.Any(static f => f.PairId is not null));
                    }
                }

                Assert.Contains(couple.Relay.Attempts, static call => call.Action is RelayAction.Info or RelayAction.Read or RelayAction.Post);
                couple.Relay.Weather = null;
            }

            foreach (var party in couple.Both)
            {
                await party.TickAsync();
                if (party.Pair is { Status: PairStatus.SasReady, Sas: { } digits })
                {
                    await party.ConfirmAsync(digits);
                }
            }
        }

        await couple.SettleAsync();
        couple.AssertPaired();
        Assert.Null(couple.Host.Pair.LastError);
    }

    /// <summary>Every request of a pairing, one after the other, is lost on the way, or its answer is.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Any_single_lost_request_or_answer_is_made_up_for_on_our_relay(bool beforeItArrives)
    {
        for (var lost = 0; lost < 60; lost++)
        {
            using var couple = new Couple();
            var number = 0;
            RelayAction? victim = null;
            couple.Relay.Weather = call =>
            {
                // Mailboxes are read as long as there are ticks, whatever becomes of the pairing.
                if (call.Action == RelayAction.ReadEvents || Interlocked.Increment(ref number) - 1 != lost)
                {
                    return null;
                }

                victim = call.Action;
                return beforeItArrives ? new RelayFault.DropBefore() : new RelayFault.DropAfter();
            };
            await couple.RequestAsync();
            for (var step = 0; step < 12; step++)
            {
                foreach (var party in couple.Both)
                {
                    await party.TryTickAsync();
                    if (party.Pair is { Status: PairStatus.SasReady, Sas: { } digits })
                    {
                        await party.ConfirmAsync(digits);
                    }
                }
            }

            couple.AssertPaired();
            Assert.True(couple.Host.Pair.PeerAcked && couple.Guest.Pair.PeerAcked, $"request {lost} ({victim}): not acked");
            Assert.Equal(0, couple.Relay.CountOf(RelayAction.Abandon));
            Assert.Equal(["request_host", "polling", "sas_ready", "confirmed", "paired"], couple.Host.Story());
            if (victim is null)
            {
                Assert.True(lost > 15, "The whole pairing took fewer requests than it can.");
                return;
            }
        }

        Assert.Fail("The pairing took more than 60 requests.");
    }

    [Fact]
    public async Task A_lost_answer_to_the_opening_ends_with_relay_lost_reply_on_another_relay_and_abandons_nothing()
    {
        using var couple = new Couple(isOurs: false);
        await couple.RequestAsync();
        couple.Relay.Weather = call => call is { Client: "guest", Action: RelayAction.Open } ? new RelayFault.DropAfter() : null;
        await couple.Guest.TryTickAsync();
        couple.Guest.AssertStatus(PairStatus.RequestGuest);
        couple.Relay.Weather = null;
        await couple.Guest.TickAsync();
        couple.Guest.AssertStatus(PairStatus.Aborted, WireReason.RelayLostReply);
        await couple.Guest.TickAsync();
        Assert.Equal(0, couple.Relay.CountOf(RelayAction.Abandon));
        Assert.Equal(1, couple.Relay.Rendezvouses);
    }

    [Fact]
    public async Task A_role_that_somebody_else_took_ends_as_crowded_and_the_others_rendezvous_stays()
    {
        using var couple = new Couple(isOurs: true);
        var code = await couple.Host.HostAsync();
        await couple.Host.TickAsync();
        using var other = new Party("other", couple.Relay, couple.Time);
        await other.JoinAsync(code);
        await other.TickAsync();
        await couple.Guest.JoinAsync(code);
        await couple.Guest.TickAsync();
        couple.Guest.AssertStatus(PairStatus.Aborted, WireReason.Crowded);
        await couple.Guest.TickAsync();
        Assert.Equal(0, couple.Relay.CountOf(RelayAction.Abandon));
        other.AssertStatus(PairStatus.SasReady);
        await couple.Host.TickAsync();
        couple.Host.AssertStatus(PairStatus.SasReady);

        // The grant that was made for a peer that never came is taken back.
        Assert.Equal(2, couple.Relay.LiveGrants.Count);
    }

    [Theory]
    [InlineData("polling")]
    [InlineData("sas_ready")]
    [InlineData("confirmed")]
    public async Task A_relay_that_lost_its_data_is_opened_again_and_the_pairing_goes_on(string when)
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        await couple.Host.TickAsync();
        if (when != "polling")
        {
            await couple.Guest.TickAsync();
            await couple.Host.TickAsync();
        }

        if (when == "confirmed")
        {
            await couple.Host.ConfirmAsync(couple.Host.Pair.Sas!);
            await couple.Host.TickAsync();
        }

        var before = couple.Relay.RelayId;
        couple.Relay.LoseEverything();
        Assert.NotEqual(before, couple.Relay.RelayId);
        for (var step = 0; step < 6; step++)
        {
            foreach (var party in couple.Both)
            {
                await party.TickAsync();
                if (party.Pair is { Status: PairStatus.SasReady, Sas: { } digits })
                {
                    await party.ConfirmAsync(digits);
                }
            }
        }

        await couple.SettleAsync();
        couple.AssertPaired();
        Assert.Equal(couple.Relay.RelayId, couple.Host.Pair.RelayId);
        Assert.False(couple.Host.Pair.OutcomeUnknown);

        // The mailbox went with the data: the one in the bootstrap exists, unless that was sealed before the loss.
        var route = couple.Guest.Engine.Mailboxes.FindRoute(couple.Host.Engine.Identity.Find()!.Handle)!;
        Assert.Equal(when != "confirmed", couple.Relay.TakesMessage(route.SlotId, route.SlotToken));
    }

    [Fact]
    public async Task The_next_pairing_at_a_relay_that_lost_its_data_uses_a_new_mailbox()
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        await couple.Host.TickAsync();
        var lost = couple.Host.Pair.OurSlotId;
        couple.Relay.LoseEverything();
        await couple.Host.HostAsync();
        await couple.Host.TickAsync();
        Assert.NotEqual(lost, couple.Host.Pair.OurSlotId);
        Assert.Equal(2, couple.Host.Engine.Mailboxes.Find(couple.Relay.Url, lost!) is null ? 0 : 2);
    }

    [Theory]
    [InlineData(-26.0, true)]
    [InlineData(3.0, true)]
    [InlineData(0.08, false)]
    [InlineData(null, false)]
    public async Task An_expiry_says_where_the_clocks_differ_and_shows_both_times(double? hours, bool isNamed)
    {
        using var couple = new Couple(protocol: 2);
        couple.Relay.ClockSkew = hours is { } ahead ? TimeSpan.FromHours(ahead) : null;
        await couple.RequestAsync(TimeSpan.FromHours(1));
        await couple.Host.TickAsync();
        couple.Time.Advance(TimeSpan.FromHours(1));
        await couple.Host.TickAsync();
        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.Expired);
        var told = (await Assert.ThrowsAsync<WireException>(() => couple.Host.Engine.Pairing.WaitAsync(couple.Host.Id, couple.Host.Id, PairMilestone.SasReady, null, CancellationToken.None))).Message;
        var now = couple.Time.GetUtcNow();
        string[] times = [.. ((DateTimeOffset[])[now, now + (couple.Relay.ClockSkew ?? TimeSpan.Zero)]).Select(WirePS.Storage.Timestamps.Format)];
        Assert.Equal(isNamed, times.All(time => told.Contains(time, StringComparison.Ordinal)));
        Assert.Equal(isNamed, couple.Host.Pair.LastError is not null);
    }

    [Fact]
    public async Task A_relay_that_has_lost_a_mailbox_and_has_the_name_of_before_gives_another_one()
    {
        using var couple = new Couple(protocol: 2);
        await couple.RequestAsync();
        await couple.Host.TickAsync();
        var lost = couple.Host.Pair.OurSlotId!;
        var relayId = couple.Relay.RelayId;
        couple.Relay.LoseMailboxes();
        await couple.RequestAsync();
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        Assert.Equal(relayId, couple.Relay.RelayId);
        Assert.NotEqual(lost, couple.Host.Pair.OurSlotId);

        // The next pairing does not ask for the lost one again, which is still there for a relay that is set right.
        Assert.NotNull(couple.Host.Engine.Mailboxes.Find(couple.Relay.Url, lost));
        var known = couple.Host.Pair.OurSlotId;
        var made = couple.Relay.CountOf(RelayAction.Allocate);
        await couple.Host.HostAsync();
        await couple.Host.TickAsync();
        Assert.Equal(known, couple.Host.Pair.OurSlotId);
        Assert.Equal(made, couple.Relay.CountOf(RelayAction.Allocate));
    }

    [Fact]
    public async Task A_relay_that_loses_each_mailbox_is_a_trouble_and_fills_no_file()
    {
        using var couple = new Couple(protocol: 2);
        await couple.Host.HostAsync();
        couple.Relay.Weather = call =>
        {
            if (call.Action == RelayAction.PutGrant)
            {
                couple.Relay.LoseMailboxes();
            }

            return null;
        };
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(WireReason.RelayBadReply, Assert.Single((await couple.Host.TryTickAsync()).Failures, static f => f.PairId is not null).Error.Reason);
        }

        couple.Host.AssertStatus(PairStatus.Polling);
        Assert.Contains("just made", couple.Host.Pair.LastError!, StringComparison.Ordinal);
        Assert.InRange(System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(couple.Host.Home.RelayFile))!["self"]!["endpoints"]!.AsArray().Count, 2, 5);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Another_message_for_the_same_step_is_relay_interference(bool bootstrap)
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        if (bootstrap)
        {
            await couple.Guest.ConfirmAsync(couple.Guest.Pair.Sas!);
            await couple.Guest.TickAsync();
            await couple.Host.TickAsync();
            couple.Host.AssertStatus(PairStatus.SasReady);
            Assert.NotNull(couple.Host.Pair.PeerDid);
        }

        couple.Relay.Lie = (client, _, view) => client != "host" ? view
            : bootstrap ? view with { PeerBootstrap = "AAAA" } : view with { PeerMsg = "U3vkFj09yJBSzAMUmwCJ1JY9OUaMyJM4LX1KCDJ7Fb/Y" };
        await couple.Host.TickAsync();
        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.RelayInterference);
        Assert.Empty(couple.Host.Engine.Trust.List());
    }

    [Fact]
    public async Task Our_own_message_or_bootstrap_handed_back_is_self_pairing()
    {
        using (var couple = new Couple())
        {
            await couple.Host.HostAsync();
            await couple.Host.TickAsync();
            var own = couple.Host.Pair.Messages.Sent["msg"];
            couple.Relay.Lie = (_, _, view) => view with { PeerMsg = own };
            await couple.Host.TickAsync();
            couple.Host.AssertStatus(PairStatus.Aborted, WireReason.SelfPairing);
        }

        using (var couple = new Couple())
        {
            await couple.ReachSasReadyAsync();
            await couple.Host.ConfirmAsync(couple.Host.Pair.Sas!);
            var own = couple.Host.Pair.Messages.Sent["bootstrap"];
            couple.Relay.Lie = (client, _, view) => client == "host" ? view with { PeerBootstrap = own } : view;
            await couple.Host.TickAsync();
            couple.Host.AssertStatus(PairStatus.Aborted, WireReason.SelfPairing);
            Assert.Empty(couple.Host.Engine.Trust.List());
        }
    }

    [Fact]
    public async Task Host_and_guest_of_one_code_live_in_one_home_and_end_as_self_pairing()
    {
        using var couple = new Couple();
        var host = couple.Host;
        var code = await host.HostAsync();
        var hostKey = host.Key;
        await host.JoinAsync(code);
        var guestKey = host.Key;
        Assert.Equal(code, hostKey);
        Assert.Equal(code + ".guest", guestKey);
        Assert.Equal(2, host.Engine.Pairing.List([code]).Count);
        for (var i = 0; i < 3; i++)
        {
            await host.TickAsync();
        }

        var (one, two) = (host.Engine.Pairs.Load(hostKey)!, host.Engine.Pairs.Load(guestKey)!);
        Assert.Equal((PairStatus.SasReady, PairStatus.SasReady), (one.Status, two.Status));
        Assert.Equal(one.Sas, two.Sas);
        Assert.NotEqual(one.Id, two.Id);
        await host.Engine.Pairing.ConfirmAsync(hostKey, one.Sas!, CancellationToken.None);
        await host.Engine.Pairing.ConfirmAsync(guestKey, one.Sas!, CancellationToken.None);
        for (var i = 0; i < 3; i++)
        {
            await host.TickAsync();
        }

        foreach (var key in (string[])[hostKey, guestKey])
        {
            var ended = host.Engine.Pairs.Load(key)!;
            Assert.True(ended.Status == PairStatus.Aborted && ended.Reason is WireReason.SelfPairing or WireReason.Cancelled, $"{ended.Status} {ended.Reason}");
        }

        Assert.Contains(WireReason.SelfPairing, new[] { host.Engine.Pairs.Load(hostKey)!.Reason!.Value, host.Engine.Pairs.Load(guestKey)!.Reason!.Value });
        Assert.Empty(host.Engine.Trust.List());
        await Assert.ThrowsAsync<WireException>(() => host.JoinAsync(code));
    }

    [Fact]
    public async Task Expiry_ends_both_sides_and_the_relay_forgets()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync(TimeSpan.FromMinutes(10));
        couple.Time.Advance(TimeSpan.FromMinutes(10) + TimeSpan.FromSeconds(1));
        foreach (var party in couple.Both)
        {
            await party.TickAsync();
            party.AssertStatus(PairStatus.Aborted, WireReason.Expired);
            Assert.False(party.Pair.OutcomeUnknown);
        }

        Assert.Equal(0, couple.Relay.CountOf(RelayAction.Abandon));
        await couple.SettleAsync();
        Assert.Empty(couple.Relay.LiveGrants);
    }

    [Fact]
    public async Task A_confirmation_whose_time_ran_out_at_the_relay_ends_as_expired_on_both_sides()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync(TimeSpan.FromMinutes(10));
        await couple.Host.ConfirmAsync(couple.Host.Pair.Sas!);
        await couple.Host.TickAsync();
        couple.Time.Advance(TimeSpan.FromMinutes(11));
        await couple.SettleAsync(2);
        foreach (var party in couple.Both)
        {
            party.AssertStatus(PairStatus.Aborted, WireReason.Expired);
            Assert.Empty(party.Engine.Trust.List());
        }
    }

    [Theory]
    [InlineData("requested")]
    [InlineData("polling")]
    [InlineData("sas_ready")]
    [InlineData("peer_confirmed")]
    [InlineData("confirmed_unsent")]
    [InlineData("confirmed_sent")]
    [InlineData("both_confirmed_peer_sent")]
    [InlineData("decided")]
    public async Task One_side_stops_and_both_are_told(string when)
    {
        using var couple = new Couple();
        var (host, guest) = (couple.Host, couple.Guest);
        await couple.RequestAsync();
        if (when != "requested")
        {
            await host.TickAsync();
        }

        if (when is not ("requested" or "polling"))
        {
            await guest.TickAsync();
            await host.TickAsync();
        }

        var digits = host.Pair.Sas;
        if (when is "peer_confirmed" or "both_confirmed_peer_sent" or "decided")
        {
            await guest.ConfirmAsync(digits!);
            await guest.TickAsync();
            await host.TickAsync();
        }

        if (when is "confirmed_unsent" or "confirmed_sent" or "both_confirmed_peer_sent" or "decided")
        {
            await host.ConfirmAsync(digits!);
        }

        if (when is "confirmed_sent")
        {
            await host.TickAsync();
        }

        if (when is "decided")
        {
            // Its bootstrap arrives, its process dies before it knows: the stop comes too late.
            couple.Relay.Weather = call => call is { Client: "host", Action: RelayAction.Post } ? new RelayFault.DropAfter() : null;
            await host.TryTickAsync();
            couple.Relay.Weather = null;
            host.AssertStatus(PairStatus.Confirmed);
        }

        await host.StopAsync();
        await couple.SettleAsync();
        if (when == "decided")
        {
            host.AssertStatus(PairStatus.Paired);
            guest.AssertStatus(PairStatus.Paired);
            Assert.Equal(["request_host", "polling", "sas_ready", "confirmed", "paired"], host.Story());
            Assert.Contains(host.Engine.Journal.Read(0), e => e is { Kind: "peer", To: "removed" });
        }
        else
        {
            host.AssertStatus(PairStatus.Aborted, WireReason.Cancelled);
            Assert.False(host.Pair.OutcomeUnknown);
            if (when == "requested")
            {
                guest.AssertStatus(PairStatus.Polling);
            }
            else
            {
                Assert.True(guest.Pair.Status is PairStatus.Aborted or PairStatus.Polling, $"guest is {guest.Pair.Status}");
                Assert.Equal(when == "polling", guest.Pair.Status == PairStatus.Polling);
            }

            Assert.Empty(guest.Engine.Trust.List());
        }

        // Whatever the outcome: this side trusts nobody, and its grant is gone.
        Assert.Empty(host.Engine.Trust.List());
        Assert.Empty(host.Engine.Revocations.List());
        Assert.Equal(guest.Pair.Status == PairStatus.Aborted ? 0 : 1, couple.Relay.LiveGrants.Count);
        await Assert.ThrowsAsync<WireException>(host.StopAsync);
    }

    [Fact]
    public async Task Digits_that_differ_end_both_sides()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        var wrong = couple.Host.Pair.Sas == "123456" ? "654321" : "123456";
        var error = await Assert.ThrowsAsync<WireException>(() => couple.Host.ConfirmAsync(wrong));
        Assert.Equal(WireReason.SasMismatch, error.Reason);
        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.SasMismatch);
        await couple.SettleAsync();
        couple.Guest.AssertStatus(PairStatus.Aborted, WireReason.Cancelled);
        Assert.False(couple.Guest.Pair.ReasonVerified);
        Assert.Equal(0, couple.Relay.Rendezvouses);
        Assert.Empty(couple.Relay.LiveGrants);
    }

    [Theory]
    [InlineData("")]
    [InlineData("12345")]
    [InlineData("1234567")]
    [InlineData("12345a")]
    [InlineData("１２３４５６")]
    [InlineData("+12345")]
    public async Task What_is_not_six_digits_changes_nothing(string typed)
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        var before = couple.Host.Pair.Version;
        var error = await Assert.ThrowsAsync<WireException>(() => couple.Host.ConfirmAsync(typed));
        Assert.Equal(WireReason.InvalidDigits, error.Reason);
        Assert.Equal(before, couple.Host.Pair.Version);
        couple.Host.AssertStatus(PairStatus.SasReady);
    }

    [Fact]
    public async Task An_identity_conflict_waits_for_a_person_and_goes_on_after_the_removal()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        var name = couple.Guest.Engine.Identity.Find()!.Handle;
        await PinAsync(couple.Host, name, 99);
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.Guest.AssertStatus(PairStatus.Paired);
        couple.Host.AssertStatus(PairStatus.Confirmed, WireReason.IdentityConflict);
        Assert.Contains(name, couple.Host.Pair.LastError, StringComparison.Ordinal);
        var version = couple.Host.Pair.Version;
        await couple.Host.TickAsync();
        Assert.Equal(version, couple.Host.Pair.Version);

        var old = Assert.Single(couple.Host.Engine.Peers.List());
        await couple.Host.Engine.Peers.RemoveAsync(old.Did, CancellationToken.None);
        await couple.SettleAsync();
        couple.AssertPaired();
        Assert.True(couple.Guest.Pair.PeerAcked);
    }

    [Fact]
    public async Task A_stop_during_an_identity_conflict_ends_it_and_says_that_the_other_side_may_be_paired()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await PinAsync(couple.Host, couple.Guest.Engine.Identity.Find()!.Handle, 99);
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.Host.AssertStatus(PairStatus.Confirmed, WireReason.IdentityConflict);
        await couple.Host.StopAsync();
        await couple.SettleAsync();
        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.Cancelled);
        Assert.True(couple.Host.Pair.OutcomeUnknown);
        Assert.Single(couple.Relay.LiveGrants);
    }

    [Fact]
    public async Task Removing_a_peer_revokes_its_grant_and_forgets_its_route()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
        var peer = Assert.Single(couple.Host.Engine.Peers.List());
        var route = couple.Guest.Engine.Mailboxes.FindRoute(couple.Host.Engine.Identity.Find()!.Handle)!;
        Assert.True(couple.Relay.TakesMessage(route.SlotId, route.SlotToken));

        // The relay is away: the wish is noted, and done later.
        couple.Relay.Weather = _ => new RelayFault.DropBefore();
        Assert.NotNull(await couple.Host.Engine.Peers.RemoveAsync(peer.Did, CancellationToken.None));
        Assert.Contains((await couple.Host.TryTickAsync()).Failures, f => f.Error is RelayException);
        Assert.Single(couple.Host.Engine.Revocations.List());
        couple.Relay.Weather = null;
        await couple.Host.TickAsync();
        Assert.Empty(couple.Host.Engine.Revocations.List());
        Assert.False(couple.Relay.TakesMessage(route.SlotId, route.SlotToken));
        Assert.Empty(couple.Host.Engine.Peers.List());
        Assert.Null(couple.Host.Engine.Mailboxes.FindRoute(peer.Handle));
        Assert.Null(await couple.Host.Engine.Peers.RemoveAsync(peer.Did, CancellationToken.None));
        var line = couple.Host.Engine.Journal.Read(0).Last();
        Assert.Equal(("peer", "pinned", "removed", peer.Did), (line.Kind, line.From, line.To, line.Peer));
    }

    [Fact]
    public async Task Pairing_again_with_a_known_peer_takes_back_the_grant_that_it_had()
    {
        using var couple = new Couple();
        for (var i = 0; i < 2; i++)
        {
            await couple.ReachSasReadyAsync();
            await couple.ConfirmBothAsync();
            await couple.SettleAsync();
            couple.AssertPaired();
        }

        foreach (var party in couple.Both)
        {
            var peer = Assert.Single(party.Engine.Trust.List());
            Assert.Contains(peer.Grant!.GrantId, couple.Relay.LiveGrants);
        }

        Assert.Equal(2, couple.Relay.LiveGrants.Count);
    }

    public static TheoryData<string> Troubles { get; } = ["429", "503", "nonsense", "timeout"];

    [Theory]
    [MemberData(nameof(Troubles))]
    public async Task Trouble_with_the_relay_is_reported_kept_and_passes(string kind)
    {
        using var couple = new Couple();
        await couple.RequestAsync();
        RelayFault fault = kind switch
        {
            "429" => new RelayFault.RateLimited(TimeSpan.FromSeconds(42)),
            "503" => new RelayFault.ServerError(TimeSpan.FromSeconds(42)),
            "nonsense" => new RelayFault.Nonsense(),
            _ => new RelayFault.DropAfter(),
        };
        couple.Relay.Weather = call => call.Action == RelayAction.Info ? fault : null;
        var failure = Assert.Single((await couple.Host.TryTickAsync()).Failures);
        var trouble = Assert.IsType<RelayException>(failure.Error);
        Assert.Equal(couple.Host.Pair.Id, failure.PairId);
        Assert.Equal(kind is "429" or "503" ? TimeSpan.FromSeconds(42) : null, trouble.RetryAfter);
        couple.Host.AssertStatus(PairStatus.RequestHost);
        Assert.Equal(trouble.Message, couple.Host.Pair.LastError);
        couple.Relay.Weather = null;
        await couple.Host.TickAsync();
        couple.Host.AssertStatus(PairStatus.Polling);
        Assert.Null(couple.Host.Pair.LastError);
    }

    [Fact]
    public async Task Nonsense_for_a_whole_lifetime_ends_as_expired_and_with_nothing_pinned()
    {
        using var couple = new Couple();
        await couple.RequestAsync(TimeSpan.FromMinutes(5));
        couple.Relay.Weather = _ => new RelayFault.Nonsense();
        for (var i = 0; i < 6; i++)
        {
            await couple.Host.TryTickAsync();
            couple.Time.Advance(TimeSpan.FromMinutes(1));
        }

        couple.Host.AssertStatus(PairStatus.Aborted, WireReason.Expired);
    }

    private static async Task PinAsync(Party party, string handle, byte seed)
    {
        var card = WirePS.Identity.AgentCard.Create(Machine.Bytes(seed), handle);
        Assert.Null(await party.Engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "manual", "person", "test", null, null), static (_, _) => Task.CompletedTask, CancellationToken.None));
    }
}
