using System.Runtime.InteropServices;
using WirePS.Daemon;
using WirePS.Relay;
using WirePS.Relay.Storage;
using WirePS.Relay.Storage.Sqlite;

DetachedLauncher.EnterOwnSession();
if (args.Contains("--help"))
{
    Console.WriteLine(RelayOptionsReader.Help);
    return ExitCode.Stopped;
}

if (args.Contains("--version"))
{
    Console.WriteLine($"wireps-relay {RelayVersion.Text}");
    return ExitCode.Stopped;
}

try
{
    var options = RelayOptionsReader.Read(args, Environment.GetEnvironmentVariable);
    var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    await using var relay = await RelayHost.StartAsync(options);
    if (options.ReadyFile is { } file)
    {
        await ReadyFileWriter.WriteAsync(file, relay.LocalUrl, relay.RelayId, CancellationToken.None);
    }

    foreach (var url in relay.Urls)
    {
        Console.WriteLine($"listening on {url}");
    }

    await stop.Task;
    await relay.StopAsync();
    return ExitCode.Stopped;

    void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        stop.TrySetResult();
    }
}
catch (UsageException exception)
{
    return Failed(ExitCode.WrongOptions, exception);
}
catch (SqliteMissingException exception)
{
    return Failed(ExitCode.SqliteMissing, exception);
}
catch (Exception exception) when (exception is StoreException or IOException or UnauthorizedAccessException or InvalidOperationException or FormatException)
{
    return Failed(ExitCode.CannotRun, exception);
}

static int Failed(int code, Exception exception)
{
    Console.Error.WriteLine($"wireps-relay: {exception.Message}");
    return code;
}

/// <summary>What the program tells its supervisor.</summary>
internal static class ExitCode
{
    public const int Stopped = 0;
    public const int CannotRun = 1;
    public const int WrongOptions = 2;
    public const int SqliteMissing = 3;
}
