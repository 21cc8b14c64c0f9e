using System.Security.Cryptography;

namespace WirePS.Cryptography;

/// <summary>X25519: keys that follow from an identity's Ed25519 seed, and what two keys share (wire.md §2.8).</summary>
public static class X25519
{
    /// <summary>Bytes of a public key.</summary>
    public const int PublicKeyBytes = Sodium.KeyBytes;

    /// <summary>The public key that the card publishes as <c>dh_pubkey</c>.</summary>
    /// <param name="seed">The identity's 32-byte seed.</param>
    /// <exception cref="ArgumentException">The seed is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] DhPublicKey(ReadOnlySpan<byte> seed)
    {
        using var scalar = DhScalar(seed);
        return PublicKey(scalar.Span);
    }

    /// <summary>The public key of a secret scalar.</summary>
    /// <param name="scalar">32 bytes; clamped as it is used.</param>
    /// <exception cref="ArgumentException">The scalar is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] PublicKey(ReadOnlySpan<byte> scalar)
    {
        RequireLength(scalar, nameof(scalar));
        SodiumLibrary.EnsureReady();
        var publicKey = new byte[PublicKeyBytes];
        _ = Sodium.X25519Base(publicKey, scalar);
        return publicKey;
    }

    /// <summary>What the holders of two keys share: 32 bytes; null where the peer's key has low order and the product is zero.</summary>
    /// <param name="scalar">Our secret scalar, 32 bytes; clamped as it is used.</param>
    /// <param name="peerPublicKey">The peer's key, 32 bytes.</param>
    /// <exception cref="ArgumentException">A size is wrong.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static SecretBytes? SharedSecret(ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> peerPublicKey)
    {
        RequireLength(scalar, nameof(scalar));
        RequireLength(peerPublicKey, nameof(peerPublicKey));
        SodiumLibrary.EnsureReady();
        Span<byte> zero = stackalloc byte[Sodium.KeyBytes];
        zero.Clear();
        var shared = new SecretBytes(Sodium.KeyBytes);
        if (Sodium.X25519Multiply(shared.Span, scalar, peerPublicKey) == 0 && !shared.FixedTimeEquals(zero))
        {
            return shared;
        }

        shared.Dispose();
        return null;
    }

    /// <summary>True for a key that something can be sealed to: one that has low order shares the same zeros with everybody (RFC 7748 §6.1).</summary>
    /// <param name="key">A public key, 32 bytes.</param>
    /// <exception cref="ArgumentException">The key is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static bool IsUsable(ReadOnlySpan<byte> key)
    {
        // Any scalar does: clamped it is a multiple of eight, as the orders of such points divide eight.
        Span<byte> scalar = stackalloc byte[Sodium.KeyBytes];
        scalar.Fill(1);
        using var shared = SharedSecret(scalar, key);
        return shared is not null;
    }

    /// <summary>The secret scalar of a seed: the first half of its SHA-512, clamped. 32 bytes, little-endian.</summary>
    internal static SecretBytes DhScalar(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != Ed25519.SeedBytes)
        {
            throw new ArgumentException($"A seed has {Ed25519.SeedBytes} bytes.", nameof(seed));
        }

        using var hash = new SecretBytes(SHA512.HashSizeInBytes);
        SHA512.HashData(seed, hash.Span);
        var scalar = SecretBytes.CopyOf(hash.Span[..Sodium.KeyBytes]);
        scalar.Span[0] &= 248;
        scalar.Span[31] &= 127;
        scalar.Span[31] |= 64;
        return scalar;
    }

    private static void RequireLength(ReadOnlySpan<byte> value, string name)
    {
        if (value.Length != Sodium.KeyBytes)
        {
            throw new ArgumentException($"The value has {Sodium.KeyBytes} bytes.", name);
        }
    }
}
