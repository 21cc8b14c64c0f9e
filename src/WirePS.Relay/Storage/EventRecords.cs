namespace WirePS.Relay.Storage;

/// <summary>An event on its way into a slot.</summary>
/// <param name="IdHash">Hash of its <c>event_id</c>, where it has one that is a string.</param>
/// <param name="Body">Its JSON text without insignificant white space, as UTF-8; handed on unchanged (R26).</param>
/// <param name="SlotBytesLimit">How many bytes the slot may hold.</param>
/// <param name="Proof">
/// Its signature and the name of the key, where it has them. Two events with one id are duplicates only when these are the same and
/// the same token brought both: nobody can have an event dropped by posting something else under its id before (R19).
/// </param>
/// <param name="MayStore">False where the caller's source has posted too many: what is there already can still be repeated.</param>
public sealed record NewEvent(TokenHash? IdHash, byte[] Body, long SlotBytesLimit, string? Proof = null, bool MayStore = true);

/// <summary>What became of an event.</summary>
public enum PostEventOutcome
{
    /// <summary>It is stored.</summary>
    Stored,
    /// <summary>An event with this id is there.</summary>
    Duplicate,
    /// <summary>The slot is full.</summary>
    QuotaExceeded,
    /// <summary>The grant was revoked, or is over.</summary>
    GrantRefused,
    /// <summary>It is not there, and the caller may not store it now.</summary>
    Refused,
    /// <summary>The grant has posted as much as it may in this hour.</summary>
    GrantRateLimited,
}

/// <summary>The answer to a <see cref="NewEvent"/>.</summary>
/// <param name="Outcome">What happened.</param>
/// <param name="SlotBytesUsed">Bytes in the slot, where it is full.</param>
/// <param name="RetryAfter">When the grant may post again, where it is limited.</param>
public readonly record struct PostEventResult(PostEventOutcome Outcome, long SlotBytesUsed, TimeSpan RetryAfter);

/// <summary>One event that is stored.</summary>
/// <param name="Sequence">Its number in the slot: starts at 1, is never used again.</param>
/// <param name="GrantId">The grant that posted it; null for the owner's token and for an intro.</param>
/// <param name="Body">Its text as it came.</param>
public sealed record StoredEvent(long Sequence, string? GrantId, byte[] Body);

/// <summary>A page of a slot's events, read in one consistent view.</summary>
/// <param name="Events">The events, in order.</param>
/// <param name="More">Whether there are more behind them.</param>
/// <param name="Next">What to ask for the next page after. Below what was asked for only where the slot never came so far.</param>
/// <param name="First">The first event that can still be read; one past the last where there is none.</param>
public sealed record EventPage(IReadOnlyList<StoredEvent> Events, bool More, long Next, long First);

/// <summary>What became of an ack.</summary>
public enum AckOutcome
{
    /// <summary>All events up to the given one are acked.</summary>
    Acked,
    /// <summary>A portion of them is.</summary>
    Partly,
    /// <summary>The slot never came so far.</summary>
    BeyondLast,
}
