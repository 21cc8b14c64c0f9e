using System.Diagnostics;
using System.Reflection;

namespace WirePS.Crash.Tests;

/// <summary>A process that is started again, without its wish to die, when it has died.</summary>
internal sealed class Supervised : IAsyncDisposable
{
    private static readonly string HostDll = typeof(Supervised).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(static a => a.Key == "CrashHost").Value!;

    private readonly string[] _arguments;
    private readonly Task _supervision;
    private readonly Lock _gate = new();
    private Process? _process;
    private bool _stopping;

    private Supervised(string[] arguments, string? die)
    {
        _arguments = arguments;
        _process = Run(die is null ? arguments : [.. arguments, "--die", die]);
        _supervision = SuperviseAsync();
    }

    /// <summary>How often it has died.</summary>
    public int Deaths { get; private set; }

    public static Supervised Start(string? die, params string[] arguments) => new(arguments, die);

    /// <summary>Runs a command to its end; true where it died on the way.</summary>
    public static async Task<(bool Died, string Output)> CommandAsync(string? die, params string[] arguments)
    {
        using var process = Run(die is null ? arguments : [.. arguments, "--die", die]);
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var died = process.ExitCode == 137;
        Assert.True(died || process.ExitCode == 0, $"'{arguments[0]}' ended with {process.ExitCode}");
        return (died, output.Trim());
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _stopping = true;
            _process?.Kill(entireProcessTree: true);
        }

        await _supervision;
    }

    private static Process Run(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [HostDll, .. arguments]) { RedirectStandardOutput = true };
        start.Environment["WIRE_NO_TOASTS"] = "1";
        start.Environment["DOTNET_TieredCompilation"] = "1";
        return Process.Start(start)!;
    }

    private async Task SuperviseAsync()
    {
        while (true)
        {
            await _process!.WaitForExitAsync();
            lock (_gate)
            {
                var code = _process.ExitCode;
                _process.Dispose();
                if (_stopping)
                {
                    _process = null;
                    return;
                }

                Deaths += code == 137 ? 1 : 1000;
                _process = Run(_arguments);
            }
        }
    }
}
