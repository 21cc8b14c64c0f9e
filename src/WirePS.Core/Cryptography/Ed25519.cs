namespace WirePS.Cryptography;

/// <summary>
/// Ed25519 (RFC 8032, pure): deterministic signatures of 64 bytes, keys of 32 (wire.md §1.1). Checking is strict:
/// a key outside the prime-order subgroup, a weak or non-canonical key, R or S is refused. Honest peers never make those.
/// </summary>
public static class Ed25519
{
    /// <summary>Bytes of a seed (the private key as stored).</summary>
    public const int SeedBytes = Sodium.KeyBytes;

    /// <summary>Bytes of a public key.</summary>
    public const int PublicKeyBytes = Sodium.KeyBytes;

    /// <summary>Bytes of a signature.</summary>
    public const int SignatureBytes = Sodium.SignatureBytes;

    /// <summary>The public key of a seed.</summary>
    /// <param name="seed">32 bytes.</param>
    /// <exception cref="ArgumentException">The seed is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] PublicKey(ReadOnlySpan<byte> seed)
    {
        RequireSeed(seed);
        SodiumLibrary.EnsureReady();
        var publicKey = new byte[PublicKeyBytes];
        using var secretKey = new SecretBytes(Sodium.SecretKeyBytes);
        _ = Sodium.SignSeedKeyPair(publicKey, secretKey.Span, seed);
        return publicKey;
    }

    /// <summary>Signs a message.</summary>
    /// <param name="seed">32 bytes.</param>
    /// <param name="message">Any bytes.</param>
    /// <exception cref="ArgumentException">The seed is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] Sign(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message)
    {
        RequireSeed(seed);
        SodiumLibrary.EnsureReady();
        Span<byte> publicKey = stackalloc byte[PublicKeyBytes];
        using var secretKey = new SecretBytes(Sodium.SecretKeyBytes);
        _ = Sodium.SignSeedKeyPair(publicKey, secretKey.Span, seed);
        var signature = new byte[SignatureBytes];
        _ = Sodium.SignDetached(signature, 0, message, (ulong)message.Length, secretKey.Span);
        return signature;
    }

    /// <summary>True when the signature of the message is good for the key; false for wrong sizes as well.</summary>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != SignatureBytes || !IsValidPublicKey(publicKey))
        {
            return false;
        }

        return Sodium.VerifyDetached(signature, message, (ulong)message.Length, publicKey) == 0;
    }

    /// <summary>True for a canonical encoding of a point of the prime-order subgroup other than the identity.</summary>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static bool IsValidPublicKey(ReadOnlySpan<byte> publicKey)
    {
        SodiumLibrary.EnsureReady();
        return publicKey.Length == PublicKeyBytes && Sodium.IsValidPoint(publicKey) == 1;
    }

    private static void RequireSeed(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != SeedBytes)
        {
            throw new ArgumentException($"A seed has {SeedBytes} bytes.", nameof(seed));
        }
    }
}
