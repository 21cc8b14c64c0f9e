using System.Globalization;
using System.Net;

namespace WirePS.Relay;

/// <summary>The command line, the environment or the settings file says something that the relay does not understand.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>
/// Reads <see cref="RelayOptions"/>: the command line wins over the environment (<c>WIREPS_RELAY_DATA</c> for <c>--data</c>, and so on), which
/// wins over <c>appsettings.json</c> of the current folder (<c>{"Relay":{"data":…}}</c>). Certificates are Kestrel's own settings.
/// </summary>
internal static class RelayOptionsReader
{
    public const string Help = """
        wireps-relay - the relay on which peers of WirePS (and of wire) meet

        usage: WirePS.Relay [options]

          --data <folder>                  the data, created private (0700); default $WIRE_HOME/state/wireps-relay, else
                                           $XDG_STATE_HOME/wireps-relay, else ~/.local/state/wireps-relay
          --urls <url>[;<url>...]          where to listen; default http://127.0.0.1:8770; port 0: the system picks
          --ready-file <file>              when listening, write {"url":...,"pid":...,"relay_id":...} there (0600)
          --metrics-port <port>            serve Prometheus metrics at http://127.0.0.1:<port>/metrics; default: off
          --allocations-per-minute <n>     slots that one source may allocate; default 60
          --rendezvous-per-minute <n>      rendezvous that one source may create; default 120
          --claims-per-minute <n>          handles that one source may claim; default 60
          --intros-per-minute <n>          introductions that one source may post; default 60
          --invites-per-minute <n>         short URLs of invites that one source may register; default 60
          --lookups-per-minute <n>         questions without a token that one source may ask; default 600
          --max-waiters-per-source <n>     requests of one source that may wait at a time; default 2048
          --max-unbound-waits-per-source <n>  rendezvous without a role in them that one source may wait for; default 4096
          --max-streams-per-slot <n>       open event streams of one slot; default 256
          --trusted-proxy <address|net>[,...]  believe X-Forwarded-For from there, e.g. 10.0.0.0/8; may be repeated
          --log-level <level>              Trace, Debug, Information, Warning (default), Error, Critical or None
          --help, --version

        Each option may stand in the environment as WIREPS_RELAY_<NAME> (WIREPS_RELAY_DATA), or in appsettings.json of the
        current folder as {"Relay":{"data":"..."}}; the command line wins, then the environment.

        A source is an IPv4 address or an IPv6 /64.

        TLS: listen on https:// and give Kestrel its certificate the standard way, e.g. in the environment
          Kestrel__Certificates__Default__Path=/etc/relay/cert.pem  Kestrel__Certificates__Default__KeyPath=/etc/relay/key.pem
        or in appsettings.json under "Kestrel", or on the command line as --Kestrel:Certificates:Default:Path=...
        Or put a proxy in front and name it with --trusted-proxy.

        SIGTERM and SIGINT stop the relay within two seconds; nothing that was answered is lost.
        Exit codes: 0 stopped, 1 cannot run, 2 wrong options, 3 the SQLite library is missing.
        """;

    private const string EnvironmentPrefix = "WIREPS_RELAY_";
    private const string SettingsFile = "appsettings.json";
    private const string SettingsSection = "Relay";
    private const string KestrelSection = "Kestrel";

    private static readonly string[] Names =
    [
        "data", "urls", "ready-file", "metrics-port", "allocations-per-minute", "rendezvous-per-minute", "claims-per-minute",
        "intros-per-minute", "invites-per-minute", "lookups-per-minute", "max-waiters-per-source", "max-unbound-waits-per-source", "max-streams-per-slot", "trusted-proxy", "log-level",
    ];

    /// <exception cref="UsageException">Something is unknown or wrong.</exception>
    public static RelayOptions Read(IReadOnlyList<string> arguments, Func<string, string?> environment)
    {
        var (values, kestrelArguments) = ReadArguments(arguments);
        var configuration = ReadSettings(kestrelArguments);
        foreach (var name in Names)
        {
            var variable = EnvironmentPrefix + name.Replace('-', '_').ToUpperInvariant();
            if (!values.ContainsKey(name) && environment(variable) is { Length: > 0 } value)
            {
                values.Add(name, value);
            }
        }

        foreach (var setting in configuration.GetSection(SettingsSection).GetChildren())
        {
            if (!Names.Contains(setting.Key))
            {
                throw new UsageException($"{SettingsFile}: unknown setting '{SettingsSection}:{setting.Key}'");
            }

            values.TryAdd(setting.Key, setting.Value ?? string.Join(',', setting.GetChildren().Select(static item => item.Value)));
        }

        var defaults = new RelayOptions { DataFolder = values.GetValueOrDefault("data") ?? DefaultDataFolder(environment) };
        return defaults with
        {
            DataFolder = Path.GetFullPath(defaults.DataFolder),
            Urls = values.TryGetValue("urls", out var urls) ? Urls(urls) : defaults.Urls,
            ReadyFile = values.TryGetValue("ready-file", out var file) ? Path.GetFullPath(file) : null,
            MetricsPort = values.ContainsKey("metrics-port") ? Number(values, "metrics-port", 0, 1, 65535) : null,
            AllocationsPerMinute = Number(values, "allocations-per-minute", defaults.AllocationsPerMinute, 1, 1_000_000_000),
            RendezvousPerMinute = Number(values, "rendezvous-per-minute", defaults.RendezvousPerMinute, 1, 1_000_000_000),
            ClaimsPerMinute = Number(values, "claims-per-minute", defaults.ClaimsPerMinute, 1, 1_000_000_000),
            IntrosPerMinute = Number(values, "intros-per-minute", defaults.IntrosPerMinute, 1, 1_000_000_000),
            InvitesPerMinute = Number(values, "invites-per-minute", defaults.InvitesPerMinute, 1, 1_000_000_000),
            LookupsPerMinute = Number(values, "lookups-per-minute", defaults.LookupsPerMinute, 1, 1_000_000_000),
            MaxWaitersPerSource = Number(values, "max-waiters-per-source", defaults.MaxWaitersPerSource, 0, 1_000_000_000),
            MaxUnboundWaitsPerSource = Number(values, "max-unbound-waits-per-source", defaults.MaxUnboundWaitsPerSource, 0, 1_000_000_000),
            MaxStreamsPerSlot = Number(values, "max-streams-per-slot", defaults.MaxStreamsPerSlot, 0, 1_000_000_000),
            TrustedProxies = values.TryGetValue("trusted-proxy", out var proxies) ? Networks(proxies) : [],
            LogLevel = values.TryGetValue("log-level", out var level) ? Level(level) : defaults.LogLevel,
            Kestrel = configuration.GetSection(KestrelSection),
        };
    }

    private static (Dictionary<string, string> Values, Dictionary<string, string?> Kestrel) ReadArguments(IReadOnlyList<string> arguments)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var kestrel = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            if (!argument.StartsWith("--", StringComparison.Ordinal))
            {
                throw new UsageException($"unexpected '{argument}'; options start with --");
            }

            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? argument[2..] : argument[2..equals];
            var isKestrel = name.StartsWith(KestrelSection + ":", StringComparison.OrdinalIgnoreCase);
            if (!isKestrel && !Names.Contains(name))
            {
                throw new UsageException($"unknown option '--{name}'; --help lists them");
            }

            if (equals < 0 && i + 1 >= arguments.Count)
            {
                throw new UsageException($"--{name} needs a value");
            }

            var value = equals < 0 ? arguments[++i] : argument[(equals + 1)..];
            if (isKestrel)
            {
                kestrel[name] = value;
            }
            else if (name == "trusted-proxy" && values.TryGetValue(name, out var present))
            {
                values[name] = present + "," + value;
            }
            else if (!values.TryAdd(name, value))
            {
                throw new UsageException($"--{name} is given twice");
            }
        }

        return (values, kestrel);
    }

    private static IConfigurationRoot ReadSettings(Dictionary<string, string?> kestrelArguments)
    {
        try
        {
            return new ConfigurationBuilder()
                .SetBasePath(Directory.GetCurrentDirectory())
                .AddJsonFile(SettingsFile, optional: true)
                .AddEnvironmentVariables()
                .AddInMemoryCollection(kestrelArguments)
                .Build();
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException($"{SettingsFile}: {exception.InnerException?.Message ?? exception.Message}");
        }
    }

    private static string DefaultDataFolder(Func<string, string?> environment)
    {
        if (environment("WIRE_HOME") is { Length: > 0 } home)
        {
            return Path.Combine(home, "state", "wireps-relay");
        }

        if (environment("XDG_STATE_HOME") is { Length: > 0 } state)
        {
            return Path.Combine(state, "wireps-relay");
        }

        return OperatingSystem.IsWindows()
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "wireps-relay")
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state", "wireps-relay");
    }

    private static string[] Urls(string text)
    {
        var urls = text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var url in urls)
        {
            if (!url.StartsWith("http://", StringComparison.OrdinalIgnoreCase) && !url.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            {
                throw new UsageException($"--urls: '{url}' is no http or https URL");
            }
        }

        return urls.Length > 0 ? urls : throw new UsageException("--urls names no URL");
    }

    private static int Number(Dictionary<string, string> values, string name, int fallback, int min, int max)
    {
        if (!values.TryGetValue(name, out var text))
        {
            return fallback;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw new UsageException($"--{name} must be a number from {min} to {max}");
    }

    private static List<IPNetwork> Networks(string text)
    {
        var networks = new List<IPNetwork>();
        foreach (var item in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (IPNetwork.TryParse(item, out var network))
            {
                networks.Add(network);
            }
            else if (IPAddress.TryParse(item, out var address))
            {
                networks.Add(new IPNetwork(address, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128));
            }
            else
            {
                throw new UsageException($"--trusted-proxy: '{item}' is no address and no network");
            }
        }

        return networks;
    }

    private static LogLevel Level(string text) =>
        Enum.TryParse<LogLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level)
            ? level
            : throw new UsageException($"--log-level: '{text}' is no level");
}
