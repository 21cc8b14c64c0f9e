using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Samples.EngineHost;
using WirePS.Storage;

namespace WirePS.Benchmarks;

/// <summary>What a pairing's file holds.</summary>
/// <param name="Waiting">While a host waits for the other side.</param>
/// <param name="Confirmed">When one side has confirmed: there is never more in it.</param>
internal sealed record PairFiles(byte[] Waiting, byte[] Confirmed);

/// <summary>
/// Host, guest and relay are processes of their own: two daemons that stay, and a relay. This process is the two people:
/// it asks, waits for the files to change, and confirms.
/// </summary>
internal static class PairingBenchmark
{
    // For the protocol of the wire program, which took 1.42 s and 1.04 s at its fastest.
    private const double TargetV1 = 150;

    // The processes have compiled their code after these; a daemon lives for weeks.
    private const int WarmUps = 5;

    // What a person does between two steps takes longer than this; it lets both sides come to rest.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <returns>Files of the last round; null where the relay does not serve the protocol.</returns>
    public static async Task<PairFiles?> RunAsync(Report report, string relayProgram, string folder, PairProtocolVersion protocol, int rounds, CancellationToken cancellationToken)
    {
        Report.Heading($"Pairing, protocol {protocol}: host, guest and relay as processes of their own, no PowerShell ({WarmUps} rounds before to warm up)");
        var metrics = new Uri($"http://127.0.0.1:{FreePort()}/metrics");
        string[] options = ["--metrics-port", metrics.Port.ToString(CultureInfo.InvariantCulture), "--allocations-per-minute", "1000000", "--rendezvous-per-minute", "1000000"];
        var (relay, url) = await ChildProcess.StartRelayAsync(relayProgram, Path.Combine(folder, "relay"), options, cancellationToken);
        await using var relayEnds = relay;
        using var client = new HttpClient();
        if (!await ServesAsync(client, url, protocol, cancellationToken))
        {
            Console.WriteLine("  not measured: this relay does not serve it");
            return null;
        }

        await using var host = await Party.StartAsync(Path.Combine(folder, "host"), url, cancellationToken);
        await using var guest = await Party.StartAsync(Path.Combine(folder, "guest"), url, cancellationToken);
        var joins = new List<double>();
        var pins = new List<double>();
        PairFiles? files = null;
        for (var round = -WarmUps; round < rounds; round++)
        {
            (var join, var pin, files) = await PairAsync(host, guest, protocol, cancellationToken);
            if (round >= 0)
            {
                joins.Add(join.TotalMilliseconds);
                pins.Add(pin.TotalMilliseconds);
            }
        }

        var pairings = rounds + WarmUps;
        var commits = await CommitsAsync(client, metrics, cancellationToken);
        double? target = protocol == PairProtocolVersion.V1 ? TargetV1 : null;
        report.Row($"{protocol}: from the call that joins to both stores sas_ready", new Times(joins), target);
        report.Row($"{protocol}: from the second confirmation to both pinned", new Times(pins), target);
        Console.WriteLine();
        Console.WriteLine($"Durable writes of each party for a pairing (mean of {pairings}; start of the daemons and removal of the peer after each round included)");
        Report.Line($"  {"relay: transactions",-24} {(double)commits / pairings,5:0.0}");
        await ShowWritesAsync("host", host, pairings, cancellationToken);
        await ShowWritesAsync("guest", guest, pairings, cancellationToken);
        return files;
    }

    private static async Task<(TimeSpan Join, TimeSpan Pin, PairFiles Files)> PairAsync(Party host, Party guest, PairProtocolVersion protocol, CancellationToken cancellationToken)
    {
        var (hostKey, pair) = await host.Engine.Pairing.RequestAsync(new PairWish { Protocol = (int)protocol }, cancellationToken);
        await foreach (var seen in host.Engine.Pairing.WatchAsync(hostKey, pair.Id, Patience, cancellationToken))
        {
            if (seen.Status == PairStatus.Polling)
            {
                break;
            }
        }

        await Task.Delay(Rest, cancellationToken);
        var waiting = await File.ReadAllBytesAsync(host.Engine.Pairs.PathOf(hostKey), cancellationToken);
        var start = Stopwatch.GetTimestamp();
        var (guestKey, joined) = await guest.Engine.Pairing.RequestAsync(new PairWish { Code = pair.Code }, cancellationToken);
        var ready = await Task.WhenAll(
            host.Engine.Pairing.WaitAsync(hostKey, pair.Id, PairMilestone.SasReady, Patience, cancellationToken),
            guest.Engine.Pairing.WaitAsync(guestKey, joined.Id, PairMilestone.SasReady, Patience, cancellationToken));
        var join = Stopwatch.GetElapsedTime(start);

        // Each types what the other reads out.
        await host.Engine.Pairing.ConfirmAsync(hostKey, ready[1].Sas!, cancellationToken);
        await Task.Delay(Rest, cancellationToken);
        var confirmed = await File.ReadAllBytesAsync(host.Engine.Pairs.PathOf(hostKey), cancellationToken);
        start = Stopwatch.GetTimestamp();
        await guest.Engine.Pairing.ConfirmAsync(guestKey, ready[0].Sas!, cancellationToken);
        await Task.WhenAll(
            host.Engine.Pairing.WaitAsync(hostKey, pair.Id, PairMilestone.Paired, Patience, cancellationToken),
            guest.Engine.Pairing.WaitAsync(guestKey, joined.Id, PairMilestone.Paired, Patience, cancellationToken));
        var pin = Stopwatch.GetElapsedTime(start);

        // The next round is again one of strangers.
        await Task.Delay(Rest, cancellationToken);
        await host.ForgetAsync(guest, cancellationToken);
        await guest.ForgetAsync(host, cancellationToken);
        await Task.Delay(Rest, cancellationToken);
        return (join, pin, new PairFiles(waiting, confirmed));
    }

    private static async Task ShowWritesAsync(string name, Party party, int pairings, CancellationToken cancellationToken)
    {
        var byDaemon = await party.StopAsync(cancellationToken);
        foreach (var (who, counts) in ((string, IReadOnlyList<(string Name, int Count)>)[])[($"{name}, commands", party.Commands.Counts), ($"{name}, daemon", byDaemon)])
        {
            var parts = counts.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Name} {(double)c.Count / pairings:0.0}"));
            Report.Line($"  {who,-24} {(double)counts.Sum(static c => c.Count) / pairings,5:0.0}  ({string.Join(", ", parts)})");
        }
    }

    private static async Task<bool> ServesAsync(HttpClient client, string url, PairProtocolVersion protocol, CancellationToken cancellationToken)
    {
        using var info = JsonDocument.Parse(await client.GetByteArrayAsync(new Uri(url + "/v2/info"), cancellationToken));
        return info.RootElement.GetProperty("protocols").EnumerateArray().Any(served => served.ValueEquals(protocol == PairProtocolVersion.V1 ? "v1" : "v2"));
    }

    private static async Task<long> CommitsAsync(HttpClient client, Uri metrics, CancellationToken cancellationToken)
    {
        const string Name = "wireps_relay_commits_total ";
        var text = await client.GetStringAsync(metrics, cancellationToken);
        return long.Parse(text.Split('\n').Single(static line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..], CultureInfo.InvariantCulture);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>One side: its home, its daemon, and what its person types.</summary>
    private sealed class Party(WireEngine engine, CountingFileSystem commands, ChildProcess daemon) : IAsyncDisposable
    {
        public WireEngine Engine => engine;

        public CountingFileSystem Commands => commands;

        public static async Task<Party> StartAsync(string folder, string relayUrl, CancellationToken cancellationToken)
        {
            var commands = new CountingFileSystem(DiskFileSystem.Instance);
            using (var setUp = new WireEngine(WireHome.Resolve(folder)))
            {
                await setUp.Identity.EnsureAsync(null, cancellationToken);
                await setUp.Settings.SetRelayAsync(relayUrl, cancellationToken);
            }

            var engine = new WireEngine(WireHome.Resolve(folder), new WireSurroundings { Files = commands });
            return new Party(engine, commands, await ChildProcess.StartDaemonAsync(engine.Home, countWrites: true, cancellationToken));
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
}
