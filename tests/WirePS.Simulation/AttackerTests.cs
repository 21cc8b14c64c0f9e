using System.Diagnostics;
using System.Globalization;
using WirePS.Pairing;
using WirePS.Simulation.Attacker;
using WirePS.Simulation.World;
using Xunit;
using Xunit.Abstractions;

namespace WirePS.Simulation;

/// <summary>
/// The attacker's suite (pairing-v2.md, «What v2 promises», 2): a relay that knows the code and tries everything it can
/// compute. Numbers are cut to three digits, the arithmetic is real.
/// </summary>
public sealed class AttackerTests(ITestOutputHelper output)
{
    /// <summary>Sessions in which one blind try in a thousand is to be expected.</summary>
    private const int Sessions = 10_000;

    /// <summary>More wins than this in that many sessions happen by chance less than once in a thousand.</summary>
    private const int MostWins = 23;

    private const long Seed = 1;

    public static TheoryData<string> BlindTries => [.. Attack.Strategies.Where(static s => s.Value.NoTry is null).Select(static s => s.Key)];

    public static TheoryData<string> Hopeless => [.. Attack.Strategies.Where(static s => s.Value.NoTry is not null).Select(static s => s.Key)];

    [Theory]
    [MemberData(nameof(BlindTries))]
    public void A_relay_that_knows_the_code_has_one_blind_try(string strategy)
    {
        var wins = Run(strategy, Sessions);
        var allowed = MostWins * (double)wins.Sessions / Sessions;
        Assert.True(wins.Host <= Math.Max(MostWins, allowed) && wins.Guest <= Math.Max(MostWins, allowed), wins.ToString());

        // An attacker that never wins at these odds would be none: somebody can be fooled.
        Assert.True(wins.Sessions < Sessions || wins.Host + wins.Guest > 0, wins.ToString());
    }

    [Theory]
    [MemberData(nameof(Hopeless))]
    public void What_is_final_and_bound_leaves_no_try_at_all(string strategy)
    {
        var wins = Run(strategy, Sessions / 5);
        Assert.Equal((0, 0), (wins.Host, wins.Guest));

        // It fails by what it is meant to fail by, and not because it never came so far.
        Assert.True(wins.Ends.Where(e => e.End.EndsWith($"Aborted {Attack.Strategies[strategy].NoTry}", StringComparison.Ordinal)).Sum(static e => e.Count) > wins.Sessions / 4, string.Join(", ", wins.Ends));
    }

    [Fact]
    public void The_same_attacker_wins_every_session_of_v1()
    {
        var clock = Stopwatch.StartNew();
        var wins = 0;
        Parallel.For(0, 1000, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i => Interlocked.Add(ref wins, V1Attack.Session(Seed + i) ? 1 : 0));
        output.WriteLine($"v1, grinds scalars: {wins} of 1000 sessions in {clock.Elapsed.TotalSeconds:F1} s");
        Assert.Equal(1000, wins);
    }

    private Wins Run(string strategy, int sessions)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("WIREPS_ATTACKS"), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted))
        {
            sessions = wanted;
        }

        var clock = Stopwatch.StartNew();
        var wins = Attack.Run(strategy, sessions, Seed);
        output.WriteLine($"{wins.Name}: {wins.Sessions} sessions, host fooled {wins.Host}, guest fooled {wins.Guest}, {clock.Elapsed.TotalSeconds:F1} s ({string.Join(", ", wins.Ends.Take(5).Select(static e => $"{e.Count} {e.End}"))})");
        return wins;
    }
}
