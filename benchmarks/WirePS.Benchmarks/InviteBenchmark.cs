using System.Diagnostics;
using System.Globalization;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Samples.EngineHost;

namespace WirePS.Benchmarks;

/// <summary>
/// One counted invite and many homes: from the first that accepts to the last that is acknowledged. One issuer with its
/// daemon, one relay, and the others as engines in a few processes, on the same cores. Their identities are there before.
/// </summary>
internal static class InviteBenchmark
{
    public const int Homes = 1000;

    /// <summary>The word that makes this program one of the processes of acceptors.</summary>
    public const string Command = "accept";

    private const int Processes = 4;
    private const int TargetSeconds = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly string[] Stages = ["the command: entry's file", "mailbox, grant and answer", "acknowledgement has come", "issuer pinned"];

    public static async Task RunAsync(Report report, string relayProgram, string folder, CancellationToken cancellationToken)
    {
        Report.Heading(string.Create(CultureInfo.InvariantCulture, $"one invite, {Homes} homes in {Processes} processes: from the first that accepts to the last that is acknowledged"));
        await using var relay = await MeasuredRelay.StartAsync(relayProgram, Path.Combine(folder, "relay"), cancellationToken);
        await using var issuer = await Party.StartAsync(Path.Combine(folder, "issuer"), relay.Url, cancellationToken);
        var (invite, url) = await issuer.Engine.Invites.MintAsync(new InviteWish { Uses = Homes }, cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);

        var acceptors = Enumerable.Range(0, Processes).Select(i => Start(folder, relay.Url, i)).ToList();
        try
        {
            // Each says when its homes are there; then all are told the invite.
            await Task.WhenAll(acceptors.Select(p => p.StandardOutput.ReadLineAsync(limit.Token).AsTask()));
            var commits = await relay.CommitsAsync(cancellationToken);
            var start = Stopwatch.GetTimestamp();
            foreach (var process in acceptors)
            {
                await process.StandardInput.WriteLineAsync(url.Text);
            }

            var pinned = UntilUsedAsync(issuer.Engine, invite.InviteId, start, limit.Token);
            var lines = await Task.WhenAll(acceptors.Select(p => p.StandardOutput.ReadToEndAsync(limit.Token)));
            var took = Stopwatch.GetElapsedTime(start);
            Show(lines, took, await pinned, await relay.CommitsAsync(cancellationToken) - commits);
            report.AtMost($"{Homes} homes join by one invite", took.TotalMilliseconds, TargetSeconds * 1000);
        }
        finally
        {
            foreach (var process in acceptors)
            {
                if (!process.HasExited)
                {
                    process.Kill();
                }

                process.Dispose();
            }
        }
    }

    /// <summary>One of the processes of acceptors: makes its homes, says so, reads the invite, accepts it in all at once, and prints what each stage took.</summary>
    public static async Task AcceptAsync(string folder, string relayUrl, int number, CancellationToken cancellationToken)
    {
        // A home that waits for its disk keeps a thread; a machine of its own would not share it with 250 others.
        ThreadPool.SetMinThreads(64, 64);
        var engines = new WireEngine[Homes / Processes];
        var relays = new HttpRelayConnections(TimeProvider.System);
        await Parallel.ForAsync(0, engines.Length, cancellationToken, async (i, ending) =>
        {
            // Of a thousand names of two words, a few are the same, and one name is one peer's.
            var handle = string.Create(CultureInfo.InvariantCulture, $"home-{number}-{i}");
            var home = Path.Combine(folder, handle);
            await Party.SetUpAsync(home, relayUrl, ending, handle);
            engines[i] = new WireEngine(WireHome.Resolve(home), new WireSurroundings { Relays = relays });
        });
        Console.WriteLine("ready");
        var url = await Console.In.ReadLineAsync(cancellationToken) ?? throw new InvalidOperationException("there was no invite");

        // Whoever has started this keeps the input open for as long as it looks on.
        new Thread(static () =>
        {
            Console.In.ReadToEnd();
            Environment.Exit(1);
        })
        { IsBackground = true }.Start();
        var times = await Task.WhenAll(engines.Select(engine => Task.Run(() => JoinAsync(engine, url, cancellationToken), cancellationToken)));
        foreach (var time in times)
        {
            Console.WriteLine(string.Join(' ', time.Select(static t => t.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture))));
        }

        foreach (var engine in engines)
        {
            engine.Dispose();
        }
    }

    // What a daemon does for one entry, with a look at the clock after each part.
    private static async Task<TimeSpan[]> JoinAsync(WireEngine engine, string url, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var (key, _) = await engine.Invites.AcceptAsync(url, false, cancellationToken);
        var accepted = Stopwatch.GetElapsedTime(start);
        var pass = await engine.Runner.RunAsync(key, new PairPassOptions(true, TimeSpan.Zero), cancellationToken);
        Require(pass.Trouble is null, pass.Trouble?.Message);
        var answered = Stopwatch.GetElapsedTime(start);
        while (engine.Pairs.Load(key)!.Messages.Received.IsEmpty)
        {
            await engine.Reader.ReadAsync(engine.Mailboxes.List()[0], isFirst: false, HttpRelay.LongestWait, cancellationToken);
        }

        var acknowledged = Stopwatch.GetElapsedTime(start);
        var last = await engine.Runner.RunAsync(key, new PairPassOptions(false, TimeSpan.Zero), cancellationToken);
        Require(last.Pair?.Status == PairStatus.Paired, "one of the homes did not get there");
        return [accepted, answered, acknowledged, Stopwatch.GetElapsedTime(start)];
    }

    private static void Require(bool holds, string? otherwise)
    {
        if (!holds)
        {
            throw new InvalidOperationException(otherwise);
        }
    }

    private static Process Start(string folder, string relayUrl, int number)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath ?? "dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(InviteBenchmark).Assembly.Location);
        }

        foreach (var argument in (string[])[Command, folder, relayUrl, number.ToString(CultureInfo.InvariantCulture)])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start) ?? throw new InvalidOperationException("a process of acceptors did not start");
    }

    private static async Task<TimeSpan> UntilUsedAsync(WireEngine issuer, string inviteId, long start, CancellationToken cancellationToken)
    {
        await issuer.Invites.WaitAsync(inviteId, null, cancellationToken);
        return Stopwatch.GetElapsedTime(start);
    }

    private static void Show(IEnumerable<string> outputs, TimeSpan took, TimeSpan pinned, long commits)
    {
        var rows = outputs.SelectMany(static text => text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            .Select(static line => line.Split(' ').Select(static t => double.Parse(t, CultureInfo.InvariantCulture)).ToArray())
            .ToList();
        Require(rows.Count == Homes, "not every home has reported");
        for (var i = 0; i < Stages.Length; i++)
        {
            Report.Row(Stages[i], new Measured(rows.Select(row => row[i])));
        }

        Report.Line($"  all used at the issuer after {pinned.TotalSeconds:0.0} s, the last home acknowledged after {took.TotalSeconds:0.0} s: {Homes / took.TotalSeconds:0} homes a second; {commits} commits of the relay");
    }
}
