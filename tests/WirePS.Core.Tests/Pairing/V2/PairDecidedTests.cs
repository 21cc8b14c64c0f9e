using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Pairing.V2;

/// <summary>The word of a peer past the rendezvous (pairing-v2.md §4, step 8): a relay that withholds an outcome keeps nobody from it.</summary>
public sealed class PairDecidedTests
{
    [Fact]
    public async Task A_side_that_the_relay_keeps_in_the_dark_learns_that_it_is_pinned()
    {
        using var couple = await GuestInTheDarkAsync();
        couple.Guest.AssertStatus(PairStatus.Confirmed);
        await TellAsync(couple.Host);
        await couple.Guest.TickAsync();
        await couple.Guest.TickAsync();
        couple.Guest.AssertStatus(PairStatus.Paired);
        couple.Host.AssertStatus(PairStatus.Paired);
        Assert.True(couple.Guest.Pair.PeerAcked);
        Assert.NotNull(couple.Guest.Engine.Mailboxes.FindRoute(Assert.Single(couple.Guest.Engine.Trust.List()).Handle));
    }

    [Fact]
    public async Task Both_are_acknowledged_where_the_relay_withholds_every_acknowledgement()
    {
        using var couple = await ReadyAsync();
        couple.Relay.Lie2 = static (_, view) => view with { Messages = [.. view.Messages.Where(static m => m.Phase != 3)] };
        await couple.ConfirmEachOtherAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
        Assert.All(couple.Both, static p => Assert.False(p.Pair.PeerAcked));
        await TellAsync(couple.Host);
        await TellAsync(couple.Guest);
        await couple.SettleAsync();
        Assert.All(couple.Both, static p => Assert.True(p.Pair.PeerAcked));
        Assert.All(couple.Both, static p => Assert.True(Assert.Single(p.Engine.Trust.List()).PeerAcked));
    }

    [Fact]
    public async Task Where_the_rendezvous_does_its_work_nothing_is_told_twice()
    {
        using var couple = await ReadyAsync();
        await couple.ConfirmEachOtherAsync();
        await couple.SettleAsync();
        couple.Time.Advance(TimeSpan.FromMinutes(5));
        await couple.SettleAsync();
        couple.AssertPaired();
        Assert.Equal(0, couple.Relay.CountOf(RelayAction.PostEvent));
    }

    [Fact]
    public async Task It_is_told_again_once_a_day_until_it_is_acknowledged()
    {
        using var couple = await GuestInTheDarkAsync();
        for (var day = 0; day < 3; day++)
        {
            await TellAsync(couple.Host);
            await couple.Host.TickAsync();
            Assert.Equal(day + 1, couple.Relay.CountOf(RelayAction.PostEvent));
            couple.Time.Advance(TimeSpan.FromDays(1));
        }
    }

    [Fact]
    public async Task Nobody_is_pinned_before_this_side_has_confirmed()
    {
        using var couple = await ReadyAsync();
        var told = await TellByHandAsync(couple, "accept", "ack");
        Assert.Equal(1, told.Refused);
        couple.Guest.AssertStatus(PairStatus.SasReady);
        Assert.Empty(couple.Guest.Engine.Trust.List());
    }

    [Fact]
    public async Task Another_pairing_of_the_same_peer_is_not_decided_by_it()
    {
        using var couple = await GuestInTheDarkAsync();
        var told = await TellByHandAsync(couple, lookup: new string('a', 64));
        Assert.Equal(1, told.Refused);
        couple.Guest.AssertStatus(PairStatus.Confirmed);
    }

    [Fact]
    public async Task Nobody_else_can_tell_it()
    {
        using var couple = await GuestInTheDarkAsync();
        using var mallory = new Party("mallory", couple.Relay, couple.Time);
        await mallory.Engine.Identity.EnsureAsync(null, CancellationToken.None);
        using var signer = mallory.Engine.Identity.Open();
        var host = couple.Host.Engine.Identity.Find()!;
        var body = BodyOf(couple.Host.Pair.CodeHash, couple.Host.Pair.Messages.Sent["2"], couple.Host.Pair.Messages.Sent["3"]);

        // The right words, under the host's name, with another key.
        var forged = signer.CreateEvent(couple.Guest.Engine.Identity.Find()!.Did, EventTypes.PairDecided, EventTypes.KindOf(EventTypes.PairDecided), body, couple.Time.GetUtcNow(), null, mallory.Random);
        forged = SignedEvent.Sign(new byte[32], host.Handle, forged.Json.With("from", host.Did));
        Deliver(couple, forged);
        Assert.Equal(1, (await couple.Guest.TickAsync()).Mail.Taken.Refused);
        couple.Guest.AssertStatus(PairStatus.Confirmed);
    }

    [Fact]
    public async Task Words_that_the_peer_never_posted_do_not_pin()
    {
        using var couple = await GuestInTheDarkAsync();
        var told = await TellByHandAsync(couple, couple.Host.Pair.Messages.Sent["2"], couple.Host.Pair.Messages.Sent["2"]);
        Assert.Equal(1, told.Handled);

        // A peer that signs words which are not its own stops the pairing; the relay's word that it was decided leads to the pin and its removal.
        await couple.Guest.TryTickAsync();
        await couple.Guest.TryTickAsync();
        Assert.Empty(couple.Guest.Engine.Trust.List());
    }

    /// <summary>Both have confirmed; the host knows and has pinned; to the guest the relay shows an open rendezvous without news.</summary>
    private static async Task<Couple> GuestInTheDarkAsync()
    {
        var couple = await ReadyAsync();
        couple.Relay.Lie2 = static (side, view) => side.Role == PairRole.Guest ? view with { State = V2State.Open, Messages = [] } : view;
        var (ofHost, ofGuest) = (couple.Host.Pair.Sas!, couple.Guest.Pair.Sas!);
        await couple.Guest.ConfirmAsync(ofHost);
        await couple.Guest.TickAsync();
        await couple.Host.ConfirmAsync(ofGuest);
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        couple.Host.AssertStatus(PairStatus.Paired);
        couple.Guest.AssertStatus(PairStatus.Confirmed);
        return couple;
    }

    private static async Task<Couple> ReadyAsync()
    {
        var couple = new Couple(protocol: 2);
        await couple.RequestAsync();
        for (var i = 0; i < 3; i++)
        {
            await couple.Host.TickAsync();
            await couple.Guest.TickAsync();
        }

        couple.Host.AssertStatus(PairStatus.SasReady);
        couple.Guest.AssertStatus(PairStatus.SasReady);
        return couple;
    }

    /// <summary>Long enough after the pin that the peer is told, and delivered.</summary>
    private static async Task TellAsync(Party party)
    {
        ((FakeTime)party.Engine.Time).Advance(TimeSpan.FromSeconds(11));
        await party.TickAsync();
    }

    /// <summary>What a host would tell that has other words, signed by the host's own key.</summary>
    private static async Task<IntakeReport> TellByHandAsync(Couple couple, string? accept = null, string? ack = null, string? lookup = null)
    {
        var host = couple.Host.Pair;
        accept = accept is null or "accept" ? host.Messages.Sent.GetValueOrDefault("2", """{"v":2,"sealed":"AAAA"}""") : accept;
        ack = ack is null or "ack" ? host.Messages.Sent.GetValueOrDefault("3", """{"v":2,"sealed":"AAAA"}""") : ack;
        using var own = couple.Host.Engine.Identity.Open();
        var guest = couple.Guest.Engine.Identity.Find()!;
        Deliver(couple, own.CreateEvent(guest.Did, EventTypes.PairDecided, EventTypes.KindOf(EventTypes.PairDecided), BodyOf(lookup ?? host.CodeHash, accept, ack), couple.Time.GetUtcNow(), guest.Card.DhPublicKey, couple.Host.Random));
        return (await couple.Guest.TickAsync()).Mail.Taken;
    }

    private static WireJson BodyOf(string lookup, string accept, string ack) => WireJson.ObjectOf(
        ("lookup", WireJson.From(lookup)),
        ("messages", WireJson.ObjectOf(("2", WireJson.Parse(accept)), ("3", WireJson.Parse(ack)))));

    private static void Deliver(Couple couple, SignedEvent signed)
    {
        var slot = Assert.Single(couple.Guest.Engine.Mailboxes.List()).SlotId;
        Assert.Equal(PostOutcome.Stored, couple.Relay.Mail.Post(slot, null, signed.Json.ToCompactBytes(), signed.EventId));
    }
}
