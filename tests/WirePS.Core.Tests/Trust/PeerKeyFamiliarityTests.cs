using WirePS.Identity;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Trust;

public sealed class PeerKeyFamiliarityTests
{
    [Fact]
    public async Task A_key_is_new_known_or_different_from_the_one_under_its_name()
    {
        using var home = new TestHome();
        using var engine = new WireEngine(home.Home);
        var pinned = AgentCard.Create(Enumerable.Repeat((byte)7, 32).ToArray(), "alice");
        var impostor = AgentCard.Create(Enumerable.Repeat((byte)8, 32).ToArray(), "alice");
        var stranger = AgentCard.Create(Enumerable.Repeat((byte)9, 32).ToArray(), "bob");
        await engine.Trust.PinAsync(new PinRequest(pinned, TrustTier.Verified, "sas-v2", "person", "sas", null, null), static (_, _) => Task.CompletedTask, CancellationToken.None);

        Assert.Equal(PeerKeyFamiliarity.Known, Familiarity(pinned));
        Assert.Equal(PeerKeyFamiliarity.Different, Familiarity(impostor));
        Assert.Equal(PeerKeyFamiliarity.New, Familiarity(stranger));

        PeerKeyFamiliarity Familiarity(AgentCard card) => engine.Peers.FamiliarityOf(card.Handle, card.Did, Fingerprint.Display(card.PublicKey));
    }
}
