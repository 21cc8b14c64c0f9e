using System.Security.Cryptography;

namespace WirePS.Cryptography;

/// <summary>
/// The key exchange of protocol v1 (wire.md §5.4): symmetric SPAKE2 over edwards25519, byte compatible with RustCrypto
/// <c>spake2</c> 0.4 and python-spake2. Every function is pure: nothing is consumed by a failure, so a bad message that
/// anybody may post does not burn the session.
/// </summary>
public static class SymmetricSpake2
{
    /// <summary>Bytes of a scalar, little-endian.</summary>
    public const int ScalarBytes = Sodium.KeyBytes;

    /// <summary>Bytes of a message: the side byte and a point.</summary>
    public const int MessageBytes = 1 + Sodium.KeyBytes;

    /// <summary>Bytes of the key.</summary>
    public const int KeyBytes = 32;

    private const byte SideByte = 0x53;
    private const int PasswordScalarOkmBytes = 48;

    // The blinding point S of the symmetric mode.
    private static ReadOnlySpan<byte> BlindingPoint =>
    [
        0x6f, 0x00, 0xda, 0xe8, 0x7c, 0x1b, 0xe1, 0xa7, 0x3b, 0x59, 0x22, 0xef, 0x43, 0x1c, 0xd8, 0xf5,
        0x78, 0x79, 0x56, 0x9c, 0x22, 0x2d, 0x22, 0xb1, 0xcd, 0x71, 0xe8, 0x54, 0x6a, 0xb8, 0xe6, 0xf1,
    ];

    /// <summary>The secret scalar that a stored seed stands for (wire.md §5.5).</summary>
    /// <param name="seed">32 random bytes.</param>
    /// <returns>32 bytes, little-endian, below the group order.</returns>
    /// <exception cref="ArgumentException">The seed is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static SecretBytes ScalarFromSeed(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != 32)
        {
            throw new ArgumentException("A seed has 32 bytes.", nameof(seed));
        }

        SodiumLibrary.EnsureReady();
        using var stream = new SecretBytes(Sodium.WideScalarBytes);
        Span<byte> nonce = stackalloc byte[Sodium.NonceBytes];
        nonce.Clear();
        _ = Sodium.ChaCha20Stream(stream.Span, (ulong)stream.Length, nonce, seed);
        var scalar = new SecretBytes(ScalarBytes);
        Sodium.ReduceScalar(scalar.Span, stream.Span);
        return scalar;
    }

    /// <summary>The message to send.</summary>
    /// <param name="password">ASCII bytes of the canonical code.</param>
    /// <param name="scalar">32 bytes, little-endian, below the group order, not zero.</param>
    /// <returns>33 bytes: <c>S</c> and the blinded point.</returns>
    /// <exception cref="ArgumentException">The scalar is not usable.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] Message(ReadOnlySpan<byte> password, ReadOnlySpan<byte> scalar)
    {
        SodiumLibrary.EnsureReady();
        using var blind = Blind(password);
        return Message(blind, scalar);
    }

    /// <summary>The key, from the peer's message.</summary>
    /// <param name="password">ASCII bytes of the canonical code.</param>
    /// <param name="identity">ASCII bytes of the 64-character code hash.</param>
    /// <param name="scalar">The scalar of our <see cref="Message(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.</param>
    /// <param name="peerMessage">What the relay handed over, 33 bytes.</param>
    /// <returns>32 bytes.</returns>
    /// <exception cref="ArgumentException">The scalar is not usable.</exception>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidShare"/>: wrong length or side byte, not a canonical point of the prime-order subgroup,
    /// the identity, or nothing left after unmasking. <see cref="WireReason.SelfPairing"/>: our own message came back.
    /// </exception>
    public static SecretBytes Finish(
        ReadOnlySpan<byte> password, ReadOnlySpan<byte> identity, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> peerMessage)
    {
        SodiumLibrary.EnsureReady();
        if (peerMessage.Length != MessageBytes)
        {
            throw new WireException(WireReason.InvalidShare, $"The key-exchange message has {peerMessage.Length} bytes instead of {MessageBytes}.");
        }

        if (peerMessage[0] != SideByte)
        {
            throw new WireException(WireReason.InvalidShare, "The key-exchange message is not of the symmetric kind.");
        }

        using var blind = Blind(password);
        var ownMessage = Message(blind, scalar);
        if (peerMessage.SequenceEqual(ownMessage))
        {
            throw new WireException(WireReason.SelfPairing, "The relay handed back our own key-exchange message.");
        }

        var ownPoint = ownMessage.AsSpan(1);
        var peerPoint = peerMessage[1..];
        if (Sodium.IsValidPoint(peerPoint) != 1)
        {
            throw new WireException(WireReason.InvalidShare, "The key-exchange message is not a point of the prime-order group.");
        }

        using var unmasked = new SecretBytes(Sodium.KeyBytes);
        using var shared = new SecretBytes(Sodium.KeyBytes);
        if (Sodium.SubtractPoints(unmasked.Span, peerPoint, blind.Span) != 0
            || Sodium.MultiplyPoint(shared.Span, scalar, unmasked.Span) != 0)
        {
            // The peer sent exactly the blinding: the shared point would be the identity for everybody.
            throw new WireException(WireReason.InvalidShare, "The key-exchange message leaves nothing after unmasking.");
        }

        return DeriveKey(password, identity, ownPoint, peerPoint, shared.Span);
    }

    /// <summary>w: the password as a scalar, 32 bytes little-endian.</summary>
    internal static SecretBytes PasswordScalar(ReadOnlySpan<byte> password)
    {
        SodiumLibrary.EnsureReady();
        using var wide = new SecretBytes(Sodium.WideScalarBytes);
        var digits = wide.Span[..PasswordScalarOkmBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, password, digits, [], "SPAKE2 pw"u8);

        // The number is big-endian; the group arithmetic reads little-endian, zeros above.
        digits.Reverse();
        var scalar = new SecretBytes(ScalarBytes);
        Sodium.ReduceScalar(scalar.Span, wide.Span);
        return scalar;
    }

    /// <summary>H(H(pw) ‖ H(identity) ‖ min ‖ max ‖ K); the points are compared as byte strings, so both sides agree.</summary>
    internal static SecretBytes DeriveKey(
        ReadOnlySpan<byte> password, ReadOnlySpan<byte> identity, ReadOnlySpan<byte> onePoint, ReadOnlySpan<byte> otherPoint, ReadOnlySpan<byte> shared)
    {
        using var transcript = new SecretBytes(5 * 32);
        var blocks = transcript.Span;
        SHA256.HashData(password, blocks[..32]);
        SHA256.HashData(identity, blocks[32..64]);
        var ordered = onePoint.SequenceCompareTo(otherPoint) <= 0;
        (ordered ? onePoint : otherPoint).CopyTo(blocks[64..96]);
        (ordered ? otherPoint : onePoint).CopyTo(blocks[96..128]);
        shared.CopyTo(blocks[128..]);
        var key = new SecretBytes(KeyBytes);
        SHA256.HashData(blocks, key.Span);
        return key;
    }

    // w·S
    private static SecretBytes Blind(ReadOnlySpan<byte> password)
    {
        using var passwordScalar = PasswordScalar(password);
        var blind = new SecretBytes(Sodium.KeyBytes);
        if (Sodium.MultiplyPoint(blind.Span, passwordScalar.Span, BlindingPoint) != 0)
        {
            blind.Dispose();
            throw new CryptographicException("The password maps to the scalar zero.");
        }

        return blind;
    }

    // 'S' ‖ x·B + w·S
    private static byte[] Message(SecretBytes blind, ReadOnlySpan<byte> scalar)
    {
        EdwardsScalar.Require(scalar, nameof(scalar));
        using var point = new SecretBytes(Sodium.KeyBytes);
        var message = new byte[MessageBytes];
        message[0] = SideByte;

        // Neither can fail: the scalar is in range, and both summands are points of the group.
        _ = Sodium.MultiplyBase(point.Span, scalar);
        _ = Sodium.AddPoints(message.AsSpan(1), point.Span, blind.Span);
        return message;
    }
}
