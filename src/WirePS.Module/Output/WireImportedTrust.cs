using WirePS.Handshakes;

namespace WirePS.Module.Output;

/// <summary>A record of the other program's trust file, and what has become of it.</summary>
public sealed class WireImportedTrust
{
    /// <summary>The node id that its registry gave it.</summary>
    public required long NodeId { get; init; }

    /// <summary>The fingerprint of its key; nothing for a record without one.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>
    /// <c>Imported</c>, <c>Known</c> before, <c>Unbound</c> (it has no key: kept, and not trusted), <c>InvalidKey</c>,
    /// <c>Conflict</c> with another key here, <c>Revoked</c> here, or <c>OwnKey</c>.
    /// </summary>
    public required string Outcome { get; init; }

    /// <summary>When it was approved there.</summary>
    public required DateTime ApprovedAt { get; init; }

    /// <summary>True where both had asked there.</summary>
    public required bool Mutual { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireImportedTrust Of(ImportedTrust imported, WireEngine engine) => new()
    {
        NodeId = imported.Record.NodeId,
        Fingerprint = imported.Record.Key is { } key ? Identity.Fingerprint.Display(key) : null,
        Outcome = imported.Outcome.ToString(),
        ApprovedAt = imported.Record.ApprovedAt.LocalDateTime,
        Mutual = imported.Record.IsMutual,
        WireHome = engine.Home.Root,
    };

    /// <summary>The node and the outcome.</summary>
    public override string ToString() => $"node {NodeId}: {Outcome}";
}
