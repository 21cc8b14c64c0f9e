using WirePS.Relay;

namespace WirePS.Module.Output;

/// <summary>A relay that runs from a home.</summary>
public sealed class WireRelay
{
    /// <summary>Where it listens.</summary>
    public required string Url { get; init; }

    /// <summary>Its process.</summary>
    public int Pid { get; init; }

    /// <summary>When it started.</summary>
    public DateTime StartedAt { get; init; }

    /// <summary>The id of its data.</summary>
    public required string RelayId { get; init; }

    /// <summary>Its data.</summary>
    public required string DataFolder { get; init; }

    /// <summary>What it has to say.</summary>
    public required string LogPath { get; init; }

    /// <summary>The home that it runs from.</summary>
    public required string WireHome { get; init; }

    internal static WireRelay Of(LocalRelayRecord relay, WireEngine engine) => new()
    {
        Url = relay.Url,
        Pid = relay.Process.Pid,
        StartedAt = relay.Process.StartedAt.LocalDateTime,
        RelayId = relay.RelayId,
        DataFolder = relay.DataFolder,
        LogPath = engine.LocalRelay.LogFile,
        WireHome = engine.Home.Root,
    };

    /// <summary>The address.</summary>
    public override string ToString() => Url;
}

/// <summary>What a test of a relay found.</summary>
public sealed class WireRelayHealth
{
    /// <summary>The relay.</summary>
    public required string Url { get; init; }

    /// <summary>True where it answers as a relay does.</summary>
    public bool Healthy { get; init; }

    /// <summary>The version of its program; nothing where it does not say.</summary>
    public string? Version { get; init; }

    /// <summary>The id of its data; nothing on a relay that is not of WirePS.</summary>
    public string? RelayId { get; init; }

    /// <summary>The pairing protocols that it serves.</summary>
    public string[] Protocols { get; init; } = [];

    /// <summary>How long its answer took (milliseconds).</summary>
    public double? LatencyMs { get; init; }

    /// <summary>By how much its clock is ahead of this machine's (negative: behind); nothing where it does not tell its time.</summary>
    public TimeSpan? ClockSkew { get; init; }

    /// <summary>What failed, as a name of <see cref="WireReason"/>; nothing where it is healthy.</summary>
    public string? Reason { get; init; }

    /// <summary>What to do, or what to know.</summary>
    public required string Advice { get; init; }

    /// <summary>What to know of a relay that answers. The clock first: it breaks what would work.</summary>
    internal static string AdviceFor(string url, RelayInfo? info, string? skew) =>
        skew is not null ? $"{skew} Pairings end early or late otherwise."
        : info is null ? "It answers as the relay of another program does, which serves protocol 1 alone: use it with New-WirePair -Protocol V1, for peers who know nothing else."
        : new Uri(url) is { IsLoopback: false, Scheme: "http" } ? "It answers, but without encryption: this home uses it only with -AllowInsecureRelay. Give the relay a certificate, or put a proxy with one in front."
        : "Ready.";

    /// <summary>What to do about a relay that does not answer as one. The catalogue's own advice would be to run this test.</summary>
    internal static string AdviceFor(WireException error) => error.Reason switch
    {
        WireReason.RelayUnreachable => $"{Sentence(error)} Compare the address with what the relay's owner says, and look whether this machine reaches it: name, port, firewall, proxy. On this machine, Start-WireRelay starts one.",
        WireReason.RelayRefused or WireReason.RelayBadReply => $"{Sentence(error)} Compare the address with what the relay's owner says: something else may answer there, or a proxy in between.",
        _ => $"{Sentence(error)} {error.RecommendedAction}",
    };

    // What the network says ends without a full stop.
    private static string Sentence(WireException error) => error.Message.EndsWith('.') ? error.Message : error.Message + ".";

    /// <summary>The address, and whether it is healthy.</summary>
    public override string ToString() => $"{Url}: {(Healthy ? "healthy" : Reason)}";
}
