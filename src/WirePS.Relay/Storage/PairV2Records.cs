namespace WirePS.Relay.Storage;

/// <summary>Where a rendezvous of protocol v2 stands (relay-v2.md, Pair rendezvous).</summary>
public enum PairState
{
    /// <summary>Nothing is decided yet.</summary>
    Open = 0,
    /// <summary>Both sides have accepted.</summary>
    Decided = 1,
    /// <summary>One side has left before that.</summary>
    Ended = 2,
    /// <summary>Its time was over before that.</summary>
    Expired = 3,
}

/// <summary>One side of one rendezvous, and the proof of being it.</summary>
/// <param name="Lookup">64 lowercase hex digits.</param>
/// <param name="Role">The caller's own side.</param>
/// <param name="Token">Hash of the side token.</param>
public readonly record struct PairSide(string Lookup, PairRole Role, TokenHash Token);

/// <summary>A message on its way into a rendezvous.</summary>
/// <param name="Side">Whose it is.</param>
/// <param name="Phase">0 to 3, or 9.</param>
/// <param name="Body">The bytes that came: one JSON object.</param>
/// <param name="Reason">For phase 9: the reason it names, where it is one that the relay knows.</param>
/// <param name="Lifetime">For the host's phase 0: how long a rendezvous lives that it creates.</param>
/// <param name="MayCreate">False where the caller's source has created too many.</param>
public sealed record NewPairMessage(PairSide Side, int Phase, byte[] Body, string? Reason, TimeSpan Lifetime, bool MayCreate);

/// <summary>What became of a message.</summary>
public enum PutMessageOutcome
{
    /// <summary>It is stored, in a rendezvous that it created.</summary>
    Created,
    /// <summary>It is stored.</summary>
    Stored,
    /// <summary>The same bytes were there.</summary>
    Repeated,
    /// <summary>Other bytes are there.</summary>
    PhaseConflict,
    /// <summary>A phase before it is missing.</summary>
    PhaseOrder,
    /// <summary>The role is bound to another token.</summary>
    RoleTaken,
    /// <summary>A guest came before the host.</summary>
    NoRendezvous,
    /// <summary>It is too late for a phase 9.</summary>
    Decided,
    /// <summary>It is too late: one side has left.</summary>
    Ended,
    /// <summary>It is too late: the time is over.</summary>
    Expired,
    /// <summary>There is no rendezvous, and the caller may not create one now.</summary>
    Refused,
}

/// <summary>The answer to a <see cref="NewPairMessage"/>.</summary>
/// <param name="Outcome">What happened.</param>
/// <param name="State">Where the rendezvous stands now.</param>
/// <param name="ExpiresAt">When it expires or would have.</param>
public readonly record struct PutMessageResult(PutMessageOutcome Outcome, PairState State, DateTimeOffset ExpiresAt);

/// <summary>What a reader holds already; what goes beyond it is news.</summary>
/// <param name="Side">Who reads.</param>
/// <param name="After">The highest contiguous phase of the other side that the reader holds; −1 for none.</param>
/// <param name="Own">The highest contiguous phase of its own that it believes to be there; −1 for none.</param>
/// <param name="KnowsCrowded">Whether it knows that somebody else came with this lookup.</param>
public sealed record PairInterest(PairSide Side, int After, int Own, bool KnowsCrowded);

/// <summary>Whether a side may read.</summary>
public enum PairAccess
{
    /// <summary>It may.</summary>
    Readable,
    /// <summary>There is nothing to read.</summary>
    NoRendezvous,
    /// <summary>The role is bound to another token.</summary>
    RoleTaken,
}

/// <summary>A message as it is handed on.</summary>
/// <param name="Phase">0 to 3, or 9.</param>
/// <param name="Body">The bytes that came.</param>
public readonly record struct PairMessage(int Phase, byte[] Body);

/// <summary>A rendezvous as one side sees it.</summary>
/// <param name="Access">Whether it may see it; where not, only <paramref name="IsNews"/> counts.</param>
/// <param name="IsNews">Whether there is more than the reader holds.</param>
/// <param name="IsBound">Whether the reader's role is bound to its token.</param>
/// <param name="State">Where the rendezvous stands.</param>
/// <param name="Reason">Why it has ended, where that was said.</param>
/// <param name="ExpiresAt">When it expires or would have.</param>
/// <param name="Crowded">Whether somebody came for a role that was taken.</param>
/// <param name="OwnPhases">The reader's own phases that are there; bit n is phase n.</param>
/// <param name="Messages">The other side's messages above what the reader holds, in order.</param>
public sealed record PairReading(
    PairAccess Access,
    bool IsNews,
    bool IsBound,
    PairState State,
    string? Reason,
    DateTimeOffset ExpiresAt,
    bool Crowded,
    int OwnPhases,
    IReadOnlyList<PairMessage> Messages)
{
    /// <summary>When time alone will change it; null for never.</summary>
    public DateTimeOffset? ChangesAt => Access == PairAccess.Readable && State == PairState.Open ? ExpiresAt : null;
}

/// <summary>The answer to several <see cref="PairInterest"/>.</summary>
/// <param name="Items">One for each, in their order.</param>
/// <param name="More">Whether some that have news were left without, as the answer would have grown too large.</param>
public sealed record PairReadings(IReadOnlyList<PairReading> Items, bool More);

/// <summary>What became of a wish to leave.</summary>
public enum LeaveOutcome
{
    /// <summary>The side has left, now or before.</summary>
    Left,
    /// <summary>The role is not bound, or there is no rendezvous.</summary>
    NotBound,
    /// <summary>The role is bound to another token.</summary>
    RoleTaken,
    /// <summary>It is too early to say done.</summary>
    Open,
    /// <summary>It is too late for anything but done.</summary>
    Decided,
}
