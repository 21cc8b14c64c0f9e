namespace WirePS.Pairing;

/// <summary>What holds for every pairing protocol (wireps.md §2).</summary>
internal static class PairRules
{
    /// <summary>How long an ended pairing stays to be looked at.</summary>
    internal static readonly TimeSpan Keep = TimeSpan.FromHours(1);

    /// <summary>How long a relay is asked for the outcome, and the other side's acknowledgement is waited for.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromDays(30);

    /// <summary>A pairing in another status; one step makes one such move at most.</summary>
    internal static PendingPair Move(PendingPair pair, PairStatus to, DateTimeOffset now) => pair with
    {
        Status = to,
        Transitions = pair.Transitions.Add(new PairTransition(pair.Status, to, now)),
    };

    /// <summary>The rest of an ended pairing until its file has served its time; null while it still owes something.</summary>
    internal static PairEffect? RestAfterEnd(PendingPair pair, DateTimeOffset now)
    {
        var ended = pair.EndedAt ?? pair.CreatedAt;
        var isPaired = pair.Status == PairStatus.Paired;
        if (!pair.Leaving.IsEmpty && !(isPaired && now >= ended + Patience))
        {
            return null;
        }

        var until = isPaired && !pair.PeerAcked ? ended + Patience : ended + Keep;
        return now >= until ? new PairEffect.Collect() : new PairEffect.Rest(until);
    }
}
