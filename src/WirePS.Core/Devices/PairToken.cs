using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;

namespace WirePS.Devices;

/// <summary>
/// The text of a pair token and its hash (pair-token.md §1, generation A): 24 random bytes as 32 characters of base64url,
/// known to the home that made it by the hex SHA-256 of that text only.
/// </summary>
public static class PairToken
{
    /// <summary>Random bytes in a token.</summary>
    public const int RawBytes = 24;

    /// <summary>Characters of a token.</summary>
    public const int Length = 32;

    /// <summary>Hex digits of a hash.</summary>
    public const int HashLength = SHA256.HashSizeInBytes * 2;

    /// <summary>A new token: a secret, to be shown once and kept nowhere.</summary>
    /// <param name="random">Where its bytes come from; what that throws comes through.</param>
    public static string Generate(IRandomSource random)
    {
        using var raw = SecretBytes.Random(RawBytes, random);
        return Base64Url.EncodeToString(raw.Span);
    }

    /// <summary>True for a text of the form that <see cref="Generate"/> gives.</summary>
    public static bool IsWellFormed(string? text) =>
        text?.Length == Length && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>The 64 lowercase hex digits that a token is known by. The text is taken exactly as it is.</summary>
    public static string HashOf(string text) => Convert.ToHexStringLower(RawHashOf(text));

    /// <summary>The 32 bytes of the hash, as the proof of possession has them.</summary>
    public static byte[] RawHashOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return SHA256.HashData(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Compares two hashes in a time that depends on their lengths only.</summary>
    public static bool HashEquals(string left, string right) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(left), Encoding.UTF8.GetBytes(right));

    /// <summary>True for 64 lowercase hex digits.</summary>
    public static bool IsHash(string? text) => text?.Length == HashLength && text.All(char.IsAsciiHexDigitLower);
}
