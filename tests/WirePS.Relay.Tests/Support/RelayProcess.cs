using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace WirePS.Relay.Tests.Support;

/// <summary>The relay as a program of its own, to be killed.</summary>
internal sealed partial class RelayProcess : IAsyncDisposable
{
    private const int Sigterm = 15;

    private readonly Process _process;

    private readonly Task<string> _error;

    private RelayProcess(Process process, Task<string> error, string url, string relayId)
    {
        _process = process;
        _error = error;
        RelayId = relayId;
        Client = new RelayClient(url);
    }

    public RelayClient Client { get; }

    public string RelayId { get; }

    /// <summary>What it wrote to its error stream until it ended.</summary>
    public Task<string> ErrorAsync() => _error;

    /// <summary>Runs the program to its end, for options that make it end by itself.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Launch(arguments, null);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await error);
    }

    public static async Task<RelayProcess> StartAsync(TempFolder folder, params string[] more)
    {
        var ready = Path.Combine(folder.Path, "ready.json");
        File.Delete(ready);
        var process = Launch(
            ["--data", folder.Data, "--urls", "http://127.0.0.1:0", "--ready-file", ready, "--allocations-per-minute", "1000000", "--rendezvous-per-minute", "1000000", .. more],
            folder.Path);
        var error = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        var limit = Stopwatch.StartNew();
        while (!File.Exists(ready))
        {
            if (process.HasExited || limit.Elapsed > TimeSpan.FromSeconds(60))
            {
                throw new InvalidOperationException("the relay did not start: " + await error);
            }

            await Task.Delay(20);
        }

        var json = JsonElement.Parse(await File.ReadAllTextAsync(ready));
        Assert.Equal(process.Id, json.GetProperty("pid").GetInt32());
        return new RelayProcess(process, error, json.GetProperty("url").GetString()!, json.GetProperty("relay_id").GetString()!);
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>What a supervisor sends; answers the exit code and how long it took to end.</summary>
    public async Task<(int Code, TimeSpan Took)> TerminateAsync()
    {
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, SendSignal(_process.Id, Sigterm));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await _process.WaitForExitAsync(limit.Token);
        return (_process.ExitCode, watch.Elapsed);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private static Process Launch(IEnumerable<string> arguments, string? workingFolder)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = workingFolder ?? Path.GetTempPath(),
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "WirePS.Relay.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
