using System.Runtime.InteropServices;
using WirePS;
using WirePS.CrashHost;
using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Storage;

// The daemon, the relay and the commands as they ship, put together with stores and relays that kill the process:
//   daemon  --home DIR                       [--die write:N|send:N]
//   request --home DIR --relay URL [--code C] [--protocol 1|2] [--die write:N]      prints the code
//   confirm --home DIR --code C --digits D   [--die write:N]
//   redeem  --home DIR --token T --devices FIRST:COUNT [--die write:N]              prints the numbers that were admitted
//   register --home DIR --url URL            [--die write:N]
//   send, queue --home DIR --text T          [--die write:N|send:N]
//   receive --home DIR                       [--die write:N]       prints the texts
//   relay   --data DIR --url URL --ready FILE [--die write:N]
var options = new Dictionary<string, string>(StringComparer.Ordinal);
for (var i = 1; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}

var death = Death.Parse(options.GetValueOrDefault("--die"));
if (args[0] == "relay")
{
    using var stop = new CancellationTokenSource();
    using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
    {
        context.Cancel = true;
        stop.Cancel();
    });
    var relayOptions = new RelayOptions { DataFolder = options["--data"], Urls = [options["--url"]], AllocationsPerMinute = 10_000, RendezvousPerMinute = 10_000 };
    await using var relay = await RelayHost.StartAsync(relayOptions, new RelaySurroundings { DecorateStore = store => Dying.Around(store, death, Dying.IsRelayWrite) });
    await File.WriteAllTextAsync(options["--ready"] + ".tmp", relay.Urls[0]);
    File.Move(options["--ready"] + ".tmp", options["--ready"], overwrite: true);
    await Task.Delay(Timeout.Infinite, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    return 0;
}

var surroundings = new WireSurroundings
{
    Files = new DyingFiles(DiskFileSystem.Instance, death),
    Relays = new DyingRelays(new HttpRelayConnections(TimeProvider.System), death),
};
using var engine = new WireEngine(WireHome.Resolve(options["--home"]), surroundings);
switch (args[0])
{
    case "daemon":
        await new DaemonLoop(engine).RunAsync(CancellationToken.None);
        return 0;
    case "request":
        var (_, pair) = await engine.Pairing.RequestAsync(
            new PairWish { Code = options.GetValueOrDefault("--code"), Relay = options["--relay"], Protocol = int.Parse(options.GetValueOrDefault("--protocol", "2"), System.Globalization.CultureInfo.InvariantCulture) },
            CancellationToken.None);
        Console.WriteLine(pair.Code);
        return 0;
    case "confirm":
        await engine.Pairing.ConfirmAsync(engine.Pairing.List([options["--code"]])[0].Key, options["--digits"], CancellationToken.None);
        return 0;
    case "redeem":
        await Redeemers.RunAsync(engine, options["--token"], options["--devices"]);
        return 0;
    case "register":
        await engine.DeviceOperations.RegisterAsync(options["--url"], null, false, CancellationToken.None);
        return 0;
    case "send":
    case "queue":
        await engine.Messenger.SendAsync(engine.Peers.List()[0], new MessageWish(WireJson.From(options["--text"])) { OnlyQueue = args[0] == "queue" }, CancellationToken.None);
        return 0;
    case "receive":
        using (var consumer = engine.OpenConsumer("default"))
        {
            foreach (var pending in consumer.Pending())
            {
                Console.WriteLine(pending.Message.Body!.AsString());
                await Console.Out.FlushAsync();
                await consumer.CommitAsync(pending.Place);
            }
        }

        return 0;
    default:
        return 2;
}
