using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Simulation.World;
using WirePS.Tests.Support;

namespace WirePS.Simulation.Attacker;

/// <summary>An honest side: the real machine, driven as far as the relay lets it come, and its person.</summary>
internal sealed class Victim
{
    private static readonly V2Protocol Machine = new(QuickStretcher.Instance, ThreeDigits.Instance);

    private readonly V2Driver _driver;

    public Victim(PairRole role, string code, int identity, IV2PairRoutes relay, Dice dice)
    {
        var card = Identities.CardOf(identity);
        var pair = Machine.Create(new PairRequest(code, role, FakeRelay.DefaultUrl, card.PublicKey, ForgedSide.Bytes(dice, PairRequest.RandomBytes), SimClock.Start, SimClock.Start + TimeSpan.FromHours(24)));
        _driver = new V2Driver(Machine, card, Identities.SeedOf(identity), relay, pair);
    }

    public PendingPair Pair => _driver.Pair;

    public AgentCard Card => _driver.Card;

    /// <summary>What its person reads out; null while nothing is shown.</summary>
    public string? Number => _driver.Number;

    public DateTimeOffset Now
    {
        get => _driver.Now;
        set => _driver.Now = value;
    }

    /// <summary>Whether it takes somebody for its peer who is not: it has confirmed, or pinned, another key.</summary>
    public bool IsFooledBy(Victim other) =>
        (_driver.Pinned is { } pinned && !pinned.AsSpan().SequenceEqual(other.Card.PublicKey))
        || (Pair.Status == PairStatus.Confirmed && !V2Protocol.PeerCard(Pair).PublicKey.AsSpan().SequenceEqual(other.Card.PublicKey));

    /// <summary>As far as it comes without its person.</summary>
    public void Run() => _driver.Run();

    /// <summary>Its person types what the other one reads out.</summary>
    public void Type(string number)
    {
        try
        {
            _driver.Type(number);
        }
        catch (WireException error) when (error.Reason == WireReason.OwnDigits)
        {
            // Both numbers are alike by chance: the person is told, and nothing happens.
        }
    }
}
