using System.Globalization;
using System.Text;

namespace WirePS.Handshakes;

/// <summary>What the other side wrote for people to read (handshake.md §5.1, weakness 20): made safe on the way in and on the way out.</summary>
public static class HandshakeText
{
    /// <summary>The longest text, in bytes of UTF-8.</summary>
    public const int MaxBytes = 1024;

    /// <summary>The text without what cannot be seen, moves a cursor or only looks like a space, cut at a character's end.</summary>
    /// <param name="text">The text as it came.</param>
    public static string Clean(string text)
    {
        var clean = new StringBuilder();
        var bytes = 0;
        foreach (var rune in Printable.Of(text).EnumerateRunes())
        {
            if (rune.Value != ' ' && Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator)
            {
                continue;
            }

            bytes += rune.Utf8SequenceLength;
            if (bytes > MaxBytes)
            {
                break;
            }

            clean.Append(rune);
        }

        return clean.ToString();
    }
}
