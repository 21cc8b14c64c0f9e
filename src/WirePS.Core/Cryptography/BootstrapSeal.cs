using System.Security.Cryptography;
using System.Text;

namespace WirePS.Cryptography;

/// <summary>
/// The seal around the cards and mailbox addresses of protocol v1 (wire.md §5.7): nonce ‖ ChaCha20-Poly1305 without
/// associated data. Both directions use the same key, so a blob says nothing of who made it (flaw C4):
/// use <see cref="OpenFromPeer"/> on what the relay hands over.
/// </summary>
public static class BootstrapSeal
{
    /// <summary>Bytes of the key.</summary>
    public const int KeyBytes = Sodium.KeyBytes;

    /// <summary>Bytes of the nonce, which stands in front of the blob.</summary>
    public const int NonceBytes = Sodium.NonceBytes;

    /// <summary>Bytes that a blob has more than its plaintext.</summary>
    public const int OverheadBytes = Sodium.NonceBytes + Sodium.TagBytes;

    /// <summary>The key that seals, from the key of the exchange.</summary>
    /// <param name="spakeKey">32 bytes of <see cref="SymmetricSpake2.Finish"/>.</param>
    /// <param name="codeHash">The 64 hex digits of <see cref="CodePhrase.Hash"/>.</param>
    /// <returns>32 bytes.</returns>
    public static SecretBytes DeriveKey(ReadOnlySpan<byte> spakeKey, string codeHash)
    {
        ArgumentNullException.ThrowIfNull(codeHash);
        var key = new SecretBytes(KeyBytes);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, spakeKey, key.Span, Encoding.UTF8.GetBytes(codeHash), "wire/v1 bootstrap-aead"u8);
        return key;
    }

    /// <summary>Seals a plaintext.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">12 bytes, never used twice with one key.</param>
    /// <param name="plaintext">Any bytes.</param>
    /// <returns>The nonce, the ciphertext and the tag.</returns>
    /// <exception cref="ArgumentException">A size is wrong.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext)
    {
        RequireKey(key);
        if (nonce.Length != NonceBytes)
        {
            throw new ArgumentException($"The nonce has {NonceBytes} bytes.", nameof(nonce));
        }

        SodiumLibrary.EnsureReady();
        var blob = new byte[OverheadBytes + plaintext.Length];
        nonce.CopyTo(blob);
        _ = Sodium.ChaCha20Poly1305Encrypt(blob.AsSpan(NonceBytes), 0, plaintext, (ulong)plaintext.Length, [], 0, 0, nonce, key);
        return blob;
    }

    /// <summary>Opens a blob; null when it is too short, was changed, or is sealed with another key.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="blob">What <see cref="Seal"/> gave.</param>
    /// <exception cref="ArgumentException">The key is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[]? Open(ReadOnlySpan<byte> key, ReadOnlySpan<byte> blob)
    {
        RequireKey(key);
        SodiumLibrary.EnsureReady();
        if (blob.Length < OverheadBytes)
        {
            return null;
        }

        var plaintext = new byte[blob.Length - OverheadBytes];
        var sealedBytes = blob[NonceBytes..];
        return Sodium.ChaCha20Poly1305Decrypt(plaintext, 0, 0, sealedBytes, (ulong)sealedBytes.Length, [], 0, blob[..NonceBytes], key) == 0
            ? plaintext
            : null;
    }

    /// <summary>Opens the peer's blob and refuses our own, which the relay may hand back and which would open.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="ownBlob">The blob that we posted; empty when none was posted yet.</param>
    /// <param name="peerBlob">The blob that the relay gave.</param>
    /// <returns>The plaintext, or null when it does not open.</returns>
    /// <exception cref="WireException"><see cref="WireReason.SelfPairing"/>: it is our own.</exception>
    public static byte[]? OpenFromPeer(ReadOnlySpan<byte> key, ReadOnlySpan<byte> ownBlob, ReadOnlySpan<byte> peerBlob)
    {
        if (!ownBlob.IsEmpty && ownBlob.SequenceEqual(peerBlob))
        {
            throw new WireException(WireReason.SelfPairing, "The relay handed back our own sealed card.");
        }

        return Open(key, peerBlob);
    }

    private static void RequireKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            throw new ArgumentException($"The key has {KeyBytes} bytes.", nameof(key));
        }
    }
}
