using System.Net;
using System.Net.Sockets;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Trust;
using Xunit.Abstractions;

namespace WirePS.Crash.Tests;

public sealed class CrashOfHostDaemonAfterWrites(ITestOutputHelper output) : CrashPoints(output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task Host_daemon_dies_after_each_durable_write(int protocol) => EnumerateAsync("host", "write", protocol);
}

public sealed class CrashOfHostDaemonAfterSends(ITestOutputHelper output) : CrashPoints(output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task Host_daemon_dies_after_each_send(int protocol) => EnumerateAsync("host", "send", protocol);
}

public sealed class CrashOfGuestDaemonAfterWrites(ITestOutputHelper output) : CrashPoints(output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task Guest_daemon_dies_after_each_durable_write(int protocol) => EnumerateAsync("guest", "write", protocol);
}

public sealed class CrashOfGuestDaemonAfterSends(ITestOutputHelper output) : CrashPoints(output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task Guest_daemon_dies_after_each_send(int protocol) => EnumerateAsync("guest", "send", protocol);
}

public sealed class CrashOfRelay(ITestOutputHelper output) : CrashPoints(output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task Relay_dies_after_each_durable_write(int protocol) => EnumerateAsync("relay", "write", protocol);
}

public sealed class CrashOfCommands(ITestOutputHelper output) : CrashPoints(output)
{
    [Theory]
    [InlineData("request", 1)]
    [InlineData("join", 1)]
    [InlineData("confirm", 1)]
    [InlineData("request", 2)]
    [InlineData("join", 2)]
    [InlineData("confirm", 2)]
    public Task Commands_die_after_each_durable_write_and_are_typed_again(string command, int protocol) => EnumerateAsync(command, "write", protocol);
}

/// <summary>
/// Every point of the ceremony at which a process can be killed: the N-th durable write or send, for N from 1 until one
/// is past the end. After each, the process is started again, and both sides must end pinned, with whole journals.
/// </summary>
public abstract class CrashPoints(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    protected async Task EnumerateAsync(string who, string kind, int protocol)
    {
        var points = 0;
        while (await RunAsync(who, $"{kind}:{points + 1}", protocol))
        {
            points++;
            Assert.True(points < 200, "The ceremony has no end.");
        }

        output.WriteLine($"v{protocol} {who}: killed after each of {points} {kind}s; both sides pinned every time");
        Assert.True(points >= (who is "host" or "guest" or "relay" ? 4 : 1), $"Only {points} points: the host does not count what it should.");
    }

    /// <summary>One ceremony; true where the process that was to die has died.</summary>
    private static async Task<bool> RunAsync(string who, string die, int protocol)
    {
        var root = Directory.CreateTempSubdirectory("wireps-crash-").FullName;
        try
        {
            using var limit = new CancellationTokenSource(Patience);
            var ready = Path.Combine(root, "ready");
            var port = FreePort();
            await using var relay = Supervised.Start(who == "relay" ? die : null, "relay", "--data", Path.Combine(root, "relay"), "--url", $"http://127.0.0.1:{port}", "--ready", ready);
            while (!File.Exists(ready))
            {
                await Task.Delay(10, limit.Token);
            }

            var url = await File.ReadAllTextAsync(ready, limit.Token);
            var (host, guest) = (Path.Combine(root, "host"), Path.Combine(root, "guest"));
            using var hostEngine = new WireEngine(WireHome.Resolve(host));
            using var guestEngine = new WireEngine(WireHome.Resolve(guest));

            await using var hostDaemon = Supervised.Start(who == "host" ? die : null, "daemon", "--home", host);
            await using var guestDaemon = Supervised.Start(who == "guest" ? die : null, "daemon", "--home", guest);
            var died = false;

            var (requestDied, code) = await Supervised.CommandAsync(who == "request" ? die : null, "request", "--home", host, "--relay", url, "--protocol", $"{protocol}");
            if (requestDied)
            {
                died = true;
                code = (await Supervised.CommandAsync(null, "request", "--home", host, "--relay", url, "--protocol", $"{protocol}")).Output;
            }

            var (joinDied, _) = await Supervised.CommandAsync(who == "join" ? die : null, "request", "--home", guest, "--relay", url, "--code", code);
            if (joinDied)
            {
                died = true;

                // The pairing may be there already: then the same code is refused, which is as good.
                if (guestEngine.Pairing.List([code]).Count == 0)
                {
                    await Supervised.CommandAsync(null, "request", "--home", guest, "--relay", url, "--code", code);
                }
            }

            var (hostFile, guestFile) = (FileOf(hostEngine, code), FileOf(guestEngine, code));
            var hostPair = await ReachAsync(hostEngine, hostFile, PairMilestone.SasReady, limit.Token);
            var guestPair = await ReachAsync(guestEngine, guestFile, PairMilestone.SasReady, limit.Token);
            Assert.Equal(protocol == 1, hostPair.Sas == guestPair.Sas);

            var (confirmDied, _) = await Supervised.CommandAsync(who == "confirm" ? die : null, "confirm", "--home", host, "--code", code, "--digits", guestPair.Sas!);
            if (confirmDied)
            {
                died = true;
                await Supervised.CommandAsync(null, "confirm", "--home", host, "--code", code, "--digits", guestPair.Sas!);
            }

            await Supervised.CommandAsync(null, "confirm", "--home", guest, "--code", code, "--digits", hostPair.Sas!);
            await ReachAsync(hostEngine, hostFile, PairMilestone.Paired, limit.Token);
            await ReachAsync(guestEngine, guestFile, PairMilestone.Paired, limit.Token);
            await AckedAsync(hostEngine, hostFile, limit.Token);
            await AckedAsync(guestEngine, guestFile, limit.Token);

            RequirePinned(hostEngine, guestEngine);
            RequirePinned(guestEngine, hostEngine);
            RequireWholeJournal(hostEngine);
            RequireWholeJournal(guestEngine);
            var deaths = hostDaemon.Deaths + guestDaemon.Deaths + relay.Deaths;
            Assert.True(deaths <= 1, $"A process ended by itself ({deaths}): {Logs(hostEngine)}{Logs(guestEngine)}");
            return died || deaths == 1;
        }
        catch (Exception error) when (error is OperationCanceledException or WireException)
        {
            throw new InvalidOperationException($"{who} killed at {die}: {error.Message}\n{Logs(new WireEngine(WireHome.Resolve(Path.Combine(root, "host"))))}--\n{Logs(new WireEngine(WireHome.Resolve(Path.Combine(root, "guest"))))}", error);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task<PendingPair> ReachAsync(WireEngine engine, PairFile file, PairMilestone milestone, CancellationToken cancellationToken) =>
        await engine.Pairing.WaitAsync(file.Key, file.Pair!.Id, milestone, null, cancellationToken);

    private static async Task AckedAsync(WireEngine engine, PairFile file, CancellationToken cancellationToken)
    {
        await foreach (var pair in engine.Pairing.WatchAsync(file.Key, file.Pair!.Id, null, cancellationToken))
        {
            if (pair.PeerAcked)
            {
                return;
            }
        }
    }

    private static PairFile FileOf(WireEngine engine, string code) => engine.Pairing.List([code])[0];

    private static void RequirePinned(WireEngine engine, WireEngine other)
    {
        var peer = Assert.Single(engine.Peers.List());
        Assert.Equal(TrustTier.Verified, peer.Tier);
        Assert.Equal(other.Identity.Find()!.Card.PublicKey, peer.PublicKey);
        Assert.True(peer.PeerAcked);
        Assert.NotNull(peer.Grant);
        Assert.NotNull(engine.Mailboxes.FindRoute(peer.Handle));
    }

    private static void RequireWholeJournal(WireEngine engine)
    {
        Assert.True(engine.Journal.Verify().Valid);
        var steps = engine.Journal.Read(0).Where(static e => e.Kind == "pair").GroupBy(static e => e.Id).Select(static g => string.Join(' ', g.Select(static e => e.To))).ToList();
        Assert.Contains(steps, static s => s.EndsWith("polling sas_ready confirmed paired", StringComparison.Ordinal));
    }

    private static string Logs(WireEngine engine) =>
        File.Exists(engine.Home.DaemonLogFile) ? File.ReadAllText(engine.Home.DaemonLogFile) : "(no log)\n";

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
