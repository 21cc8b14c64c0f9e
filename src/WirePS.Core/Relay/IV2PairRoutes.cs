using WirePS.Pairing;

namespace WirePS.Relay;

/// <summary>The pairing rendezvous of v2 (relay-v2.md). Throws <see cref="RelayException"/> for what may pass, with <see cref="WireReason.RelayWithoutV2"/> where the relay has no such routes.</summary>
public interface IV2PairRoutes
{
    /// <summary>PUT of one message; may be repeated with the same bytes.</summary>
    /// <param name="side">Whose.</param>
    /// <param name="phase">0, 1, 2, 3 or 9.</param>
    /// <param name="body">The message, one JSON object; stored and handed on as these bytes.</param>
    /// <param name="expiresIn">The lifetime, for the host's phase 0.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<V2PutReply> PutAsync(V2PairSide side, int phase, string body, TimeSpan? expiresIn, CancellationToken cancellationToken);

    /// <summary>
    /// What there is of the other side. Returns when there is news, measured by what <paramref name="known"/> says we
    /// have, or after <paramref name="wait"/>.
    /// </summary>
    Task<V2View> ReadAsync(V2PairSide side, V2Known known, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>
    /// POST /v2/pair/wait: one wait for many; returns those that have news, none after <paramref name="wait"/>. What is
    /// wrong with the answer for one of them is no trouble of the others.
    /// </summary>
    Task<IReadOnlyList<V2News>> WaitAnyAsync(IReadOnlyList<(V2PairSide Side, V2Known Known)> sides, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>DELETE: leaves. Null where that is done, or nothing is there; else why not.</summary>
    Task<V2Refusal?> LeaveAsync(V2PairSide side, string reason, CancellationToken cancellationToken);
}

/// <summary>One side of one rendezvous.</summary>
/// <param name="Lookup">64 hex digits; a secret.</param>
/// <param name="Role">Which side.</param>
/// <param name="Token">64 hex digits; a secret.</param>
public sealed record V2PairSide(string Lookup, PairRole Role, string Token)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Role} of a rendezvous";
}

/// <summary>What a reader has already.</summary>
/// <param name="After">The highest contiguous phase of the other side; -1 for none.</param>
/// <param name="Own">Our highest contiguous phase that the relay should hold; -1 for none.</param>
/// <param name="Crowded">True where we know that it is crowded.</param>
public sealed record V2Known(int After, int Own, bool Crowded);

/// <summary>Where a rendezvous stands.</summary>
public enum V2State
{
    /// <summary>Going on.</summary>
    Open,

    /// <summary>Both sides have confirmed.</summary>
    Decided,

    /// <summary>A side has left.</summary>
    Ended,

    /// <summary>Its time is over.</summary>
    Expired,
}

/// <summary>Why a relay refused.</summary>
public enum V2Refusal
{
    /// <summary>It holds other bytes for this phase.</summary>
    PhaseConflict,

    /// <summary>The phase before it is missing.</summary>
    PhaseOrder,

    /// <summary>Somebody with another token has this side.</summary>
    RoleTaken,

    /// <summary>It does not know the rendezvous.</summary>
    NoRendezvous,

    /// <summary>Both sides have confirmed: too late to leave.</summary>
    Decided,

    /// <summary>A side has left.</summary>
    Ended,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>It is still open: too early for <c>done</c>.</summary>
    Open,
}

/// <summary>What a relay said to a message.</summary>
/// <param name="Refusal">Why it does not hold it; null where it does.</param>
/// <param name="State">Where the rendezvous stands; null where it did not say.</param>
/// <param name="ExpiresAt">Its absolute end.</param>
public sealed record V2PutReply(V2Refusal? Refusal, V2State? State, DateTimeOffset? ExpiresAt);

/// <summary>What a relay holds of a rendezvous, for one side.</summary>
/// <param name="Refusal"><see cref="V2Refusal.NoRendezvous"/> or <see cref="V2Refusal.RoleTaken"/>; null where it may be read.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Reason">Why it ended, as the one who left said; claimed by nobody but the relay.</param>
/// <param name="ExpiresAt">Its absolute end.</param>
/// <param name="Crowded">True where somebody else has tried to take a side.</param>
/// <param name="Own">Our phases that it holds.</param>
/// <param name="Messages">The other side's, above what we had, in order, as the bytes that came.</param>
public sealed record V2View(V2Refusal? Refusal, V2State State, string? Reason, DateTimeOffset? ExpiresAt, bool Crowded, IReadOnlyList<int> Own, IReadOnlyList<V2Message> Messages)
{
    /// <summary>A view of nothing, for a reason.</summary>
    public static V2View Refused(V2Refusal refusal) => new(refusal, V2State.Open, null, null, false, [], []);

    /// <summary>Our highest phase of which it holds all up to it; -1 for none.</summary>
    public int OwnContiguous
    {
        get
        {
            var highest = -1;
            while (Own.Contains(highest + 1))
            {
                highest++;
            }

            return highest;
        }
    }
}

/// <summary>What a wait for many has brought for one.</summary>
/// <param name="Side">Which.</param>
/// <param name="View">What the relay holds; null where its answer cannot be used.</param>
/// <param name="Trouble">Why not; null where it can.</param>
public sealed record V2News(V2PairSide Side, V2View? View, RelayException? Trouble);

/// <summary>One message of the other side.</summary>
/// <param name="Phase">0, 1, 2, 3 or 9.</param>
/// <param name="Body">Its bytes as text.</param>
public sealed record V2Message(int Phase, string Body);
