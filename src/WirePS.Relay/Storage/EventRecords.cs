namespace WirePS.Relay.Storage;

/// <summary>An event on its way into a slot.</summary>
/// <param name="IdHash">Hash of its <c>event_id</c>, where it has one that is a string.</param>
/// <param name="Body">Its JSON text without insignificant white space, as UTF-8; handed on unchanged (R26).</param>
/// <param name="SlotBytesLimit">How many bytes the slot may hold.</param>
public sealed record NewEvent(TokenHash? IdHash, byte[] Body, long SlotBytesLimit);

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
/// <param name="GrantId">The grant that posted it; null for the owner's token.</param>
/// <param name="Body">Its text as it came.</param>
public sealed record StoredEvent(long Sequence, string? GrantId, byte[] Body);
