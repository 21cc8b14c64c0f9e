using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using static WirePS.Pairing.PairRules;

namespace WirePS.Pairing.V2;

/// <summary>
/// The pairing of pairing-v2.md: commit before reveal, two numbers, identities that are proven, and a relay that cannot
/// turn what it sees back into the code.
/// </summary>
/// <param name="stretcher">Stretches codes.</param>
/// <param name="group">The group arithmetic.</param>
public sealed partial class V2Protocol(ICodeStretcher stretcher, IPairingGroup group) : ICodeProtocol
{
    private static readonly TimeSpan ClockSlack = TimeSpan.FromMinutes(5);

    // The rendezvous comes first; it has told both sides long before this, unless somebody withholds it.
    private static readonly TimeSpan TellAfter = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TellAgainAfter = TimeSpan.FromDays(1);

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
        V2Input.Told told => OnTold(pair, told, now),
        V2Input.HasTold => pair with { ToldAt = now },
        PairInput.Confirmed confirmed => OnConfirmed(pair, confirmed.Digits, now),
        PairInput.Stopped => OnStopped(pair, WireReason.Cancelled, now),
        PairInput.Pinned => pair.Status == PairStatus.Confirmed ? OnPinned(pair, now) : pair,
        PairInput.PinRefused refused => pair.Status == PairStatus.Confirmed ? OnPinRefused(pair, refused.Handle, now) : pair,
        PairInput.TimeIsOver => pair.IsEnded ? pair : End(pair, WireReason.Expired, now, tell: false),
        PairInput.Left left => OnLeft(pair, left.What),
        PairInput.Trouble trouble => OnTrouble(pair, trouble),
        _ => pair,
    };

    /// <summary>
    /// That the relay has taken a commitment, a share or a card: the same bytes, put again, are answered in the same way.
    /// Once digits are shown a person is the next to write the file, and that finds what was put.
    /// </summary>
    public bool MayBeForgotten(PendingPair pair, PairInput input) =>
        pair.Status is PairStatus.RequestHost or PairStatus.RequestGuest or PairStatus.Polling && input is V2Input.Put { Phase: 0 or 1, Reply.Refusal: null };

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

    // The other side's accept, and the word that nothing came before it: the relay's, or the other side's own.
    private static bool CanPin(PendingPair pair) =>
        (pair.Decided || pair.Messages.Received.ContainsKey("3")) && HoldsAccept(pair) && (pair.Decided || HoldsAck(pair));

    private static PendingPair OnMailbox(PendingPair pair, PairInput.MailboxReady ready) =>
        pair.IsEnded || pair.OurSlotId is not null ? pair : pair with
        {
            OurSlotId = ready.SlotId,
            OurSlotToken = ready.SlotToken ?? pair.OurSlotToken,
            GrantId = ready.SlotToken is null ? pair.GrantId : null,
            RelayId = ready.RelayId,
        };

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
}
