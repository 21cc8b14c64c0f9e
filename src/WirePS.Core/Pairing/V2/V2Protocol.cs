using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Pairing.V2;

/// <summary>
/// The pairing of pairing-v2.md: commit before reveal, two numbers, identities that are proven, and a relay that cannot
/// turn what it sees back into the code.
/// </summary>
/// <param name="stretcher">Stretches codes.</param>
/// <param name="group">The group arithmetic.</param>
public sealed class V2Protocol(ICodeStretcher stretcher, IPairingGroup group) : IPairProtocol
{
    /// <summary>How long an ended pairing stays to be looked at.</summary>
    private static readonly TimeSpan Keep = TimeSpan.FromHours(1);

    /// <summary>How long a relay is asked for the outcome, and the other side's acknowledgement is waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromDays(30);

    private static readonly TimeSpan ClockSlack = TimeSpan.FromMinutes(5);

    // What others say of the end is taken up to this: more than any pairing asks for, and far from where times overflow.
    private static readonly TimeSpan LongestLife = PairOperations.LongestLifetime + TimeSpan.FromDays(1);

    /// <summary>What a guest has posted where there is no rendezvous to post it to: it waits for the host to make it again.</summary>
    private const int NoRendezvous = -2;

    private const string Suspicion = "It ended after keys were exchanged and before digits were shown: possible interference.";

    /// <inheritdoc/>
    public int Number => 2;

    /// <inheritdoc/>
    public PendingPair Create(PairRequest request)
    {
        var random = request.Secrets.Span;
        var idNonce = random[64..96];
        var nonce = random[96..128];
        var sideToken = random[128..160];
        using var scalar = PairingV2.Scalar(random[..64]) ?? throw new WireException(WireReason.ProtocolError, "The random source gave a zero.");
        using var stretched = stretcher.Stretch(request.Code);
        var messages = PairMessages.None;
        if (request.Role == PairRole.Host)
        {
            var commit = PairingV2.Commit(stretched.Lookup, group.Share(PairRole.Host, scalar.Span, stretched.W.Span), PairingV2.IdCommit(PairRole.Host, idNonce, request.OwnKey.Span), nonce);
            messages = messages.WithSent("0", V2Messages.Commit(commit));
        }

        var status = request.Role == PairRole.Host ? PairStatus.RequestHost : PairStatus.RequestGuest;
        return new PendingPair
        {
            Code = request.Code,
            CodeHash = stretched.Lookup,
            Role = request.Role,
            RelayUrl = request.RelayUrl,
            Status = status,
            CreatedAt = request.CreatedAt,
            ExpiresAt = request.ExpiresAt,
            Protocol = Number,
            Id = request.Id,
            GrantId = request.Grant.Id,
            OurSlotToken = request.Grant.Token,
            SideToken = Convert.ToHexStringLower(sideToken),
            LookupHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(stretched.Lookup))),
            Secrets = new PairSecrets
            {
                Scalar = StrictBase64.Encode(scalar.Span),
                W = StrictBase64.Encode(stretched.W.Span),
                IdNonce = StrictBase64.Encode(idNonce),
                Nonce = request.Role == PairRole.Host ? StrictBase64.Encode(nonce) : null,
            },
            Messages = messages,
            Transitions = [new PairTransition(null, status, request.CreatedAt)],
        };
    }

    /// <inheritdoc/>
    public PairEffect Next(PendingPair pair, DateTimeOffset now) => pair.Status switch
    {
        PairStatus.RequestHost or PairStatus.RequestGuest or PairStatus.Polling or PairStatus.SasReady
            when now >= pair.ExpiresAt => new PairEffect.Apply(new PairInput.TimeIsOver()),
        PairStatus.RequestHost or PairStatus.RequestGuest or PairStatus.Polling or PairStatus.SasReady => NextOpen(pair, now),

        // The pin before the clock: a process that died between the trust store and this file has pinned already.
        PairStatus.Confirmed when CanPin(pair) => new V2Work.Pin(),
        PairStatus.Confirmed when now >= pair.ExpiresAt + Patience => new PairEffect.Apply(new PairInput.TimeIsOver()),
        PairStatus.Confirmed => NextOpen(pair, now),
        PairStatus.Paired => NextPaired(pair, now),
        _ => NextAborted(pair, now),
    };

    /// <inheritdoc/>
    public PendingPair Step(PendingPair pair, PairInput input, DateTimeOffset now) => input switch
    {
        PairInput.MailboxReady ready => OnMailbox(pair, ready),
        V2Input.Put put => OnPut(pair, put.Phase, put.Reply, now),
        V2Input.Seen seen => OnSeen(pair, seen, now),
        PairInput.Confirmed confirmed => OnConfirmed(pair, confirmed.Digits, now),
        PairInput.Stopped => OnStopped(pair, WireReason.Cancelled, now),
        PairInput.Pinned => pair.Status == PairStatus.Confirmed ? OnPinned(pair, now) : pair,
        PairInput.PinRefused refused => pair.Status == PairStatus.Confirmed ? OnPinRefused(pair, refused.Handle, now) : pair,
        PairInput.TimeIsOver => pair.IsEnded ? pair : End(pair, WireReason.Expired, now, tell: false),
        PairInput.Left left => OnLeft(pair, left.What),
        PairInput.Trouble trouble => OnTrouble(pair, trouble),
        _ => pair,
    };

    /// <inheritdoc/>
    public AgentCard? PeerToReserve(PendingPair pair) => PeerCard(pair);

    /// <summary>True for a guest whose code no host has opened yet.</summary>
    public static bool IsWaitingForHost(PendingPair pair) =>
        pair is { Protocol: 2, Role: PairRole.Guest, Status: PairStatus.RequestGuest or PairStatus.Polling } && !pair.Messages.Received.ContainsKey("0");

    /// <summary>True for a file that this machine can go on with.</summary>
    internal static bool IsSound(PendingPair pair) =>
        pair is { Id.Length: 32, ExpiresAt: not null, LookupHash.Length: 64 }
        && (pair.IsEnded
            ? pair.Code.Length == 0 && (!OwesRelay(pair) || (pair is { CodeHash.Length: 64, SideToken.Length: 64 } && (!pair.Leaving.Contains(PairLeaving.SendAbort) || pair.Messages.Sent.ContainsKey("9"))))
            : PairingCode.IsCanonical(pair.Code) && pair is { CodeHash.Length: 64, SideToken.Length: 64, Secrets: not null } && IsComplete(pair));

    private static bool IsComplete(PendingPair pair) => pair.Status switch
    {
        PairStatus.SasReady => pair is { Sas: not null, Secrets: { KeyHost: not null, KeyGuest: not null, PeerSas: not null } } && pair.Messages.Received.ContainsKey("1"),
        PairStatus.Confirmed => pair is { Secrets: { KeyHost: not null, KeyGuest: not null } } && pair.Messages.Received.ContainsKey("1") && pair.Messages.Sent.ContainsKey("2"),
        _ => pair.Secrets is { Scalar: not null, W: not null, IdNonce: not null }
            or { KeyHost: not null, KeyGuest: not null, Proof: not null, PeerConfirm: not null, OwnSas: not null, PeerSas: not null },
    };

    /// <summary>The highest phase of which all up to it are there; -1 for none.</summary>
    internal static int Contiguous(ImmutableSortedDictionary<string, string> messages)
    {
        var highest = -1;
        while (messages.ContainsKey(V2Work.NameOf(highest + 1)))
        {
            highest++;
        }

        return highest;
    }

    /// <summary>The verified card of the peer of a pairing whose phase 1 is stored.</summary>
    internal static AgentCard PeerCard(PendingPair pair)
    {
        var members = pair.Role == PairRole.Guest ? (ReadOnlySpan<string>)["share", "id_commit", "nonce", "confirm", "sealed"] : ["confirm", "sealed"];
        var plaintext = OpenPeer(pair, 1, V2Messages.Read(pair.Messages.Received["1"], members)[^1]) ?? throw new WireException(WireReason.ProtocolError);
        return AgentCard.Parse(V2Messages.ReadCard(plaintext).Card);
    }

    /// <summary>The peer's address; null where it gave no usable one.</summary>
    internal static PeerRoute? PeerRouteOf(PendingPair pair) =>
        V2Messages.ReadAccept(OpenSealed(pair, 2, pair.Messages.Received["2"]) ?? throw new WireException(WireReason.ProtocolError), pair.RelayUrl);

    // What we have said and the relay is not known to hold comes first; the mailbox is made while the other side is thinking.
    private static PairEffect NextOpen(PendingPair pair, DateTimeOffset now) =>
        NextToPut(pair, now) is { } phase ? new V2Work.Put(phase)
        : pair.OurSlotId is null && (pair.Posted >= 0 || !pair.Messages.Received.IsEmpty) ? new PairWork.UseMailbox()
        : new V2Work.Await(Waits: pair.Status != PairStatus.RequestGuest);

    private static int? NextToPut(PendingPair pair, DateTimeOffset now)
    {
        // What a relay has lost is put there again only while something of the lifetime is left: it would begin a new one.
        if (pair.Posted == NoRendezvous || (pair.Posted < 0 && now >= pair.ExpiresAt))
        {
            return null;
        }

        if (pair.Messages.Sent.ContainsKey("9"))
        {
            // A stop before the relay holds our accept must not send it after all.
            return pair.Posted < 0 ? 0 : pair.Decided ? null : 9;
        }

        var next = V2Work.NameOf(pair.Posted + 1);
        return pair.Messages.Sent.ContainsKey(next) ? pair.Posted + 1 : null;
    }

    private static PairEffect NextPaired(PendingPair pair, DateTimeOffset now)
    {
        var ended = pair.EndedAt ?? pair.CreatedAt;
        if (pair.Leaving.IsEmpty || now >= ended + Patience)
        {
            var until = pair.PeerAcked ? ended + Keep : ended + Patience;
            return now >= until ? new PairEffect.Collect() : new PairEffect.Rest(until);
        }

        return pair.Leaving[0] switch
        {
            PairLeaving.RemovePeer => new PairWork.RemovePeer(),

            // Ours is put before anything else: the other side waits for it as we do for theirs.
            PairLeaving.AwaitAck or PairLeaving.Finish when NextToPut(pair, now) is { } phase => new V2Work.Put(phase),
            PairLeaving.AwaitAck when !pair.PeerAcked => new V2Work.Await(Waits: true),
            PairLeaving.Finish => new V2Work.Finish(),
            var other => new PairEffect.Apply(new PairInput.Left(other)),
        };
    }

    private static PairEffect NextAborted(PendingPair pair, DateTimeOffset now)
    {
        if (pair.Leaving.IsEmpty)
        {
            var until = (pair.EndedAt ?? pair.CreatedAt) + Keep;
            return now >= until ? new PairEffect.Collect() : new PairEffect.Rest(until);
        }

        return pair.Leaving[0] switch
        {
            PairLeaving.SendAbort when now < pair.ExpiresAt => new V2Work.Put(9),
            PairLeaving.RevokeGrant => new PairWork.RevokeGrant(),
            PairLeaving.ReleaseName => new V2Work.ReleaseName(),
            var other => new PairEffect.Apply(new PairInput.Left(other)),
        };
    }

    // The other side's accept, and the word that nothing came before it: the relay's, or the other side's own.
    private static bool CanPin(PendingPair pair) =>
        (pair.Decided || pair.Messages.Received.ContainsKey("3")) && HoldsAccept(pair) && (pair.Decided || HoldsAck(pair));

    private static bool HoldsAccept(PendingPair pair) => Holds(pair, 2, static (plaintext, relay) => V2Messages.ReadAccept(plaintext, relay));

    private static bool HoldsAck(PendingPair pair) => Holds(pair, 3, static (plaintext, _) => V2Messages.ReadAck(plaintext));

    /// <summary>Whether a message is here that is the other side's: what does not open stays stored, and counts for nothing.</summary>
    private static bool Holds(PendingPair pair, int phase, Action<byte[], string> read)
    {
        try
        {
            if (pair.Messages.Received.TryGetValue(V2Work.NameOf(phase), out var body) && OpenSealed(pair, phase, body) is { } plaintext)
            {
                read(plaintext, pair.RelayUrl);
                return true;
            }
        }
        catch (WireException error) when (error.Reason is WireReason.ProtocolError or WireReason.UnsupportedVersion)
        {
            // Not in the form of the protocol.
        }

        return false;
    }

    private static PendingPair OnMailbox(PendingPair pair, PairInput.MailboxReady ready) =>
        pair.IsEnded || pair.OurSlotId is not null ? pair : pair with
        {
            OurSlotId = ready.SlotId,
            OurSlotToken = ready.SlotToken ?? pair.OurSlotToken,
            GrantId = ready.SlotToken is null ? pair.GrantId : null,
            RelayId = ready.RelayId,
        };

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

    private static PendingPair OnPinRefused(PendingPair pair, string handle, DateTimeOffset now)
    {
        // Whom a stop would remove again, and who has waited for a person for long enough, need no pin.
        if (pair.Stopping || now >= pair.ExpiresAt + Patience)
        {
            return End(pair, pair.Stopping ? pair.Reason ?? WireReason.Cancelled : WireReason.IdentityConflict, now, tell: false);
        }

        return pair with { Reason = WireReason.IdentityConflict, LastError = $"Another key is trusted under the name '{handle}'." };
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

    private PendingPair OnMessage(PendingPair pair, V2Message message, OwnIdentity? own, DateTimeOffset now)
    {
        // They come in order, all but the last word, and none is larger than a relay takes.
        if ((message.Phase != 9 && message.Phase != Contiguous(pair.Messages.Received) + 1) || Encoding.UTF8.GetByteCount(message.Body) > V2Messages.MaxBytes)
        {
            return Interfered(pair, null, now);
        }

        var stored = pair with { Messages = pair.Messages.WithReceived(V2Work.NameOf(message.Phase), message.Body) };
        try
        {
            return (message.Phase, pair.Role) switch
            {
                (9, _) => OnAbort(stored, message.Body, now),
                (0, PairRole.Guest) => OnCommitment(stored, message.Body, own!, now),
                (0, PairRole.Host) => OnShare(stored, message.Body, own!),
                (1, PairRole.Guest) => OnHostReveal(stored, message.Body, own!, now),
                (1, PairRole.Host) => OnGuestReveal(stored, message.Body, own!, now),
                (2, _) => OnAccept(stored, message.Body, now),
                (3, _) => OnAck(stored, message.Body, now),
                _ => stored,
            };
        }
        catch (WireException error) when (error.Reason is WireReason.ProtocolError or WireReason.UnsupportedVersion or WireReason.InvalidShare or WireReason.CommitmentMismatch or WireReason.WrongCode or WireReason.IdentityMismatch or WireReason.SelfPairing)
        {
            // Whoever has confirmed stops, and the relay's word ends it; an end after that proof of the other side is sealed.
            return pair.Status == PairStatus.Confirmed ? OnStopped(stored, error.Reason, now) : End(stored, error.Reason, now, isSealed: pair.Status == PairStatus.SasReady);
        }
    }

    private PendingPair OnCommitment(PendingPair pair, string body, OwnIdentity own, DateTimeOffset now)
    {
        Require32(V2Messages.Read(body, "commit")[0]);

        // The share comes into being here, with the commitment stored: before, there is none that could be sent.
        using var secrets = new Before(pair);
        var share = group.Share(PairRole.Guest, secrets.Scalar.Span, secrets.W.Span);
        var next = pair with { Messages = pair.Messages.WithSent("0", V2Messages.Share(share, PairingV2.IdCommit(PairRole.Guest, secrets.IdNonce.Span, own.Card.PublicKey))) };
        return pair.Status == PairStatus.RequestGuest ? Move(next, PairStatus.Polling, now) : next;
    }

    private PendingPair OnShare(PendingPair pair, string body, OwnIdentity own)
    {
        var values = V2Messages.Read(body, "share", "id_commit");
        Require32(values[0]);
        Require32(values[1]);
        using var secrets = new Before(pair);
        var share = group.Share(PairRole.Host, secrets.Scalar.Span, secrets.W.Span);
        var idCommit = PairingV2.IdCommit(PairRole.Host, secrets.IdNonce.Span, own.Card.PublicKey);
        using var keys = group.Derive(PairRole.Host, secrets.Scalar.Span, secrets.W.Span, share, values[0], idCommit, values[1]);
        var proof = own.Sign(PairingV2.ProofText(PairRole.Host, keys.ProofSecret.Span, own.Card.Utf8.Span));
        var card = PairingV2.Seal(keys.KeyHost.Span, pair.CodeHash, PairRole.Host, 1, V2Messages.CardPlaintext(own.Card, secrets.IdNonce.Span, proof, pair.ExpiresAt!.Value));
        return pair with
        {
            Messages = pair.Messages.WithSent("1", V2Messages.HostReveal(share, idCommit, secrets.Nonce.Span, keys.ConfirmHost, card)),

            // The guest's proof is still to come, so what it signs is kept; all that came before the keys goes.
            Secrets = new PairSecrets
            {
                KeyHost = StrictBase64.Encode(keys.KeyHost.Span),
                KeyGuest = StrictBase64.Encode(keys.KeyGuest.Span),
                Proof = StrictBase64.Encode(keys.ProofSecret.Span),
                PeerConfirm = StrictBase64.Encode(keys.ConfirmGuest),
                OwnSas = keys.SasHost,
                PeerSas = keys.SasGuest,
            },
        };
    }

    private PendingPair OnHostReveal(PendingPair pair, string body, OwnIdentity own, DateTimeOffset now)
    {
        var values = V2Messages.Read(body, "share", "id_commit", "nonce", "confirm", "sealed");
        for (var i = 0; i < 4; i++)
        {
            Require32(values[i]);
        }

        var commit = V2Messages.Read(pair.Messages.Received["0"], "commit")[0];
        if (!CryptographicOperations.FixedTimeEquals(commit, PairingV2.Commit(pair.CodeHash, values[0], values[1], values[2])))
        {
            throw new WireException(WireReason.CommitmentMismatch);
        }

        using var secrets = new Before(pair);
        var share = group.Share(PairRole.Guest, secrets.Scalar.Span, secrets.W.Span);
        var idCommit = PairingV2.IdCommit(PairRole.Guest, secrets.IdNonce.Span, own.Card.PublicKey);
        using var keys = group.Derive(PairRole.Guest, secrets.Scalar.Span, secrets.W.Span, share, values[0], idCommit, values[1]);
        if (!CryptographicOperations.FixedTimeEquals(values[3], keys.ConfirmHost))
        {
            throw new WireException(WireReason.WrongCode);
        }

        // From here on what we say is sealed, the reason for an end too.
        var keyed = pair with
        {
            Secrets = new PairSecrets
            {
                KeyHost = StrictBase64.Encode(keys.KeyHost.Span),
                KeyGuest = StrictBase64.Encode(keys.KeyGuest.Span),
                PeerSas = keys.SasHost,
            },
        };
        try
        {
            var peer = VerifyPeer(keyed, values[4], values[1], keys.ProofSecret.Span, own);
            var proof = own.Sign(PairingV2.ProofText(PairRole.Guest, keys.ProofSecret.Span, own.Card.Utf8.Span));
            var card = PairingV2.Seal(keys.KeyGuest.Span, pair.CodeHash, PairRole.Guest, 1, V2Messages.CardPlaintext(own.Card, secrets.IdNonce.Span, proof, pair.ExpiresAt!.Value));
            return Move(
                peer with
                {
                    Sas = keys.SasGuest,
                    Messages = peer.Messages.WithSent("1", V2Messages.GuestReveal(keys.ConfirmGuest, card)),
                },
                PairStatus.SasReady,
                now);
        }
        catch (WireException error) when (error.Reason is WireReason.ProtocolError or WireReason.IdentityMismatch or WireReason.SelfPairing)
        {
            return End(keyed, error.Reason, now, isSealed: true);
        }
    }

    private static PendingPair OnGuestReveal(PendingPair pair, string body, OwnIdentity own, DateTimeOffset now)
    {
        var values = V2Messages.Read(body, "confirm", "sealed");
        Require32(values[0]);
        if (!CryptographicOperations.FixedTimeEquals(values[0], Decode(pair.Secrets!.PeerConfirm)))
        {
            throw new WireException(WireReason.WrongCode);
        }

        try
        {
            using var proof = Secret(pair.Secrets.Proof);
            var idCommit = V2Messages.Read(pair.Messages.Received["0"], "share", "id_commit")[1];
            var peer = VerifyPeer(pair, values[1], idCommit, proof.Span, own);
            return Move(peer with { Sas = peer.Secrets!.OwnSas, Secrets = peer.Secrets with { Proof = null, PeerConfirm = null, OwnSas = null } }, PairStatus.SasReady, now);
        }
        catch (WireException error) when (error.Reason is WireReason.ProtocolError or WireReason.IdentityMismatch or WireReason.SelfPairing)
        {
            return End(pair, error.Reason, now, isSealed: true);
        }
    }

    /// <summary>The seal, the card, the key behind the commitment, the proof, and that it is not ourselves; in this order (§4).</summary>
    private static PendingPair VerifyPeer(PendingPair pair, byte[] sealedCard, byte[] idCommit, ReadOnlySpan<byte> proofSecret, OwnIdentity own)
    {
        var plaintext = OpenPeer(pair, 1, sealedCard) ?? throw new WireException(WireReason.ProtocolError);
        var (cardBytes, idNonce, proof, expiresAt) = V2Messages.ReadCard(plaintext);
        Require32(idNonce);
        if (proof.Length != Ed25519.SignatureBytes)
        {
            throw new WireException(WireReason.ProtocolError);
        }

        AgentCard card;
        try
        {
            card = AgentCard.Parse(cardBytes).Verify().RequireSingleKey();
        }
        catch (WireException)
        {
            throw new WireException(WireReason.IdentityMismatch);
        }

        var peerRole = pair.Role == PairRole.Host ? PairRole.Guest : PairRole.Host;
        if (!CryptographicOperations.FixedTimeEquals(idCommit, PairingV2.IdCommit(peerRole, idNonce, card.PublicKey))
            || !Ed25519.Verify(card.PublicKey, PairingV2.ProofText(peerRole, proofSecret, cardBytes), proof))
        {
            throw new WireException(WireReason.IdentityMismatch);
        }

        if (card.PublicKey.AsSpan().SequenceEqual(own.Card.PublicKey))
        {
            throw new WireException(WireReason.SelfPairing);
        }

        return pair with
        {
            PeerDid = card.Did,
            PeerHandle = card.Handle,
            PeerFingerprint = Fingerprint.Display(card.PublicKey),
            ExpiresAt = Earlier(pair, expiresAt),
        };
    }

    private static PendingPair OnAccept(PendingPair pair, string body, DateTimeOffset now)
    {
        if (OpenSealed(pair, 2, body) is not { } plaintext)
        {
            return Interfered(pair, null, now);
        }

        V2Messages.ReadAccept(plaintext, pair.RelayUrl);
        return pair;
    }

    private static PendingPair OnAck(PendingPair pair, string body, DateTimeOffset now)
    {
        if (OpenSealed(pair, 3, body) is not { } plaintext)
        {
            return Interfered(pair, null, now);
        }

        V2Messages.ReadAck(plaintext);
        return pair;
    }

    private static PendingPair OnAbort(PendingPair pair, string body, DateTimeOffset now)
    {
        WireReason claimed;
        try
        {
            var (reason, sealedReason) = V2Messages.ReadAbort(body);
            if (sealedReason is not null && OpenPeer(pair, 9, sealedReason) is { } plaintext)
            {
                // The peer's own word, whenever it comes.
                return End(pair, V2Messages.ReadReason(plaintext), now, tell: false, isRelaysWord: true, isPeersWord: true);
            }

            claimed = reason ?? WireReason.ProtocolError;
        }
        catch (WireException error) when (error.Reason is WireReason.ProtocolError or WireReason.UnsupportedVersion)
        {
            claimed = error.Reason;
        }

        return Claimed(pair, claimed, now);
    }

    private static PendingPair OnRelayEnded(PendingPair pair, string? reason, DateTimeOffset now) =>
        Claimed(pair, V2Messages.TryParseAbort(reason, out var known) ? known : WireReason.Cancelled, now);

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

    private static PendingPair OnExpired(PendingPair pair, DateTimeOffset now) =>
        pair.Status is PairStatus.SasReady or PairStatus.Confirmed && now < pair.ExpiresAt!.Value - ClockSlack && !pair.Stopping
            ? Interfered(pair, WireReason.Expired, now) with { LastError = $"The relay claims that the time is over; by the clock here there are {(int)(pair.ExpiresAt.Value - now).TotalMinutes} minutes left. One of the clocks may be wrong." }
            : End(pair, pair.Stopping ? pair.Reason ?? WireReason.Cancelled : WireReason.Expired, now, tell: false, isRelaysWord: true);

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

    private static PendingPair OnConfirmed(PendingPair pair, string digits, DateTimeOffset now)
    {
        if (pair.Status != PairStatus.SasReady || pair.OurSlotId is null)
        {
            return pair;
        }

        // A side that has not confirmed ends by its own clock, whoever may keep the rendezvous open.
        if (now >= pair.ExpiresAt)
        {
            return End(pair, WireReason.Expired, now, tell: false);
        }

        if (!Same(digits, pair.Secrets!.PeerSas!))
        {
            return Same(digits, pair.Sas!) ? throw new WireException(WireReason.OwnDigits, null, pair.Id) : End(pair, WireReason.SasMismatch, now, isSealed: true);
        }

        var accept = Seal(pair, 2, V2Messages.AcceptPlaintext(pair.RelayUrl, pair.OurSlotId, pair.OurSlotToken!));
        return Move(pair with { Messages = pair.Messages.WithSent("2", V2Messages.Sealed(accept)) }, PairStatus.Confirmed, now);
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

    private static PendingPair Move(PendingPair pair, PairStatus to, DateTimeOffset now) => pair with
    {
        Status = to,
        Transitions = pair.Transitions.Add(new PairTransition(pair.Status, to, now)),
    };

    private static byte[] Seal(PendingPair pair, int phase, ReadOnlySpan<byte> plaintext)
    {
        using var key = Secret(pair.Role == PairRole.Host ? pair.Secrets!.KeyHost : pair.Secrets!.KeyGuest);
        return PairingV2.Seal(key.Span, pair.CodeHash, pair.Role, phase, plaintext);
    }

    private static byte[]? OpenPeer(PendingPair pair, int phase, byte[] sealedBytes)
    {
        var (peer, text) = pair.Role == PairRole.Host ? (PairRole.Guest, pair.Secrets?.KeyGuest) : (PairRole.Host, pair.Secrets?.KeyHost);
        if (text is null)
        {
            return null;
        }

        using var key = Secret(text);
        return PairingV2.Open(key.Span, pair.CodeHash, peer, phase, sealedBytes);
    }

    private static byte[]? OpenSealed(PendingPair pair, int phase, string body) => OpenPeer(pair, phase, V2Messages.Read(body, "sealed")[0]);

    private static DateTimeOffset? Earlier(PendingPair pair, DateTimeOffset? other) =>
        other is { } time && Plausible(pair, time) < pair.ExpiresAt ? Plausible(pair, time) : pair.ExpiresAt;

    private static DateTimeOffset Plausible(PendingPair pair, DateTimeOffset time)
    {
        var latest = pair.CreatedAt + LongestLife;
        return Timestamps.Round(time < pair.CreatedAt ? pair.CreatedAt : time > latest ? latest : time);
    }

    private static bool Same(string typed, string expected) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(typed), Encoding.ASCII.GetBytes(expected));

    private static void Require32(byte[] value)
    {
        if (value.Length != PairingV2.ValueBytes)
        {
            throw new WireException(WireReason.ProtocolError);
        }
    }

    private static byte[] Decode(string? text) =>
        StrictBase64.TryDecode(text, out var bytes) ? bytes : throw new WireException(WireReason.FileCorrupt, "A secret of the pairing is missing.");

    private static SecretBytes Secret(string? text)
    {
        var bytes = Decode(text);
        var secret = SecretBytes.CopyOf(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return secret;
    }

    /// <summary>The secrets from before the key exchange.</summary>
    private sealed class Before(PendingPair pair) : IDisposable
    {
        public SecretBytes Scalar { get; } = Secret(pair.Secrets?.Scalar);

        public SecretBytes W { get; } = Secret(pair.Secrets?.W);

        public SecretBytes IdNonce { get; } = Secret(pair.Secrets?.IdNonce);

        public SecretBytes Nonce { get; } = pair.Secrets?.Nonce is { } nonce ? Secret(nonce) : SecretBytes.CopyOf([]);

        public void Dispose()
        {
            Scalar.Dispose();
            W.Dispose();
            IdNonce.Dispose();
            Nonce.Dispose();
        }
    }
}
