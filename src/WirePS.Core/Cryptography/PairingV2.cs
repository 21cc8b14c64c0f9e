using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using WirePS.Pairing;

namespace WirePS.Cryptography;

/// <summary>
/// The cryptography of protocol v2 (pairing-v2.md §2-3). Every function is pure: what a session sends follows from what
/// it has stored, and nothing is consumed by a failure.
/// </summary>
public static class PairingV2
{
    /// <summary>Bytes of every binary value but proofs: shares, scalars, nonces, commitments, confirmations, public keys.</summary>
    public const int ValueBytes = 32;

    /// <summary>Bytes of a key that seals.</summary>
    public const int KeyBytes = Sodium.KeyBytes;

    /// <summary>Random bytes that make one scalar.</summary>
    public const int ScalarRandomBytes = Sodium.WideScalarBytes;

    /// <summary>Bytes that a sealed message has more than its plaintext.</summary>
    public const int SealOverheadBytes = Sodium.TagBytes;

    private const ulong StretchPasses = 2;
    private const int StretchMemory = 16 * 1024 * 1024;
    private const int StretchBytes = ValueBytes + Sodium.WideScalarBytes;

    private static readonly byte[] StretchSalt = SHA256.HashData("WirePS/v2 code salt"u8)[..Sodium.StretchSaltBytes];

    /// <summary>Stretches a code with Argon2id: tens of milliseconds and 16 MiB.</summary>
    /// <param name="canonicalCode">The twelve symbols of <see cref="PairingCode"/>.</param>
    /// <exception cref="ArgumentException">It is not the canonical form of a code.</exception>
    /// <exception cref="InsufficientMemoryException">The memory is not to be had.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static StretchedCode Stretch(string canonicalCode)
    {
        ArgumentNullException.ThrowIfNull(canonicalCode);
        if (!PairingCode.IsCanonical(canonicalCode))
        {
            throw new ArgumentException("It is not the canonical form of a code.", nameof(canonicalCode));
        }

        SodiumLibrary.EnsureReady();
        using var password = new SecretBytes(canonicalCode.Length);
        Encoding.ASCII.GetBytes(canonicalCode, password.Span);
        using var stretched = new SecretBytes(StretchBytes);
        if (Sodium.StretchPassword(
            stretched.Span, StretchBytes, password.Span, (ulong)password.Length, StretchSalt, StretchPasses, StretchMemory, Sodium.Argon2Id13) != 0)
        {
            throw new InsufficientMemoryException("There is not enough memory to stretch a code.");
        }

        return new StretchedCode(Convert.ToHexStringLower(stretched.Span[..ValueBytes]), EdwardsScalar.Reduce(stretched.Span[ValueBytes..]));
    }

    /// <summary>A secret scalar, x of the host or y of the guest.</summary>
    /// <param name="random64">64 random bytes.</param>
    /// <returns>32 bytes, little-endian, below the group order; null when they make zero and others must be drawn.</returns>
    /// <exception cref="ArgumentException">There are not 64 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static SecretBytes? Scalar(ReadOnlySpan<byte> random64)
    {
        Require(random64, ScalarRandomBytes, nameof(random64));
        SodiumLibrary.EnsureReady();
        var scalar = EdwardsScalar.Reduce(random64);
        if (!EdwardsScalar.IsZero(scalar.Span))
        {
            return scalar;
        }

        scalar.Dispose();
        return null;
    }

    /// <summary>C_h or C_g: binds a side to its identity key before that is shown.</summary>
    /// <param name="role">The side.</param>
    /// <param name="idNonce">32 bytes.</param>
    /// <param name="publicKey">32 bytes.</param>
    /// <returns>32 bytes.</returns>
    /// <exception cref="WireException"><see cref="WireReason.ProtocolError"/>: a value has not 32 bytes.</exception>
    public static byte[] IdCommit(PairRole role, ReadOnlySpan<byte> idNonce, ReadOnlySpan<byte> publicKey)
    {
        RequireReceived(idNonce);
        RequireReceived(publicKey);
        return SHA256.HashData([.. "WirePS/v2 id\0"u8, RoleByte(role), .. idNonce, .. publicKey]);
    }

    /// <inheritdoc cref="Edwards25519PairingGroup.Share"/>
    public static byte[] Share(PairRole role, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w)
        => Edwards25519PairingGroup.Instance.Share(role, scalar, w);

    /// <summary>c: what the host sends first, so that it cannot choose its share after it has seen the guest's.</summary>
    /// <param name="lookup">The id of the rendezvous, 64 hex digits.</param>
    /// <param name="shareHost">pA, 32 bytes.</param>
    /// <param name="idCommitHost">C_h, 32 bytes.</param>
    /// <param name="nonceHost">32 bytes.</param>
    /// <returns>32 bytes.</returns>
    /// <exception cref="ArgumentException">The lookup is not 64 hex digits.</exception>
    /// <exception cref="WireException"><see cref="WireReason.ProtocolError"/>: a value has not 32 bytes.</exception>
    public static byte[] Commit(string lookup, ReadOnlySpan<byte> shareHost, ReadOnlySpan<byte> idCommitHost, ReadOnlySpan<byte> nonceHost)
    {
        RequireReceived(shareHost);
        RequireReceived(idCommitHost);
        RequireReceived(nonceHost);
        return SHA256.HashData([.. "WirePS/v2 commit\0"u8, .. LookupBytes(lookup), .. shareHost, .. idCommitHost, .. nonceHost]);
    }

    /// <inheritdoc cref="Edwards25519PairingGroup.Derive"/>
    public static PairingV2Keys Derive(
        PairRole own, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w, ReadOnlySpan<byte> ownShare, ReadOnlySpan<byte> peerShare,
        ReadOnlySpan<byte> ownIdCommit, ReadOnlySpan<byte> peerIdCommit)
        => Edwards25519PairingGroup.Instance.Derive(own, scalar, w, ownShare, peerShare, ownIdCommit, peerIdCommit);

    /// <summary>Seals a message. One key and phase may seal one plaintext only: the result is stored and sent again as it is.</summary>
    /// <param name="key">The sender's key, 32 bytes.</param>
    /// <param name="lookup">The id of the rendezvous, 64 hex digits.</param>
    /// <param name="sender">Who sends it.</param>
    /// <param name="phase">The phase, 0 to 255.</param>
    /// <param name="plaintext">Any bytes.</param>
    /// <returns>The ciphertext and the tag.</returns>
    /// <exception cref="ArgumentException">A size or the phase is wrong.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] Seal(ReadOnlySpan<byte> key, string lookup, PairRole sender, int phase, ReadOnlySpan<byte> plaintext)
    {
        Require(key, KeyBytes, nameof(key));
        var associatedData = AssociatedData(lookup, sender, phase);
        SodiumLibrary.EnsureReady();
        var sealedBytes = new byte[plaintext.Length + SealOverheadBytes];
        _ = Sodium.ChaCha20Poly1305Encrypt(
            sealedBytes, 0, plaintext, (ulong)plaintext.Length, associatedData, (ulong)associatedData.Length, 0, SealNonce(phase), key);
        return sealedBytes;
    }

    /// <summary>Opens a message; null when it is too short, was changed, or was not sealed for this rendezvous, sender and phase.</summary>
    /// <param name="key">The sender's key, 32 bytes.</param>
    /// <param name="lookup">The id of the rendezvous, 64 hex digits.</param>
    /// <param name="sender">Who should have sent it.</param>
    /// <param name="phase">The phase, 0 to 255.</param>
    /// <param name="sealedBytes">What <see cref="Seal"/> gave.</param>
    /// <exception cref="ArgumentException">The size of the key, the lookup or the phase is wrong.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[]? Open(ReadOnlySpan<byte> key, string lookup, PairRole sender, int phase, ReadOnlySpan<byte> sealedBytes)
    {
        Require(key, KeyBytes, nameof(key));
        var associatedData = AssociatedData(lookup, sender, phase);
        if (sealedBytes.Length < SealOverheadBytes)
        {
            return null;
        }

        SodiumLibrary.EnsureReady();
        var plaintext = new byte[sealedBytes.Length - SealOverheadBytes];
        return Sodium.ChaCha20Poly1305Decrypt(
            plaintext, 0, 0, sealedBytes, (ulong)sealedBytes.Length, associatedData, (ulong)associatedData.Length, SealNonce(phase), key) == 0
            ? plaintext
            : null;
    }

    /// <summary>What a side signs with its Ed25519 key, to show that it holds the key of its card in this very exchange.</summary>
    /// <param name="role">The side that signs.</param>
    /// <param name="proofSecret"><see cref="PairingV2Keys.ProofSecret"/>, 32 bytes.</param>
    /// <param name="cardBytes">The bytes of its card, as sent.</param>
    /// <exception cref="ArgumentException">The secret has not 32 bytes.</exception>
    public static byte[] ProofText(PairRole role, ReadOnlySpan<byte> proofSecret, ReadOnlySpan<byte> cardBytes)
    {
        Require(proofSecret, ValueBytes, nameof(proofSecret));
        return [.. "WirePS/v2 proof\0"u8, RoleByte(role), .. proofSecret, .. SHA256.HashData(cardBytes)];
    }

    /// <summary>True for the host; the guest is the only other role.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    internal static bool IsHost(PairRole role) => role switch
    {
        PairRole.Host => true,
        PairRole.Guest => false,
        _ => throw new ArgumentOutOfRangeException(nameof(role)),
    };

    /// <summary>Refuses a value of the peer that has not 32 bytes.</summary>
    internal static void RequireReceived(ReadOnlySpan<byte> value)
    {
        if (value.Length != ValueBytes)
        {
            throw new WireException(WireReason.ProtocolError, $"The other side sent a value of {value.Length} bytes instead of {ValueBytes}.");
        }
    }

    private static byte RoleByte(PairRole role) => IsHost(role) ? (byte)'H' : (byte)'G';

    private static byte[] LookupBytes(string lookup)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        var bytes = new byte[ValueBytes];
        if (lookup.Length != 2 * ValueBytes || Convert.FromHexString(lookup, bytes, out _, out _) != OperationStatus.Done)
        {
            throw new ArgumentException($"A lookup has {2 * ValueBytes} hex digits.", nameof(lookup));
        }

        return bytes;
    }

    private static byte[] AssociatedData(string lookup, PairRole sender, int phase)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(phase);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(phase, byte.MaxValue);
        return [.. "WirePS/v2\0"u8, .. LookupBytes(lookup), RoleByte(sender), (byte)phase];
    }

    private static byte[] SealNonce(int phase)
    {
        var nonce = new byte[Sodium.NonceBytes];
        BinaryPrimitives.WriteInt32BigEndian(nonce.AsSpan(nonce.Length - sizeof(int)), phase);
        return nonce;
    }

    private static void Require(ReadOnlySpan<byte> value, int length, string name)
    {
        if (value.Length != length)
        {
            throw new ArgumentException($"It has {length} bytes.", name);
        }
    }
}
