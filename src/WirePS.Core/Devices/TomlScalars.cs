using System.Globalization;
using System.Text.RegularExpressions;

namespace WirePS.Devices;

/// <summary>Numbers, truth values and times of TOML 1.0.</summary>
internal static partial class TomlScalars
{
    private const string Digits = "[0-9](?:_?[0-9])*";
    private const string Decimal = "[+-]?(?:0|[1-9](?:_?[0-9])*)";
    private const string Date = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
    private const string Time = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?";
    private const string Offset = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";

    internal static bool TryReadInteger(string text, out long number)
    {
        number = 0;
        if (DecimalForm().IsMatch(text))
        {
            return long.TryParse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
        }

        return RadixForm().IsMatch(text) && TryReadDigits(text[2..], text[1] switch { 'x' => 16, 'o' => 8, _ => 2 }, out number);
    }

    internal static bool IsDate(string text) => DateForm().IsMatch(text);

    /// <summary>True for a float, a truth value or a time.</summary>
    internal static bool IsOther(string text) => text is "true" or "false" || FloatForm().IsMatch(text) || TimeForm().IsMatch(text);

    private static bool TryReadDigits(string digits, int radix, out long number)
    {
        number = 0;
        foreach (var c in digits)
        {
            if (c == '_')
            {
                continue;
            }

            var digit = char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
            if (number > (long.MaxValue - digit) / radix)
            {
                return false;
            }

            number = (number * radix) + digit;
        }

        return true;
    }

    [GeneratedRegex($"^{Decimal}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex DecimalForm();

    [GeneratedRegex("^0(?:x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|o[0-7](?:_?[0-7])*|b[01](?:_?[01])*)\\z", RegexOptions.CultureInvariant)]
    private static partial Regex RadixForm();

    [GeneratedRegex($"^(?:{Decimal}(?:\\.{Digits}(?:[eE][+-]?{Digits})?|[eE][+-]?{Digits})|[+-]?(?:inf|nan))\\z", RegexOptions.CultureInvariant)]
    private static partial Regex FloatForm();

    [GeneratedRegex($"^{Date}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex DateForm();

    [GeneratedRegex($"^(?:{Date}(?:[Tt ]{Time}{Offset}?)?|{Time})\\z", RegexOptions.CultureInvariant)]
    private static partial Regex TimeForm();
}
