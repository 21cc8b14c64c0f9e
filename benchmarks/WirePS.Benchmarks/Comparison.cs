namespace WirePS.Benchmarks;

/// <summary>Protocol V2 beside magic-wormhole of the same run.</summary>
internal static class Comparison
{
    /// <summary>How many times as many pairings at once.</summary>
    private const double Factor = 2;

    /// <summary>What its Python client takes for a verifier on a quiet machine of two cores, in milliseconds: the target where it is not installed.</summary>
    private const double QuietWormhole = 60;

    public static void Run(Report report, Measured? ready, Measured? rate, Wormholes? wormholes)
    {
        if (ready is not null)
        {
            const string Name = "V2: both numbers ready";
            if (wormholes is not null)
            {
                report.AtMost(Name, ready.Median, wormholes.Created.Median, $" (magic-wormhole's verifiers in this run; {QuietWormhole:0} ms on a quiet machine with its Python client)");
            }
            else
            {
                report.AtMost(Name, ready.Median, QuietWormhole, " (magic-wormhole's Python client on a quiet machine; not measured in this run)");
            }
        }

        if (rate is not null)
        {
            var name = $"V2: pairings of {ConcurrentBenchmark.AtOnce} at once";
            if (wormholes is not null)
            {
                report.AtLeast(name, rate.Median, Factor * wormholes.Rate.Median, $" ({Factor:0} times magic-wormhole's in this run)");
            }
            else
            {
                report.Unknown(name, "magic-wormhole was not measured");
            }
        }
    }
}
