using System.Globalization;
using WirePS.Identity;
using WirePS.Samples.EngineHost;
using WirePS.Storage;

namespace WirePS.Benchmarks;

/// <summary>One side: its home, its daemon as a process of its own, and what its person types.</summary>
internal sealed class Party(WireEngine engine, CountingFileSystem commands, ChildProcess daemon) : IAsyncDisposable
{
    public WireEngine Engine => engine;

    public CountingFileSystem Commands => commands;

    public static async Task<Party> StartAsync(string folder, string relayUrl, CancellationToken cancellationToken)
    {
        var commands = new CountingFileSystem(DiskFileSystem.Instance);
        await SetUpAsync(folder, relayUrl, cancellationToken);
        var engine = new WireEngine(WireHome.Resolve(folder), new WireSurroundings { Files = commands });
        return new Party(engine, commands, await ChildProcess.StartDaemonAsync(engine.Home, countWrites: true, cancellationToken));
    }

    /// <summary>Makes a home with an identity and a relay.</summary>
    public static async Task SetUpAsync(string folder, string relayUrl, CancellationToken cancellationToken, string? handle = null)
    {
        using var engine = new WireEngine(WireHome.Resolve(folder));
        await engine.Identity.EnsureAsync(handle, cancellationToken);
        await engine.Settings.SetRelayAsync(relayUrl, cancellationToken);
    }

    public async Task ForgetAsync(Party other, CancellationToken cancellationToken) =>
        await engine.Peers.RemoveAsync(other.Engine.Identity.Find()!.Did, cancellationToken);

    public async Task<IReadOnlyList<(string Name, int Count)>> StopAsync(CancellationToken cancellationToken)
    {
        var output = await daemon.StopDaemonAsync(engine, cancellationToken);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static line => line.Split(' '))
            .Select(static parts => (parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture)))];
    }

    public async ValueTask DisposeAsync()
    {
        await daemon.DisposeAsync();
        engine.Dispose();
    }
}
