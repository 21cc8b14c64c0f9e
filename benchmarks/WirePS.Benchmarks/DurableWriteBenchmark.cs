using System.Diagnostics;
using WirePS.Storage;

namespace WirePS.Benchmarks;

/// <summary>What one durable write costs on this disk: a new file, flushed, renamed over the old one, its folder flushed.</summary>
internal static class DurableWriteBenchmark
{
    private const int Writes = 200;
    private const int Bytes = 2048;

    public static void Run(string folder)
    {
        var content = new byte[Bytes];
        Random.Shared.NextBytes(content);
        var path = Path.Combine(folder, "state.json");
        var log = Path.Combine(folder, "log.jsonl");
        DiskFileSystem.Instance.WritePrivate(path, content);
        DiskFileSystem.Instance.AppendPrivate(log, content);
        Report.Heading("One durable write on this disk");
        Report.Row("replace a file of 2 KiB", Measure(() => DiskFileSystem.Instance.WritePrivate(path, content)));
        Report.Row("add 256 bytes to a file", Measure(() => DiskFileSystem.Instance.AppendPrivate(log, content.AsSpan(0, 256))));
    }

    private static Measured Measure(Action write) => new(Enumerable.Range(0, Writes).Select(_ =>
    {
        var start = Stopwatch.GetTimestamp();
        write();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }).ToArray());
}
