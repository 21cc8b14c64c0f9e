using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V1;
using WirePS.Relay;
using WirePS.Simulation.World;
using WirePS.Tests.Support;

namespace WirePS.Simulation.Attacker;

/// <summary>
/// The same attacker against protocol v1, where both sides show one number that follows from what the attacker chooses
/// last: it tries scalars on both sides until the numbers are alike. That it always wins shows that it is a real one.
/// </summary>
internal static class V1Attack
{
    private static readonly V1Protocol Machine = V1Protocol.Instance;

    /// <summary>One session: whether both sides have pinned the attacker.</summary>
    public static bool Session(long seed)
    {
        var dice = new Dice(seed);
        var code = CodePhrase.Generate(new PinnedRandom((int)seed));
        var host = Opened(PairRole.Host, code, 0, ForgedSide.Bytes(dice, 32));
        var guest = Opened(PairRole.Guest, code, 1, ForgedSide.Bytes(dice, 32));

        // The relay has turned code_hash into the code, and holds both messages before it sends any.
        var (forHost, forGuest) = Grind(code, host, guest, dice);
        var asGuest = Seen(Opened(PairRole.Guest, code, Adversary.Identity, forHost), host.Messages.Sent[V1Protocol.Msg], null);
        var asHost = Seen(Opened(PairRole.Host, code, Adversary.Identity, forGuest), guest.Messages.Sent[V1Protocol.Msg], null);
        host = Seen(host, asGuest.Messages.Sent[V1Protocol.Msg], null);
        guest = Seen(guest, asHost.Messages.Sent[V1Protocol.Msg], null);
        if (host.Sas is null || guest.Sas is null || host.Sas[3..] != guest.Sas[3..])
        {
            return false;
        }

        // The numbers are alike on both screens, so both persons confirm what they see.
        return IsFooled(host, asGuest) && IsFooled(guest, asHost);
    }

    private static bool IsFooled(PendingPair victim, PendingPair attacker)
    {
        attacker = Step(attacker, new PairInput.Confirmed(attacker.Sas!, Identities.CardOf(Adversary.Identity), new byte[32]));
        victim = Step(victim, new PairInput.Confirmed(victim.Sas!, Identities.CardOf(victim.Role == PairRole.Host ? 0 : 1), new byte[32]));
        victim = Step(victim, new V1Input.Posted());
        victim = Seen(victim, attacker.Messages.Sent[V1Protocol.Msg], attacker.Messages.Sent[V1Protocol.Bootstrap]);
        return Machine.Next(victim, SimClock.Start) is V1Work.Pin && V1Bootstrap.OpenPeer(victim).Card.PublicKey.AsSpan().SequenceEqual(Identities.CardOf(Adversary.Identity).PublicKey);
    }

    // Three digits: a few dozen tries on each side meet somewhere.
    private static (byte[] ForHost, byte[] ForGuest) Grind(string code, PendingPair host, PendingPair guest, Dice dice)
    {
        var byNumber = new Dictionary<string, byte[]>();
        while (true)
        {
            var forHost = ForgedSide.Bytes(dice, 32);
            byNumber[Number(code, host, forHost)] = forHost;
            var forGuest = ForgedSide.Bytes(dice, 32);
            if (byNumber.TryGetValue(Number(code, guest, forGuest), out var fits))
            {
                return (fits, forGuest);
            }
        }
    }

    private static string Number(string code, PendingPair victim, byte[] seed)
    {
        using var scalar = SymmetricSpake2.ScalarFromSeed(seed);
        using var key = SymmetricSpake2.Finish(Encoding.ASCII.GetBytes(code), Encoding.ASCII.GetBytes(victim.CodeHash), scalar.Span, Convert.FromBase64String(victim.Messages.Sent[V1Protocol.Msg]));
        return ShortAuthenticationString.V1(key.Span)[3..];
    }

    private static PendingPair Opened(PairRole role, string code, int identity, byte[] seed)
    {
        var random = new byte[PairRequest.RandomBytes];
        seed.CopyTo(random, 64);
        var pair = Machine.Create(new PairRequest(code, role, FakeRelay.DefaultUrl, Identities.CardOf(identity).PublicKey, random, SimClock.Start, SimClock.Start + TimeSpan.FromHours(24)));
        return Step(Step(pair, new PairInput.MailboxReady(new string('5', 32), null, new string('a', 32))), new V1Input.Opened(new string('b', 32), SimClock.Start + TimeSpan.FromHours(24)));
    }

    private static PendingPair Seen(PendingPair pair, string msg, string? bootstrap) =>
        Step(pair, new V1Input.Seen(new V1PairView(msg, bootstrap, SimClock.Start + TimeSpan.FromHours(24), false)));

    private static PendingPair Step(PendingPair pair, PairInput input) => Machine.Step(pair, input, SimClock.Start);
}
