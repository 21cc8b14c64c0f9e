using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace WirePS.Cryptography;

/// <summary>
/// The seal <c>wire-x25519.v1</c> around an event's body (wire.md §2.8): ChaCha20 and HMAC-SHA256 under keys of each message,
/// bound to sender and recipient. The padding hides the length and must be zeros here (flaw I24).
/// </summary>
public static class SealedBody
{
    /// <summary>The name of the seal, the event member <c>enc</c>.</summary>
    public const string Scheme = "wire-x25519.v1";

    /// <summary>Bytes of a conversation key.</summary>
    public const int KeyBytes = 32;

    /// <summary>Most bytes of a plaintext; the fewest is one.</summary>
    public const int MaxPlaintextBytes = ushort.MaxValue;

    /// <summary>Bytes of the random nonce of a message.</summary>
    public const int NonceBytes = 32;

    private const byte Version = 2;
    private const int HeadBytes = 1 + NonceBytes;
    private const int TagBytes = HMACSHA256.HashSizeInBytes;
    private const int MinPaddedBytes = 32;
    private const int MinPayloadBytes = HeadBytes + sizeof(ushort) + MinPaddedBytes + TagBytes;
    private const int MaxPayloadBytes = HeadBytes + sizeof(ushort) + MaxPlaintextBytes + 1 + TagBytes;
    private const int MaxPayloadCharacters = (MaxPayloadBytes + 2) / 3 * 4;

    /// <summary>The key of all messages between two keys; both sides derive the same one.</summary>
    /// <param name="scalar">Our X25519 scalar, 32 bytes: that of the identity, or a fresh one.</param>
    /// <param name="peerPublicKey">The peer's <c>dh_pubkey</c>, or the <c>epk</c> of the event, 32 bytes.</param>
    /// <returns>32 bytes; null for a key of low order, with which anybody could open.</returns>
    /// <exception cref="ArgumentException">A size is wrong.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static SecretBytes? DeriveKey(ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> peerPublicKey)
    {
        using var shared = X25519.SharedSecret(scalar, peerPublicKey);
        if (shared is null)
        {
            return null;
        }

        var key = new SecretBytes(KeyBytes);
        _ = HKDF.Extract(HashAlgorithmName.SHA256, shared.Span, "wire-x25519-v1"u8, key.Span);
        return key;
    }

    /// <summary>Seals a plaintext.</summary>
    /// <param name="key">The conversation key, 32 bytes.</param>
    /// <param name="plaintext">1 to 65535 bytes: the compact JSON of the body.</param>
    /// <param name="from">The event's <c>from</c>.</param>
    /// <param name="to">The event's <c>to</c>.</param>
    /// <param name="random">Where the nonce comes from.</param>
    /// <returns>The payload in base64, for the member <c>ct</c>.</returns>
    /// <exception cref="ArgumentException">A size is wrong.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static string Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> plaintext, string from, string to, IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        RequireKey(key);
        if (plaintext.Length is 0 or > MaxPlaintextBytes)
        {
            throw new ArgumentException($"A plaintext has 1 to {MaxPlaintextBytes} bytes.", nameof(plaintext));
        }

        SodiumLibrary.EnsureReady();
        var paddedBytes = sizeof(ushort) + PaddedLength(plaintext.Length);
        var payload = new byte[HeadBytes + paddedBytes + TagBytes];
        payload[0] = Version;
        var nonce = payload.AsSpan(1, NonceBytes);
        random.Fill(nonce);
        using var keys = TryDeriveMessageKeys(key, nonce, from, to)
            ?? throw new ArgumentException("The name of the sender or of the recipient is too long to be sealed.", nameof(to));
        using var padded = new SecretBytes(paddedBytes);
        BinaryPrimitives.WriteUInt16BigEndian(padded.Span, (ushort)plaintext.Length);
        plaintext.CopyTo(padded.Span[sizeof(ushort)..]);
        _ = Sodium.ChaCha20Xor(payload.AsSpan(HeadBytes, paddedBytes), padded.Span, (ulong)paddedBytes, keys.CipherNonce, keys.CipherKey);
        HMACSHA256.HashData(keys.TagKey, payload.AsSpan(1, NonceBytes + paddedBytes), payload.AsSpan(HeadBytes + paddedBytes));
        return StrictBase64.Encode(payload);
    }

    /// <summary>Opens a payload; null when it is malformed, was changed, or is sealed with another key or for another pair of names.</summary>
    /// <param name="key">The conversation key, 32 bytes.</param>
    /// <param name="payload">The text of the member <c>ct</c>.</param>
    /// <param name="from">The event's <c>from</c>, as received.</param>
    /// <param name="to">The event's <c>to</c>, as received.</param>
    /// <exception cref="ArgumentException">The key is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static SecretBytes? Open(ReadOnlySpan<byte> key, string payload, string from, string to)
    {
        ArgumentNullException.ThrowIfNull(payload);
        RequireKey(key);
        SodiumLibrary.EnsureReady();
        if (payload.Length > MaxPayloadCharacters
            || !StrictBase64.TryDecode(payload, out var bytes)
            || bytes.Length is < MinPayloadBytes or > MaxPayloadBytes
            || bytes[0] != Version)
        {
            return null;
        }

        var covered = bytes.AsSpan(1, bytes.Length - 1 - TagBytes);
        using var keys = TryDeriveMessageKeys(key, covered[..NonceBytes], from, to);
        if (keys is null)
        {
            return null;
        }

        // The tag first: nothing of what a stranger sent is decrypted.
        Span<byte> tag = stackalloc byte[TagBytes];
        HMACSHA256.HashData(keys.TagKey, covered, tag);
        if (!CryptographicOperations.FixedTimeEquals(tag, bytes.AsSpan(bytes.Length - TagBytes)))
        {
            return null;
        }

        var ciphertext = covered[NonceBytes..];
        using var padded = new SecretBytes(ciphertext.Length);
        _ = Sodium.ChaCha20Xor(padded.Span, ciphertext, (ulong)ciphertext.Length, keys.CipherNonce, keys.CipherKey);
        return Unpad(padded.Span);
    }

    /// <summary>Bytes that a plaintext has once it is padded, without the two of its length.</summary>
    /// <param name="length">1 to 65535.</param>
    internal static int PaddedLength(int length)
    {
        if (length <= MinPaddedBytes)
        {
            return MinPaddedBytes;
        }

        var power = (int)BitOperations.RoundUpToPowerOf2((uint)length);
        var chunk = power <= 256 ? 32 : power / 8;
        return (length + chunk - 1) / chunk * chunk;
    }

    private static SecretBytes? Unpad(ReadOnlySpan<byte> padded)
    {
        var length = BinaryPrimitives.ReadUInt16BigEndian(padded);
        var rest = padded[sizeof(ushort)..];

        // Other programs do not look at the padding: whatever stands there would be carried past whoever reads the text.
        return length > 0 && PaddedLength(length) == rest.Length && !rest[length..].ContainsAnyExcept((byte)0)
            ? SecretBytes.CopyOf(rest[..length])
            : null;
    }

    private static MessageKeys? TryDeriveMessageKeys(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, string from, string to)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        var fromBytes = Encoding.UTF8.GetByteCount(from);
        var toBytes = Encoding.UTF8.GetByteCount(to);
        if (fromBytes > ushort.MaxValue || toBytes > ushort.MaxValue)
        {
            return null;
        }

        var info = new byte[NonceBytes + sizeof(ushort) + fromBytes + sizeof(ushort) + toBytes];
        nonce.CopyTo(info);
        var rest = info.AsSpan(NonceBytes);
        Append(ref rest, from, fromBytes);
        Append(ref rest, to, toBytes);
        return new MessageKeys(key, info);
    }

    private static void Append(ref Span<byte> rest, string text, int bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(rest, (ushort)bytes);
        _ = Encoding.UTF8.GetBytes(text, rest[sizeof(ushort)..]);
        rest = rest[(sizeof(ushort) + bytes)..];
    }

    private static void RequireKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            throw new ArgumentException($"The key has {KeyBytes} bytes.", nameof(key));
        }
    }

    /// <summary>What one message is sealed with.</summary>
    private sealed class MessageKeys : IDisposable
    {
        private readonly SecretBytes _bytes = new(Sodium.KeyBytes + Sodium.NonceBytes + TagBytes);

        public MessageKeys(ReadOnlySpan<byte> key, ReadOnlySpan<byte> info)
            => HKDF.Expand(HashAlgorithmName.SHA256, key, _bytes.Span, info);

        public ReadOnlySpan<byte> CipherKey => _bytes.Span[..Sodium.KeyBytes];

        public ReadOnlySpan<byte> CipherNonce => _bytes.Span.Slice(Sodium.KeyBytes, Sodium.NonceBytes);

        public ReadOnlySpan<byte> TagKey => _bytes.Span[(Sodium.KeyBytes + Sodium.NonceBytes)..];

        public void Dispose() => _bytes.Dispose();
    }
}
