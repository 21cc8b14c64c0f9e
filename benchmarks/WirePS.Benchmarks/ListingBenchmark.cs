using System.Diagnostics;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;

namespace WirePS.Benchmarks;

/// <summary>How long a list of very many pairings takes.</summary>
internal static class ListingBenchmark
{
    private const int Files = 10_000;
    private const int Runs = 5;
    private const double Target = 300;

    /// <param name="report">Where to tell.</param>
    /// <param name="folder">For homes.</param>
    /// <param name="files">Real pairings; each file of a list is one of them with a code and an id of its own.</param>
    public static void Run(Report report, string folder, PairFiles files)
    {
        Report.Heading($"Listing {Files} pairings: read, check and sort");
        Measure(report, Path.Combine(folder, "waiting"), "waiting for the other side", files.Waiting);
        Measure(report, Path.Combine(folder, "confirmed"), "confirmed by this side, the longest files", files.Confirmed);
    }

    private static void Measure(Report report, string folder, string name, byte[] sample)
    {
        using var engine = new WireEngine(WireHome.Resolve(folder));
        engine.Files.EnsurePrivateFolder(engine.Home.PendingPairFolder);
        var pair = JsonNode.Parse(sample)!;
        var isV1 = (int)pair["protocol"]! == (int)PairProtocolVersion.V1;
        var created = DateTimeOffset.UtcNow;
        for (var i = 0; i < Files; i++)
        {
            var code = isV1 ? CodePhrase.Generate(SystemRandomSource.Instance) : PairingCode.Generate(SystemRandomSource.Instance);
            pair["code"] = code;
            pair["id"] = Guid.NewGuid().ToString("N");
            pair["created_at"] = created.AddSeconds(i).ToString("O");
            WriteWithoutFlush(engine.Pairs.PathOf(code), pair.ToJsonString());
        }

        var times = new List<double>();
        for (var i = 0; i < Runs; i++)
        {
            var start = Stopwatch.GetTimestamp();
            var list = engine.Pairs.List();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            if (list.Count(static f => f.Pair is not null) is not Files and var count)
            {
                throw new InvalidOperationException($"{count} of {Files} pairings could be read");
            }
        }

        var (row, found) = ($"{Files} {name} ({sample.Length} bytes)", new Measured(times));
        Report.Row(row, found);
        report.AtMost(row, found.Median, Target);
    }

    private static void WriteWithoutFlush(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var writer = new StreamWriter(path, options);
        writer.Write(text);
    }
}
