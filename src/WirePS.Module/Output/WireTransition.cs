using WirePS.Pairing;

namespace WirePS.Module.Output;

/// <summary>A pairing has moved from one status to another. Holds no secret.</summary>
public sealed class WireTransition
{
    /// <summary>When.</summary>
    public DateTime Time { get; init; }

    /// <summary>The pairing.</summary>
    public required string Id { get; init; }

    /// <summary>This side.</summary>
    public required string Role { get; init; }

    /// <summary>The status before.</summary>
    public string? From { get; init; }

    /// <summary>The status after.</summary>
    public required string To { get; init; }

    /// <summary>Why, as a name of <see cref="WireReason"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>The peer's DID, where it is known.</summary>
    public string? PeerDid { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireTransition Of(PairMoved move, WireEngine engine) => new()
    {
        Time = move.Time.LocalDateTime,
        Id = move.Id,
        Role = move.Role.ToString(),
        From = move.From?.ToString(),
        To = move.To.ToString(),
        Reason = move.Reason?.ToString(),
        PeerDid = Printable.Of(move.PeerDid),
        WireHome = engine.Home.Root,
    };

    /// <summary>The pairing and its move.</summary>
    public override string ToString() => $"pairing {Id}: {From} -> {To}";
}
