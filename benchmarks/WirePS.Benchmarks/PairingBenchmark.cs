using System.Diagnostics;
using System.Globalization;
using WirePS.Pairing;

namespace WirePS.Benchmarks;

/// <summary>What a pairing's file holds.</summary>
/// <param name="Waiting">While a host waits for the other side.</param>
/// <param name="Confirmed">When one side has confirmed: there is never more in it.</param>
internal sealed record PairFiles(byte[] Waiting, byte[] Confirmed);

/// <summary>What was measured of pairings.</summary>
/// <param name="Ready">From the call that joins to both numbers ready.</param>
/// <param name="Files">Files of the last round.</param>
internal sealed record Pairings(Measured Ready, PairFiles Files);

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

    /// <returns>The times, and files of the last round; null where the relay does not serve the protocol.</returns>
    public static async Task<Pairings?> RunAsync(Report report, string relayProgram, string folder, PairProtocolVersion protocol, int rounds, CancellationToken cancellationToken)
    {
        Report.Heading($"Pairing, protocol {protocol}: host, guest and relay as processes of their own, no PowerShell ({WarmUps} rounds before to warm up)");
        await using var relay = await MeasuredRelay.StartAsync(relayProgram, Path.Combine(folder, "relay"), cancellationToken);
        if (!await relay.ServesAsync(protocol, cancellationToken))
        {
            Console.WriteLine("  not measured: this relay does not serve it");
            return null;
        }

        await using var host = await Party.StartAsync(Path.Combine(folder, "host"), relay.Url, cancellationToken);
        await using var guest = await Party.StartAsync(Path.Combine(folder, "guest"), relay.Url, cancellationToken);
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
        var commits = await relay.CommitsAsync(cancellationToken);
        var (ready, pinned) = (new Measured(joins), new Measured(pins));
        var (readyName, pinnedName) = ($"{protocol}: from the call that joins to both numbers ready (sas_ready)", $"{protocol}: from the second confirmation to both pinned");
        Report.Row(readyName, ready);
        Report.Row(pinnedName, pinned);
        if (protocol == PairProtocolVersion.V1)
        {
            report.AtMost(readyName, ready.Median, TargetV1);
            report.AtMost(pinnedName, pinned.Median, TargetV1);
        }

        Console.WriteLine();
        Console.WriteLine($"Durable writes of each party for a pairing (mean of {pairings}; start of the daemons and removal of the peer after each round included)");
        Report.Line($"  {"relay: transactions",-24} {(double)commits / pairings,5:0.0}");
        await ShowWritesAsync("host", host, pairings, cancellationToken);
        await ShowWritesAsync("guest", guest, pairings, cancellationToken);
        return new Pairings(ready, files!);
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
}
