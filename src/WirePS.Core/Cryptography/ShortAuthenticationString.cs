using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace WirePS.Cryptography;

/// <summary>The six digits that people compare (wire.md §5.6).</summary>
public static class ShortAuthenticationString
{
    /// <summary>Number of digits.</summary>
    public const int DigitCount = 6;

    /// <summary>The digits of protocol v1, the same on both sides. They cover the key only, not the identities (flaw C3).</summary>
    /// <param name="key">The 32-byte key of the exchange.</param>
    /// <returns>Six ASCII digits.</returns>
    /// <exception cref="ArgumentException">The key is not 32 bytes.</exception>
    public static string V1(ReadOnlySpan<byte> key)
    {
        if (key.Length != SymmetricSpake2.KeyBytes)
        {
            throw new ArgumentException($"The key has {SymmetricSpake2.KeyBytes} bytes.", nameof(key));
        }

        // What the protocol calls public keys are in fact the halves of the key.
        return V1(key, key[..16], key[16..]);
    }

    /// <summary>The function below <see cref="V1(ReadOnlySpan{byte})"/>: two further values in ascending byte order.</summary>
    internal static string V1(ReadOnlySpan<byte> key, ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var label = "wire/v1 sas"u8;
        using var text = new SecretBytes(label.Length + key.Length + one.Length + other.Length);
        var ordered = one.SequenceCompareTo(other) <= 0;
        var rest = text.Span;
        label.CopyTo(rest);
        rest = rest[label.Length..];
        key.CopyTo(rest);
        rest = rest[key.Length..];
        var low = ordered ? one : other;
        low.CopyTo(rest);
        (ordered ? other : one).CopyTo(rest[low.Length..]);

        using var digest = new SecretBytes(SHA256.HashSizeInBytes);
        SHA256.HashData(text.Span, digest.Span);
        var number = BinaryPrimitives.ReadUInt32BigEndian(digest.Span[28..]) % 1_000_000;
        return number.ToString("D6", CultureInfo.InvariantCulture);
    }

    /// <summary>The form that people read: <c>ddd-ddd</c>.</summary>
    /// <exception cref="ArgumentException">There are not six digits.</exception>
    public static string Display(string digits)
    {
        ArgumentNullException.ThrowIfNull(digits);
        if (digits.Length != DigitCount)
        {
            throw new ArgumentException($"There are {DigitCount} digits.", nameof(digits));
        }

        return string.Concat(digits.AsSpan(0, 3), "-", digits.AsSpan(3));
    }

    /// <summary>Reads typed digits: white space and dashes are dropped, exactly six ASCII digits must be left (wireps.md §2).</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidDigits"/>; the message does not repeat what was typed.</exception>
    public static string ParseTyped(string typed)
    {
        ArgumentNullException.ThrowIfNull(typed);
        Span<char> digits = stackalloc char[DigitCount];
        var count = 0;
        foreach (var rune in typed.EnumerateRunes())
        {
            if (CodePhrase.IsSeparator(rune))
            {
                continue;
            }

            if (count == DigitCount || rune.Value is < '0' or > '9')
            {
                throw new WireException(WireReason.InvalidDigits);
            }

            digits[count++] = (char)rune.Value;
        }

        return count == DigitCount ? digits.ToString() : throw new WireException(WireReason.InvalidDigits);
    }
}
