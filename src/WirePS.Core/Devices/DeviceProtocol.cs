using System.Collections.Immutable;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Trust;
using static WirePS.Pairing.PairRules;

namespace WirePS.Devices;

/// <summary>
/// The new machine's side of a pair token (wireps.md §7) as a pairing: it leaves its request, a <c>device_redeem</c>, in the
/// issuer's mailbox, repeats it until the issuer answers or the token expires, and pins the identity when it has been admitted.
/// </summary>
public sealed class DeviceProtocol : IPairProtocol
{
    /// <summary>The name under which our request stands among what was sent.</summary>
    internal const string Redeem = "redeem";

    /// <summary>The name under which the issuer's answer stands among what was received.</summary>
    internal const string Answer = "answer";

    private const string CardMember = "card";
    private const string RouteMember = "route";

    // A token lives for minutes: a request that was lost must be there again soon.
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(4);

    // An answer may lie in the mailbox when the end is noticed, and is read right after.
    private static readonly TimeSpan LastLook = TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public string Kind => PairKinds.Device;

    /// <inheritdoc/>
    public int Number => 2;

    /// <summary>The first state of a registration.</summary>
    /// <param name="text">The URL.</param>
    /// <param name="url">What it says.</param>
    /// <param name="label">A name for this machine; null for the token's.</param>
    /// <param name="random">64 fresh random bytes: its name, the grant for this machine's mailbox, and that one's token. A secret.</param>
    /// <param name="now">Now.</param>
    internal PendingPair Create(string text, DeviceUrl url, string? label, ReadOnlySpan<byte> random, DateTimeOffset now)
    {
        var principal = PrincipalOf(url);
        return new PendingPair
        {
            Kind = Kind,
            Protocol = Number,
            Id = Convert.ToHexStringLower(random[..16]),
            GrantId = Convert.ToHexStringLower(random[16..32]),
            OurSlotToken = Convert.ToHexStringLower(random[32..64]),
            Code = "",
            CodeHash = "",
            LookupHash = PairToken.HashOf(url.Token),
            Role = PairRole.Guest,
            Status = PairStatus.RequestGuest,
            RelayUrl = url.Endpoints[0].RelayUrl,
            DeviceUrl = text,
            DeviceLabel = label,
            PeerDid = principal.Did,
            PeerHandle = principal.Handle,
            PeerFingerprint = Fingerprint.Display(principal.PublicKey),
            CreatedAt = now,
            ExpiresAt = url.ExpiresAt,
            Transitions = [new PairTransition(null, PairStatus.RequestGuest, now)],
        };
    }

    /// <summary>The URL of a registration that has not ended.</summary>
    internal static DeviceUrl UrlOf(PendingPair pair) => DeviceUrl.Parse(pair.DeviceUrl!, DateTimeOffset.UnixEpoch);

    /// <summary>The card of the identity that a URL is about, as it was when the URL was made.</summary>
    internal static AgentCard PrincipalOf(DeviceUrl url) => url.PrincipalCard ?? url.IssuerCard;

    /// <summary>The issuer's answer: the identity's card with this machine on it, and the address that it gave.</summary>
    internal static (AgentCard Card, PeerRoute? Route) AnswerOf(PendingPair pair)
    {
        var answer = WireJson.Parse(pair.Messages.Received[Answer]);
        var route = answer.GetObject(RouteMember);
        return (AgentCard.From(answer.GetObject(CardMember)!), route is null ? null
            : new PeerRoute(route.GetString("relay_url")!, route.GetString("slot_id")!, route.GetString("slot_token")!));
    }

    /// <inheritdoc/>
    public PairEffect Next(PendingPair pair, DateTimeOffset now) => pair.IsEnded
        ? RestAfterEnd(pair, now) ?? NextLeft(pair)
        : NextOpen(pair, now);

    /// <inheritdoc/>
    public PendingPair Step(PendingPair pair, PairInput input, DateTimeOffset now) => input switch
    {
        PairInput.Left left => pair with { Leaving = pair.Leaving.Remove(left.What) },
        _ when pair.IsEnded => pair,
        DeviceInput.Prepared prepared => OnPrepared(pair, prepared),
        DeviceInput.Requested => OnRequested(pair, now),
        DeviceInput.Stale => OnStale(pair, now),
        DeviceInput.Admitted admitted => OnAdmitted(pair, admitted),
        DeviceInput.Refused refused => End(pair, refused.Reason, now) with { OutcomeUnknown = false },
        PairInput.Pinned => OnPinned(pair, now),
        PairInput.PinRefused refused => pair with { Reason = WireReason.IdentityConflict, LastError = $"Another key is trusted under the name '{refused.Handle}'." },
        PairInput.Stopped => End(pair, WireReason.Cancelled, now),
        PairInput.TimeIsOver => OnTimeIsOver(pair, now),
        PairInput.Restored => IsUnanswered(pair) ? pair with { OpenUnanswered = true } : pair,
        PairInput.Trouble trouble => OnTrouble(pair, trouble),
        _ => pair,
    };

    /// <summary>True for a file that this machine can go on with.</summary>
    internal static bool IsSound(PendingPair pair) =>
        pair is { Id.Length: 32, Code.Length: 0, ExpiresAt: not null, PeerDid: not null, LookupHash.Length: PairToken.HashLength, Role: PairRole.Guest }
        && (pair.IsEnded || (pair.DeviceUrl is not null && IsUrl(pair.DeviceUrl)));

    private static bool IsUrl(string text)
    {
        try
        {
            return DeviceUrl.Parse(text, DateTimeOffset.UnixEpoch) is not null;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidDeviceUrl or WireReason.InvalidCard or WireReason.UnsupportedVersion or WireReason.DeviceUrlExpired)
        {
            return false;
        }
    }

    // The answer before the clock: a process that died between the trust store and this file has pinned already.
    private static PairEffect NextOpen(PendingPair pair, DateTimeOffset now)
    {
        var end = pair.ExpiresAt!.Value;
        return pair.Messages.Received.ContainsKey(Answer) ? (now < end + Patience ? new DeviceWork.Pin() : new PairEffect.Apply(new PairInput.TimeIsOver()))
            : pair.GiveUpAt is { } giveUp ? (now >= giveUp ? new PairEffect.Apply(new PairInput.TimeIsOver()) : new PairEffect.Rest(giveUp))
            : now >= end ? new PairEffect.Apply(new PairInput.TimeIsOver())
            : !pair.Messages.Sent.ContainsKey(Redeem) ? new DeviceWork.Prepare()
            : pair.NextDropAt is { } next && now < next ? new PairEffect.Rest(next < end ? next : end)
            : new DeviceWork.Post();
    }

    private static PairEffect NextLeft(PendingPair pair) => pair.Leaving[0] switch
    {
        PairLeaving.RevokeGrant => new PairWork.RevokeGrant(),
        PairLeaving.ReleaseName => new PairWork.ReleaseName(),
        var other => new PairEffect.Apply(new PairInput.Left(other)),
    };

    private static PendingPair OnPrepared(PendingPair pair, DeviceInput.Prepared prepared) => pair.Messages.Sent.ContainsKey(Redeem) ? pair : pair with
    {
        OurSlotId = prepared.Mailbox.SlotId,
        RelayId = prepared.Mailbox.RelayId,
        Messages = pair.Messages.WithSent(Redeem, prepared.Body),
        Reason = null,
        LastError = null,
    };

    private static PendingPair OnRequested(PendingPair pair, DateTimeOffset now)
    {
        var next = pair with { Drops = pair.Drops + 1, OpenUnanswered = false, NextDropAt = Storage.Timestamps.Round(now + PauseAfter(pair)) };
        return pair.Status == PairStatus.RequestGuest ? Move(next, PairStatus.Polling, now) : next;
    }

    private static TimeSpan PauseAfter(PendingPair pair)
    {
        var pause = FirstPause * Math.Pow(2, Math.Min(pair.Drops, 10));
        return pause < LongestPause ? pause : LongestPause;
    }

    // What the relay has taken before, the issuer may still answer.
    private static PendingPair OnStale(PendingPair pair, DateTimeOffset now) =>
        MayBeThere(pair) ? pair with { NextDropAt = pair.ExpiresAt }
        : End(pair, WireReason.TokenRefused, now) with { ReasonVerified = false, LastError = "Claimed by the relay: it takes nothing by this URL any more." };

    private static PendingPair OnAdmitted(PendingPair pair, DeviceInput.Admitted admitted)
    {
        if (pair.Messages.Received.ContainsKey(Answer))
        {
            return pair;
        }

        var answer = WireJson.ObjectOf((CardMember, admitted.PrincipalCard.Json));
        answer = admitted.Route is not { } route ? answer : answer.With(RouteMember, WireJson.ObjectOf(
            ("relay_url", WireJson.From(route.RelayUrl)),
            ("slot_id", WireJson.From(route.SlotId)),
            ("slot_token", WireJson.From(route.SlotToken))));
        return pair with { Messages = pair.Messages.WithReceived(Answer, answer.ToCompactString()) };
    }

    private static PendingPair OnPinned(PendingPair pair, DateTimeOffset now) => Scrub(Move(pair, PairStatus.Paired, now)) with
    {
        EndedAt = now,
        Reason = null,
        LastError = null,
        PeerAcked = true,
    };

    private static PendingPair OnTimeIsOver(PendingPair pair, DateTimeOffset now)
    {
        if (pair.Messages.Received.ContainsKey(Answer))
        {
            return End(pair, WireReason.IdentityConflict, now);
        }

        return MayBeThere(pair) && pair.GiveUpAt is null
            ? pair with { GiveUpAt = Storage.Timestamps.Round(now + LastLook), LastError = WireErrorCatalogue.Of(WireReason.IssuerNoAnswer).Meaning }
            : End(pair, WireReason.IssuerNoAnswer, now);
    }

    private static PendingPair OnTrouble(PendingPair pair, PairInput.Trouble trouble) => pair with
    {
        LastError = trouble.Message,
        Reason = trouble.Reason ?? (pair.Reason is WireReason.RelayWithoutV2 or WireReason.RelayDowngraded ? null : pair.Reason),
        OpenUnanswered = pair.OpenUnanswered || (trouble.Message is not null && IsUnanswered(pair)),
    };

    private static bool IsUnanswered(PendingPair pair) => pair.Drops == 0 && pair.Messages.Sent.ContainsKey(Redeem);

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
        DeviceUrl = null,
        OurSlotToken = null,
        NextDropAt = null,
        GiveUpAt = null,
        Messages = PairMessages.None,
    };
}
