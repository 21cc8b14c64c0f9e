using System.Globalization;
using System.Runtime.InteropServices;
using WirePS;
using WirePS.Benchmarks;
using WirePS.Pairing;

const int FewestRounds = 20;
const string Usage = """
    usage: WirePS.Benchmarks --relay <WirePS.Relay.dll> [--rounds <n, 20 or more; default 30>]

    Everything is written below the folder for temporary files (TMPDIR): let it be on the disk that counts.
    """;

var (relayProgram, rounds) = args switch
{
    ["--relay", var relay] => (relay, 30),
    ["--relay", var relay, "--rounds", var number] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n) => (relay, n),
    _ => (null, 0),
};
if (relayProgram is null || rounds < FewestRounds)
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
    DurableWriteBenchmark.Run(report, folder.CreateSubdirectory("disk").FullName);
    PairFiles? files = null;
    foreach (var protocol in Enum.GetValues<PairProtocolVersion>())
    {
        files = await PairingBenchmark.RunAsync(report, relayProgram, folder.CreateSubdirectory($"pairing-{protocol}").FullName, protocol, rounds, ending.Token) ?? files;
    }

    await WormholeBenchmark.RunAsync(report, folder.CreateSubdirectory("wormhole").FullName, rounds, ending.Token);
    if (files is not null)
    {
        ListingBenchmark.Run(report, folder.CreateSubdirectory("listing").FullName, files);
    }

    report.Targets();
    return 0;
}
catch (OperationCanceledException) when (ending.IsCancellationRequested)
{
    return 130;
}
catch (Exception problem) when (problem is WireException or InvalidOperationException or TimeoutException or IOException)
{
    Console.Error.WriteLine($"bench: {problem.Message}");
    return 1;
}
finally
{
    folder.Delete(recursive: true);
}
