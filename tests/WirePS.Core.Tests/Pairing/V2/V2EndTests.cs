using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>How v2 pairings end, and what the other side hears of it (pairing-v2.md §4, «The end», §5).</summary>
public sealed class V2EndTests
{
    private static readonly string Zeros = Convert.ToBase64String(new byte[32]);

    public static TheoryData<PairRole> Roles => [PairRole.Host, PairRole.Guest];

    [Theory]
    [MemberData(nameof(Roles))]
    public void A_wrong_number_ends_it_and_the_other_side_hears_it_sealed(PairRole role)
    {
        var table = new V2Table().Numbers();
        table.Of(role).Type(Wrong(table.Of(role)));
        AssertEnded(table.Of(role), WireReason.SasMismatch, isVerified: true);
        Assert.True(IsSealed(table.Of(role).Pair.Messages.Sent["9"]));
        table.Go();
        AssertEnded(table.Other(role), WireReason.SasMismatch, isVerified: true);
        Assert.All((V2Driver[])[table.Host, table.Guest], static s => Assert.Null(s.Pinned));
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void The_own_number_is_refused_and_changes_nothing(PairRole role)
    {
        var side = new V2Table().Numbers().Of(role);
        var before = side.Pair;
        Assert.Equal(WireReason.OwnDigits, Assert.Throws<WireException>(() => side.Type(side.Number!)).Reason);
        Assert.Same(before, side.Pair);
    }

    [Fact]
    public void Somebody_without_the_code_is_a_wrong_code()
    {
        // The relay brings two together whose codes differ: neither can open the other's exchange.
        var table = new V2Table(guestCode: V2Table.OtherCode);
        table.Host.Run();
        var commitment = table.Host.Pair.Messages.Sent["0"];
        table.Guest.Step(V2Table.Seen(table.Guest, V2State.Open, null, (0, commitment)));
        table.Host.Step(V2Table.Seen(table.Host, V2State.Open, null, (0, table.Guest.Pair.Messages.Sent["0"])));
        var revealed = V2Messages.Read(table.Host.Pair.Messages.Sent["1"], "share", "id_commit", "nonce", "confirm", "sealed");

        // The lookup is in the commitment, so a forger has to commit anew for the other rendezvous.
        table = new V2Table(guestCode: V2Table.OtherCode);
        var forged = V2Messages.Commit(PairingV2.Commit(table.Guest.Pair.CodeHash, revealed[0], revealed[1], revealed[2]));
        table.Guest.Step(V2Table.Seen(table.Guest, V2State.Open, null, (0, forged)));
        table.Guest.Step(new V2Input.Put(0, new V2PutReply(null, V2State.Open, null)));
        table.Guest.Step(V2Table.Seen(table.Guest, V2State.Open, null, (1, V2Messages.HostReveal(revealed[0], revealed[1], revealed[2], revealed[3], revealed[4]))));
        AssertEnded(table.Guest, WireReason.WrongCode, isVerified: true);
        Assert.Equal("{\"v\":2,\"reason\":\"wrong_code\"}", table.Guest.Pair.Messages.Sent["9"]);
    }

    [Fact]
    public void A_guest_that_does_not_know_the_code_is_a_wrong_code()
    {
        var table = Shared(out var guest);
        var bent = V2Messages.Read(guest, "confirm", "sealed");
        bent[0][0] ^= 1;
        table.Host.Step(V2Table.Seen(table.Host, V2State.Open, null, (1, V2Messages.GuestReveal(bent[0], bent[1]))));
        AssertEnded(table.Host, WireReason.WrongCode, isVerified: true);
        Assert.False(IsSealed(table.Host.Pair.Messages.Sent["9"]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void What_does_not_fit_the_commitment_ends_it(int member)
    {
        var table = Revealed(out var host);
        var values = V2Messages.Read(host, "share", "id_commit", "nonce", "confirm", "sealed");
        values[member][5] ^= 1;
        table.Guest.Step(V2Table.Seen(table.Guest, V2State.Open, null, (1, V2Messages.HostReveal(values[0], values[1], values[2], values[3], values[4]))));
        AssertEnded(table.Guest, WireReason.CommitmentMismatch, isVerified: true);
        Assert.Equal("{\"v\":2,\"reason\":\"commitment_mismatch\"}", table.Guest.Pair.Messages.Sent["9"]);
    }

    [Fact]
    public void A_share_that_is_no_point_ends_it()
    {
        var table = new V2Table();
        table.Host.Run();
        table.Host.Step(V2Table.Seen(table.Host, V2State.Open, null, (0, $"{{\"v\":2,\"share\":\"{Zeros}\",\"id_commit\":\"{Zeros}\"}}")));
        AssertEnded(table.Host, WireReason.InvalidShare, isVerified: true);
        Assert.False(IsSealed(table.Host.Pair.Messages.Sent["9"]));
        Assert.Null(table.Host.Pair.Secrets);
    }

    [Theory]
    [InlineData("{\"v\":2,\"share\":\"AAAA\",\"id_commit\":\"AAAA\"}", WireReason.ProtocolError)]
    [InlineData("{\"v\":2}", WireReason.ProtocolError)]
    [InlineData("{\"v\":3,\"share\":\"AAAA\",\"id_commit\":\"AAAA\"}", WireReason.UnsupportedVersion)]
    [InlineData("{\"v\":2,\"v\":2}", WireReason.ProtocolError)]
    [InlineData("[]", WireReason.ProtocolError)]
    public void What_is_not_in_the_form_of_the_protocol_ends_it(string body, WireReason reason)
    {
        var table = new V2Table();
        table.Host.Run();
        table.Host.Step(V2Table.Seen(table.Host, V2State.Open, null, (0, body)));
        AssertEnded(table.Host, reason, isVerified: true);
    }

    [Fact]
    public void Two_homes_with_one_key_are_self_pairing_and_the_host_hears_it_sealed()
    {
        var table = new V2Table(isSelf: true).Go();
        AssertEnded(table.Guest, WireReason.SelfPairing, isVerified: true);
        AssertEnded(table.Host, WireReason.SelfPairing, isVerified: true);
        Assert.All(table.Guest.Past, static p => Assert.Null(p.Sas));
    }

    [Fact]
    public void A_proof_by_another_key_is_an_identity_mismatch_and_is_told_sealed()
    {
        var table = new V2Table();
        table.Host.Run();
        table.Guest.Run();
        table.Host.Run(static p => p.Messages.Sent.ContainsKey("1"));

        // The guest presents a card that its commitment is not to.
        var stranger = table.Side(PairRole.Guest, V2Table.Code, 7);
        var secrets = table.Host.Pair.Secrets!;
        var plaintext = V2Messages.CardPlaintext(stranger.Card, new byte[32], new byte[64], table.Host.Pair.ExpiresAt!.Value);
        var sealedCard = PairingV2.Seal(Convert.FromBase64String(secrets.KeyGuest!), table.Host.Pair.CodeHash, PairRole.Guest, 1, plaintext);
        table.Host.Step(V2Table.Seen(table.Host, V2State.Open, null, (1, V2Messages.GuestReveal(Convert.FromBase64String(secrets.PeerConfirm!), sealedCard))));
        AssertEnded(table.Host, WireReason.IdentityMismatch, isVerified: true);
        Assert.True(IsSealed(table.Host.Pair.Messages.Sent["9"]));
        Assert.Null(table.Host.Number);
    }

    [Theory]
    [InlineData("{\"v\":2,\"reason\":\"cancelled\"}", WireReason.Cancelled)]
    [InlineData("{\"v\":2,\"reason\":\"wrong_code\"}", WireReason.WrongCode)]
    [InlineData("{\"v\":2,\"reason\":\"sealed\",\"sealed\":\"AAAA\"}", WireReason.ProtocolError)]
    [InlineData("{\"v\":2,\"reason\":\"home_in_use\"}", WireReason.ProtocolError)]
    [InlineData("{}", WireReason.ProtocolError)]
    public void Before_the_proof_an_abort_is_a_claim(string body, WireReason claimed)
    {
        var table = new V2Table();
        table.Host.Run();
        table.Host.Step(V2Table.Seen(table.Host, V2State.Ended, "sealed", (9, body)));
        AssertEnded(table.Host, claimed, isVerified: false);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void After_the_proof_an_unsealed_abort_is_interference(PairRole role)
    {
        foreach (var view in (Func<V2Driver, V2Input.Seen>[])[
            static s => V2Table.Seen(s, V2State.Ended, "cancelled", (9, "{\"v\":2,\"reason\":\"cancelled\"}")),
            static s => V2Table.Seen(s, V2State.Ended, "cancelled"),
            static s => V2Table.Seen(s, V2State.Expired, null)])
        {
            var side = new V2Table().Numbers().Of(role);
            side.Step(view(side));
            AssertEnded(side, WireReason.RelayInterference, isVerified: true);
            Assert.True(IsSealed(side.Pair.Messages.Sent["9"]));
            Assert.Contains("claims", side.Pair.LastError, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Messages_are_looked_at_before_the_state()
    {
        var table = new V2Table().Numbers();
        table.Guest.Step(new PairInput.Stopped());
        table.Guest.Run();
        table.Host.Run();

        // The relay said «ended», and the peer's own sealed word says why.
        AssertEnded(table.Host, WireReason.Cancelled, isVerified: true);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void Other_bytes_for_a_stored_message_are_interference(PairRole role)
    {
        var before = new V2Table().Numbers().Of(role);
        before.Step(V2Table.Seen(before, V2State.Open, null, (1, "{}")));
        AssertEnded(before, WireReason.RelayInterference, isVerified: true);

        // With an accept of its own it stops, and the relay's word ends it.
        var after = new V2Table().Numbers().Confirm(role).Of(role);
        after.Step(V2Table.Seen(after, V2State.Open, null, (1, "{}")));
        Assert.True(after.Pair is { Status: PairStatus.Confirmed, Stopping: true, Reason: WireReason.RelayInterference });
        after.Step(new V2Input.Put(9, new V2PutReply(null, V2State.Ended, null)));
        AssertEnded(after, WireReason.RelayInterference, isVerified: true);
        Assert.False(after.Pair.OutcomeUnknown);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(V2Refusal.Ended, false)]
    [InlineData(V2Refusal.Expired, false)]
    [InlineData(V2Refusal.PhaseConflict, true)]
    [InlineData(V2Refusal.RoleTaken, true)]
    public void What_the_relay_says_to_a_stop_ends_it(V2Refusal? refusal, bool isUnknown)
    {
        var host = new V2Table().Numbers().Confirm(PairRole.Host).Host;
        host.Step(new PairInput.Stopped());
        Assert.Equal(PairStatus.Confirmed, host.Pair.Status);
        Assert.True(host.Next is V2Work.Put { Phase: 9 });
        host.Step(new V2Input.Put(9, new V2PutReply(refusal, null, null)));
        AssertEnded(host, WireReason.Cancelled, isVerified: true);
        Assert.Equal(isUnknown, host.Pair.OutcomeUnknown);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void A_stop_that_comes_too_late_pins_and_removes(PairRole role)
    {
        var table = new V2Table().Confirmed();
        var (side, other) = (table.Of(role), table.Other(role));
        side.Run(static p => p.Posted == 2);
        other.Run();
        Assert.Equal(PairStatus.Paired, other.Pair.Status);
        side.Step(new PairInput.Stopped());
        side.Run();
        Assert.Contains(side.Past, static p => p.Status == PairStatus.Paired && p.Leaving[0] == PairLeaving.RemovePeer);
        Assert.Equal(PairStatus.Paired, side.Pair.Status);
        Assert.Null(side.Pinned);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void A_stop_before_the_accept_is_out_never_sends_it(PairRole role)
    {
        var table = new V2Table().Numbers().Confirm(role);
        table.Of(role).Step(new PairInput.Stopped());
        table.Go();
        AssertEnded(table.Of(role), WireReason.Cancelled, isVerified: true);
        AssertEnded(table.Other(role), WireReason.Cancelled, isVerified: true);
        Assert.Null(table.Relay.Rooms.MessageOf(table.Host.Past[0].CodeHash, role, 2));
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void A_stop_follows_its_pairing_to_a_relay_that_has_lost_it(PairRole role)
    {
        var table = new V2Table().Numbers().Confirm(role);
        table.Of(role).Step(new PairInput.Stopped());
        table.Relay.LoseEverything();
        table.Host.InfoId = table.Guest.InfoId = new string('b', 32);
        table.Go(8);
        AssertEnded(table.Of(role), WireReason.Cancelled, isVerified: true);
        Assert.False(table.Of(role).Pair.OutcomeUnknown);
        AssertEnded(table.Other(role), WireReason.Cancelled, isVerified: true);
    }

    [Fact]
    public void One_stop_says_one_word()
    {
        // The interference that is found while a stop is under way has nothing else to seal.
        var host = new V2Table().Numbers().Confirm(PairRole.Host).Host;
        host.Step(new PairInput.Stopped());
        var said = host.Pair.Messages.Sent["9"];
        host.Step(V2Table.Seen(host, V2State.Open, null, (1, "{}")));
        host.Step(new V2Input.Put(9, new V2PutReply(V2Refusal.PhaseConflict, null, null)));
        Assert.All(host.Past.Where(static p => p.Messages.Sent.ContainsKey("9")), p => Assert.Equal(said, p.Messages.Sent["9"]));
    }

    [Fact]
    public void An_accept_that_does_not_open_is_kept_and_never_pins()
    {
        var host = new V2Table().Numbers().Confirm(PairRole.Host).Host;
        host.Step(V2Table.Seen(host, V2State.Decided, null, (2, "{\"v\":2,\"sealed\":\"AAAA\"}")));
        Assert.True(host.Pair is { Stopping: true, Reason: WireReason.RelayInterference } && host.Pair.Messages.Received.ContainsKey("2"));
        Assert.IsNotType<V2Work.Pin>(host.Next);
        host.Step(new V2Input.Put(9, new V2PutReply(V2Refusal.Decided, V2State.Decided, null)));
        AssertEnded(host, WireReason.RelayInterference, isVerified: true);
        Assert.True(host.Pair.OutcomeUnknown);
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void A_side_that_has_not_confirmed_ends_by_its_own_clock(PairRole role)
    {
        var side = new V2Table().Numbers().Of(role);
        var right = side.Pair.Secrets!.PeerSas!;
        side.Now += V2Table.Life;
        side.Type(right);
        AssertEnded(side, WireReason.Expired, isVerified: true);
    }

    [Fact]
    public void A_side_that_has_confirmed_ends_by_the_relays_word_or_does_not_know()
    {
        // The relay cannot be reached: until 30 days after the end.
        var away = new V2Table().Numbers().Confirm(PairRole.Host).Host;
        away.Now = away.Pair.ExpiresAt!.Value + TimeSpan.FromDays(29);
        Assert.IsNotType<PairEffect.Apply>(away.Next);
        away.Now += TimeSpan.FromDays(2);
        away.Step(Assert.IsType<PairEffect.Apply>(away.Next).Input);
        AssertEnded(away, WireReason.Expired, isVerified: true);
        Assert.True(away.Pair.OutcomeUnknown);

        // It knows its data and nothing of this: after the end that is the end.
        foreach (var (after, relayId, ends) in new[] { (false, V2Driver.RelayId, false), (true, new string('b', 32), false), (true, V2Driver.RelayId, true) })
        {
            var host = new V2Table().Numbers().Confirm(PairRole.Host).Host;
            host.Now = host.Pair.ExpiresAt!.Value + (after ? TimeSpan.FromHours(1) : TimeSpan.FromHours(-1));
            host.Step(new V2Input.Seen(V2View.Refused(V2Refusal.NoRendezvous), relayId, null));
            Assert.Equal(ends, host.Pair.IsEnded);
            Assert.Equal(ends, host.Pair.OutcomeUnknown);
        }

        // The relay says that its time is over: then the other side has not pinned either.
        var told = new V2Table().Numbers().Confirm(PairRole.Host).Host;
        told.Now = told.Pair.ExpiresAt!.Value;
        told.Step(V2Table.Seen(told, V2State.Expired, null));
        AssertEnded(told, WireReason.Expired, isVerified: true);
        Assert.False(told.Pair.OutcomeUnknown);
    }

    [Fact]
    public void Decided_counts_for_nobody_who_has_not_confirmed()
    {
        var host = new V2Table().Numbers().Host;
        host.Step(V2Table.Seen(host, V2State.Decided, null));
        Assert.False(host.Pair.Decided);
    }

    [Fact]
    public void A_pin_that_was_cut_short_comes_before_the_clock()
    {
        var table = new V2Table().Confirmed();
        table.Host.Run(static p => p.Posted == 2);
        table.Guest.Run(static p => p.Decided);
        table.Guest.Run(static p => p.Messages.Received.ContainsKey("2"));
        table.Guest.Now += TimeSpan.FromDays(60);
        Assert.IsType<V2Work.Pin>(table.Guest.Next);
    }

    [Fact]
    public void A_trouble_does_not_take_a_reason_away()
    {
        var table = new V2Table().Numbers();
        table.Host.Type(Wrong(table.Host));
        table.Host.Step(new PairInput.Trouble("The relay is away."));
        table.Host.Step(new PairInput.Trouble(null));
        AssertEnded(table.Host, WireReason.SasMismatch, isVerified: true);

        var stopping = new V2Table().Numbers().Confirm(PairRole.Host).Host;
        stopping.Step(new PairInput.Stopped());
        stopping.Step(new PairInput.Trouble("The relay has no v2.", WireReason.RelayWithoutV2));
        Assert.Equal(WireReason.Cancelled, stopping.Pair.Reason);
    }

    [Fact]
    public void Silence_after_the_keys_is_suspicious_and_a_sealed_word_is_not()
    {
        var table = new V2Table();
        table.Host.Run();
        table.Guest.Run();
        table.Advance(TimeSpan.FromHours(25));
        table.Guest.Run();
        AssertEnded(table.Guest, WireReason.Expired, isVerified: true);
        Assert.Contains("possible interference", table.Guest.Pair.LastError, StringComparison.Ordinal);

        var self = new V2Table(isSelf: true).Go();
        Assert.Null(self.Host.Pair.LastError);
    }

    [Fact]
    public void The_guests_end_is_the_relays_until_it_holds_the_hosts()
    {
        var table = new V2Table();
        table.Host.Run();
        var relays = table.Time.GetUtcNow() + TimeSpan.FromDays(3);
        table.Guest.Step(V2Table.Seen(table.Guest, V2State.Open, null) is var seen ? seen with { View = seen.View with { ExpiresAt = relays } } : seen);
        Assert.Equal(relays, table.Guest.Pair.ExpiresAt);
        table.Go();
        Assert.Equal(table.Host.Pair.ExpiresAt, table.Guest.Pair.ExpiresAt);
    }

    [Fact]
    public void Whose_side_is_taken_is_crowded_and_the_others_are_told()
    {
        var table = new V2Table();
        table.Host.Run();
        table.Guest.Run();
        var third = table.Side(PairRole.Guest, V2Table.Code, 9);
        third.Run();
        AssertEnded(third, WireReason.Crowded, isVerified: true);
        table.Go();
        Assert.Equal((PairStatus.SasReady, PairStatus.SasReady), (table.Host.Pair.Status, table.Guest.Pair.Status));
        Assert.False(table.Host.Pair.Crowded);

        // A reader that was turned away took nothing; one that puts is noted.
        table.Relay.Rooms.Put(third.Side with { Lookup = table.Host.Pair.CodeHash, Token = new string('9', 64) }, 0, "{}", null, table.Time.GetUtcNow());
        table.Go();
        Assert.True(table.Host.Pair.Crowded && table.Guest.Pair.Crowded);
        table.Confirm(PairRole.Host).Confirm(PairRole.Guest).Go();
        Assert.Equal((PairStatus.Paired, PairStatus.Paired), (table.Host.Pair.Status, table.Guest.Pair.Status));
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void What_the_relay_lost_is_put_again_byte_for_byte(PairRole first)
    {
        for (var turns = 1; turns <= 4; turns++)
        {
            var table = new V2Table();
            for (var i = 0; i < turns; i++)
            {
                table.Of(first).Run();
                table.Other(first).Run();
            }

            table.Relay.LoseEverything();
            table.Host.InfoId = table.Guest.InfoId = new string('b', 32);
            table.Go(8).Confirmed().Go(6);
            Assert.Equal((PairStatus.Paired, PairStatus.Paired), (table.Host.Pair.Status, table.Guest.Pair.Status));
            Assert.True(table.Host.Pair.PeerAcked && table.Guest.Pair.PeerAcked);
        }
    }

    [Fact]
    public void What_is_lost_is_not_begun_anew_when_the_time_is_over()
    {
        var table = new V2Table().Numbers().Confirm(PairRole.Host);
        table.Host.Run();
        table.Relay.LoseEverything();
        table.Advance(TimeSpan.FromHours(25));
        table.Host.InfoId = new string('b', 32);
        table.Host.Run();
        Assert.Equal(0, table.Relay.Rooms.Count);
        Assert.Equal(PairStatus.Confirmed, table.Host.Pair.Status);
    }

    [Fact]
    public void After_the_pin_nothing_of_the_peers_is_kept_and_the_first_acknowledgement_counts()
    {
        var table = new V2Table().Confirmed();
        table.Host.Run();
        table.Guest.Run(static p => p.Status == PairStatus.Paired);
        var guest = table.Guest;
        Assert.True(guest.Pair.Messages.Received.IsEmpty);
        Assert.Equal(["0", "1", "2", "3"], guest.Pair.Messages.Sent.Keys);
        Assert.True(guest.Pair.Secrets is { KeyHost: not null, KeyGuest: null, PeerSas: null });
        guest.Step(V2Table.Seen(guest, V2State.Decided, null, (3, "{\"v\":2,\"sealed\":\"AAAA\"}")));
        Assert.False(guest.Pair.PeerAcked);
        Assert.DoesNotContain(PairLeaving.AwaitAck, guest.Pair.Leaving);
        guest.Run();
        Assert.True(guest.Pair.Leaving.IsEmpty);
    }

    [Theory]
    [InlineData(V2Refusal.Ended)]
    [InlineData(V2Refusal.Expired)]
    [InlineData(V2Refusal.PhaseConflict)]
    [InlineData(V2Refusal.RoleTaken)]
    public void A_pinned_side_that_is_refused_is_done(V2Refusal refusal)
    {
        var table = new V2Table().Confirmed();
        table.Host.Run();
        table.Guest.Run(static p => p.Status == PairStatus.Paired);
        table.Guest.Step(new V2Input.Put(3, new V2PutReply(refusal, null, null)));
        Assert.True(table.Guest.Pair.Leaving.IsEmpty);
        Assert.Equal(PairStatus.Paired, table.Guest.Pair.Status);
    }

    [Fact]
    public void Secrets_go_in_the_writes_that_the_protocol_names()
    {
        var table = new V2Table();
        var (host, guest) = (table.Host, table.Guest);
        var early = new[] { host.Pair.Secrets!, guest.Pair.Secrets! }.SelectMany(static s => new[] { s.Scalar!, s.W!, s.IdNonce! }).ToList();
        table.Paired();
        foreach (var side in (V2Driver[])[host, guest])
        {
            foreach (var pair in side.Past)
            {
                var text = Encoding.UTF8.GetString(PendingPairFormat.Write(pair));
                var hasShare = pair.IsEnded || pair.Messages.Received.ContainsKey(pair.Role == PairRole.Host ? "0" : "1");
                Assert.True(!hasShare || early.All(secret => !text.Contains(secret, StringComparison.Ordinal)), $"{pair.Role} {pair.Status}");
                Assert.True(!pair.IsEnded || !(text.Contains(V2Table.Code, StringComparison.Ordinal) || text.Contains($"\"{host.Number}\"", StringComparison.Ordinal) || text.Contains($"\"{guest.Number}\"", StringComparison.Ordinal)), "the end keeps code or numbers");
            }
        }

        // The number is not in any file of the host before the guest has proven itself but as what it will show.
        Assert.All(host.Past.Where(static p => p.Status == PairStatus.Polling), static p => Assert.Null(p.Sas));
        Assert.Contains(host.Past, static p => p is { Status: PairStatus.Polling, Secrets: { Proof: not null, PeerConfirm: not null, OwnSas: not null } });
        Assert.All(host.Past.Concat(guest.Past).Where(static p => p.Status is PairStatus.SasReady or PairStatus.Confirmed), static p => Assert.True(p.Secrets is { Proof: null, PeerConfirm: null, OwnSas: null, PeerSas: not null }));
        Assert.All((V2Driver[])[host, guest], static s => Assert.True(s.Pair is { CodeHash.Length: 0, SideToken: null, Secrets: null, LookupHash.Length: 64 } && s.Pair.Messages.Sent.IsEmpty));
    }

    private static void AssertEnded(V2Driver side, WireReason reason, bool isVerified) =>
        Assert.True(side.Pair.Status == PairStatus.Aborted && side.Pair.Reason == reason && side.Pair.ReasonVerified == isVerified, $"{side.Pair.Role} is {side.Pair.Status} ({side.Pair.Reason}, verified {side.Pair.ReasonVerified}: {side.Pair.LastError})");

    private static string Wrong(V2Driver side) => ((string[])["111111", "222222", "333333"]).First(d => d != side.Pair.Secrets!.PeerSas && d != side.Pair.Sas);

    private static bool IsSealed(string body) => JsonDocument.Parse(body).RootElement.GetProperty("reason").GetString() == "sealed";

    // The host holds the guest's share, and the guest's phase 1 is on its way.
    private static V2Table Shared(out string guestReveal)
    {
        var table = new V2Table();
        table.Host.Run();
        table.Guest.Run();
        table.Host.Run(static p => p.Posted == 1);
        table.Guest.Run(static p => p.Messages.Sent.ContainsKey("1"));
        guestReveal = table.Guest.Pair.Messages.Sent["1"];
        return table;
    }

    // The guest holds the commitment, and the host's phase 1 is on its way.
    private static V2Table Revealed(out string hostReveal)
    {
        var table = new V2Table();
        table.Host.Run();
        table.Guest.Run();
        table.Host.Run(static p => p.Messages.Sent.ContainsKey("1"));
        hostReveal = table.Host.Pair.Messages.Sent["1"];
        return table;
    }
}
