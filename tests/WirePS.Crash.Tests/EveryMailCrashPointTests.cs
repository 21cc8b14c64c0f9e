using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Messaging;
using Xunit.Abstractions;

namespace WirePS.Crash.Tests;

public sealed class CrashOfMailDaemons(ITestOutputHelper output) : MailCrashPoints(output)
{
    [Theory]
    [InlineData("sender", "write")]
    [InlineData("sender", "send")]
    [InlineData("receiver", "write")]
    [InlineData("receiver", "send")]
    public Task A_daemon_dies_after_each_durable_write_or_send(string who, string kind) => EnumerateAsync(who, kind);
}

public sealed class CrashOfMailRelay(ITestOutputHelper output) : MailCrashPoints(output)
{
    [Fact]
    public Task The_relay_dies_after_each_durable_write() => EnumerateAsync("relay", "write");
}

public sealed class CrashOfMailCommands(ITestOutputHelper output) : MailCrashPoints(output)
{
    [Theory]
    [InlineData("send", "write")]
    [InlineData("send", "send")]
    public Task Sending_dies_after_each_durable_write_or_send_and_the_daemon_goes_on(string who, string kind) => EnumerateAsync(who, kind);
}

public sealed class CrashOfMailToTwoMachines(ITestOutputHelper output) : MailCrashPoints(output)
{
    [Fact]
    public Task The_senders_daemon_dies_after_each_durable_write_and_both_machines_have_each_message_once() => EnumerateAsync("sender", "write", hasDevice: true);
}

/// <summary>
/// Every point at which a process can be killed while messages are on their way: the N-th durable write or send, for N
/// from 1 until one is past the end. Whatever dies, each message is there once at the end, in order. The two homes have
/// paired once; every run works on copies of them and of the relay's data.
/// </summary>
public abstract class MailCrashPoints(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly string[] Texts = ["one", "two", "three"];

    protected async Task EnumerateAsync(string who, string kind, bool hasDevice = false)
    {
        var root = Directory.CreateTempSubdirectory("wireps-crash-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(root, "paired"));
            var url = await PairAsync(Path.Combine(root, "paired"), hasDevice);
            var points = 0;
            while (await RunAsync(root, url, who, $"{kind}:{points + 1}"))
            {
                points++;
                Assert.True(points < 100, "The way of three messages has no end.");
            }

            output.WriteLine($"{who}: killed after each of {points} {kind}s; every message there once");
            Assert.True(points >= (who == "send" && kind == "send" ? 1 : 3), $"Only {points} points: the host does not count what it should.");
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>Three messages from one home to the other; true where the process that was to die has died.</summary>
    private static async Task<bool> RunAsync(string root, string url, string who, string die)
    {
        using var limit = new CancellationTokenSource(Patience);
        var run = Path.Combine(root, die.Replace(':', '-'));
        Copy(Path.Combine(root, "paired"), run);
        var (sender, receiver) = (Path.Combine(run, "host"), Path.Combine(run, "guest"));
        using var sending = new WireEngine(WireHome.Resolve(sender));
        using var receiving = new WireEngine(WireHome.Resolve(receiver));
        var device = Path.Combine(run, "device");
        try
        {
            await using var relay = await StartRelayAsync(run, url, who == "relay" ? die : null, limit.Token);

            // The first waits for its daemon; the others come while it runs, by the command where that is to die.
            var command = who == "send" ? "send" : "queue";
            await Supervised.CommandAsync(null, "queue", "--home", sender, "--text", Texts[0]);
            await using var receiverDaemon = Supervised.Start(who == "receiver" ? die : null, "daemon", "--home", receiver);
            await using var senderDaemon = Supervised.Start(who == "sender" ? die : null, "daemon", "--home", sender);
            await DeliveredAsync(sending, limit.Token);
            var died = false;
            foreach (var text in Texts[1..])
            {
                var (commandDied, _) = await Supervised.CommandAsync(who == "send" && !died ? die : null, command, "--home", sender, "--text", text);
                died |= commandDied;
                await DeliveredAsync(sending, limit.Token);

                // One that was killed before it had written anything down is typed again.
                if (commandDied && !sending.History.Read(new HistoryQuery(), static e => throw e).Any(m => m.Body?.AsString() == text))
                {
                    await Supervised.CommandAsync(null, "send", "--home", sender, "--text", text);
                }
            }

            while (Received(receiving).Count < Texts.Length)
            {
                await Task.Delay(20, limit.Token);
            }

            // Whatever comes twice has come by now: the sender has nothing left, and the receiver has read to the end.
            await receiving.Tick.RunAsync(limit.Token);
            Assert.Equal(Texts, Received(receiving));
            if (Directory.Exists(device))
            {
                // The receiver's second machine: what has come to it lies at the relay until now.
                using var engine = new WireEngine(WireHome.Resolve(device));
                await engine.Tick.RunAsync(limit.Token);
                Assert.Equal(Texts, Received(engine));
            }

            Assert.Equal(Texts, (await Supervised.CommandAsync(null, "receive", "--home", receiver)).Output.Split('\n', StringSplitOptions.TrimEntries));
            Assert.Equal(Texts, sending.History.Read(new HistoryQuery(), static e => throw e).Select(static m => m.Body!.AsString()));
            var deaths = receiverDaemon.Deaths + senderDaemon.Deaths + relay.Deaths;
            Assert.True(deaths <= 1, $"A process ended by itself ({deaths}): {Logs(sending)}{Logs(receiving)}");
            return died || deaths == 1;
        }
        catch (Exception error) when (error is OperationCanceledException or WireException)
        {
            throw new InvalidOperationException($"{who} killed at {die}: {error.Message}\n{Logs(sending)}--\n{Logs(receiving)}", error);
        }
    }

    private static async Task DeliveredAsync(WireEngine engine, CancellationToken cancellationToken)
    {
        while (engine.Outbox.Count() > 0)
        {
            await Task.Delay(20, cancellationToken);
        }
    }

    private static List<string?> Received(WireEngine engine) =>
        [.. engine.History.Read(new HistoryQuery(), static e => throw e).Where(static m => m.Direction == MessageDirection.Received).Select(static m => m.Body?.AsString())];

    /// <summary>Two homes that have paired, a second machine of the receiver's where that is asked for, and the relay's data.</summary>
    private static async Task<string> PairAsync(string root, bool hasDevice)
    {
        using var limit = new CancellationTokenSource(Patience);
        var url = $"http://127.0.0.1:{CrashPoints.FreePort()}";
        await using var relay = await StartRelayAsync(root, url, null, limit.Token);
        var (host, guest) = (Path.Combine(root, "host"), Path.Combine(root, "guest"));
        using var hostEngine = new WireEngine(WireHome.Resolve(host));
        using var guestEngine = new WireEngine(WireHome.Resolve(guest));
        var (hostKey, made) = await hostEngine.Pairing.RequestAsync(new Pairing.PairWish { Relay = url }, limit.Token);
        var (guestKey, joined) = await guestEngine.Pairing.RequestAsync(new Pairing.PairWish { Relay = url, Code = made.Code }, limit.Token);
        await TickUntilAsync(() => (made, joined) is ({ Sas: not null }, { Sas: not null }));
        await hostEngine.Pairing.ConfirmAsync(hostKey, joined.Sas!, limit.Token);
        await guestEngine.Pairing.ConfirmAsync(guestKey, made.Sas!, limit.Token);
        await TickUntilAsync(() => made.PeerAcked && joined.PeerAcked);
        if (hasDevice)
        {
            using var device = new WireEngine(WireHome.Resolve(Path.Combine(root, "device")));
            var minted = await guestEngine.DeviceOperations.MintAsync(new Devices.PairTokenWish(""), url, false, limit.Token);
            await device.DeviceOperations.RegisterAsync(minted.Url, null, allowInsecureRelay: true, limit.Token);
            await TickUntilAsync(() => hostEngine.Machines.Reachable().Count == 1 && device.Trust.List().Count == 2, device);
        }

        return url;

        async Task TickUntilAsync(Func<bool> isThere, WireEngine? device = null)
        {
            do
            {
                if (device is not null)
                {
                    await device.Tick.RunAsync(limit.Token);
                }

                await hostEngine.Tick.RunAsync(limit.Token);
                await guestEngine.Tick.RunAsync(limit.Token);
                made = hostEngine.Pairs.Load(hostKey) ?? hostEngine.Pairs.Load(made.Id)!;
                joined = guestEngine.Pairs.Load(guestKey) ?? guestEngine.Pairs.Load(joined.Id)!;
            }
            while (!isThere());
        }
    }

    private static async Task<Supervised> StartRelayAsync(string root, string url, string? die, CancellationToken cancellationToken)
    {
        var ready = Path.Combine(root, "ready");
        File.Delete(ready);
        var relay = Supervised.Start(die, "relay", "--data", Path.Combine(root, "relay"), "--url", url, "--ready", ready);
        while (!File.Exists(ready))
        {
            await Task.Delay(10, cancellationToken);
        }

        return relay;
    }

    private static void Copy(string from, string to)
    {
        DiskCopy(new DirectoryInfo(from), to);

        static void DiskCopy(DirectoryInfo source, string target)
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(target);
            }
            else
            {
                // As private as the original, or the home is refused.
                Directory.CreateDirectory(target, source.UnixFileMode);
            }

            foreach (var file in source.EnumerateFiles())
            {
                file.CopyTo(Path.Combine(target, file.Name));
            }

            foreach (var folder in source.EnumerateDirectories())
            {
                DiskCopy(folder, Path.Combine(target, folder.Name));
            }
        }
    }

    private static string Logs(WireEngine engine) =>
        File.Exists(engine.Home.DaemonLogFile) ? File.ReadAllText(engine.Home.DaemonLogFile) : "(no log)\n";
}
