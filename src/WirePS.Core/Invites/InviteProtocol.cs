using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Trust;
using static WirePS.Pairing.PairRules;

namespace WirePS.Invites;

/// <summary>
/// The acceptor's side of an invite (wireps.md §6) as a pairing: it leaves its answer, a <c>pair_drop</c>, in the issuer's
/// mailbox, repeats it until the issuer acknowledges or refuses, and pins the issuer when it has acknowledged (flaw I9).
/// </summary>
/// <param name="number">2 for invites that ask for a proof; 1 for those that other programs make, whose issuers acknowledge nothing (wire.md §7.5).</param>
public sealed class InviteProtocol(int number) : IPairProtocol
{
    /// <summary>The name under which our answer stands among what was sent.</summary>
    internal const string Drop = "drop";

    /// <summary>The name under which the issuer's address stands among what was received.</summary>
    internal const string Ack = "ack";

    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    // An answer may lie in the mailbox of a machine that was asleep when the invite ended.
    private static readonly TimeSpan LastLook = TimeSpan.FromMinutes(15);

    /// <inheritdoc/>
    public string Kind => PairKinds.Invite;

    /// <inheritdoc/>
    public int Number => number;

    /// <summary>The first state of an accepted invite.</summary>
    /// <param name="invite">The invite.</param>
    /// <param name="random">48 fresh random bytes for its name and the issuer's grant; 32 more for that one's token. A secret.</param>
    /// <param name="now">Now.</param>
    internal PendingPair Create(InviteUrl invite, ReadOnlySpan<byte> random, DateTimeOffset now)
    {
        var card = invite.Payload.Card;
        return new PendingPair
        {
            Kind = Kind,
            Protocol = Number,
            Id = Convert.ToHexStringLower(random[..16]),
            GrantId = Convert.ToHexStringLower(random[16..32]),
            OurSlotToken = Convert.ToHexStringLower(random[32..64]),
            Code = "",
            CodeHash = "",
            LookupHash = LookupOf(invite),
            Role = PairRole.Guest,
            Status = PairStatus.RequestGuest,
            RelayUrl = invite.Payload.Route.RelayUrl,
            Invite = invite.Text,
            PeerDid = card.Did,
            PeerHandle = card.Handle,
            PeerFingerprint = Fingerprint.Display(card.PublicKey),
            CreatedAt = now,
            ExpiresAt = invite.Payload.ExpiresAt,
            Transitions = [new PairTransition(null, PairStatus.RequestGuest, now)],
        };
    }

    /// <summary>The hash by which the same invite is known when it is accepted again; it does not lead to the nonce.</summary>
    internal static string LookupOf(InviteUrl invite) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes("WirePS/v2 accepted invite " + invite.Payload.Nonce)));

    /// <summary>The invite of a pairing that has not ended.</summary>
    internal static InvitePayload InviteOf(PendingPair pair) => InviteUrl.Parse(pair.Invite!, DateTimeOffset.UnixEpoch).Payload;

    /// <summary>The address that the issuer gave: that of its acknowledgement, else that of the invite.</summary>
    internal static PeerRoute RouteOf(PendingPair pair)
    {
        if (!pair.Messages.Received.TryGetValue(Ack, out var text))
        {
            return InviteOf(pair).Route;
        }

        var ack = WireJson.Parse(text);
        return new PeerRoute(ack.GetString("relay_url")!, ack.GetString("slot_id")!, ack.GetString("slot_token")!);
    }

    /// <summary>True while the relay has our answer and the issuer has not said what became of it.</summary>
    public static bool IsWaitingForAck(PendingPair pair) => pair is { Kind: PairKinds.Invite, Status: PairStatus.Polling };

    /// <inheritdoc/>
    public PairEffect Next(PendingPair pair, DateTimeOffset now) => pair.Status switch
    {
        PairStatus.Paired => RestAfterEnd(pair, now) ?? NextLeft(pair),
        PairStatus.Aborted or PairStatus.AbortedRestart => RestAfterEnd(pair, now) ?? NextLeft(pair),
        _ => NextOpen(pair, now),
    };

    /// <inheritdoc/>
    public PendingPair Step(PendingPair pair, PairInput input, DateTimeOffset now) => input switch
    {
        PairInput.Left left => pair with { Leaving = pair.Leaving.Remove(left.What) },
        InviteInput.Answered answered when pair is { Status: PairStatus.Paired, PeerAcked: false } => pair with { PeerAcked = answered.Route is not null },
        _ when pair.IsEnded => pair,
        InviteInput.Prepared prepared => OnPrepared(pair, prepared),
        InviteInput.Dropped => OnDropped(pair, now),
        InviteInput.Stale => OnStale(pair, now),
        InviteInput.Answered answered => OnAnswered(pair, answered),
        InviteInput.Refused refused => End(pair, refused.Reason, now) with { OutcomeUnknown = false },
        PairInput.Pinned => OnPinned(pair, now),
        PairInput.PinRefused refused => pair with { Reason = WireReason.IdentityConflict, LastError = $"Another key is trusted under the name '{refused.Handle}'." },
        PairInput.Stopped => End(pair, WireReason.Cancelled, now),
        PairInput.TimeIsOver => OnTimeIsOver(pair, now),
        PairInput.Restored => pair.Messages.Sent.ContainsKey(Drop) && pair.Drops == 0 ? pair with { OpenUnanswered = true } : pair,
        PairInput.Trouble trouble => OnTrouble(pair, trouble),
        _ => pair,
    };

    /// <summary>True for a file that this machine can go on with.</summary>
    internal static bool IsSound(PendingPair pair) =>
        pair is { Id.Length: 32, Code.Length: 0, ExpiresAt: not null, PeerDid: not null, LookupHash.Length: 64, Role: PairRole.Guest }
        && (pair.IsEnded || (pair.Invite is not null && IsInvite(pair.Invite)));

    private static bool IsInvite(string text)
    {
        try
        {
            return InviteUrl.Parse(text, DateTimeOffset.UnixEpoch).Payload is not null;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidInvite or WireReason.UnsupportedVersion)
        {
            return false;
        }
    }

    // The answer before the clock: a process that died between the trust store and this file has pinned already.
    private PairEffect NextOpen(PendingPair pair, DateTimeOffset now)
    {
        var end = pair.ExpiresAt!.Value;
        var canPin = pair.Messages.Received.ContainsKey(Ack) || (Number == 1 && pair.Drops > 0);
        return canPin && now < end + Patience ? new InviteWork.Pin()
            : pair.GiveUpAt is { } giveUp ? (now >= giveUp ? new PairEffect.Apply(new PairInput.TimeIsOver()) : new PairEffect.Rest(giveUp))
            : now >= end ? new PairEffect.Apply(new PairInput.TimeIsOver())
            : !pair.Messages.Sent.ContainsKey(Drop) ? new InviteWork.Prepare()
            : pair.NextDropAt is { } next && now < next ? new PairEffect.Rest(next < end ? next : end)
            : new InviteWork.Post();
    }

    private static PairEffect NextLeft(PendingPair pair) => pair.Leaving[0] switch
    {
        PairLeaving.RevokeGrant => new PairWork.RevokeGrant(),
        PairLeaving.ReleaseName => new PairWork.ReleaseName(),
        var other => new PairEffect.Apply(new PairInput.Left(other)),
    };

    private static PendingPair OnPrepared(PendingPair pair, InviteInput.Prepared prepared) => pair.Messages.Sent.ContainsKey(Drop) ? pair : pair with
    {
        OurSlotId = prepared.Mailbox.SlotId,
        OurSlotToken = prepared.Mailbox.SlotToken ?? pair.OurSlotToken,
        GrantId = prepared.Mailbox.SlotToken is null ? pair.GrantId : null,
        RelayId = prepared.Mailbox.RelayId,
        Messages = pair.Messages.WithSent(Drop, prepared.Body),
        Reason = null,
        LastError = null,
    };

    private static PendingPair OnDropped(PendingPair pair, DateTimeOffset now)
    {
        var next = pair with { Drops = pair.Drops + 1, OpenUnanswered = false, NextDropAt = Storage.Timestamps.Round(now + PauseAfter(pair)) };
        return pair.Status == PairStatus.RequestGuest ? Move(next, PairStatus.Polling, now) : next;
    }

    // Spread by the name, so that many that accepted at once do not all come back at once.
    private static TimeSpan PauseAfter(PendingPair pair)
    {
        var pause = FirstPause * Math.Pow(2, Math.Min(pair.Drops, 10));
        return (pause < LongestPause ? pause : LongestPause) * (0.75 + (Convert.FromHexString(pair.Id)[0] / 512.0));
    }

    // What the relay has taken before, the issuer may still answer.
    private static PendingPair OnStale(PendingPair pair, DateTimeOffset now) =>
        MayBeThere(pair) ? pair with { NextDropAt = pair.ExpiresAt }
        : End(pair, WireReason.InviteRevoked, now) with { ReasonVerified = false, LastError = "Claimed by the relay: it takes nothing by this invite any more." };

    private static PendingPair OnAnswered(PendingPair pair, InviteInput.Answered answered) =>
        pair.Messages.Received.ContainsKey(Ack) || answered.Route is not { } route ? pair : pair with
        {
            Messages = pair.Messages.WithReceived(Ack, WireJson.ObjectOf(
                ("relay_url", WireJson.From(route.RelayUrl)),
                ("slot_id", WireJson.From(route.SlotId)),
                ("slot_token", WireJson.From(route.SlotToken))).ToCompactString()),
        };

    private PendingPair OnPinned(PendingPair pair, DateTimeOffset now) => Scrub(Move(pair, PairStatus.Paired, now)) with
    {
        EndedAt = now,
        Reason = null,
        LastError = null,
        PeerAcked = Number == 2 || pair.Messages.Received.ContainsKey(Ack),
    };

    private static PendingPair OnTimeIsOver(PendingPair pair, DateTimeOffset now) =>
        MayBeThere(pair) && pair.GiveUpAt is null ? pair with { GiveUpAt = Storage.Timestamps.Round(now + LastLook) } : End(pair, WireReason.InviteExpired, now);

    private static PendingPair OnTrouble(PendingPair pair, PairInput.Trouble trouble) => pair with
    {
        LastError = trouble.Message,
        Reason = trouble.Reason ?? (pair.Reason is WireReason.RelayWithoutV2 or WireReason.RelayDowngraded ? null : pair.Reason),
        OpenUnanswered = pair.OpenUnanswered || (trouble.Message is not null && pair.Drops == 0 && pair.Messages.Sent.ContainsKey(Drop)),
    };

    private static bool MayBeThere(PendingPair pair) => pair.Drops > 0 || pair.OpenUnanswered;

    private static PendingPair End(PendingPair pair, WireReason reason, DateTimeOffset now)
    {
        var leaving = ImmutableArray.Create(PairLeaving.ReleaseName);
        return Scrub(Move(pair, PairStatus.Aborted, now)) with
        {
            EndedAt = now,
            Reason = reason,
            ReasonVerified = true,
            OutcomeUnknown = MayBeThere(pair),
            Leaving = PairWork.GivenBy(pair) is null ? leaving : leaving.Add(PairLeaving.RevokeGrant),
        };
    }

    private static PendingPair Scrub(PendingPair pair) => pair with
    {
        Invite = null,
        OurSlotToken = null,
        NextDropAt = null,
        GiveUpAt = null,
        Messages = PairMessages.None,
    };
}
