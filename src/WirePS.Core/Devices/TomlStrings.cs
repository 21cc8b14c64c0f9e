using System.Globalization;
using System.Text;

namespace WirePS.Devices;

/// <summary>
/// Texts of TOML 1.0: read in all four forms, written in the form that the other program's library picks, so that its
/// files and ours are the same bytes.
/// </summary>
internal static class TomlStrings
{
    private const int MaxQuotes = 2;

    /// <summary>Reads the text that starts at a quote, and moves behind it; null where it is not well-formed.</summary>
    internal static string? Read(string toml, ref int at)
    {
        var quote = toml[at];
        var three = new string(quote, 3);
        if (string.CompareOrdinal(toml, at, three, 0, 3) != 0)
        {
            at++;
            return ReadLine(toml, ref at, quote);
        }

        at += 3;
        at += LineEndAt(toml, at);
        return ReadLines(toml, ref at, quote);
    }

    /// <summary>Reads a text on one line from behind its first quote.</summary>
    internal static string? ReadLine(string toml, ref int at, char quote)
    {
        var text = new StringBuilder();
        while (at < toml.Length)
        {
            var c = toml[at];
            if (c == quote)
            {
                at++;
                return text.ToString();
            }

            if (IsControl(c) || (c == '\\' && quote == '"' && !TryReadEscape(toml, ref at, text)))
            {
                return null;
            }

            if (c != '\\' || quote != '"')
            {
                text.Append(c);
                at++;
            }
        }

        return null;
    }

    internal static bool IsControl(char c) => (c < ' ' && c != '\t') || c == '\x7F';

    /// <summary>Length of the line end at a place; 0 where there is none. A carriage return alone is none.</summary>
    internal static int LineEndAt(string toml, int at) =>
        at < toml.Length && toml[at] == '\n' ? 1 : string.CompareOrdinal(toml, at, "\r\n", 0, 2) == 0 ? 2 : 0;

    /// <summary>Writes a text with its quotes.</summary>
    internal static string Write(string text)
    {
        var hasLines = text.Contains('\n', StringComparison.Ordinal);
        var hasCodes = text.Any(static c => IsControl(c) && c != '\n');
        var hasEscapes = text.Contains('\\', StringComparison.Ordinal);
        var singles = LongestRun(text, '\'');
        var doubles = LongestRun(text, '"');
        return !hasCodes && !hasEscapes && doubles == 0 && !hasLines ? Escaped(text, "\"")
            : !hasCodes && singles == 0 && !hasLines ? $"'{text}'"
            : !hasCodes && !hasEscapes && doubles <= MaxQuotes ? Escaped(text, "\"\"\"")
            : !hasCodes && singles <= MaxQuotes ? "'''" + (hasLines ? "\n" : "") + text + "'''"
            : Escaped(text, hasLines ? "\"\"\"" : "\"");
    }

    private static string? ReadLines(string toml, ref int at, char quote)
    {
        var text = new StringBuilder();
        while (at < toml.Length)
        {
            if (toml[at] == quote)
            {
                var run = RunAt(toml, at, quote);
                at += Math.Min(run, MaxQuotes + 3);
                if (run >= 3)
                {
                    // Up to two quotes belong to the text, the last three end it.
                    text.Append(quote, Math.Min(run, MaxQuotes + 3) - 3);
                    return text.ToString();
                }

                text.Append(quote, run);
            }
            else if (!TryReadInLines(toml, ref at, quote, text))
            {
                return null;
            }
        }

        return null;
    }

    private static bool TryReadInLines(string toml, ref int at, char quote, StringBuilder text)
    {
        var lineEnd = LineEndAt(toml, at);
        if (lineEnd > 0)
        {
            text.Append('\n');
            at += lineEnd;
            return true;
        }

        if (toml[at] == '\\' && quote == '"')
        {
            return TrySkipFold(toml, ref at) || TryReadEscape(toml, ref at, text);
        }

        if (IsControl(toml[at]))
        {
            return false;
        }

        text.Append(toml[at++]);
        return true;
    }

    /// <summary>A backslash at the end of a line takes the line end away, and the white space after it.</summary>
    private static bool TrySkipFold(string toml, ref int at)
    {
        var next = at + 1;
        while (next < toml.Length && toml[next] is ' ' or '\t')
        {
            next++;
        }

        if (LineEndAt(toml, next) == 0)
        {
            return false;
        }

        while (next < toml.Length && (toml[next] is ' ' or '\t' || LineEndAt(toml, next) > 0))
        {
            next += Math.Max(1, LineEndAt(toml, next));
        }

        at = next;
        return true;
    }

    private static bool TryReadEscape(string toml, ref int at, StringBuilder text)
    {
        if (at + 1 >= toml.Length)
        {
            return false;
        }

        var c = toml[at + 1];
        var digits = c switch { 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            return TryReadCode(toml, ref at, digits, text);
        }

        var plain = c switch { 'b' => '\b', 't' => '\t', 'n' => '\n', 'f' => '\f', 'r' => '\r', '"' => '"', '\\' => '\\', _ => '\0' };
        text.Append(plain);
        at += 2;
        return plain != '\0';
    }

    private static bool TryReadCode(string toml, ref int at, int digits, StringBuilder text)
    {
        if (at + 2 + digits > toml.Length
            || !uint.TryParse(toml.AsSpan(at + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            || !Rune.TryCreate(code, out var rune))
        {
            return false;
        }

        text.Append(rune);
        at += 2 + digits;
        return true;
    }

    private static string Escaped(string text, string quotes)
    {
        var isMany = quotes.Length > 1;
        var written = new StringBuilder(quotes);
        if (isMany && text.Contains('\n', StringComparison.Ordinal))
        {
            written.Append('\n');
        }

        var run = 0;
        foreach (var c in text)
        {
            run = c == '"' ? run + 1 : 0;
            var escape = c switch
            {
                '"' when run > (isMany ? MaxQuotes : 0) => "\\\"",
                '\b' => "\\b",
                '\t' => "\\t",
                '\n' when !isMany => "\\n",
                '\f' => "\\f",
                '\r' => "\\r",
                '\\' => "\\\\",
                _ when c != '\n' && IsControl(c) => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
                _ => null,
            };
            run = escape is null ? run : 0;
            written.Append(escape ?? c.ToString());
        }

        return written.Append(quotes).ToString();
    }

    private static int RunAt(string text, int at, char c)
    {
        var run = 0;
        while (at + run < text.Length && text[at + run] == c)
        {
            run++;
        }

        return run;
    }

    private static int LongestRun(string text, char c)
    {
        var (longest, run) = (0, 0);
        foreach (var found in text)
        {
            run = found == c ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        return longest;
    }
}
