using WirePS.Pairing;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>Two engines pair by v2 through a relay in memory, every tick in a new process.</summary>
public sealed class V2CompletePairingTests
{
    [Fact]
    public async Task A_code_stays_used_where_its_ended_file_is_removed_before_it_got_its_other_name()
    {
        var time = new FakeTime();
        using var host = new Party("host", new FakeRelay(time), time) { Protocol = 2 };
        var code = await host.HostAsync();
        await host.StopAsync();

        // A process that dies between the write of the end and the new name leaves this.
        File.Move(host.Engine.Pairs.PathOf(host.Id), host.Engine.Pairs.PathOf(code));
        File.Delete(host.Home.UsedCodesFile);
        await host.Engine.Pairing.RemoveAsync(code, CancellationToken.None);
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => host.JoinAsync(code))).Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Both_are_pinned_whoever_comes_and_confirms_first(bool hostFirst)
    {
        using var couple = new Couple(protocol: 2);
        await couple.RequestAsync();
        var (first, second) = hostFirst ? (couple.Host, couple.Guest) : (couple.Guest, couple.Host);
        for (var i = 0; i < 3; i++)
        {
            await first.TickAsync();
            await second.TickAsync();
        }

        first.AssertStatus(PairStatus.SasReady);
        second.AssertStatus(PairStatus.SasReady);
        Assert.Matches("^[0-9]{6}$", first.Pair.Sas!);
        Assert.NotEqual(first.Pair.Sas, second.Pair.Sas);

        await second.ConfirmAsync(first.Pair.Sas!);
        await second.TickAsync();
        second.AssertStatus(PairStatus.Confirmed);
        await first.ConfirmAsync(second.Pair.Sas!);
        await first.TickAsync();
        first.AssertStatus(PairStatus.Paired);
        await couple.SettleAsync();
        couple.AssertPaired();

        foreach (var party in couple.Both)
        {
            var request = party == couple.Host ? "request_host" : "request_guest";
            Assert.Equal([request, "polling", "sas_ready", "confirmed", "paired"], party.Story());
            var peer = Assert.Single(party.Engine.Trust.List());
            Assert.Equal(TrustTier.Verified, peer.Tier);
            Assert.Equal("sas-v2", peer.Ceremony);
            Assert.Equal("person", peer.ApprovedBy);
            Assert.True(peer.PeerAcked);
            Assert.True(party.Pair.PeerAcked);
            Assert.NotNull(peer.Grant);
            Assert.False(File.Exists(party.Engine.Pairs.PathOf(party.Key)));
        }

        // Both have said that they are done, so the relay has nothing left of it.
        Assert.Equal(0, couple.Relay.Rooms.Count);
        Assert.Equal(2, couple.Relay.LiveGrants.Count);
        foreach (var (one, other) in new[] { (couple.Host, couple.Guest), (couple.Guest, couple.Host) })
        {
            var route = one.Engine.Mailboxes.FindRoute(other.Engine.Identity.Find()!.Handle)!;
            Assert.True(couple.Relay.TakesMessage(route.SlotId, route.SlotToken));
            Assert.DoesNotContain(route.SlotToken, couple.Relay.SlotTokens);
        }
    }
}
