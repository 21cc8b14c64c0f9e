using System.Diagnostics;
using System.Text.Json;
using WirePS.Identity;

namespace WirePS.Samples.EngineHost;

/// <summary>A .NET program that runs beside this one and ends with it at the latest.</summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan NextLook = TimeSpan.FromMilliseconds(10);

    private readonly Process _process;
    private readonly Task<string> _output;

    private ChildProcess(string program, IEnumerable<string> arguments)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path ? path : "dotnet";
        _process = Process.Start(new ProcessStartInfo(dotnet, [program, .. arguments]) { RedirectStandardOutput = true })!;
        _output = _process.StandardOutput.ReadToEndAsync();
    }

    /// <summary>Its number.</summary>
    public int Id => _process.Id;

    /// <summary>How much of the processors it has used so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Starts a relay on a free port of this machine and waits until it listens.</summary>
    /// <param name="program">WirePS.Relay.dll.</param>
    /// <param name="folder">For its data.</param>
    /// <param name="options">More of its options.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The relay and its address.</returns>
    public static async Task<(ChildProcess Relay, string Url)> StartRelayAsync(string program, string folder, IEnumerable<string> options, CancellationToken cancellationToken)
    {
        var ready = Path.Combine(folder, "ready.json");
        var relay = new ChildProcess(program, ["--data", Path.Combine(folder, "data"), "--urls", "http://127.0.0.1:0", "--ready-file", ready, .. options]);
        await relay.UntilAsync(() => File.Exists(ready), cancellationToken);
        using var text = JsonDocument.Parse(await File.ReadAllBytesAsync(ready, cancellationToken));
        return (relay, text.RootElement.GetProperty("url").GetString()!);
    }

    /// <summary>Starts this program as the daemon of a home and waits until it serves.</summary>
    /// <param name="home">The home.</param>
    /// <param name="countWrites">True for counts at its end.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public static async Task<ChildProcess> StartDaemonAsync(WireHome home, bool countWrites, CancellationToken cancellationToken)
    {
        string[] options = countWrites ? ["--count-writes"] : [];
        var daemon = new ChildProcess(typeof(ChildProcess).Assembly.Location, ["daemon", "--home", home.Root, .. options]);
        await daemon.UntilAsync(() => File.Exists(home.DaemonPidFile), cancellationToken);
        return daemon;
    }

    /// <summary>Asks a daemon to stop and waits until it has.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> StopDaemonAsync(WireEngine engine, CancellationToken cancellationToken)
    {
        engine.DaemonFiles.RequestStop();
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(LongestEnd, cancellationToken);
        return await _output.WaitAsync(cancellationToken);
    }

    /// <summary>Ends it without asking: what a daemon or a relay has said is on the disk by then.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    private async Task UntilAsync(Func<bool> isReady, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(LongestStart);
        while (!isReady())
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException($"a process that was needed ended with {_process.ExitCode} before it was ready");
            }

            await Task.Delay(NextLook, limit.Token);
        }
    }
}
