using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Simulation.World;
using WirePS.Tests.Support;

namespace WirePS.Simulation.Attacker;

/// <summary>How often a strategy has won, against each side.</summary>
/// <param name="Name">The strategy.</param>
/// <param name="Sessions">How often it was tried.</param>
/// <param name="Host">How often a host took somebody else for its peer.</param>
/// <param name="Guest">How often a guest did.</param>
/// <param name="Ends">How the sides ended, most often first.</param>
internal sealed record Wins(string Name, int Sessions, int Host, int Guest, IReadOnlyList<(string End, int Count)> Ends);

/// <summary>Sessions of two honest sides over an attacker's relay.</summary>
internal static class Attack
{
    /// <summary>Every strategy, and the reason that a side ends with where it leaves no try at all; null where it leaves the one blind try.</summary>
    public static IReadOnlyDictionary<string, (WireReason? NoTry, Func<string, Dice, Adversary> Make)> Strategies { get; } = new Dictionary<string, (WireReason?, Func<string, Dice, Adversary>)>
    {
        ["stands between"] = (null, static (code, dice) => new Adversary(code, dice)),
        ["forges aborts"] = (null, static (code, dice) => new ForgesAborts(code, dice)),
        ["accepts for them"] = (null, static (code, dice) => new AcceptsForThem(code, dice)),
        ["withholds the commitment"] = (null, static (code, dice) => new WithholdsCommitment(code, dice)),
        ["opens the commitment otherwise"] = (WireReason.CommitmentMismatch, static (code, dice) => new OpensOtherwise(code, dice)),
        ["forgets and serves other bytes"] = (WireReason.RelayInterference, static (code, dice) => new ForgetsAndServesOther(code, dice)),
        ["replays"] = (WireReason.WrongCode, static (code, dice) => new Replays(code, dice)),
        ["swaps rendezvous"] = (WireReason.CommitmentMismatch, static (code, dice) => new SwapsRendezvous(code, dice)),
        ["answers after expiry"] = (WireReason.Expired, static (code, dice) => new AnswersAfterExpiry(code, dice)),
        ["claims a role first"] = (WireReason.Crowded, static (code, dice) => new ClaimsRoleFirst(code, dice)),
        ["presents a stranger's card"] = (WireReason.IdentityMismatch, static (code, dice) => new PresentsStrangersCard(code, dice)),
        ["sends bad shares"] = (WireReason.InvalidShare, static (code, dice) => new SendsBadShares(code, dice)),
    };

    public static Wins Run(string name, int sessions, long seed)
    {
        var (host, guest) = (0, 0);
        var ends = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        Parallel.For(0, sessions, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            var (hostLost, guestLost) = Session(name, seed + i, ends);
            Interlocked.Add(ref host, hostLost ? 1 : 0);
            Interlocked.Add(ref guest, guestLost ? 1 : 0);
        });
        return new Wins(name, sessions, host, guest, [.. ends.Select(static e => (e.Key, e.Value)).OrderByDescending(static e => e.Value)]);
    }

    /// <summary>One session; whether the host, and the guest, were fooled.</summary>
    private static (bool Host, bool Guest) Session(string name, long seed, System.Collections.Concurrent.ConcurrentDictionary<string, int> ends)
    {
        var dice = new Dice(seed);
        var random = new PinnedRandom((int)seed);
        var code = PairingCode.Generate(random);
        using var relay = Strategies[name].Make(code, dice);
        var host = new Victim(PairRole.Host, code, 0, relay, dice);
        var guest = new Victim(PairRole.Guest, code, 1, relay, dice);
        if (relay is SwapsRendezvous swaps)
        {
            var otherCode = PairingCode.Generate(random);
            using var other = new SwapsRendezvous(otherCode, dice) { Other = swaps };
            swaps.Other = other;
            var (otherHost, otherGuest) = (new Victim(PairRole.Host, otherCode, 3, other, dice), new Victim(PairRole.Guest, otherCode, 4, other, dice));
            for (var i = 0; i < 4; i++)
            {
                otherHost.Run();
                otherGuest.Run();
                host.Run();
                guest.Run();
            }
        }

        for (var i = 0; i < (relay is WithholdsCommitment ? 12 : 5); i++)
        {
            host.Run();
            guest.Run();
        }

        if (relay is AnswersAfterExpiry late)
        {
            late.IsOver = true;
            host.Now += TimeSpan.FromHours(25);
            guest.Now += TimeSpan.FromHours(25);
            host.Run();
            guest.Run();
        }

        // Both read out and both type, before either knows what the other's screen says.
        if (host.Number is { } ofHost && guest.Number is { } ofGuest)
        {
            host.Type(ofGuest);
            guest.Type(ofHost);
        }

        for (var i = 0; i < 3; i++)
        {
            host.Run();
            guest.Run();
        }

        if (relay is WithholdsCommitment { GotShareEarly: true })
        {
            throw new BrokenPromiseException("A guest has sent its share before it held the commitment.");
        }

        foreach (var side in (Victim[])[host, guest])
        {
            ends.AddOrUpdate($"{side.Pair.Role} {side.Pair.Status} {side.Pair.Reason}".TrimEnd(), 1, static (_, n) => n + 1);
        }

        return (host.IsFooledBy(guest), guest.IsFooledBy(host));
    }
}
