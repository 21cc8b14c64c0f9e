namespace WirePS.Relay.Storage;

/// <summary>What a token may do with a slot.</summary>
public enum SlotRight
{
    /// <summary>There is no such slot.</summary>
    UnknownSlot,
    /// <summary>The token opens nothing here; also a grant that is revoked or expired.</summary>
    Refused,
    /// <summary>The slot's own token: read and write.</summary>
    Owner,
    /// <summary>A grant: write, and ask for the state.</summary>
    Grant,
    /// <summary>No token at all: an introduction to the handle of the slot's owner.</summary>
    Intro,
}

/// <summary>The answer to a token.</summary>
/// <param name="Right">What it may do.</param>
/// <param name="SlotId">The public id of the slot.</param>
/// <param name="Slot">The store's own key of the slot.</param>
/// <param name="GrantId">The grant, where it is one.</param>
public readonly record struct SlotAccess(SlotRight Right, string SlotId, long Slot, string? GrantId);

/// <summary>The state of a slot as /v1/slot/{slot}/state shows it.</summary>
/// <param name="EventCount">Events that wait in it.</param>
/// <param name="LastPullAt">When the owner last asked for events.</param>
/// <param name="ResponderHealth">The JSON that the owner has put there.</param>
/// <param name="LastSequence">The last sequence number that was given.</param>
public sealed record SlotState(long EventCount, DateTimeOffset? LastPullAt, byte[]? ResponderHealth, long LastSequence);
