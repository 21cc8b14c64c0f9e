using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace WirePS.Cryptography;

/// <summary>
/// RFC 4648 base64 as wire programs read it (wire.md §1.1): standard alphabet, mandatory padding, zero trailing bits,
/// no white space. One value has one spelling.
/// </summary>
public static class StrictBase64
{
    /// <summary>Encodes with padding.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes);

    /// <summary>Decodes; false for anything but the one spelling that <see cref="Encode"/> gives.</summary>
    public static bool TryDecode(string? text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text is null || text.Length % 4 != 0)
        {
            return false;
        }

        var buffer = new byte[text.Length / 4 * 3];
        if (!Convert.TryFromBase64String(text, buffer, out var written))
        {
            return false;
        }

        // The decoder of the platform skips white space and ignores trailing bits; spelling it again shows both.
        var decoded = buffer;
        if (written < buffer.Length)
        {
            decoded = buffer.AsSpan(0, written).ToArray();
            CryptographicOperations.ZeroMemory(buffer);
        }

        if (!string.Equals(Encode(decoded), text, StringComparison.Ordinal))
        {
            return false;
        }

        bytes = decoded;
        return true;
    }

    /// <summary>Decodes a value of exactly <paramref name="length"/> bytes.</summary>
    public static bool TryDecode(string? text, int length, [NotNullWhen(true)] out byte[]? bytes)
    {
        if (TryDecode(text, out bytes) && bytes.Length == length)
        {
            return true;
        }

        bytes = null;
        return false;
    }
}
