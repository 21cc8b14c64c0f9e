using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Relay;
using static WirePS.Pairing.PairRules;

namespace WirePS.Pairing.V1;

/// <summary>
/// The pairing of wire.md §5-6, without the faults of its §11: symmetric SPAKE2, one number for both sides, sealed
/// bootstraps. It does not protect against a relay that works out the code (C1-C3); pairing-v2.md does.
/// </summary>
public sealed class V1Protocol : ICodeProtocol
{
    internal const string Msg = "msg";
    internal const string Bootstrap = "bootstrap";

    /// <summary>How far the clocks of this machine and of a relay may differ (pairing-v2.md §7).</summary>
    internal static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    // What a relay says of the end is taken up to this: more than any pairing asks for, and far from where times overflow.
    private static readonly TimeSpan LongestLife = PairOperations.LongestLifetime + TimeSpan.FromDays(1);

    /// <summary>The one instance; it holds no state.</summary>
    public static V1Protocol Instance { get; } = new();

    /// <inheritdoc/>
    public int Number => 1;

    /// <inheritdoc/>
    public PendingPair Create(PairRequest request)
    {
        var seed = request.Secrets.Span[..32];
        using var scalar = SymmetricSpake2.ScalarFromSeed(seed);
        var message = SymmetricSpake2.Message(Encoding.ASCII.GetBytes(request.Code), scalar.Span);
        return new PendingPair
        {
            Code = request.Code,
            CodeHash = CodePhrase.Hash(request.Code),
            Role = request.Role,
            RelayUrl = request.RelayUrl,
            Status = request.Role == PairRole.Host ? PairStatus.RequestHost : PairStatus.RequestGuest,
            CreatedAt = request.CreatedAt,
            ExpiresAt = request.ExpiresAt,
            Spake2Seed = StrictBase64.Encode(seed),
            Protocol = Number,
            Id = request.Id,
            GrantId = request.Grant.Id,
            OurSlotToken = request.Grant.Token,
            Messages = PairMessages.None.WithSent(Msg, StrictBase64.Encode(message)),
            Transitions = [new PairTransition(null, request.Role == PairRole.Host ? PairStatus.RequestHost : PairStatus.RequestGuest, request.CreatedAt)],
        };
    }

    /// <inheritdoc/>
    public PairEffect Next(PendingPair pair, DateTimeOffset now) => pair.Status switch
    {
        PairStatus.RequestHost or PairStatus.RequestGuest or PairStatus.Polling or PairStatus.SasReady
            when now >= pair.ExpiresAt => new PairEffect.Apply(new PairInput.TimeIsOver()),
        PairStatus.RequestHost or PairStatus.RequestGuest or PairStatus.Polling or PairStatus.SasReady => NextOpen(pair),
        PairStatus.Confirmed => NextConfirmed(pair, now),
        PairStatus.Paired => NextPaired(pair, now),
        _ => NextAborted(pair, now),
    };

    /// <inheritdoc/>
    public PendingPair Step(PendingPair pair, PairInput input, DateTimeOffset now) => input switch
    {
        PairInput.MailboxReady ready => OnMailbox(pair, ready),
        V1Input.SeedDrawn drawn => OnSeedDrawn(pair, drawn),
        V1Input.Lost => pair.IsEnded ? pair : End(pair, WireReason.AbortedRestart, now),
        V1Input.Opened opened => OnOpened(pair, opened, now),
        V1Input.RoleTaken => OnRoleTaken(pair, now),
        V1Input.Seen seen => OnSeen(pair, seen.View, now),
        V1Input.Gone gone => OnGone(pair, gone.RelayId, now),
        V1Input.Posted => pair.Status == PairStatus.Confirmed ? pair with { BootstrapPosted = true } : pair,
        PairInput.PeerRefused refused => pair.Status == PairStatus.Confirmed ? End(pair, refused.Reason, now) : pair,
        V1Input.Decided decided => OnDecided(pair, decided.View, now),
        V1Input.PostRefused => pair.Status == PairStatus.Confirmed ? End(pair, WireReason.RelayInterference, now) : pair,
        PairInput.Confirmed confirmed => OnConfirmed(pair, confirmed, now),
        PairInput.Stopped => OnStopped(pair, now),
        PairInput.Pinned => IsPinnable(pair) ? Pair(pair, now) : pair,
        PairInput.PinRefused refused => OnPinRefused(pair, refused, now),
        PairInput.TimeIsOver => pair.IsEnded ? pair : End(pair, WireReason.Expired, now),
        PairInput.Left left => OnLeft(pair, left.What),
        PairInput.Restored => IsUnanswered(pair) ? pair with { OpenUnanswered = true } : pair,
        PairInput.Trouble trouble => pair with { LastError = trouble.Message, Reason = trouble.Reason ?? (pair.Reason is WireReason.RelayDowngraded ? null : pair.Reason), OpenUnanswered = pair.OpenUnanswered || (trouble.Message is not null && IsUnanswered(pair)) },
        _ => pair,
    };

    /// <summary>True for a file that this machine can go on with.</summary>
    internal static bool IsSound(PendingPair pair) =>
        CodePhrase.TryParseStrict(pair.Code, out var code) && code == pair.Code
        && (pair.CodeHash == CodePhrase.Hash(code) || (pair.IsEnded && pair.CodeHash.Length == 0))
        && (pair.Id.Length == 0 || pair.IsEnded || IsComplete(pair));

    // Another program stores less (wire.md §6.1); what is missing there is made up for by V1Adoption.
    private static bool IsComplete(PendingPair pair) =>
        pair.ExpiresAt is not null
        && (pair.Spake2Seed is null || pair.Messages.Sent.ContainsKey(Msg))
        && pair.Status switch
        {
            PairStatus.SasReady => pair.Sas is not null && pair.Messages.Received.ContainsKey(Msg),
            PairStatus.Confirmed => pair.Messages.Received.ContainsKey(Msg) && pair.Messages.Sent.ContainsKey(Bootstrap),
            _ => true,
        };

    private static PairEffect NextOpen(PendingPair pair) =>
        pair.Spake2Seed is null ? OfNoSeed(pair)
        : pair.OurSlotId is null ? new PairWork.UseMailbox()
        : pair.PairId is null ? new V1Work.Open()
        : new V1Work.Await(Held(pair));

    // Another program draws the secret when it opens; a wish that it has not opened can go on here, an opened one cannot.
    private static PairEffect OfNoSeed(PendingPair pair) =>
        pair is { Status: PairStatus.RequestHost or PairStatus.RequestGuest, PairId: null } ? new V1Work.DrawSeed() : new PairEffect.Apply(new V1Input.Lost());

    private static PairEffect NextConfirmed(PendingPair pair, DateTimeOffset now)
    {
        // A relay of ours orders the outcome and keeps it; on another one, and where there is none to ask, our own clock ends the wait.
        var giveUpAt = pair.RelayId is null ? pair.ExpiresAt : pair.ExpiresAt + Patience;
        return now >= giveUpAt ? new PairEffect.Apply(new PairInput.TimeIsOver())
            : pair.Stopping && !(pair.BootstrapPosted && pair.Messages.Received.ContainsKey(Bootstrap)) ? new V1Work.Withdraw()
            : pair.PairId is null ? new V1Work.Open()
            : !pair.BootstrapPosted ? new V1Work.Post()
            : pair.Messages.Received.ContainsKey(Bootstrap) ? new V1Work.Pin()
            : new V1Work.Await(Held(pair));
    }

    private static PairEffect NextPaired(PendingPair pair, DateTimeOffset now)
    {
        return RestAfterEnd(pair, now) ?? pair.Leaving[0] switch
        {
            PairLeaving.Finish => new V1Work.Finish(),
            PairLeaving.RemovePeer => new PairWork.RemovePeer(),
            PairLeaving.AwaitAck => new V1Work.Await(V1Have.Bootstrap),
            var other => new PairEffect.Apply(new PairInput.Left(other)),
        };
    }

    private static PairEffect NextAborted(PendingPair pair, DateTimeOffset now)
    {
        return RestAfterEnd(pair, now) ?? pair.Leaving[0] switch
        {
            PairLeaving.RevokeGrant => new PairWork.RevokeGrant(),

            // What has expired by itself needs no word; and whether an opening whose answer was lost is ours, only a relay of ours can tell.
            PairLeaving.Abandon when now < pair.ExpiresAt && pair.PairId is not null => new V1Work.Abandon(),
            PairLeaving.Abandon when now < pair.ExpiresAt && pair.RelayId is not null => new V1Work.Open(),
            var other => new PairEffect.Apply(new PairInput.Left(other)),
        };
    }

    private static PendingPair OnMailbox(PendingPair pair, PairInput.MailboxReady ready) =>
        pair.IsEnded || pair.OurSlotId is not null ? pair : pair with
        {
            OurSlotId = ready.SlotId,
            OurSlotToken = ready.SlotToken ?? pair.OurSlotToken,
            GrantId = ready.SlotToken is null ? pair.GrantId : null,
            RelayId = ready.RelayId,
            OpenSent = true,
        };

    private static PendingPair OnSeedDrawn(PendingPair pair, V1Input.SeedDrawn drawn) =>
        pair.IsEnded || pair.Spake2Seed is not null ? pair : V1Adoption.WithMessage(pair with
        {
            Spake2Seed = StrictBase64.Encode(drawn.Seed.Span),
            GrantId = drawn.Grant.Id,
            OurSlotToken = drawn.Grant.Token,
        });

    private static PendingPair OnOpened(PendingPair pair, V1Input.Opened opened, DateTimeOffset now)
    {
        var next = pair with { PairId = opened.PairId, OpenUnanswered = false, ExpiresAt = EndOf(pair, opened.ExpiresAt) };
        return pair.Status is PairStatus.RequestHost or PairStatus.RequestGuest ? Move(next, PairStatus.Polling, now) : next;
    }

    private static PendingPair OnRoleTaken(PendingPair pair, DateTimeOffset now) =>
        pair.IsEnded ? OnLeft(pair, PairLeaving.Abandon)
        : End(pair with { OpenSent = false }, pair.RelayId is null && (pair.OpenUnanswered || pair.Status is not (PairStatus.RequestHost or PairStatus.RequestGuest)) ? WireReason.RelayLostReply : WireReason.Crowded, now);

    private static PendingPair OnSeen(PendingPair pair, V1PairView view, DateTimeOffset now)
    {
        if (pair.IsEnded)
        {
            return view.PeerDone && pair.Status == PairStatus.Paired ? OnLeft(pair, PairLeaving.AwaitAck) with { PeerAcked = true } : pair;
        }

        if (EndOf(pair, view.ExpiresAt) is { } expires && pair.ExpiresAt != expires)
        {
            pair = pair with { ExpiresAt = expires };
        }

        if (Differs(pair, Msg, view.PeerMsg) || Differs(pair, Bootstrap, view.PeerBootstrap))
        {
            return End(pair, WireReason.RelayInterference, now);
        }

        // One step makes one transition at most; what else is there is seen again by the next read.
        return pair.Status switch
        {
            PairStatus.Polling when view.PeerMsg is { } msg => OnPeerMessage(pair, msg, now),
            PairStatus.SasReady or PairStatus.Confirmed when view.PeerBootstrap is { } bootstrap && !pair.Messages.Received.ContainsKey(Bootstrap) => OnPeerBootstrap(pair, bootstrap, now),
            _ => pair,
        };
    }

    /// <summary>A withdrawal came too late: what the relay still shows after it, both sides have decided.</summary>
    private static PendingPair OnDecided(PendingPair pair, V1PairView view, DateTimeOffset now)
    {
        if (pair.Status != PairStatus.Confirmed)
        {
            return pair;
        }

        var next = OnSeen(pair, view, now);
        return next.IsEnded ? next : next with { BootstrapPosted = true };
    }

    private static PendingPair OnPeerMessage(PendingPair pair, string msg, DateTimeOffset now)
    {
        if (msg == pair.Messages.Sent.GetValueOrDefault(Msg))
        {
            return End(pair, WireReason.SelfPairing, now);
        }

        var next = pair with { Messages = pair.Messages.WithReceived(Msg, msg) };
        try
        {
            using var key = V1Secrets.Key(next);
            return Move(next with { Sas = ShortAuthenticationString.V1(key.Span) }, PairStatus.SasReady, now);
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidShare or WireReason.SelfPairing)
        {
            return End(pair, error.Reason, now);
        }
    }

    private static PendingPair OnPeerBootstrap(PendingPair pair, string bootstrap, DateTimeOffset now)
    {
        if (bootstrap == pair.Messages.Sent.GetValueOrDefault(Bootstrap))
        {
            return End(pair, WireReason.SelfPairing, now);
        }

        var next = pair with { Messages = pair.Messages.WithReceived(Bootstrap, bootstrap) };
        try
        {
            var peer = V1Bootstrap.OpenPeer(next);
            return next with { PeerDid = peer.Card.Did, PeerHandle = peer.Card.Handle, PeerFingerprint = Identity.Fingerprint.Display(peer.Card.PublicKey) };
        }
        catch (WireException error)
        {
            return End(pair, error.Reason is WireReason.InvalidCard or WireReason.InvalidJson ? WireReason.IdentityMismatch : error.Reason, now) with { LastError = error.Message };
        }
    }

    private static PendingPair OnGone(PendingPair pair, string? relayId, DateTimeOffset now)
    {
        if (pair.IsEnded)
        {
            return OnLeft(OnLeft(OnLeft(pair, PairLeaving.AwaitAck), PairLeaving.Abandon), PairLeaving.Finish);
        }

        if (pair.Stopping)
        {
            return End(pair with { OutcomeUnknown = pair.OutcomeUnknown || (pair.BootstrapPosted && relayId != pair.RelayId) }, WireReason.Cancelled, now);
        }

        if (relayId is not null && relayId == pair.RelayId)
        {
            return now >= pair.ExpiresAt - Skew
                ? End(pair, WireReason.Expired, now)
                : End(pair, WireReason.Cancelled, now) with { ReasonVerified = false };
        }

        // This relay has lost what it had, or is another one now: what we said is said again. Before anything was
        // sealed that includes the mailbox, which went with the rest.
        var again = pair with { PairId = null, BootstrapPosted = false, RelayId = relayId, OutcomeUnknown = pair.OutcomeUnknown || pair.BootstrapPosted };
        return pair.RelayId is not null && pair.Status is PairStatus.Polling or PairStatus.SasReady
            ? again with { OurSlotId = null }
            : again;
    }

    private static PendingPair OnConfirmed(PendingPair pair, PairInput.Confirmed input, DateTimeOffset now)
    {
        if (pair.Status != PairStatus.SasReady)
        {
            return pair;
        }

        if (now >= pair.ExpiresAt)
        {
            return End(pair, WireReason.Expired, now);
        }

        if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(input.Digits), Encoding.ASCII.GetBytes(pair.Sas!)))
        {
            return End(pair, WireReason.SasMismatch, now);
        }

        var own = V1Bootstrap.SealOwn(pair, input.OwnCard, input.Random.Span[..12]);
        return Move(pair with { Messages = pair.Messages.WithSent(Bootstrap, own) }, PairStatus.Confirmed, now);
    }

    private static PendingPair OnStopped(PendingPair pair, DateTimeOffset now) =>
        pair.IsEnded ? pair
        : pair.Status == PairStatus.Confirmed ? pair with { Stopping = true }
        : End(pair, WireReason.Cancelled, now);

    // A stop that came too late has nothing to remove where another key stands under the name.
    private static PendingPair OnPinRefused(PendingPair pair, PairInput.PinRefused refused, DateTimeOffset now) =>
        !IsPinnable(pair) ? pair
        : pair.Stopping ? End(pair, WireReason.Cancelled, now)
        : pair with { Reason = WireReason.IdentityConflict, LastError = $"Another key is trusted under the name '{refused.Handle}'." };

    private static PendingPair OnLeft(PendingPair pair, PairLeaving what)
    {
        var left = pair.Leaving.Remove(what);
        return left == pair.Leaving ? pair : Forget(pair with { Leaving = left });
    }

    // What names the rendezvous goes as soon as there is nothing more to tell the relay.
    private static PendingPair Forget(PendingPair pair) =>
        pair.Leaving.Any(static l => l is PairLeaving.Abandon or PairLeaving.Finish) ? pair : pair with { CodeHash = "", Messages = PairMessages.None };

    private static PendingPair Pair(PendingPair pair, DateTimeOffset now) =>
        Forget(Scrub(Move(pair, PairStatus.Paired, now)) with
        {
            Reason = null,
            LastError = null,
            OutcomeUnknown = false,
            EndedAt = now,
            Leaving = (pair.Stopping, pair.RelayId) switch
            {
                (true, null) => [PairLeaving.RemovePeer],
                (true, _) => [PairLeaving.RemovePeer, PairLeaving.Finish],
                (false, null) => [],
                (false, _) => [PairLeaving.Finish, PairLeaving.AwaitAck],
            },
        });

    private static PendingPair End(PendingPair pair, WireReason reason, DateTimeOffset now)
    {
        var leaving = ImmutableArray.CreateBuilder<PairLeaving>();
        if (pair.OpenSent)
        {
            leaving.Add(PairLeaving.Abandon);
        }

        if (PairWork.GivenBy(pair) is not null)
        {
            leaving.Add(PairLeaving.RevokeGrant);
        }

        // Whether an opening whose answer was lost is ours, a relay of ours tells when it is sent again.
        var frames = pair.PairId is null && pair.RelayId is not null && pair.OpenSent && pair.Messages.Sent.TryGetValue(Msg, out var own)
            ? PairMessages.None.WithSent(Msg, own)
            : PairMessages.None;
        return Forget(Scrub(Move(pair, reason == WireReason.AbortedRestart ? PairStatus.AbortedRestart : PairStatus.Aborted, now)) with
        {
            Messages = frames,
            EndedAt = now,
            Reason = reason,
            ReasonVerified = true,
            OutcomeUnknown = pair.OutcomeUnknown || (pair.BootstrapPosted && !IsOrdered(pair, reason, now)),
            Leaving = leaving.ToImmutable(),
        });
    }

    // A relay of ours orders the outcome, and keeps for 30 days what both sides have decided. Where it is another one, where
    // both bootstraps are out, or where we end on a finding of our own, the other side may have pinned us.
    private static bool IsOrdered(PendingPair pair, WireReason reason, DateTimeOffset now) =>
        pair.RelayId is not null
        && reason is WireReason.Cancelled or WireReason.Expired
        && !pair.Messages.Received.ContainsKey(Bootstrap)
        && now < pair.Transitions.LastOrDefault()?.Time + Patience - Skew;

    private static PendingPair Scrub(PendingPair pair) => pair with
    {
        Sas = null,
        Spake2Seed = null,
        OurSlotToken = null,
        Messages = PairMessages.None,
    };

    // In the precision of the file, so that a state in memory and the same one read back are equal.
    private static DateTimeOffset? EndOf(PendingPair pair, DateTimeOffset? relays) =>
        relays is not { } end ? pair.ExpiresAt
        : end > pair.CreatedAt + LongestLife ? Storage.Timestamps.Round(pair.CreatedAt + LongestLife)
        : Storage.Timestamps.Round(end);

    private static V1Have Held(PendingPair pair) =>
        pair.Messages.Received.ContainsKey(Bootstrap) ? V1Have.Bootstrap
        : pair.Messages.Received.ContainsKey(Msg) ? V1Have.Msg
        : V1Have.None;

    private static bool Differs(PendingPair pair, string phase, string? seen) =>
        seen is not null && pair.Messages.Received.TryGetValue(phase, out var held) && held != seen;

    private static bool IsPinnable(PendingPair pair) => pair.Status == PairStatus.Confirmed && pair.Messages.Received.ContainsKey(Bootstrap);

    private static bool IsUnanswered(PendingPair pair) =>
        pair.OpenSent && pair.PairId is null && pair.Status is PairStatus.RequestHost or PairStatus.RequestGuest;
}
