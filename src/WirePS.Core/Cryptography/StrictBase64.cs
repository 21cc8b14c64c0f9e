using System.Buffers;
using System.Buffers.Text;
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

    /// <summary>Encodes for a URL: alphabet with <c>-</c> and <c>_</c>, no padding.</summary>
    public static string EncodeUrl(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    /// <summary>Decodes what stands in a URL; false for anything but the one spelling that <see cref="EncodeUrl"/> gives.</summary>
    public static bool TryDecodeUrl(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        var decoded = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, decoded, out _, out var written) != OperationStatus.Done)
        {
            return false;
        }

        // Here as well the decoder of the platform takes padding, white space and any trailing bits.
        decoded = decoded.AsSpan(0, written).ToArray();
        if (!text.SequenceEqual(EncodeUrl(decoded)))
        {
            return false;
        }

        bytes = decoded;
        return true;
    }
}
