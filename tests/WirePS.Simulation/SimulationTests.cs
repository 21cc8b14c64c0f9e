using System.Diagnostics;
using System.Globalization;
using WirePS.Simulation.World;
using Xunit;
using Xunit.Abstractions;

namespace WirePS.Simulation;

/// <summary>
/// Two engines, their persons and a relay under one seeded scheduler: crashes at any write or send, a bad network, clocks
/// that are wrong, relays that restart, forget or lie (pairing-v2.md, «What v2 promises»).
/// </summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const long DefaultSchedules = 100_000;

    [Fact]
    public void Every_schedule_keeps_the_promises()
    {
        if (Number("WIREPS_SEED") is { } only)
        {
            var (broken, trace) = Schedules.Replay(only);
            output.WriteLine(string.Join('\n', trace));
            Assert.True(broken is null, $"Seed {only}: {broken}");
            return;
        }

        var count = Number("WIREPS_SCHEDULES") ?? DefaultSchedules;
        var clock = Stopwatch.StartNew();
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        var failed = Schedules.Run(Number("WIREPS_FIRST") ?? 0, count, out var outcomes);
        output.WriteLine($"{outcomes.Values.Sum()} schedules in {clock.Elapsed.TotalSeconds:F1} s ({(Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds:F1} s of processor time): {string.Join(", ", outcomes.Select(static o => $"{o.Value} {o.Key}"))}");
        if (failed is { } first)
        {
            var trace = Schedules.Replay(first.Seed).Trace;
            Assert.Fail($"Seed {first.Seed}: {first.Promise}\nReplay it: WIREPS_SEED={first.Seed} dotnet test tests/WirePS.Simulation --filter {nameof(Every_schedule_keeps_the_promises)}\n{string.Join('\n', trace)}");
        }

        // A simulation in which nobody ever pairs, or nothing ever goes wrong, tests nothing.
        if (count >= 10_000)
        {
            Assert.True(outcomes[Outcome.Paired] > count / 10 && outcomes[Outcome.EndedAlike] > count / 10 && outcomes[Outcome.Different] > count / 10_000, string.Join(", ", outcomes));
        }
    }

    private static long? Number(string variable) =>
        long.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
