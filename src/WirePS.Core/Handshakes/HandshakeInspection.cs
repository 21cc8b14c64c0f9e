using WirePS.Cryptography;

namespace WirePS.Handshakes;

/// <summary>Why a message goes no further (handshake.md §3). The sender is never told.</summary>
public enum HandshakeFault
{
    /// <summary>Nothing is wrong with it.</summary>
    None,

    /// <summary>Not one message in the form of handshake.md §2.</summary>
    Malformed,

    /// <summary>Neither a request nor an answer nor a revocation.</summary>
    UnknownType,

    /// <summary>Made more than five minutes ago.</summary>
    TooOld,

    /// <summary>Made more than thirty seconds from now.</summary>
    FromTheFuture,

    /// <summary>It has no key, or one that is not 32 bytes, not in the one spelling of base64, or weak.</summary>
    BadKey,

    /// <summary>The signature is missing or not good for the key and both node ids.</summary>
    BadSignature,

    /// <summary>It claims to be from this home.</summary>
    OwnIdentity,

    /// <summary>It claims node id 0, or one that another key is known for.</summary>
    WrongNode,

    /// <summary>It is addressed to another key.</summary>
    WrongRecipient,
}

/// <summary>Checks what a message claims, as far as the message itself can tell (handshake.md §3, with what §16 and §17 say ours must refuse). Nothing is remembered here.</summary>
public static class HandshakeInspection
{
    /// <summary>The greatest age of a message that comes over a connection of its own.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    /// <summary>How far a sender's clock may be ahead.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromSeconds(30);

    /// <summary>Type, time, node id and key; the key's bytes where they are good.</summary>
    /// <param name="message">The message.</param>
    /// <param name="ownKey">The key of this home, 32 bytes.</param>
    /// <param name="now">The time.</param>
    /// <param name="publicKey">The sender's key, 32 bytes.</param>
    public static HandshakeFault CheckClaims(HandshakeMessage message, ReadOnlySpan<byte> ownKey, DateTimeOffset now, out byte[] publicKey)
    {
        publicKey = [];
        if (CheckTime(message.Timestamp, now) is var time and not HandshakeFault.None)
        {
            return time;
        }

        if (message.Type is not (HandshakeMessage.RequestType or HandshakeMessage.AcceptType or HandshakeMessage.RejectType or HandshakeMessage.RevokeType))
        {
            return HandshakeFault.UnknownType;
        }

        if (message.NodeId == 0)
        {
            return HandshakeFault.WrongNode;
        }

        if (!StrictBase64.TryDecode(message.PublicKey, Ed25519.PublicKeyBytes, out var key) || !Ed25519.IsValidPublicKey(key))
        {
            return HandshakeFault.BadKey;
        }

        publicKey = key;
        return ownKey.SequenceEqual(key) ? HandshakeFault.OwnIdentity : HandshakeFault.None;
    }

    /// <summary>The older signature, over the two node ids alone (handshake.md §2.1): a weak proof, since it can be used again with any type and words.</summary>
    /// <param name="message">The message.</param>
    /// <param name="publicKey">The key that <see cref="CheckClaims"/> gave.</param>
    /// <param name="receiver">The node id of this home towards the sender.</param>
    public static HandshakeFault CheckOlderSignature(HandshakeMessage message, ReadOnlySpan<byte> publicKey, uint receiver) =>
        message.NodeId == receiver ? HandshakeFault.OwnIdentity
        : StrictBase64.TryDecode(message.Signature, Ed25519.SignatureBytes, out var signature)
            && Ed25519.Verify(publicKey, HandshakeMessage.SignedText(message.NodeId, receiver), signature) ? HandshakeFault.None
        : HandshakeFault.BadSignature;

    // In ticks of more than 64 bits: a time at the end of the range must not come out near now.
    private static HandshakeFault CheckTime(long timestamp, DateTimeOffset now)
    {
        var age = (Int128)(now.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) - ((Int128)timestamp * TimeSpan.TicksPerSecond);
        return age > MaxAge.Ticks ? HandshakeFault.TooOld
            : -age > MaxAhead.Ticks ? HandshakeFault.FromTheFuture
            : HandshakeFault.None;
    }
}
