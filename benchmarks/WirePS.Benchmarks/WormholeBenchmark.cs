using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace WirePS.Benchmarks;

/// <summary>What was measured of magic-wormhole.</summary>
/// <param name="Created">From create() of the guest to both verifiers, in milliseconds.</param>
/// <param name="Rate">Pairs per second, where many begin at once.</param>
internal sealed record Wormholes(Measured Created, Measured Rate);

/// <summary>
/// magic-wormhole on this machine in the same run: its mailbox server, host and guest as processes of their own, all on the
/// loopback address. Its verifier is what our digits are: what both sides can compare.
/// </summary>
internal static class WormholeBenchmark
{
    private static readonly string[] Interpreters = ["python3", "/usr/bin/python3"];

    public static async Task<Wormholes?> RunAsync(string folder, int rounds, int atOnce, int bursts, CancellationToken cancellationToken)
    {
        Report.Heading("magic-wormhole: host, guest and mailbox server as processes of their own");
        var script = Path.Combine(AppContext.BaseDirectory, "magic_wormhole.py");
        foreach (var python in Interpreters)
        {
            if (await RunScriptAsync(python, [script, "check"], folder, cancellationToken) is null)
            {
                continue;
            }

            if (await RunScriptAsync(python, [script, "measure", Text(rounds), Text(atOnce), Text(bursts)], folder, cancellationToken) is not { } output)
            {
                Console.WriteLine("  not measured: it failed, see above");
                return null;
            }

            using var result = JsonDocument.Parse(output);
            var found = new Wormholes(Read("created"), new Measured(Read("bursts").Numbers.Select(took => atOnce * 1000 / took)));
            Report.Row("from create() of the guest to both verifiers", found.Created);
            Report.Row("the guest connected before: from set_code() to both verifiers", Read("connected"));
            Report.RateRow($"{atOnce} pairs at once, from create() to all verifiers: pairs", found.Rate);
            Console.WriteLine("  It has no step like our confirmation: what people compare there changes nothing on disk.");
            return found;

            Measured Read(string name) => new(result.RootElement.GetProperty(name).EnumerateArray().Select(static t => t.GetDouble()));
        }

        Console.WriteLine("  not measured: it is not installed (Debian: apt-get install magic-wormhole python3-magic-wormhole-mailbox-server)");
        return null;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <returns>What the script printed; null where it failed or cannot be run.</returns>
    private static async Task<string?> RunScriptAsync(string python, string[] arguments, string folder, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(python, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
            try
            {
                var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
                await process.WaitForExitAsync(cancellationToken);
                return process.ExitCode == 0 ? output : null;
            }
            finally
            {
                if (!process.HasExited)
                {
                    process.Kill(entireProcessTree: true);
                }
            }
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
