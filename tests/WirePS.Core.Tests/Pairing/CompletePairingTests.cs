using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>Two engines pair through a relay in memory, every tick in a new process.</summary>
public sealed class CompletePairingTests
{
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Both_are_pinned_whoever_comes_and_confirms_first(bool hostFirst, bool isOurs)
    {
        using var couple = new Couple(isOurs);
        await couple.RequestAsync();
        var (first, second) = hostFirst ? (couple.Host, couple.Guest) : (couple.Guest, couple.Host);
        await first.TickAsync();
        first.AssertStatus(PairStatus.Polling);
        await second.TickAsync();
        second.AssertStatus(PairStatus.SasReady);
        await first.TickAsync();
        first.AssertStatus(PairStatus.SasReady);
        Assert.Equal(first.Pair.Sas, second.Pair.Sas);
        Assert.Matches("^[0-9]{6}$", first.Pair.Sas!);

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
            Assert.Equal([PairStatus.Polling, PairStatus.SasReady, PairStatus.Paired], party.Notices.Told.Where(s => s != PairStatus.Confirmed));
            var peer = Assert.Single(party.Engine.Trust.List());
            Assert.Equal(TrustTier.Verified, peer.Tier);
            Assert.Equal("sas-v1", peer.Ceremony);
            Assert.Equal("person", peer.ApprovedBy);
            Assert.Equal(isOurs, peer.PeerAcked);
            Assert.Equal(isOurs, party.Pair.PeerAcked);
            Assert.Equal(isOurs, peer.Grant is not null);
        }

        if (isOurs)
        {
            // Neither side holds the other's own token: what it got writes, and is a grant.
            Assert.Equal(2, couple.Relay.LiveGrants.Count);
            foreach (var (one, other) in new[] { (couple.Host, couple.Guest), (couple.Guest, couple.Host) })
            {
                var route = one.Engine.Mailboxes.FindRoute(other.Engine.Identity.Find()!.Handle)!;
                Assert.DoesNotContain(route.SlotToken, couple.Relay.SlotTokens);
                Assert.True(couple.Relay.TakesMessage(route.SlotId, route.SlotToken));
            }

            Assert.Equal(0, couple.Relay.CountOf(RelayAction.Abandon));
            Assert.Equal(2, couple.Relay.CountOf(RelayAction.Finish));
        }
    }

    [Fact]
    public async Task After_the_terminal_write_and_an_hour_nothing_is_left_of_the_pairing_but_the_peer()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
        couple.Time.Advance(TimeSpan.FromHours(1));
        foreach (var party in couple.Both)
        {
            await party.TickAsync();
            Assert.Null(party.Engine.Pairs.Load(party.Key));
            Assert.Equal(
                ["config/wire/agent-card.json", "config/wire/private.key", "config/wire/relay.json", "config/wire/trust.json", "state/wire/journal.jsonl"],
                party.Files.Files);
            Assert.True(party.Engine.Journal.Verify().Valid);
            Assert.Equal("removed", party.Engine.Journal.Read(0).Last().To);
        }
    }
}
