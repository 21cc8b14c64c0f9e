using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;

namespace WirePS.Samples.EngineHost;

/// <summary>Two homes pair through a relay. What the two people type is done here, through the engine; daemons do the rest.</summary>
internal static class Demo
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public static async Task RunAsync(string relayProgram, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("wireps-demo-");
        try
        {
            await PairAsync(relayProgram, folder.FullName, cancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task PairAsync(string relayProgram, string folder, CancellationToken cancellationToken)
    {
        var (relay, url) = await ChildProcess.StartRelayAsync(relayProgram, Path.Combine(folder, "relay"), [], cancellationToken);
        await using var relayEnds = relay;
        Say($"relay    {url} (process {relay.Id})");
        await using var host = await Side.StartAsync("host", Path.Combine(folder, "host"), url, cancellationToken);
        await using var guest = await Side.StartAsync("guest", Path.Combine(folder, "guest"), url, cancellationToken);
        Say("");

        var code = await host.AskAsync(null, cancellationToken);
        await host.UntilAsync(PairStatus.Polling, cancellationToken);
        Say("");
        Say($"         the host reads out the code: {PairingCode.Display(code)}");
        Say("");

        var clock = Stopwatch.StartNew();
        await guest.AskAsync(code, cancellationToken);
        await Task.WhenAll(host.UntilAsync(PairStatus.SasReady, cancellationToken), guest.UntilAsync(PairStatus.SasReady, cancellationToken));
        var compare = clock.Elapsed;
        var (hostDigits, guestDigits) = (host.Digits(), guest.Digits());
        Say("");
        Say("         host     guest");
        Say($"         {hostDigits}   {guestDigits}   each reads out its own and types the other's");
        Say("");

        await host.ConfirmAsync(guestDigits, cancellationToken);
        await host.UntilAsync(PairStatus.Confirmed, cancellationToken);
        clock.Restart();
        await guest.ConfirmAsync(hostDigits, cancellationToken);
        await Task.WhenAll(host.UntilAsync(PairStatus.Paired, cancellationToken), guest.UntilAsync(PairStatus.Paired, cancellationToken));
        var pin = clock.Elapsed;

        Say("");
        host.ShowPeers();
        guest.ShowPeers();
        Say("");
        Say($"from the call that joins to the digits on both sides:  {Milliseconds(compare)}");
        Say($"from the second confirmation to both pinned:           {Milliseconds(pin)}");
    }

    private static void Say(string line) => Console.WriteLine(line);

    private static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds,8:0.0} ms");

    /// <summary>One of the two: a home, its daemon, and the person who types.</summary>
    private sealed class Side : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource> _reached = new(StringComparer.Ordinal);
        private readonly CancellationTokenSource _end = new();
        private readonly string _name;
        private readonly WireEngine _engine;
        private readonly ChildProcess _daemon;
        private Task _following = Task.CompletedTask;
        private string _key = "";

        private Side(string name, WireEngine engine, ChildProcess daemon)
        {
            _name = name;
            _engine = engine;
            _daemon = daemon;
        }

        public static async Task<Side> StartAsync(string name, string folder, string relayUrl, CancellationToken cancellationToken)
        {
            var engine = new WireEngine(WireHome.Resolve(folder));
            var (identity, _) = await engine.Identity.EnsureAsync(null, cancellationToken);
            await engine.Settings.SetRelayAsync(relayUrl, cancellationToken);
            var daemon = await ChildProcess.StartDaemonAsync(engine.Home, countWrites: false, cancellationToken);
            Say($"{name,-8} {identity.Did} (daemon: process {daemon.Id})");
            Say($"         fingerprint {identity.Fingerprint}");
            return new Side(name, engine, daemon);
        }

        /// <summary>Asks for a pairing, and prints what becomes of it. The daemon does the rest.</summary>
        public async Task<string> AskAsync(string? code, CancellationToken cancellationToken)
        {
            (_key, var pair) = await _engine.Pairing.RequestAsync(new PairWish { Code = code }, cancellationToken);
            _following = FollowJournalAsync();
            return pair.Code;
        }

        public async Task ConfirmAsync(string digits, CancellationToken cancellationToken) =>
            await _engine.Pairing.ConfirmAsync(_key, digits, cancellationToken);

        public string Digits() => _engine.Pairs.Load(_key)!.Sas!;

        /// <summary>Returns when the journal tells of a status.</summary>
        public Task UntilAsync(PairStatus status, CancellationToken cancellationToken) =>
            Task.WhenAny(Reached(status).Task, Reached(PairStatus.Aborted).Task, _following).Unwrap().WaitAsync(Patience, cancellationToken);

        public void ShowPeers()
        {
            foreach (var peer in _engine.Peers.List())
            {
                Say($"{_name,-8} trusts {peer.Did}: {peer.Tier}");
                Say($"         fingerprint {peer.Fingerprint}");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _daemon.StopDaemonAsync(_engine, CancellationToken.None);
            await _daemon.DisposeAsync();
            _engine.Dispose();
            _end.Dispose();
        }

        private TaskCompletionSource Reached(PairStatus status) =>
            _reached.GetOrAdd(PendingPairStore.NameOf(status), static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

        // Every transition is a line of the journal, whichever process made it.
        private async Task FollowJournalAsync()
        {
            await foreach (var entry in _engine.Journal.FollowAsync(0, _end.Token))
            {
                if (entry.Kind != "pair")
                {
                    continue;
                }

                Say($"{_name,-8} {entry.Time:HH:mm:ss.fff}  {entry.From ?? "-"} -> {entry.To}");
                if (entry.To == PendingPairStore.NameOf(PairStatus.Aborted) && WireErrorCatalogue.TryParseWire(entry.Reason, out var reason))
                {
                    Reached(PairStatus.Aborted).TrySetException(new WireException(reason));
                }
                else
                {
                    _reached.GetOrAdd(entry.To, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                }
            }
        }
    }
}
