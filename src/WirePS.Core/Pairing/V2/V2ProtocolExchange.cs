using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Trust;
using static WirePS.Pairing.PairRules;

namespace WirePS.Pairing.V2;

/// <content>This part: the messages of the other side, each stored with what follows from it (pairing-v2.md §4).</content>
public sealed partial class V2Protocol
{
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

    /// <summary>What the other side posted, from itself: as if it had been read from the relay (step 8).</summary>
    private PendingPair OnTold(PendingPair pair, V2Input.Told told, DateTimeOffset now)
    {
        if (pair is { Status: PairStatus.Paired, PeerAcked: false })
        {
            return HoldsAck(pair with { Messages = pair.Messages.WithReceived("3", told.Ack) }) ? pair with { PeerAcked = true } : pair;
        }

        foreach (var (phase, body) in ((int, string)[])[(2, told.Accept), (3, told.Ack)])
        {
            if (pair.Status == PairStatus.Confirmed && !pair.Stopping)
            {
                pair = !pair.Messages.Received.TryGetValue(V2Work.NameOf(phase), out var stored) ? OnMessage(pair, new V2Message(phase, body), null, now)
                    : IsSameSealed(stored, body) ? pair
                    : Interfered(pair, null, now);
            }
        }

        return pair;
    }

    private static bool IsSameSealed(string stored, string told)
    {
        try
        {
            return V2Messages.Read(stored, "sealed")[0].AsSpan().SequenceEqual(V2Messages.Read(told, "sealed")[0]);
        }
        catch (WireException)
        {
            return false;
        }
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

    private static void Require32(byte[] value)
    {
        if (value.Length != PairingV2.ValueBytes)
        {
            throw new WireException(WireReason.ProtocolError);
        }
    }
}
