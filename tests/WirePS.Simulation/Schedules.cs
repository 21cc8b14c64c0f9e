using WirePS.Simulation.World;

namespace WirePS.Simulation;

/// <summary>Runs schedules, in parallel over ranges of seeds; each of them on one thread.</summary>
internal static class Schedules
{
    /// <summary>One schedule in this many does the real arithmetic of the group.</summary>
    public const int RealEvery = 100;

    /// <summary>The first seed that broke a promise, with what it broke; null where none did.</summary>
    public static (long Seed, string Promise)? Run(long first, long count, out IReadOnlyDictionary<Outcome, long> outcomes)
    {
        var threads = Environment.ProcessorCount;
        var next = first - 1;
        var failed = new List<(long, string)>();
        var counted = new long[Enum.GetValues<Outcome>().Length];
        var gate = new Lock();

        // Threads of their own, without a synchronization context: what a schedule goes on with, goes on at once.
        var workers = Enumerable.Range(0, threads).Select(seat => new Thread(
            () =>
            {
                while (true)
                {
                    var seed = Interlocked.Increment(ref next);
                    lock (gate)
                    {
                        if (failed.Count > 0 || seed >= first + count)
                        {
                            return;
                        }
                    }

                    if (RunOne(seed, seat, null, out var outcome) is { } promise)
                    {
                        lock (gate)
                        {
                            failed.Add((seed, promise));
                        }
                    }

                    Interlocked.Increment(ref counted[(int)outcome]);
                }
            },
            16 * 1024 * 1024)).ToList();
        workers.ForEach(static w => w.Start());
        workers.ForEach(static w => w.Join());
        outcomes = Enum.GetValues<Outcome>().ToDictionary(static o => o, o => counted[(int)o]);
        return failed.Count == 0 ? null : failed.Min();
    }

    /// <summary>One schedule with its trace.</summary>
    public static (string? Promise, IReadOnlyList<string> Trace) Replay(long seed)
    {
        var trace = new List<string>();
        string? promise = null;
        var worker = new Thread(() => promise = RunOne(seed, Environment.ProcessorCount, trace, out _), 16 * 1024 * 1024);
        worker.Start();
        worker.Join();
        return (promise, trace);
    }

    private static string? RunOne(long seed, int seat, List<string>? trace, out Outcome outcome)
    {
        outcome = Outcome.EndedAlike;
        try
        {
            using var world = new SimWorld(seed, seat, seed % RealEvery == 0, trace);
            outcome = world.Run();
            return null;
        }
        catch (BrokenPromiseException error)
        {
            return error.Message;
        }
        catch (Exception error)
        {
            return error.ToString();
        }
    }
}
