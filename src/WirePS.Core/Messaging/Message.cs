using WirePS.Identity;

namespace WirePS.Messaging;

/// <summary>Which way a message goes.</summary>
public enum MessageDirection
{
    /// <summary>From a peer to this home.</summary>
    Received,

    /// <summary>From this home to a peer.</summary>
    Sent,
}

/// <summary>Why a message has no body.</summary>
public enum MessageProblem
{
    /// <summary>What stands in its file is not what came.</summary>
    Damaged,

    /// <summary>It was sealed for the key of a peer that is no longer known here.</summary>
    PeerUnknown,

    /// <summary>Its seal does not open.</summary>
    NotOpened,
}

/// <summary>A message as it stands in this home.</summary>
/// <param name="Direction">Which way.</param>
/// <param name="Id">The event's id.</param>
/// <param name="Peer">The peer's name here.</param>
/// <param name="PeerDid">The peer's DID.</param>
/// <param name="At">When it was taken, or what became of it was known; for one on its way, when it was made.</param>
/// <param name="Timestamp">When its sender says that it was made.</param>
/// <param name="Type">The name of the type; the sender's choice.</param>
/// <param name="Kind">The kind (wire.md §2.3).</param>
/// <param name="IsSealed">True where the body was sealed on its way.</param>
/// <param name="Body">The body, opened; null where <paramref name="Problem"/> says why not.</param>
/// <param name="Problem">Why there is no body.</param>
/// <param name="Status">What became of one that was sent; null for one that was received.</param>
/// <param name="Trouble">The last trouble of one on its way.</param>
public sealed record Message(
    MessageDirection Direction,
    string Id,
    string Peer,
    string PeerDid,
    DateTimeOffset At,
    DateTimeOffset Timestamp,
    string? Type,
    uint Kind,
    bool IsSealed,
    WireJson? Body,
    MessageProblem? Problem = null,
    DeliveryStatus? Status = null,
    string? Trouble = null)
{
    /// <summary>The DID of the peer's device that signed it; null where the peer's root did, and for one that was sent.</summary>
    public string? Device { get; init; }

    /// <summary>The DIDs of the recipient's devices that it has not reached yet; while there are some, it counts as queued.</summary>
    public IReadOnlyList<string> WaitingFor { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => $"message {Id}: {Direction}";
}
