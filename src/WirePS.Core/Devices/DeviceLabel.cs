using System.Globalization;
using System.Text;

namespace WirePS.Devices;

/// <summary>A name that a person gives to a token or a device.</summary>
internal static class DeviceLabel
{
    internal const int MaxBytes = 256;

    /// <summary>The label, checked; null for none. <see cref="WireReason.InvalidLabel"/>.</summary>
    internal static string? Require(string? label) => label is null || IsAllowed(label) ? label : throw new WireException(WireReason.InvalidLabel);

    private static bool IsAllowed(string label)
    {
        // A bad half of a pair reads as the replacement character, so the text would come back another one.
        return Encoding.UTF8.GetByteCount(label) <= MaxBytes
            && Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(label)) == label
            && !label.EnumerateRunes().Any(static rune => Rune.GetUnicodeCategory(rune) is
                UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
    }
}
