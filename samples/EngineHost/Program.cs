using System.Runtime.InteropServices;
using WirePS;
using WirePS.Samples.EngineHost;

const string Usage = """
    EngineHost - how a program hosts the engine of WirePS

      daemon --home <folder> [--count-writes]   serve a home until SIGTERM; then say, where asked, what was written
      demo --relay <WirePS.Relay.dll>           watch two homes pair: a relay and two daemons as processes of their own
    """;

using var ending = new CancellationTokenSource();
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

try
{
    switch (args)
    {
        case ["daemon", "--home", var home]:
            await Daemon.RunAsync(home, countWrites: false, ending.Token);
            return 0;
        case ["daemon", "--home", var home, "--count-writes"]:
            await Daemon.RunAsync(home, countWrites: true, ending.Token);
            return 0;
        case ["demo", "--relay", var relay]:
            await Demo.RunAsync(relay, ending.Token);
            return 0;
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}
catch (WireException problem)
{
    Console.Error.WriteLine($"{problem.ErrorId}: {problem.Message}");
    return 1;
}
catch (Exception problem) when (problem is TimeoutException or InvalidOperationException or IOException)
{
    Console.Error.WriteLine(problem.Message);
    return 1;
}
catch (OperationCanceledException)
{
    return 130;
}

void End(PosixSignalContext context)
{
    context.Cancel = true;
    ending.Cancel();
}
