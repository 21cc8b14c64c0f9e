using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using WirePS.Daemon;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Daemon;

/// <summary>The daemon's loop in this process, on real time; the limits are against hanging only.</summary>
public sealed class DaemonLoopTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Two_daemons_pair_without_anybody_ticking()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        using var guest = new Party("guest", relay, TimeProvider.System);
        await using var one = Running.Start(host);
        await using var two = Running.Start(guest);
        await Task.WhenAll(one.ReadyAsync(), two.ReadyAsync());

        // A new file is picked up, a changed one wakes a worker that waits for the relay for 50 seconds.
        await guest.JoinAsync(await host.HostAsync());
        var ready = await Task.WhenAll(WaitAsync(host, PairMilestone.SasReady), WaitAsync(guest, PairMilestone.SasReady));
        Assert.Equal(ready[0].Sas, ready[1].Sas);
        await host.ConfirmAsync(ready[0].Sas!);
        await guest.ConfirmAsync(ready[0].Sas!);
        await Task.WhenAll(WaitAsync(host, PairMilestone.Paired), WaitAsync(guest, PairMilestone.Paired));
        await AckedAsync(host);
        await AckedAsync(guest);
        Assert.Equal(["request_host", "polling", "sas_ready", "confirmed", "paired"], host.Story());
        Assert.Equal(["request_guest", "polling", "sas_ready", "confirmed", "paired"], guest.Story());
        await one.StopAsync();
        await two.StopAsync();

        var log = File.ReadAllText(host.Home.DaemonLogFile);
        Assert.Contains("SasReady", log, StringComparison.Ordinal);
        Assert.DoesNotContain(host.Key, log, StringComparison.Ordinal);
        Assert.False(File.Exists(host.Home.DaemonPidFile));
    }

    [Fact]
    public async Task Mail_does_not_wait_behind_answers_that_nobody_takes()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        using var guest = new Party("guest", relay, TimeProvider.System);
        await PrincipalScene.PairAsync(host, guest);
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        relay.Weather = call => call.Action == RelayAction.Resolve ? new RelayFault.Hang(stuck.Task) : null;
        for (var i = 0; i < 20; i++)
        {
            var card = AgentCard.Create(Machine.Bytes((byte)(60 + i)), $"nobody{i}");
            host.Engine.Post.Directly(card.Did, new OutboxDirect("", 0, "reject", new string('a', 64), "", card.JsonText, null), null, card.DhPublicKey, EventTypes.TrustReject, WireJson.EmptyObject, null);
        }

        await PrincipalScene.SendAsync(host, guest, "behind them", onlyQueue: true);
        using var ending = new CancellationTokenSource();
        var workers = new MailWorkers(host.Engine, new DaemonLog(host.Home, host.Engine.Files, host.Engine.Time)).RunAsync(ending.Token);
        await DeliveredAsync();
        Assert.Equal(20, host.Engine.Outbox.Count());
        await ending.CancelAsync();
        stuck.SetResult();
        await workers;

        async Task DeliveredAsync()
        {
            using var late = new CancellationTokenSource(Patience);
            while (host.Engine.Outbox.Count() > 20)
            {
                await Task.Delay(20, late.Token);
            }
        }
    }

    [Fact]
    public async Task Where_no_file_watching_is_to_be_had_the_daemon_looks()
    {
        // Files in memory have no folder to watch.
        var relay = new FakeRelay(TimeProvider.System);
        var (hostFiles, guestFiles) = (new MemoryFiles(TimeProvider.System), new MemoryFiles(TimeProvider.System));
        using var host = new Party("host", relay, TimeProvider.System, files: hostFiles);
        using var guest = new Party("guest", relay, TimeProvider.System, files: guestFiles);
        await using var one = Running.Start(host);
        await using var two = Running.Start(guest);
        await Task.WhenAll(one.ReadyAsync(), two.ReadyAsync());
        Assert.Contains("looking at files", Encoding.UTF8.GetString(hostFiles.All[host.Home.DaemonLogFile]), StringComparison.Ordinal);
        await guest.JoinAsync(await host.HostAsync());
        var ready = await Task.WhenAll(WaitAsync(host, PairMilestone.SasReady), WaitAsync(guest, PairMilestone.SasReady));
        await host.ConfirmAsync(ready[0].Sas!);
        await guest.ConfirmAsync(ready[0].Sas!);
        await Task.WhenAll(WaitAsync(host, PairMilestone.Paired), WaitAsync(guest, PairMilestone.Paired));
        host.Engine.DaemonFiles.RequestStop();
        await one.EndedAsync();
        Assert.Empty(Directory.GetFileSystemEntries(host.Files.Folder));
    }

    [Fact]
    public async Task Trust_requests_are_taken_as_connections_where_the_policy_says_so_and_as_long_as_it_does()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        using var guest = new Party("guest", relay, TimeProvider.System);
        await using var one = Running.Start(host);
        await using var two = Running.Start(guest);
        await Task.WhenAll(one.ReadyAsync(), two.ReadyAsync());
        Assert.Null(host.Engine.DaemonFiles.Read()!.Listen);
        foreach (var party in (Party[])[host, guest])
        {
            await party.Engine.TrustPolicies.SetAsync(new TrustPolicy { Listen = new IPEndPoint(IPAddress.Loopback, 0) }, CancellationToken.None);
            await UntilAsync(() => party.Engine.DaemonFiles.Read()?.ListenPort is > 0);
        }

        var address = DirectAddress.TryParse(host.Engine.DaemonFiles.Read()!.Listen)!;
        var asked = await guest.Engine.Requests.AskAtAsync(address, null, null, null, "Directly.", CancellationToken.None);
        await UntilAsync(() => host.Engine.Requests.Pending().Count == 1);
        await host.Engine.Requests.ApproveAsync(asked.Id, CancellationToken.None);
        await UntilAsync(() => guest.Engine.Trust.List() is [{ PeerAcked: true }]);

        await host.Engine.TrustPolicies.SetAsync(TrustPolicy.Default, CancellationToken.None);
        await UntilAsync(() => host.Engine.DaemonFiles.Read() is { Listen: null });
        Assert.Equal(WireReason.PeerUnreachable, (await Assert.ThrowsAsync<WireException>(() => guest.Engine.Requests.AskAtAsync(address, null, null, new string('a', 32), null, CancellationToken.None))).Reason);
    }

    [Fact]
    public async Task A_port_that_cannot_be_had_is_said_and_had_once_it_is_free()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await host.Engine.TrustPolicies.SetAsync(new TrustPolicy { Listen = (IPEndPoint)taken.LocalEndpoint }, CancellationToken.None);
        await using var daemon = Running.Start(host);
        await daemon.ReadyAsync();
        var record = host.Engine.DaemonFiles.Read()!;
        Assert.Null(record.Listen);
        Assert.Contains("Another program", record.ListenTrouble, StringComparison.Ordinal);
        taken.Stop();
        await UntilAsync(() => host.Engine.DaemonFiles.Read() is { Listen: not null, ListenTrouble: null });
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        var begun = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(begun) < Patience, "It did not come to that.");
            await Task.Delay(10);
        }
    }

    [Fact]
    public async Task P11_a_hanging_relay_and_a_torn_file_delay_no_other_pairing()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        var hanging = await host.HostAsync();
        var hangs = host.Pair.CodeHash;
        var release = new TaskCompletionSource();
        relay.Weather = call => call.Subject == hangs ? new RelayFault.Hang(release.Task) : null;
        DiskFileSystem.Instance.WritePrivate(host.Engine.Pairs.PathOf("11-TTTTTT"), "torn"u8);
        await host.HostAsync();
        await using var daemon = Running.Start(host);
        var seen = await ChangedAsync(host, host.Key, static p => p.Status == PairStatus.Polling);
        Assert.NotNull(seen.PairId);
        Assert.Equal(PairStatus.RequestHost, host.Engine.Pairs.Load(hanging)!.Status);
        Assert.Equal("torn", File.ReadAllText(host.Engine.Pairs.PathOf("11-TTTTTT")));

        release.SetResult();
        await ChangedAsync(host, hanging, static p => p.Status == PairStatus.Polling);
    }

    [Fact]
    public async Task P7_the_home_has_one_daemon_by_lock_and_not_by_pid()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        await using var first = Running.Start(host);
        await first.ReadyAsync();
        Assert.True(host.Engine.DaemonFiles.IsRunning());
        var record = host.Engine.DaemonFiles.Read()!;
        Assert.Equal((Environment.ProcessId, true), (record.Pid, record.IsOurs));

        // The pid file is not what keeps a second one out, nor what its absence lets in.
        File.Delete(host.Home.DaemonPidFile);
        using var engine = new WireEngine(host.Home, new WireSurroundings { Relays = relay.ConnectionsOf("second") });
        var error = await Assert.ThrowsAsync<WireException>(() => new DaemonLoop(engine).RunAsync(CancellationToken.None));
        Assert.Equal(WireReason.DaemonRunning, error.Reason);
        await first.StopAsync();
        Assert.False(host.Engine.DaemonFiles.IsRunning());
    }

    [Fact]
    public async Task Looking_whether_a_daemon_runs_keeps_none_from_starting()
    {
        using var home = new TestHome();
        var files = new DaemonFiles(home.Home, DiskFileSystem.Instance, TimeProvider.System);
        using var done = new CancellationTokenSource();
        files.TryClaim()!.Dispose();
        var looker = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                files.IsRunning();
                Thread.Yield();
            }
        });
        for (var i = 0; i < 50; i++)
        {
            using var place = await files.ClaimAsync(CancellationToken.None);
            Assert.NotNull(place);
        }

        await done.CancelAsync();
        await looker;
    }

    [Theory]
    [InlineData("""{"schema":"wire-daemon-pid-v1","pid":PID,"bin_path":"/usr/bin/wire","version":"0.14.2"}""", true, false)]
    [InlineData("""{"schema":"wire-daemon-pid-v1","pid":PID,"bin_path":"/usr/bin/wire","version":"0.14.2"}""", true, true)]
    [InlineData("PID", true, false)]
    [InlineData("""{"schema":"wire-daemon-pid-v1","pid":PID,"program":"WirePS"}""", false, false)]
    [InlineData("nonsense", false, false)]
    [InlineData("""{"pid":"PID"}""", false, false)]
    [InlineData("", false, false)]
    public async Task A_home_that_a_living_foreign_daemon_uses_is_refused(string content, bool refused, bool wide)
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        using var alive = Process.Start(new ProcessStartInfo("sleep", "600"))!;
        try
        {
            DiskFileSystem.Instance.WritePrivate(host.Home.DaemonPidFile, Encoding.UTF8.GetBytes(content.Replace("PID", alive.Id.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)));
            if (wide && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(host.Home.DaemonPidFile, (UnixFileMode)0x1A4);
            }

            if (refused)
            {
                Assert.Equal(WireReason.HomeInUse, Assert.Throws<WireException>(host.Engine.RequireOwnHome).Reason);
                Assert.Equal(WireReason.HomeInUse, (await Assert.ThrowsAsync<WireException>(() => new DaemonLoop(host.Engine).RunAsync(CancellationToken.None))).Reason);
                Assert.False(File.Exists(host.Home.PrivateKeyFile));
            }
        }
        finally
        {
            alive.Kill();
            await alive.WaitForExitAsync();
        }

        // A dead process is no obstacle, whoever it was.
        await using var daemon = Running.Start(host);
        await daemon.ReadyAsync();
    }

    [Fact]
    public async Task P24_a_pid_file_that_names_this_very_process_keeps_it_from_nothing()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        host.Engine.DaemonFiles.Announce(null, null);
        await using var daemon = Running.Start(host);
        await host.HostAsync();
        await ChangedAsync(host, host.Key, static p => p.Status == PairStatus.Polling);
        Assert.True(host.Engine.DaemonFiles.IsRunning());
    }

    [Fact]
    public async Task P6_a_request_that_is_there_when_the_daemon_starts_is_carried_out()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        await host.HostAsync();
        await using var daemon = Running.Start(host);
        using var limit = new CancellationTokenSource(Patience);
        await foreach (var entry in host.Engine.Journal.FollowAsync(0, limit.Token))
        {
            Assert.Contains(entry.To, (string[])["request_host", "polling"]);
            if (entry.To == "polling")
            {
                break;
            }
        }

        Assert.Equal(["request_host", "polling"], host.Story());
    }

    [Fact]
    public async Task A_stop_file_from_before_stops_nothing_and_a_new_one_does()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        host.Engine.DaemonFiles.RequestStop();
        await using var daemon = Running.Start(host);
        await daemon.ReadyAsync();
        Assert.False(host.Engine.DaemonFiles.IsStopRequested());
        host.Engine.DaemonFiles.RequestStop();
        await daemon.EndedAsync();
        Assert.False(File.Exists(host.Engine.DaemonFiles.StopFile));
    }

    [Fact]
    public async Task A_daemon_stops_in_good_order_whatever_it_waits_for()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        await host.HostAsync();
        var arrived = new TaskCompletionSource();
        relay.Weather = _ =>
        {
            arrived.TrySetResult();
            return new RelayFault.Hang(new TaskCompletionSource().Task);
        };

        // A broken list of revocations makes that part back off; a hanging relay holds the pairing.
        DiskFileSystem.Instance.WritePrivate(host.Home.RevocationsFile, "torn"u8);
        await using var daemon = Running.Start(host);
        await arrived.Task.WaitAsync(Patience);
        await daemon.StopAsync();
        host.AssertStatus(PairStatus.RequestHost);
        Assert.Equal("torn", File.ReadAllText(host.Home.RevocationsFile));
    }

    [Fact]
    public async Task Leftovers_of_dead_writers_are_swept_at_the_start()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        await host.HostAsync();
        var left = Path.Combine(host.Home.PendingPairFolder, ".42-WIRE45.json.0123456789ab.tmp");
        DiskFileSystem.Instance.WritePrivate(left, "half a secret"u8);
        File.SetLastWriteTimeUtc(left, DateTime.UtcNow - TimeSpan.FromHours(1));
        await using var daemon = Running.Start(host);
        await daemon.ReadyAsync();
        Assert.False(File.Exists(left));
    }

    [Fact]
    public async Task Retry_After_is_kept_to_and_a_person_who_stops_is_not_kept_waiting()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        relay.Weather = _ => new RelayFault.RateLimited(TimeSpan.FromHours(1));
        await host.HostAsync();
        await using var daemon = Running.Start(host);
        await ChangedAsync(host, host.Key, static p => p.LastError is not null);
        var attempts = relay.Attempts.Count;
        await host.HostAsync();
        await ChangedAsync(host, host.Key, static p => p.LastError is not null);
        Assert.Equal(attempts + 1, relay.Attempts.Count);
        await host.StopAsync();
        await ChangedAsync(host, host.Key, static p => p.Status == PairStatus.Aborted);
    }

    [Fact]
    public async Task The_pid_file_has_the_schema_of_the_real_program()
    {
        var relay = new FakeRelay(TimeProvider.System);
        using var host = new Party("host", relay, TimeProvider.System);
        await using var daemon = Running.Start(host);
        await daemon.ReadyAsync();
        var record = JsonNode.Parse(File.ReadAllText(host.Home.DaemonPidFile))!.AsObject();
        Assert.Equal(["schema", "pid", "bin_path", "version", "started_at", "did", "relay_url", "program"], record.Select(static m => m.Key));
        Assert.Equal("wire-daemon-pid-v1", (string?)record["schema"]);
        Assert.Equal(host.Engine.Identity.Find()!.Did, (string?)record["did"]);
    }

    private static Task<PendingPair> WaitAsync(Party party, PairMilestone milestone) =>
        party.Engine.Pairing.WaitAsync(party.Key, party.Pair.Id, milestone, Patience, CancellationToken.None);

    private static Task<PendingPair> AckedAsync(Party party) => ChangedAsync(party, party.Key, static p => p.PeerAcked);

    private static async Task<PendingPair> ChangedAsync(Party party, string key, Func<PendingPair, bool> condition)
    {
        await foreach (var pair in party.Engine.Pairing.WatchAsync(key, party.Engine.Pairs.Load(key)!.Id, Patience, CancellationToken.None))
        {
            if (condition(pair))
            {
                return pair;
            }
        }

        throw new InvalidOperationException("The pairing is gone.");
    }

    /// <summary>A daemon of this process.</summary>
    private sealed class Running(Party party) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private Task _ended = Task.CompletedTask;

        public static Running Start(Party party)
        {
            var running = new Running(party);
            running._ended = Task.Run(() => new DaemonLoop(party.Engine).RunAsync(running._stop.Token));
            return running;
        }

        /// <summary>Returns when its announcement is there.</summary>
        public async Task ReadyAsync()
        {
            var begun = Stopwatch.GetTimestamp();
            while (party.Engine.DaemonFiles.Read() is not { IsOurs: true } record || record.Pid != Environment.ProcessId)
            {
                Assert.False(_ended.IsCompleted, _ended.Exception?.ToString() ?? "The daemon has ended.");
                Assert.True(Stopwatch.GetElapsedTime(begun) < Patience, "The daemon did not become ready.");
                await Task.Delay(5);
            }
        }

        public Task EndedAsync() => _ended.WaitAsync(Patience);

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await EndedAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stop.Dispose();
        }
    }
}
