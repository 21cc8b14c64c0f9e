using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace WirePS.Identity;

/// <summary>
/// Writes JSON as serde_json does: compact or with two spaces, only what must be escaped is escaped, numbers in its notation
/// (wire.md §1.5, points 4 to 6).
/// </summary>
internal sealed class WireJsonWriter(WireJsonOrder order, bool indented)
{
    private const int SmallestFixedExponent = -5;
    private const int LargestFixedExponent = 15;

    private static readonly SearchValues<char> Escaped =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (char)c), '"', '\\']);

    private readonly ArrayBufferWriter<byte> _output = new(256);
    private int _level;

    /// <summary>What was written, UTF-8.</summary>
    internal byte[] ToArray() => _output.WrittenSpan.ToArray();

    /// <summary>Writes a value.</summary>
    internal void Write(WireJson value) => WriteCore(value, null);

    /// <summary>Writes an object without the members of those names; another value as it is.</summary>
    internal void WriteWithout(WireJson value, ReadOnlySpan<string> omitted) => WriteCore(value, omitted.ToArray());

    private void WriteCore(WireJson value, string[]? omitted)
    {
        switch (value.Kind)
        {
            case WireJsonKind.Null:
                _output.Write("null"u8);
                break;
            case WireJsonKind.Boolean:
                _output.Write(value.AsBoolean() == true ? "true"u8 : "false"u8);
                break;
            case WireJsonKind.Integer:
                WriteInteger(value.Magnitude, value.IsNegative);
                break;
            case WireJsonKind.Float:
                WriteAscii(FormatFloat(value.FloatValue));
                break;
            case WireJsonKind.String:
                WriteString(value.Text);
                break;
            case WireJsonKind.Array:
                WriteArray(value);
                break;
            case WireJsonKind.Object:
                WriteObject(value, omitted);
                break;
            default:
                throw new InvalidOperationException("A kind of JSON that does not exist.");
        }
    }

    private void WriteArray(WireJson array)
    {
        WriteByte((byte)'[');
        _level++;
        var first = true;
        foreach (var item in array.Items)
        {
            WriteSeparator(first);
            first = false;
            Write(item);
        }

        Close(first, (byte)']');
    }

    private void WriteObject(WireJson value, string[]? omitted)
    {
        WriteByte((byte)'{');
        _level++;
        var first = true;
        for (var i = 0; i < value.Count; i++)
        {
            var (name, member) = value.MemberAt(i, order);
            if (omitted is not null && Array.IndexOf(omitted, name) >= 0)
            {
                continue;
            }

            WriteSeparator(first);
            first = false;
            WriteString(name);
            _output.Write(indented ? ": "u8 : ":"u8);
            Write(member);
        }

        Close(first, (byte)'}');
    }

    private void WriteSeparator(bool first)
    {
        if (!first)
        {
            WriteByte((byte)',');
        }

        WriteLineBreak();
    }

    private void Close(bool empty, byte bracket)
    {
        _level--;
        if (!empty)
        {
            WriteLineBreak();
        }

        WriteByte(bracket);
    }

    private void WriteLineBreak()
    {
        if (!indented)
        {
            return;
        }

        WriteByte((byte)'\n');
        for (var i = 0; i < _level; i++)
        {
            _output.Write("  "u8);
        }
    }

    private void WriteInteger(ulong magnitude, bool negative)
    {
        if (negative)
        {
            WriteByte((byte)'-');
        }

        Utf8Formatter.TryFormat(magnitude, _output.GetSpan(20), out var written);
        _output.Advance(written);
    }

    private void WriteString(string text)
    {
        WriteByte((byte)'"');
        var rest = text.AsSpan();
        while (true)
        {
            var stop = rest.IndexOfAny(Escaped);
            Encoding.UTF8.GetBytes(stop < 0 ? rest : rest[..stop], _output);
            if (stop < 0)
            {
                break;
            }

            WriteEscape(rest[stop]);
            rest = rest[(stop + 1)..];
        }

        WriteByte((byte)'"');
    }

    private void WriteEscape(char c)
    {
        switch (c)
        {
            case '"':
                _output.Write("\\\""u8);
                break;
            case '\\':
                _output.Write("\\\\"u8);
                break;
            case '\b':
                _output.Write("\\b"u8);
                break;
            case '\t':
                _output.Write("\\t"u8);
                break;
            case '\n':
                _output.Write("\\n"u8);
                break;
            case '\f':
                _output.Write("\\f"u8);
                break;
            case '\r':
                _output.Write("\\r"u8);
                break;
            default:
                WriteAscii("\\u" + ((int)c).ToString("x4", CultureInfo.InvariantCulture));
                break;
        }
    }

    private void WriteAscii(string text) => Encoding.UTF8.GetBytes(text, _output);

    private void WriteByte(byte value)
    {
        _output.GetSpan(1)[0] = value;
        _output.Advance(1);
    }

    /// <summary>
    /// The shortest digits that read back: fixed with a fraction while the decimal exponent is -5 to 15, else scientific
    /// with an explicit sign.
    /// </summary>
    internal static string FormatFloat(double value)
    {
        if (value == 0)
        {
            return double.IsNegative(value) ? "-0.0" : "0.0";
        }

        // The platform finds the shortest digits; only the notation differs.
        var (digits, exponent) = Digits(Math.Abs(value).ToString("R", CultureInfo.InvariantCulture));
        var sign = value < 0 ? "-" : "";
        if (exponent is < SmallestFixedExponent or > LargestFixedExponent)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? "-" : "+")}{Math.Abs(exponent)}");
        }

        if (exponent < 0)
        {
            return sign + "0." + new string('0', -exponent - 1) + digits;
        }

        return digits.Length <= exponent + 1
            ? sign + digits.PadRight(exponent + 1, '0') + ".0"
            : sign + digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }

    // Significant digits without zeros at the ends, and the decimal exponent of the first.
    private static (string Digits, int Exponent) Digits(string text)
    {
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        var written = mark < 0 ? 0 : int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = mark < 0 ? text : text[..mark];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? mantissa.Length : point;
        var all = point < 0 ? mantissa : mantissa.Remove(point, 1);
        var digits = all.TrimStart('0');
        return (digits.TrimEnd('0'), written + whole - 1 - (all.Length - digits.Length));
    }
}
