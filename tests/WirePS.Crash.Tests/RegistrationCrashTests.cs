using WirePS.Devices;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Trust;
using Xunit.Abstractions;

namespace WirePS.Crash.Tests;

/// <summary>
/// Every point at which the daemon of a new machine, of an issuer or of the root behind it, or the command that begins, can be killed while a machine
/// becomes a device. After each there must be one new device, both sides pinned, the token used, and whole journals.
/// </summary>
public sealed class RegistrationCrashTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>The root has made the token.</summary>
    [Theory]
    [InlineData("machine", "write")]
    [InlineData("machine", "send")]
    [InlineData("issuer", "write")]
    [InlineData("issuer", "send")]
    [InlineData("command", "write")]
    public Task A_process_dies_while_the_root_admits_a_device(string who, string kind) => EnumerateAsync(who, kind, isThroughDevice: false);

    /// <summary>A device has made the token.</summary>
    [Theory]
    [InlineData("machine", "write")]
    [InlineData("machine", "send")]
    [InlineData("issuer", "write")]
    [InlineData("issuer", "send")]
    [InlineData("root", "write")]
    [InlineData("root", "send")]
    public Task A_process_dies_while_a_device_admits_a_device(string who, string kind) => EnumerateAsync(who, kind, isThroughDevice: true);

    [Fact]
    public async Task Of_64_machines_over_a_relay_one_is_admitted_and_the_others_are_told()
    {
        var root = Directory.CreateTempSubdirectory("wireps-redeem-").FullName;
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
            await using var relay = await StartRelayAsync(root, limit.Token);
            using var issuer = EngineIn(root, "issuer");
            var url = (await issuer.DeviceOperations.MintAsync(new PairTokenWish("") { ExpiresIn = TimeSpan.FromHours(1) }, relay.Url, false, limit.Token)).Url;
            await using var daemon = Supervised.Start(null, "daemon", "--home", issuer.Home.Root);
            var ends = await Task.WhenAll(Enumerable.Range(1, 64).Select(i => Task.Run(() => RegisterAsync($"machine{i}", relay.Url, url))));
            Assert.Single(ends, static end => end.Status == PairStatus.Paired);
            Assert.All(ends.Where(static end => end.Status != PairStatus.Paired), static end =>
                Assert.Equal((PairStatus.Aborted, WireReason.TokenRefused, true, false), (end.Status, end.Reason, end.ReasonVerified, end.OutcomeUnknown)));
            Assert.Single(issuer.Devices.List());
            Assert.Equal(PairTokenState.Used, Assert.Single(await issuer.PairTokens.ListAsync(limit.Token)).State);
            await RequireUsedOnceAsync(issuer, limit.Token);
            Assert.Equal(0, daemon.Deaths);

            async Task<PendingPair> RegisterAsync(string name, string relayUrl, string text)
            {
                using var machine = EngineIn(root, name);
                await machine.Settings.SetRelayAsync(relayUrl, limit.Token);
                var (key, pair) = await machine.DeviceOperations.RegisterAsync(text, null, false, limit.Token);
                while (!pair.IsEnded)
                {
                    await machine.Tick.RunAsync(limit.Token);
                    pair = machine.Pairs.Load(key)!;
                    await Task.Delay(100, limit.Token);
                }

                return pair;
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private async Task EnumerateAsync(string who, string kind, bool isThroughDevice)
    {
        var points = 0;
        var folder = Directory.CreateTempSubdirectory("wireps-crash-").FullName;
        try
        {
            await using var relay = await StartRelayAsync(folder, CancellationToken.None);
            while (await RunAsync(relay.Url, who, $"{kind}:{points + 1}", isThroughDevice))
            {
                points++;
                Assert.True(points < 200, "The registration has no end.");
            }

            Assert.Equal(0, relay.Process.Deaths);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        output.WriteLine($"{who}: killed after each of {points} {kind}s; one device and a used token every time");
        Assert.True(points >= 2, $"Only {points} points: the host does not count what it should.");
    }

    /// <summary>One registration; true where the process that was to die has died.</summary>
    private static async Task<bool> RunAsync(string relay, string who, string die, bool isThroughDevice)
    {
        var folder = Directory.CreateTempSubdirectory("wireps-crash-").FullName;
        var names = isThroughDevice ? new[] { "root", "issuer", "machine" } : ["issuer", "machine"];
        try
        {
            using var limit = new CancellationTokenSource(Patience);
            using var machine = EngineIn(folder, "machine");
            using var issuer = EngineIn(folder, "issuer");
            using var root = EngineIn(folder, isThroughDevice ? "root" : "issuer");
            await machine.Settings.SetRelayAsync(relay, limit.Token);
            if (isThroughDevice)
            {
                await AdmitIssuerAsync(root, issuer, relay, limit.Token);
            }

            var before = root.Devices.List().Count;
            var principal = isThroughDevice ? root.Identity.Find()!.Did : "";
            var minted = await issuer.DeviceOperations.MintAsync(new PairTokenWish(principal) { ExpiresIn = TimeSpan.FromHours(1) }, relay, false, limit.Token);
            var isCommand = who == "command";
            if (isCommand)
            {
                // The person runs it again where it died.
                (isCommand, _) = await Supervised.CommandAsync(die, "register", "--home", machine.Home.Root, "--url", minted.Url);
            }

            var (key, _) = await machine.DeviceOperations.RegisterAsync(minted.Url, null, false, limit.Token);
            var daemons = names.Select(name => Supervised.Start(who == name ? die : null, "daemon", "--home", Path.Combine(folder, name))).ToList();
            try
            {
                await UntilAsync(() => machine.Pairs.Load(key) is { IsEnded: true }, limit.Token);
                Assert.Equal(PairStatus.Paired, machine.Pairs.Load(key)!.Status);
                Assert.Single(machine.Pairs.List());
                RequirePinned(root, machine);
                RequirePinned(machine, root);
                Assert.Equal(before + 1, root.Devices.List().Count);
                Assert.Contains(root.Devices.List(), d => d.Device.HasKey(machine.Identity.Find()!.Card.PublicKey) && d.TokenHash == minted.Minted.Info.TokenHash);
                Assert.Equal(PairTokenState.Used, Assert.Single(await issuer.PairTokens.ListAsync(limit.Token)).State);
                await RequireUsedOnceAsync(issuer, limit.Token);
                await UntilAsync(() => issuer.Outbox.List().Count + root.Outbox.List().Count == 0, limit.Token);
                Assert.All(new[] { root, issuer, machine }, static engine => Assert.True(engine.Journal.Verify().Valid));
                var deaths = daemons.Sum(static daemon => daemon.Deaths) + (isCommand ? 1 : 0);
                Assert.True(deaths <= 1, "A process ended by itself.");
                return deaths == 1;
            }
            finally
            {
                foreach (var daemon in daemons)
                {
                    await daemon.DisposeAsync();
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or WireException or Xunit.Sdk.XunitException)
        {
            throw new InvalidOperationException($"{who} killed at {die}: {error.Message}\n{string.Join("--\n", names.Select(name => Log(folder, name)))}", error);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task AdmitIssuerAsync(WireEngine root, WireEngine issuer, string relayUrl, CancellationToken cancellationToken)
    {
        await issuer.Settings.SetRelayAsync(relayUrl, cancellationToken);
        await root.Settings.SetRelayAsync(relayUrl, cancellationToken);
        var url = (await root.DeviceOperations.MintAsync(new PairTokenWish(""), null, false, cancellationToken)).Url;
        var (key, _) = await issuer.DeviceOperations.RegisterAsync(url, null, false, cancellationToken);
        foreach (var engine in new[] { issuer, root, issuer })
        {
            await engine.Tick.RunAsync(cancellationToken);
        }

        Assert.Equal(PairStatus.Paired, issuer.Pairs.Load(key)!.Status);
    }

    private static void RequirePinned(WireEngine engine, WireEngine other)
    {
        var peer = engine.Trust.Find(other.Identity.Find()!.Did);
        Assert.NotNull(peer);
        Assert.Equal((TrustTier.Verified, "device"), (peer.Tier, peer.Ceremony));
        Assert.NotNull(peer.Grant);
        Assert.NotNull(engine.Mailboxes.FindRoute(peer.Handle));
    }

    // The journal's line follows the token's file.
    private static Task RequireUsedOnceAsync(WireEngine engine, CancellationToken cancellationToken) => UntilAsync(
        () => string.Join(' ', engine.Journal.Read(0).Where(static e => e.Kind == "token").Select(static e => e.To)) == "live used", cancellationToken);

    private static async Task UntilAsync(Func<bool> condition, CancellationToken cancellationToken)
    {
        while (!condition())
        {
            await Task.Delay(20, cancellationToken);
        }
    }

    private static async Task<RunningRelay> StartRelayAsync(string folder, CancellationToken cancellationToken)
    {
        var ready = Path.Combine(folder, "ready");
        var process = Supervised.Start(null, "relay", "--data", Path.Combine(folder, "relay"), "--url", "http://127.0.0.1:0", "--ready", ready);
        try
        {
            await UntilAsync(() => File.Exists(ready), cancellationToken);
            return new RunningRelay(process, await File.ReadAllTextAsync(ready, cancellationToken));
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    private static WireEngine EngineIn(string folder, string name) => new(WireHome.Resolve(Path.Combine(folder, name)));

    private static string Log(string folder, string name)
    {
        using var engine = EngineIn(folder, name);
        return $"{name}:\n{(File.Exists(engine.Home.DaemonLogFile) ? File.ReadAllText(engine.Home.DaemonLogFile) : "(no log)\n")}";
    }

    /// <summary>A relay that runs, and where it can be reached.</summary>
    private sealed record RunningRelay(Supervised Process, string Url) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Process.DisposeAsync();
    }
}
