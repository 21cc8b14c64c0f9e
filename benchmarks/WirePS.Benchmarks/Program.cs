using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using WirePS;
using WirePS.Benchmarks;
using WirePS.Pairing;

// One of the processes of acceptors of the benchmark of invites; it ends with who has started it.
if (args is [InviteBenchmark.Command, var acceptors, var relayUrl, var place])
{
    await InviteBenchmark.AcceptAsync(acceptors, relayUrl, int.Parse(place, CultureInfo.InvariantCulture), CancellationToken.None);
    return 0;
}

const int FewestRounds = 20;
const string Usage = """
    usage: WirePS.Benchmarks --relay <WirePS.Relay.dll> [--rounds <n, 20 or more; default 30>] [--only pairing|rendezvous|events|invites]

    Everything is written below the folder for temporary files (TMPDIR): let it be on the disk that counts.
    """;

string[] parts = ["pairing", "rendezvous", "events", "invites"];
string? relayProgram = null;
string? only = null;
var rounds = 30;
var isUnderstood = args.Length % 2 == 0;
for (var i = 0; i + 1 < args.Length; i += 2)
{
    switch (args[i])
    {
        case "--relay":
            relayProgram = args[i + 1];
            break;
        case "--rounds" when int.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out rounds):
            break;
        case "--only" when parts.Contains(args[i + 1]):
            only = args[i + 1];
            break;
        default:
            isUnderstood = false;
            break;
    }
}

if (relayProgram is null || !isUnderstood || rounds < FewestRounds)
{
    Console.Error.WriteLine(Usage);
    return 2;
}

using var ending = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
{
    context.Cancel = true;
    ending.Cancel();
});
var report = new Report();
var folder = Directory.CreateTempSubdirectory("wireps-bench-");
try
{
    Report.Line($"{RuntimeInformation.OSDescription}, {Environment.ProcessorCount} processors, {RuntimeInformation.FrameworkDescription}; files below {Path.GetTempPath()}");
    DurableWriteBenchmark.Run(folder.CreateSubdirectory("disk").FullName);
    if (only is null or "pairing")
    {
        await MeasurePairingsAsync();
    }

    if (only is null or "rendezvous")
    {
        await RendezvousBenchmark.RunAsync(report, relayProgram, folder.CreateSubdirectory("rendezvous").FullName, ending.Token);
    }

    if (only is null or "events")
    {
        await EventBenchmark.RunAsync(report, relayProgram, folder.CreateSubdirectory("events").FullName, ending.Token);
    }

    if (only is null or "invites")
    {
        await InviteBenchmark.RunAsync(report, relayProgram, folder.CreateSubdirectory("invites").FullName, ending.Token);
    }

    report.Targets();
    return 0;
}
catch (OperationCanceledException) when (ending.IsCancellationRequested)
{
    return 130;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("bench: something that was waited for did not come in time");
    return 1;
}
catch (Exception problem) when (problem is WireException or InvalidOperationException or TimeoutException or IOException or HttpRequestException or SocketException)
{
    Console.Error.WriteLine($"bench: {problem.Message}");
    return 1;
}
finally
{
    folder.Delete(recursive: true);
}

async Task MeasurePairingsAsync()
{
    var v1 = await PairAsync(PairProtocolVersion.V1);
    var v2 = await PairAsync(PairProtocolVersion.V2);
    var rate = await ConcurrentBenchmark.RunAsync(relayProgram, folder.CreateSubdirectory("concurrent").FullName, ending.Token);
    var wormholes = await WormholeBenchmark.RunAsync(folder.CreateSubdirectory("wormhole").FullName, rounds, ConcurrentBenchmark.AtOnce, ConcurrentBenchmark.Rounds, ending.Token);
    Comparison.Run(report, v2?.Ready, rate, wormholes);
    if (v2 is not null)
    {
        await BreakdownBenchmark.RunAsync(relayProgram, folder.CreateSubdirectory("breakdown").FullName, v2.Ready, rounds, ending.Token);
    }

    if ((v2 ?? v1) is { Files: var files })
    {
        ListingBenchmark.Run(report, folder.CreateSubdirectory("listing").FullName, files);
    }
}

Task<Pairings?> PairAsync(PairProtocolVersion protocol) =>
    PairingBenchmark.RunAsync(report, relayProgram, folder.CreateSubdirectory($"pairing-{protocol}").FullName, protocol, rounds, ending.Token);
