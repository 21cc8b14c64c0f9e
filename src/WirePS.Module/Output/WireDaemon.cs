using WirePS.Daemon;

namespace WirePS.Module.Output;

/// <summary>The daemon of a home.</summary>
public sealed class WireDaemon
{
    /// <summary>True where it runs.</summary>
    public bool Running { get; init; }

    /// <summary>Its process.</summary>
    public int? Pid { get; init; }

    /// <summary>When it started.</summary>
    public DateTime? StartedAt { get; init; }

    /// <summary>Its version.</summary>
    public string? Version { get; init; }

    /// <summary>Where it takes trust requests as connections, as <c>address:port</c>; nothing where it takes none.</summary>
    public string? Listen { get; init; }

    /// <summary>Why it does not, where the policy says that it should.</summary>
    public string? ListenTrouble { get; init; }

    /// <summary>How many events wait in the outbox of the home.</summary>
    public int Waiting { get; init; }

    /// <summary>Its log; what is there may be of an earlier one.</summary>
    public required string LogPath { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireDaemon Of(DaemonRecord? running, WireEngine engine) => new()
    {
        Running = running is not null,
        Pid = running is { Pid: > 0 } ? running.Pid : null,
        StartedAt = running?.StartedAt?.LocalDateTime,
        Version = running?.Version,
        Listen = running?.Listen,
        ListenTrouble = Printable.Of(running?.ListenTrouble),
        Waiting = engine.Outbox.Count(),
        LogPath = engine.Home.DaemonLogFile,
        WireHome = engine.Home.Root,
    };

    /// <summary>Whether it runs, and as which process.</summary>
    public override string ToString() => Running ? $"daemon, process {Pid}" : "no daemon";
}
