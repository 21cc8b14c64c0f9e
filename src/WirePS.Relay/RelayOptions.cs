using System.Net;

namespace WirePS.Relay;

/// <summary>How a relay is run. <see cref="RelayOptionsReader"/> reads it from command line, environment and appsettings.json.</summary>
public sealed record RelayOptions
{
    /// <summary>The address a relay listens on if nothing else is said.</summary>
    public const string DefaultUrl = "http://127.0.0.1:8770";

    /// <summary>The folder of the data; created private.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Where to listen; port 0 lets the system pick.</summary>
    public IReadOnlyList<string> Urls { get; init; } = [DefaultUrl];

    /// <summary>A file to write once the relay listens.</summary>
    public string? ReadyFile { get; init; }

    /// <summary>The port of /metrics on 127.0.0.1; null for none.</summary>
    public int? MetricsPort { get; init; }

    /// <summary>Slots that one source may allocate in a minute.</summary>
    public int AllocationsPerMinute { get; init; } = 60;

    /// <summary>Rendezvous that one source may create in a minute.</summary>
    public int RendezvousPerMinute { get; init; } = 120;

    /// <summary>Handles that one source may claim in a minute.</summary>
    public int ClaimsPerMinute { get; init; } = 60;

    /// <summary>Introductions that one source may post in a minute.</summary>
    public int IntrosPerMinute { get; init; } = 60;

    /// <summary>Short URLs of invites that one source may register in a minute.</summary>
    public int InvitesPerMinute { get; init; } = 60;

    /// <summary>Questions without a token that one source may ask in a minute.</summary>
    public int LookupsPerMinute { get; init; } = 600;

    /// <summary>Requests of one source that may wait for news at the same time; each 64 items of a wait for many rendezvous count as one.</summary>
    public int MaxWaitersPerSource { get; init; } = 2048;

    /// <summary>Rendezvous of protocol v2 in which it has no role yet that one source may wait for at the same time.</summary>
    public int MaxUnboundWaitsPerSource { get; init; } = 4096;

    /// <summary>Open event streams of one slot.</summary>
    public int MaxStreamsPerSlot { get; init; } = 256;

    /// <summary>Proxies whose X-Forwarded-For is believed.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>The least severe messages that are logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Warning;

    /// <summary>Where Kestrel finds its certificates; null where the host reads none.</summary>
    public IConfigurationSection? Kestrel { get; init; }
}
