using System.Security.Cryptography;
using System.Text;

namespace WirePS.Relay.Storage;

/// <summary>
/// SHA-256 of a secret or of an id that is used as one. Only hashes are stored, so that a copy of the database opens no mailbox
/// (wire.md §11.5 R10).
/// </summary>
public readonly struct TokenHash : IEquatable<TokenHash>
{
    /// <summary>Longer than any token that the relay makes or asks for.</summary>
    private const int OrdinaryBytes = 256;

    private readonly byte[]? _bytes;

    private TokenHash(byte[] bytes) => _bytes = bytes;

    /// <summary>Hashes the UTF-8 form of a token.</summary>
    public static TokenHash Of(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        Span<byte> utf8 = stackalloc byte[OrdinaryBytes];
        return new TokenHash(SHA256.HashData(Encoding.UTF8.TryGetBytes(token, utf8, out var written) ? utf8[..written] : Encoding.UTF8.GetBytes(token)));
    }

    /// <summary>Takes a hash that was stored.</summary>
    public static TokenHash FromStored(byte[] stored) => new(stored);

    /// <summary>The 32 bytes as they are stored.</summary>
    public byte[] ToArray() => _bytes ?? [];

    /// <summary>Compares in constant time.</summary>
    public bool Equals(TokenHash other) => CryptographicOperations.FixedTimeEquals(_bytes ?? [], other._bytes ?? []);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TokenHash other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _bytes is null ? 0 : BitConverter.ToInt32(_bytes, 0);

    /// <summary>Compares in constant time.</summary>
    public static bool operator ==(TokenHash left, TokenHash right) => left.Equals(right);

    /// <summary>Compares in constant time.</summary>
    public static bool operator !=(TokenHash left, TokenHash right) => !left.Equals(right);

    /// <summary>Says nothing: a hash of a token does not belong into a log.</summary>
    public override string ToString() => nameof(TokenHash);
}
