namespace WirePS.Storage;

/// <summary>One line of the journal (wireps.md §3): a transition of one thing, chained to the line before.</summary>
/// <param name="Seq">Counts from 1, without gaps, over all files of the journal.</param>
/// <param name="Time">When it happened.</param>
/// <param name="Kind">What kind of thing: <c>pair</c>, <c>peer</c>, <c>daemon</c>.</param>
/// <param name="Id">Which one: 32 hex digits for a pairing. Never a secret.</param>
/// <param name="From">The state before; null where it began.</param>
/// <param name="To">The state after.</param>
/// <param name="Reason">Why, in snake_case; null where nothing needs a reason.</param>
/// <param name="Peer">The peer's DID, where it is known.</param>
/// <param name="Prev">Hash of the line before; 64 zeros for the first.</param>
/// <param name="Hash">Hex SHA-256 of the line's canonical form without this member.</param>
public sealed record JournalEntry(
    long Seq,
    DateTimeOffset Time,
    string Kind,
    string Id,
    string? From,
    string To,
    string? Reason,
    string? Peer,
    string Prev,
    string Hash);

/// <summary>What is to be written: an entry without its place in the chain.</summary>
/// <param name="Time">When it happened.</param>
/// <param name="Kind">What kind of thing.</param>
/// <param name="Id">Which one.</param>
/// <param name="From">The state before; null where it began.</param>
/// <param name="To">The state after.</param>
/// <param name="Reason">Why; null for none.</param>
/// <param name="Peer">The peer's DID; null where unknown.</param>
public sealed record JournalRecord(
    DateTimeOffset Time,
    string Kind,
    string Id,
    string? From,
    string To,
    string? Reason = null,
    string? Peer = null);

/// <summary>What verifying the journal found.</summary>
/// <param name="Valid">True where every line is in its place.</param>
/// <param name="Entries">How many lines hold.</param>
/// <param name="LastHash">Hash of the last line that holds; 64 zeros for none.</param>
/// <param name="File">The file of the first line that does not hold; null where all do.</param>
/// <param name="Line">Its number in that file, from 1.</param>
/// <param name="Problem">What is wrong with it.</param>
public sealed record JournalVerdict(bool Valid, long Entries, string LastHash, string? File, int? Line, string? Problem);
