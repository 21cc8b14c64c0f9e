using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Samples.EngineHost;

/// <summary>The daemon of a home, hosted by a program of one's own: this is all it takes.</summary>
public static class Daemon
{
    /// <summary>Serves a home until it is cancelled, or asked to stop by <see cref="DaemonFiles.RequestStop"/>.</summary>
    /// <param name="home">The folder of the home.</param>
    /// <param name="countWrites">True to print at the end how often what was written to the disk.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task RunAsync(string home, bool countWrites, CancellationToken cancellationToken)
    {
        var counting = countWrites ? new CountingFileSystem(DiskFileSystem.Instance) : null;
        using var engine = new WireEngine(WireHome.Resolve(home), new WireSurroundings { Files = counting ?? (IFileSystem)DiskFileSystem.Instance });
        await new DaemonLoop(engine).RunAsync(cancellationToken);
        foreach (var (name, count) in counting?.Counts ?? [])
        {
            Console.WriteLine($"{name} {count}");
        }
    }
}
