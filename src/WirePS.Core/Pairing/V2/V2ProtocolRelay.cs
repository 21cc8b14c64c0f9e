using WirePS.Relay;
using WirePS.Storage;
using static WirePS.Pairing.PairRules;

namespace WirePS.Pairing.V2;

/// <content>This part: what the relay says: to what we put, and of the other side.</content>
public sealed partial class V2Protocol
{
    private static PendingPair OnPut(PendingPair pair, int phase, V2PutReply reply, DateTimeOffset now)
    {
        if (phase == 9)
        {
            return OnAbortPut(pair, reply, now);
        }

        switch (reply.Refusal)
        {
            case null:
                var next = WithRelayExpiry(pair, reply.ExpiresAt) with
                {
                    Posted = Math.Max(pair.Posted, phase),
                    Decided = pair.Decided || (reply.State == V2State.Decided && pair.Status == PairStatus.Confirmed),
                };
                return pair.Status is PairStatus.RequestHost or PairStatus.RequestGuest ? Move(next, PairStatus.Polling, now) : next;
            case V2Refusal.RoleTaken or V2Refusal.PhaseConflict or V2Refusal.Ended or V2Refusal.Expired when pair.IsEnded:
                return OnLeft(OnLeft(pair, PairLeaving.AwaitAck), PairLeaving.Finish);
            case V2Refusal.RoleTaken:
                return End(pair, phase == 0 ? WireReason.Crowded : WireReason.RelayInterference, now, tell: false);
            case V2Refusal.PhaseConflict:
                return Interfered(pair, null, now);
            case V2Refusal.Ended:
                // Why, the other side's phase 9 tells, or the state of the rendezvous.
                return pair with { Posted = phase };
            case V2Refusal.Expired:
                return OnExpired(pair, now);
            default:
                return Lost(pair, reply.Refusal == V2Refusal.NoRendezvous);
        }
    }

    /// <summary>The relay lacks what we had put there before: from the first one on, in order. A guest has to wait for the host to do so.</summary>
    private static PendingPair Lost(PendingPair pair, bool isWhole)
    {
        var posted = isWhole && pair.Role == PairRole.Guest ? NoRendezvous : -1;
        return pair.Posted == posted ? pair : pair with { Posted = posted };
    }

    private static PendingPair OnAbortPut(PendingPair pair, V2PutReply reply, DateTimeOffset now)
    {
        if (pair.IsEnded)
        {
            return OnLeft(pair, PairLeaving.SendAbort);
        }

        // A stop of a side that had confirmed: the relay's word decides.
        var reason = pair.Reason ?? WireReason.Cancelled;
        return reply.Refusal switch
        {
            null or V2Refusal.Ended or V2Refusal.Expired => End(pair, reason, now, tell: false, isRelaysWord: true),

            // Too late; but with an accept that is not the other side's there is nobody to pin and to remove.
            V2Refusal.Decided => pair.Messages.Received.ContainsKey("2") && !HoldsAccept(pair) ? End(pair, reason, now, tell: false) : pair with { Decided = true },

            // It has lost what it held: the stop follows what it belongs to.
            V2Refusal.NoRendezvous or V2Refusal.PhaseOrder => Lost(pair, reply.Refusal == V2Refusal.NoRendezvous),
            _ => End(pair, reason, now, tell: false),
        };
    }

    // A trouble passes; the reason of an end or of a stop does not.
    private static PendingPair OnTrouble(PendingPair pair, PairInput.Trouble trouble) => pair.Status switch
    {
        PairStatus.Aborted or PairStatus.AbortedRestart => pair,
        _ when pair.Stopping || pair.IsEnded => pair with { LastError = trouble.Message },
        _ => pair with { LastError = trouble.Message, Reason = trouble.Reason ?? (pair.Reason is WireReason.RelayWithoutV2 or WireReason.RelayDowngraded ? null : pair.Reason) },
    };

    /// <summary>
    /// The end that the relay names: a guest's until it holds the host's word for it, for everybody else only an earlier
    /// one than that known. Far-off times are of nobody's pairing.
    /// </summary>
    private static PendingPair WithRelayExpiry(PendingPair pair, DateTimeOffset? expiresAt)
    {
        if (pair.IsEnded || expiresAt is null)
        {
            return pair;
        }

        var end = pair.Role == PairRole.Guest && !pair.Messages.Received.ContainsKey("1") ? Plausible(pair, expiresAt.Value) : Earlier(pair, expiresAt);
        return end == pair.ExpiresAt ? pair : pair with { ExpiresAt = end };
    }

    private PendingPair OnSeen(PendingPair pair, V2Input.Seen seen, DateTimeOffset now)
    {
        var view = seen.View;
        if (view.Refusal == V2Refusal.NoRendezvous)
        {
            return OnNoRendezvous(pair, seen.RelayId, now);
        }

        if (view.Refusal == V2Refusal.RoleTaken)
        {
            return pair.IsEnded ? OnLeft(OnLeft(pair, PairLeaving.AwaitAck), PairLeaving.Finish)
                : End(pair, pair.Posted < 0 ? WireReason.Crowded : WireReason.RelayInterference, now, tell: false);
        }

        // What a relay restored from a backup lacks is put again.
        var held = view.OwnContiguous;
        if (pair.Posted > held || pair.Posted == NoRendezvous)
        {
            pair = pair with { Posted = held };
        }

        if (view.Crowded && !pair.Crowded)
        {
            pair = pair with { Crowded = true };
        }

        if (pair.IsEnded)
        {
            return OnSeenPaired(pair, view);
        }

        pair = WithRelayExpiry(pair, view.ExpiresAt);

        // Nothing but our own accept makes it so.
        if (view.State == V2State.Decided && pair is { Decided: false, Status: PairStatus.Confirmed })
        {
            pair = pair with { Decided = true };
        }

        // One message at a time: each is stored with what follows from it before the next is looked at. Messages come before the state.
        foreach (var message in view.Messages)
        {
            if (!pair.Messages.Received.TryGetValue(V2Work.NameOf(message.Phase), out var stored))
            {
                return OnMessage(pair, message, seen.Own, now);
            }

            if (stored != message.Body)
            {
                return Interfered(pair, null, now);
            }
        }

        return view.State switch
        {
            V2State.Expired => OnExpired(pair, now),
            V2State.Ended => OnRelayEnded(pair, view.Reason, now),
            _ => pair,
        };
    }

    // All that is still waited for is the other side's acknowledgement; the first one that comes is final. Its text is not kept.
    private static PendingPair OnSeenPaired(PendingPair pair, V2View view)
    {
        if (!pair.PeerAcked && view.Messages.FirstOrDefault(static m => m.Phase == 3) is { } ack)
        {
            return HoldsAck(pair with { Messages = pair.Messages.WithReceived("3", ack.Body) })
                ? pair with { PeerAcked = true }
                : OnLeft(pair with { LastError = "The relay served an acknowledgement that is not the other side's." }, PairLeaving.AwaitAck);
        }

        return view.State is V2State.Ended or V2State.Expired ? OnLeft(OnLeft(pair, PairLeaving.AwaitAck), PairLeaving.Finish) : pair;
    }

    private static PendingPair OnNoRendezvous(PendingPair pair, string? relayId, DateTimeOffset now)
    {
        if (IsWaitingForHost(pair))
        {
            return pair.Status == PairStatus.RequestGuest ? Move(pair, PairStatus.Polling, now) : pair;
        }

        if (pair.IsEnded)
        {
            return now < pair.ExpiresAt ? Lost(pair, isWhole: true) : OnLeft(OnLeft(pair, PairLeaving.AwaitAck), PairLeaving.Finish);
        }

        // A relay that knows its data and nothing of this any more has let its time go by.
        if (now >= pair.ExpiresAt && relayId is not null && relayId == pair.RelayId)
        {
            return End(pair, WireReason.Expired, now, tell: false);
        }

        return Lost(pair, isWhole: true);
    }

    private static PendingPair OnRelayEnded(PendingPair pair, string? reason, DateTimeOffset now) =>
        Claimed(pair, V2Messages.TryParseAbort(reason, out var known) ? known : WireReason.Cancelled, now);

    private static PendingPair OnExpired(PendingPair pair, DateTimeOffset now) =>
        pair.Status is PairStatus.SasReady or PairStatus.Confirmed && now < pair.ExpiresAt!.Value - ClockSlack && !pair.Stopping
            ? Interfered(pair, WireReason.Expired, now) with { LastError = $"The relay claims that the time is over; by the clock here there are {(int)(pair.ExpiresAt.Value - now).TotalMinutes} minutes left. One of the clocks may be wrong." }
            : End(pair, pair.Stopping ? pair.Reason ?? WireReason.Cancelled : WireReason.Expired, now, tell: false, isRelaysWord: true);

    private static DateTimeOffset? Earlier(PendingPair pair, DateTimeOffset? other) =>
        other is { } time && Plausible(pair, time) < pair.ExpiresAt ? Plausible(pair, time) : pair.ExpiresAt;

    private static DateTimeOffset Plausible(PendingPair pair, DateTimeOffset time)
    {
        var latest = pair.CreatedAt + LongestLife;
        return Timestamps.Round(time < pair.CreatedAt ? pair.CreatedAt : time > latest ? latest : time);
    }
}
