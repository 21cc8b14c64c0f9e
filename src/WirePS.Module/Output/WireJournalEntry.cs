using WirePS.Storage;

namespace WirePS.Module.Output;

/// <summary>One line of the journal. Holds no secret.</summary>
public sealed class WireJournalEntry
{
    /// <summary>Its number: counts from 1, without gaps.</summary>
    public long Seq { get; init; }

    /// <summary>When it happened.</summary>
    public DateTime Time { get; init; }

    /// <summary>What kind of thing it is about: <c>pair</c>, <c>peer</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Which one.</summary>
    public required string Id { get; init; }

    /// <summary>The state before.</summary>
    public string? From { get; init; }

    /// <summary>The state after.</summary>
    public required string To { get; init; }

    /// <summary>Why, in the spelling of files: <c>sas_mismatch</c>.</summary>
    public string? Reason { get; init; }

    /// <summary>The peer's DID, where it is known.</summary>
    public string? Peer { get; init; }

    /// <summary>Hash of the line before.</summary>
    public required string Prev { get; init; }

    /// <summary>Hash of this line.</summary>
    public required string Hash { get; init; }

    internal static WireJournalEntry Of(JournalEntry entry) => new()
    {
        Seq = entry.Seq,
        Time = entry.Time.LocalDateTime,
        Kind = Printable.Of(entry.Kind)!,
        Id = Printable.Of(entry.Id)!,
        From = Printable.Of(entry.From),
        To = Printable.Of(entry.To)!,
        Reason = Printable.Of(entry.Reason),
        Peer = Printable.Of(entry.Peer),
        Prev = entry.Prev,
        Hash = entry.Hash,
    };

    /// <summary>Number, thing and move.</summary>
    public override string ToString() => $"{Seq} {Kind} {Id}: {From} -> {To}";
}

/// <summary>What verifying the journal found.</summary>
public sealed class WireAuditResult
{
    /// <summary>True where every line is in its place.</summary>
    public bool Valid { get; init; }

    /// <summary>How many lines hold.</summary>
    public long Entries { get; init; }

    /// <summary>Hash of the last line that holds: keep it elsewhere to prove later that nothing before it was changed.</summary>
    public required string LastHash { get; init; }

    /// <summary>The file of the first line that does not hold.</summary>
    public string? File { get; init; }

    /// <summary>Its number in that file.</summary>
    public int? Line { get; init; }

    /// <summary>What is wrong with it.</summary>
    public string? Problem { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireAuditResult Of(JournalVerdict verdict, WireEngine engine) => new()
    {
        Valid = verdict.Valid,
        Entries = verdict.Entries,
        LastHash = verdict.LastHash,
        File = verdict.File,
        Line = verdict.Line,
        Problem = verdict.Problem,
        WireHome = engine.Home.Root,
    };

    /// <summary>Whether it holds.</summary>
    public override string ToString() => Valid ? $"valid, {Entries} entries" : $"broken after {Entries} entries";
}
