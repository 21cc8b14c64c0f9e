using System.Security.Cryptography;

namespace WirePS.Cryptography;

/// <summary>X25519 keys that follow from an identity's Ed25519 seed (wire.md §2.8).</summary>
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
        SodiumLibrary.EnsureReady();
        using var scalar = DhScalar(seed);
        var publicKey = new byte[PublicKeyBytes];
        _ = Sodium.X25519Base(publicKey, scalar.Span);
        return publicKey;
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
}
