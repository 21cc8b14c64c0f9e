using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace WirePS;

/// <summary>Text that others chose, made safe to show.</summary>
public static class Printable
{
    /// <summary>The text without what moves a cursor, changes a direction or cannot be seen; null stays null.</summary>
    /// <param name="text">The text.</param>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Of(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var safe = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned))
            {
                safe.Append(rune);
            }
        }

        return safe.ToString();
    }
}
