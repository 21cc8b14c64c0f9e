using System.Collections.Immutable;
using WirePS.Identity;
using WirePS.Trust;
using static WirePS.Pairing.PairRules;

namespace WirePS.Pairing;

/// <summary>How often a request is repeated, and how long its answer is looked for.</summary>
/// <param name="FirstPause">From the first request to the second; each pause is twice the one before.</param>
/// <param name="LongestPause">No pause is longer.</param>
/// <param name="LastLook">How long after the end an answer is still looked for that may lie in the mailbox.</param>
public sealed record MailboxRequestTimes(TimeSpan FirstPause, TimeSpan LongestPause, TimeSpan LastLook);

/// <summary>The names under which the messages of a request stand in its file.</summary>
/// <param name="Request">Our request, among what was sent.</param>
/// <param name="Answer">Its answer, among what was received.</param>
public sealed record MailboxRequestNames(string Request, string Answer);

/// <summary>
/// A pairing by a URL that somebody has handed over: this side leaves a request in the other one's mailbox, repeats it until it
/// is answered or its time is over, and pins the other side when that has pinned us. Invites (wireps.md §6) and the registration
/// of devices (wireps.md §7) are such pairings.
/// </summary>
/// <param name="kind">The kind in the pairing's file.</param>
/// <param name="number">The number in the pairing's file.</param>
/// <param name="names">The names of its messages.</param>
/// <param name="times">Its pauses.</param>
public abstract class MailboxRequestProtocol(string kind, int number, MailboxRequestNames names, MailboxRequestTimes times) : IPairProtocol
{
    /// <summary>Random bytes that a new request takes: its name, the grant for its answer, and that one's token.</summary>
    internal const int RandomBytes = 64;

    // A SHA-256 in hex: what a URL is known by that was used before.
    private const int LookupLength = 64;

    /// <inheritdoc/>
    public string Kind => kind;

    /// <inheritdoc/>
    public int Number => number;

    /// <inheritdoc/>
    public PairEffect Next(PendingPair pair, DateTimeOffset now) => pair.IsEnded
        ? RestAfterEnd(pair, now) ?? NextLeft(pair)
        : NextOpen(pair, now);

    /// <inheritdoc/>
    public PendingPair Step(PendingPair pair, PairInput input, DateTimeOffset now) => input switch
    {
        PairInput.Left left => pair with { Leaving = pair.Leaving.Remove(left.What) },
        _ when pair.IsEnded => StepAfterEnd(pair, input),
        MailboxRequestInput.Prepared prepared => OnPrepared(pair, prepared),
        MailboxRequestInput.Posted => OnPosted(pair, now),
        MailboxRequestInput.Stale => OnStale(pair, now),
        MailboxRequestInput.Refused refused => End(pair, refused.Reason, now) with { OutcomeUnknown = false },
        PairInput.Pinned => OnPinned(pair, now),
        PairInput.PinRefused refused => pair with { Reason = WireReason.IdentityConflict, LastError = $"Another key is trusted under the name '{refused.Handle}'." },
        PairInput.Stopped => End(pair, WireReason.Cancelled, now),
        PairInput.TimeIsOver => OnTimeIsOver(pair, now),
        PairInput.Restored => IsUnanswered(pair) ? pair with { OpenUnanswered = true } : pair,
        PairInput.Trouble trouble => OnTrouble(pair, trouble),
        _ => HasAnswer(pair) || AnswerIn(input) is not { } answer ? pair : pair with { Messages = pair.Messages.WithReceived(names.Answer, answer.ToCompactString()) },
    };

    /// <summary>The work that makes the request.</summary>
    private protected abstract MailboxRequestWork.Prepare Prepare { get; }

    /// <summary>The work that leaves it in the mailbox.</summary>
    private protected abstract MailboxRequestWork.Post Post { get; }

    /// <summary>The work that pins the other side.</summary>
    private protected abstract MailboxRequestWork.Pin Pin { get; }

    /// <summary>Why a request ends that the relay has never taken, and now takes no more.</summary>
    private protected abstract WireReason StaleReason { get; }

    /// <summary>What the relay takes no more: "this invite".</summary>
    private protected abstract string Way { get; }

    /// <summary>What people see during the last look; null where that says nothing new.</summary>
    private protected virtual string? LastLookWords => null;

    /// <summary>What is kept of an input that answers the request; null for any other.</summary>
    private protected abstract WireJson? AnswerIn(PairInput input);

    /// <summary>True where the other side may be pinned.</summary>
    private protected virtual bool MayPin(PendingPair pair) => HasAnswer(pair);

    /// <summary>True where the other side is known to have pinned us when we pin it.</summary>
    private protected virtual bool IsAcked(PendingPair pair) => true;

    /// <summary>True where a request whose time is over still looks for its answer.</summary>
    private protected virtual bool LooksOnceMore(PendingPair pair) => MayBeThere(pair) && pair.GiveUpAt is null;

    /// <summary>Why a request ends whose time is over.</summary>
    private protected abstract WireReason ReasonAtEnd(PendingPair pair);

    /// <summary>What a pause is multiplied by.</summary>
    private protected virtual double SpreadOf(PendingPair pair) => 1;

    /// <summary>What an input changes after the end.</summary>
    private protected virtual PendingPair StepAfterEnd(PendingPair pair, PairInput input) => pair;

    /// <summary>True where the answer is here.</summary>
    private protected bool HasAnswer(PendingPair pair) => pair.Messages.Received.ContainsKey(names.Answer);

    /// <summary>The first state, but for the URL.</summary>
    /// <param name="peer">The card of whom this side will pin.</param>
    /// <param name="lookup">The hash by which the same URL is known when it is used again; it leads to no secret.</param>
    /// <param name="relayUrl">The relay of the mailbox that the request goes to.</param>
    /// <param name="expiresAt">The end of the URL.</param>
    /// <param name="random">Fresh random bytes, <see cref="RandomBytes"/> of them; a secret.</param>
    /// <param name="now">Now.</param>
    private protected PendingPair Begin(AgentCard peer, string lookup, string relayUrl, DateTimeOffset expiresAt, ReadOnlySpan<byte> random, DateTimeOffset now) => new()
    {
        Kind = Kind,
        Protocol = Number,
        Id = Convert.ToHexStringLower(random[..16]),
        GrantId = Convert.ToHexStringLower(random[16..32]),
        OurSlotToken = Convert.ToHexStringLower(random[32..RandomBytes]),
        Code = "",
        CodeHash = "",
        LookupHash = lookup,
        Role = PairRole.Guest,
        Status = PairStatus.RequestGuest,
        RelayUrl = relayUrl,
        PeerDid = peer.Did,
        PeerHandle = peer.Handle,
        PeerFingerprint = Fingerprint.Display(peer.PublicKey),
        CreatedAt = now,
        ExpiresAt = expiresAt,
        Transitions = [new PairTransition(null, PairStatus.RequestGuest, now)],
    };

    /// <summary>True for a file that this machine can go on with.</summary>
    /// <param name="pair">What it holds.</param>
    /// <param name="url">The URL in it.</param>
    /// <param name="read">Reads the URL.</param>
    /// <param name="isRefusal">True for the reasons by which that refuses.</param>
    private protected static bool IsSound(PendingPair pair, string? url, Action<string> read, Predicate<WireReason> isRefusal)
    {
        if (pair is not { Id.Length: 32, Code.Length: 0, ExpiresAt: not null, PeerDid: not null, LookupHash.Length: LookupLength, Role: PairRole.Guest })
        {
            return false;
        }

        try
        {
            if (!pair.IsEnded && url is not null)
            {
                read(url);
            }

            return pair.IsEnded || url is not null;
        }
        catch (WireException error) when (isRefusal(error.Reason))
        {
            return false;
        }
    }

    /// <summary>An address as it is kept with an answer.</summary>
    private protected static WireJson ToJson(PeerRoute route) => WireJson.ObjectOf(
        ("relay_url", WireJson.From(route.RelayUrl)),
        ("slot_id", WireJson.From(route.SlotId)),
        ("slot_token", WireJson.From(route.SlotToken)));

    /// <summary>Reads it back.</summary>
    private protected static PeerRoute RouteOf(WireJson json) => new(json.GetString("relay_url")!, json.GetString("slot_id")!, json.GetString("slot_token")!);

    // The answer before the clock: a process that died between the trust store and this file has pinned already.
    private PairEffect NextOpen(PendingPair pair, DateTimeOffset now)
    {
        var end = pair.ExpiresAt!.Value;
        return MayPin(pair) && now < end + Patience ? Pin
            : pair.GiveUpAt is { } giveUp ? (now >= giveUp ? new PairEffect.Apply(new PairInput.TimeIsOver()) : new PairEffect.Rest(giveUp))
            : now >= end ? new PairEffect.Apply(new PairInput.TimeIsOver())
            : !IsPrepared(pair) ? Prepare
            : pair.NextDropAt is { } next && now < next ? new PairEffect.Rest(next < end ? next : end)
            : Post;
    }

    private static PairEffect NextLeft(PendingPair pair) => pair.Leaving[0] switch
    {
        PairLeaving.RevokeGrant => new PairWork.RevokeGrant(),
        PairLeaving.ReleaseName => new PairWork.ReleaseName(),
        var other => new PairEffect.Apply(new PairInput.Left(other)),
    };

    private PendingPair OnPrepared(PendingPair pair, MailboxRequestInput.Prepared prepared) => IsPrepared(pair) ? pair : pair with
    {
        OurSlotId = prepared.Mailbox.SlotId,
        OurSlotToken = prepared.Mailbox.SlotToken ?? pair.OurSlotToken,
        GrantId = prepared.Mailbox.SlotToken is null ? pair.GrantId : null,
        RelayId = prepared.Mailbox.RelayId,
        Messages = pair.Messages.WithSent(names.Request, prepared.Body),
        Reason = null,
        LastError = null,
    };

    private PendingPair OnPosted(PendingPair pair, DateTimeOffset now)
    {
        var next = pair with { Drops = pair.Drops + 1, OpenUnanswered = false, NextDropAt = Storage.Timestamps.Round(now + PauseAfter(pair)) };
        return pair.Status == PairStatus.RequestGuest ? Move(next, PairStatus.Polling, now) : next;
    }

    private TimeSpan PauseAfter(PendingPair pair)
    {
        var pause = times.FirstPause * Math.Pow(2, Math.Min(pair.Drops, 10));
        return (pause < times.LongestPause ? pause : times.LongestPause) * SpreadOf(pair);
    }

    // What the relay has taken before may still be answered.
    private PendingPair OnStale(PendingPair pair, DateTimeOffset now) =>
        MayBeThere(pair) ? pair with { NextDropAt = pair.ExpiresAt }
        : End(pair, StaleReason, now) with { ReasonVerified = false, LastError = $"Claimed by the relay: it takes nothing by {Way} any more." };

    private PendingPair OnPinned(PendingPair pair, DateTimeOffset now) => Scrub(Move(pair, PairStatus.Paired, now)) with
    {
        EndedAt = now,
        Reason = null,
        LastError = null,
        PeerAcked = IsAcked(pair),
    };

    private PendingPair OnTimeIsOver(PendingPair pair, DateTimeOffset now) => LooksOnceMore(pair)
        ? pair with { GiveUpAt = Storage.Timestamps.Round(now + times.LastLook), LastError = LastLookWords ?? pair.LastError }
        : End(pair, ReasonAtEnd(pair), now);

    private PendingPair OnTrouble(PendingPair pair, PairInput.Trouble trouble) => pair with
    {
        LastError = trouble.Message,
        Reason = trouble.Reason ?? (pair.Reason is WireReason.RelayWithoutV2 or WireReason.RelayDowngraded ? null : pair.Reason),
        OpenUnanswered = pair.OpenUnanswered || (trouble.Message is not null && IsUnanswered(pair)),
    };

    private bool IsPrepared(PendingPair pair) => pair.Messages.Sent.ContainsKey(names.Request);

    private bool IsUnanswered(PendingPair pair) => pair.Drops == 0 && IsPrepared(pair);

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
        DeviceUrl = null,
        OurSlotToken = null,
        NextDropAt = null,
        GiveUpAt = null,
        Messages = PairMessages.None,
    };
}
