using System.Collections.Immutable;
using WirePS.Relay;
using static WirePS.Pairing.PairRules;

namespace WirePS.Pairing.V2;

/// <content>This part: how a pairing ends, and what it owes then (pairing-v2.md §4 «The end», §5).</content>
public sealed partial class V2Protocol
{
    private static PairEffect NextPaired(PendingPair pair, DateTimeOffset now)
    {
        return RestAfterEnd(pair, now) ?? pair.Leaving[0] switch
        {
            PairLeaving.RemovePeer => new PairWork.RemovePeer(),

            // Ours is put before anything else: the other side waits for it as we do for theirs.
            PairLeaving.AwaitAck or PairLeaving.Finish when NextToPut(pair, now) is { } phase => new V2Work.Put(phase),
            PairLeaving.AwaitAck when !pair.PeerAcked && IsTimeToTell(pair, now) => new V2Work.Tell(),
            PairLeaving.AwaitAck when !pair.PeerAcked => new V2Work.Await(Waits: true),
            PairLeaving.Finish => new V2Work.Finish(),
            var other => new PairEffect.Apply(new PairInput.Left(other)),
        };
    }

    private static bool IsTimeToTell(PendingPair pair, DateTimeOffset now) =>
        now >= (pair.ToldAt is { } told ? told + TellAgainAfter : pair.EndedAt!.Value + TellAfter);

    private static PairEffect NextAborted(PendingPair pair, DateTimeOffset now)
    {
        return RestAfterEnd(pair, now) ?? pair.Leaving[0] switch
        {
            PairLeaving.SendAbort when now < pair.ExpiresAt => new V2Work.Put(9),
            PairLeaving.RevokeGrant => new PairWork.RevokeGrant(),
            PairLeaving.ReleaseName => new PairWork.ReleaseName(),
            var other => new PairEffect.Apply(new PairInput.Left(other)),
        };
    }

    private static PendingPair OnPinRefused(PendingPair pair, string handle, DateTimeOffset now)
    {
        // Whom a stop would remove again, and who has waited for a person for long enough, need no pin.
        if (pair.Stopping || now >= pair.ExpiresAt + Patience)
        {
            return End(pair, pair.Stopping ? pair.Reason ?? WireReason.Cancelled : WireReason.IdentityConflict, now, tell: false);
        }

        return pair with { Reason = WireReason.IdentityConflict, LastError = $"Another key is trusted under the name '{handle}'." };
    }

    // Until the other side has proven itself, anybody may have said it; afterwards an honest one would have sealed it.
    private static PendingPair Claimed(PendingPair pair, WireReason claimed, DateTimeOffset now)
    {
        if (pair.Stopping)
        {
            return End(pair, pair.Reason ?? WireReason.Cancelled, now, tell: false, isRelaysWord: true);
        }

        if (pair.Status is PairStatus.SasReady or PairStatus.Confirmed)
        {
            return Interfered(pair, claimed, now);
        }

        var said = $"Claimed by the relay or the other side: {claimed.ToWire()}.";
        return End(pair, claimed, now, tell: false) with { ReasonVerified = false, LastError = IsSuspicious(pair) ? said + " " + Suspicion : said };
    }

    /// <summary>The relay does what no honest relay does. A side that has confirmed does not decide that alone: it stops, and the relay's word ends it.</summary>
    private static PendingPair Interfered(PendingPair pair, WireReason? claimed, DateTimeOffset now)
    {
        if (pair.Status == PairStatus.Confirmed && claimed is null)
        {
            return OnStopped(pair, WireReason.RelayInterference, now);
        }

        var error = claimed is { } reason ? $"The relay claims: {reason.ToWire()}." : pair.LastError;
        var ended = End(pair, WireReason.RelayInterference, now, isSealed: pair.Status is PairStatus.SasReady or PairStatus.Confirmed);
        return claimed is null ? ended : ended with { LastError = error };
    }

    private static PendingPair OnStopped(PendingPair pair, WireReason reason, DateTimeOffset now)
    {
        if (pair.IsEnded || pair.Stopping)
        {
            return pair;
        }

        return pair.Status == PairStatus.Confirmed
            ? pair with { Stopping = true, Reason = reason, Messages = pair.Messages.WithSent("9", V2Messages.SealedAbort(Seal(pair, 9, V2Messages.ReasonPlaintext(reason)))) }
            : End(pair, reason, now, isSealed: pair.Status == PairStatus.SasReady);
    }

    private static PendingPair OnPinned(PendingPair pair, DateTimeOffset now)
    {
        var acked = HoldsAck(pair);
        var leaving = ImmutableArray.CreateBuilder<PairLeaving>();
        if (pair.Stopping)
        {
            leaving.Add(PairLeaving.RemovePeer);
        }

        // Even where the peer's acknowledgement is here, ours is still to be put.
        leaving.Add(PairLeaving.AwaitAck);
        leaving.Add(PairLeaving.Finish);
        var ack = V2Messages.Sealed(Seal(pair, 3, V2Messages.AckPlaintext));
        var peerKey = pair.Role == PairRole.Host ? new PairSecrets { KeyGuest = pair.Secrets!.KeyGuest } : new PairSecrets { KeyHost = pair.Secrets!.KeyHost };
        return Move(pair, PairStatus.Paired, now) with
        {
            EndedAt = now,
            Stopping = false,
            Reason = null,
            LastError = null,
            PeerAcked = acked,
            Code = "",
            Sas = null,
            OurSlotToken = null,

            // What may have to be put again stays until the peer has acknowledged, and so does the key that opens its word.
            Secrets = acked ? null : peerKey,
            Messages = PairMessages.None with { Sent = pair.Messages.Sent.Remove("9").Add("3", ack) },
            Leaving = leaving.ToImmutable(),
        };
    }

    private static bool OwesRelay(PendingPair pair) => pair.Leaving.Any(static l => l is PairLeaving.SendAbort or PairLeaving.AwaitAck or PairLeaving.Finish);

    private static PendingPair OnLeft(PendingPair pair, PairLeaving what)
    {
        var left = pair.Leaving.Remove(what);
        if (left == pair.Leaving)
        {
            return pair;
        }

        var next = pair with { Leaving = left };
        return OwesRelay(next) ? next : next with { CodeHash = "", SideToken = null, Secrets = null, Messages = PairMessages.None };
    }

    /// <summary>Ends without a pin.</summary>
    /// <param name="pair">The pairing.</param>
    /// <param name="reason">Why.</param>
    /// <param name="now">When.</param>
    /// <param name="tell">True where the other side is to be told, by a phase 9.</param>
    /// <param name="isSealed">True where that can be sealed, as the other side has proven itself.</param>
    /// <param name="isRelaysWord">True where the rendezvous cannot be decided any more; else a side that has confirmed does not know how the other one ends.</param>
    /// <param name="isPeersWord">True where the other side has said so itself.</param>
    private static PendingPair End(PendingPair pair, WireReason reason, DateTimeOffset now, bool tell = true, bool isSealed = false, bool isRelaysWord = false, bool isPeersWord = false)
    {
        var messages = PairMessages.None;
        var leaving = ImmutableArray.CreateBuilder<PairLeaving>();
        if (pair.Status is PairStatus.SasReady or PairStatus.Confirmed)
        {
            // A confirmation that a crash has cut short may have kept the name free already.
            leaving.Add(PairLeaving.ReleaseName);
        }

        if (PairWork.GivenBy(pair) is not null)
        {
            leaving.Add(PairLeaving.RevokeGrant);
        }

        // Before the relay has taken our first message there is nobody to tell. A stop has said its word already, and says no other.
        if (tell && (pair.Posted >= 0 || pair.Messages.Sent.ContainsKey("0")))
        {
            leaving.Add(PairLeaving.SendAbort);
            messages = messages.WithSent("9", pair.Messages.Sent.TryGetValue("9", out var said) ? said
                : isSealed ? V2Messages.SealedAbort(Seal(pair, 9, V2Messages.ReasonPlaintext(reason))) : V2Messages.Abort(reason));
        }

        var ended = Move(pair, PairStatus.Aborted, now) with
        {
            EndedAt = now,
            Reason = reason,
            ReasonVerified = true,
            OutcomeUnknown = pair.Status == PairStatus.Confirmed && !isRelaysWord,
            Stopping = false,
            Code = "",
            Sas = null,
            OurSlotToken = null,
            Secrets = null,
            Messages = messages,
            Leaving = leaving.ToImmutable(),
            LastError = !isPeersWord && IsSuspicious(pair) ? Suspicion : pair.LastError,
        };
        return leaving.Contains(PairLeaving.SendAbort) ? ended : ended with { CodeHash = "", SideToken = null };
    }

    private static bool IsSuspicious(PendingPair pair) =>
        pair is { Status: PairStatus.Polling, Posted: >= 0 } && pair.Messages.Received.ContainsKey("0") && pair.Messages.Sent.ContainsKey("0");
}
