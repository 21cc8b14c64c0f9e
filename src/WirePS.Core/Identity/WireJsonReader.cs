using System.Buffers;
using System.Globalization;
using System.Text;

namespace WirePS.Identity;

/// <summary>
/// Reads JSON exactly as serde_json 1.0.149 does without its float_roundtrip feature (wire.md §1.5): what it refuses is
/// refused, and floats come out with the same last bit, right or wrong, because event ids depend on it.
/// </summary>
internal ref struct WireJsonReader
{
    private const int MaxPowerOfTen = 308;

    private static readonly double[] PowersOfTen =
        [.. Enumerable.Range(0, MaxPowerOfTen + 1).Select(e => double.Parse($"1e{e}", CultureInfo.InvariantCulture))];

    // What ends a run of plain characters inside a string.
    private static readonly SearchValues<byte> StringStops =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (byte)c), (byte)'"', (byte)'\\']);

    private readonly ReadOnlySpan<byte> _text;
    private int _position;
    private int _depth;

    internal WireJsonReader(ReadOnlySpan<byte> text) => _text = text;

    /// <summary>Reads the one value that the text consists of.</summary>
    internal WireJson ReadText()
    {
        var value = ReadValue();
        SkipWhiteSpace();
        return _position == _text.Length ? value : throw Fault("characters after the value");
    }

    private WireJson ReadValue()
    {
        SkipWhiteSpace();
        switch (Peek())
        {
            case '{':
                return ReadObject();
            case '[':
                return ReadArray();
            case '"':
                return WireJson.From(ReadString());
            case 't':
                ReadLiteral("true"u8);
                return WireJson.True;
            case 'f':
                ReadLiteral("false"u8);
                return WireJson.False;
            case 'n':
                ReadLiteral("null"u8);
                return WireJson.Null;
            case '-':
                _position++;
                return ReadNumber(negative: true);
            case >= '0' and <= '9':
                return ReadNumber(negative: false);
            default:
                throw Fault("a value was expected");
        }
    }

    private WireJson ReadObject()
    {
        Enter();
        var names = new List<string>();
        var values = new List<WireJson>();
        SkipWhiteSpace();
        if (Peek() != '}')
        {
            while (true)
            {
                if (Peek() != '"')
                {
                    throw Fault("a member name was expected");
                }

                names.Add(ReadString());
                SkipWhiteSpace();
                if (Peek() != ':')
                {
                    throw Fault("a colon was expected");
                }

                _position++;
                values.Add(ReadValue());
                SkipWhiteSpace();
                if (Peek() == '}')
                {
                    break;
                }

                if (Peek() != ',')
                {
                    throw Fault("a comma or the end of the object was expected");
                }

                _position++;
                SkipWhiteSpace();
            }
        }

        Leave();
        return names.Count == 0 ? WireJson.EmptyObject : WireJson.FromMembers(names, values);
    }

    private WireJson ReadArray()
    {
        Enter();
        var items = new List<WireJson>();
        SkipWhiteSpace();
        if (Peek() != ']')
        {
            while (true)
            {
                items.Add(ReadValue());
                SkipWhiteSpace();
                if (Peek() == ']')
                {
                    break;
                }

                if (Peek() != ',')
                {
                    throw Fault("a comma or the end of the array was expected");
                }

                _position++;
            }
        }

        Leave();
        return items.Count == 0 ? WireJson.EmptyArray : WireJson.ArrayOf(items);
    }

    private void Enter()
    {
        if (++_depth > WireJson.MaxDepth)
        {
            throw Fault($"nested deeper than {WireJson.MaxDepth} levels");
        }

        _position++;
    }

    private void Leave()
    {
        _depth--;
        _position++;
    }

    private void ReadLiteral(ReadOnlySpan<byte> literal)
    {
        if (!_text[_position..].StartsWith(literal))
        {
            throw Fault("a value was expected");
        }

        _position += literal.Length;
    }

    private string ReadString()
    {
        _position++;
        var run = PlainRun();
        if (Peek() == '"')
        {
            var simple = Decode(run);
            _position++;
            return simple;
        }

        var text = new StringBuilder(Decode(run));
        while (true)
        {
            switch (Peek())
            {
                case '"':
                    _position++;
                    return text.ToString();
                case '\\':
                    _position++;
                    ReadEscape(text);
                    break;
                case -1:
                    throw Fault("a string does not end");
                default:
                    throw Fault("a control character in a string");
            }

            text.Append(Decode(PlainRun()));
        }
    }

    private ReadOnlySpan<byte> PlainRun()
    {
        var rest = _text[_position..];
        var length = rest.IndexOfAny(StringStops);
        var run = length < 0 ? rest : rest[..length];
        _position += run.Length;
        return run;
    }

    private readonly string Decode(ReadOnlySpan<byte> run)
    {
        if (run.IsEmpty)
        {
            return "";
        }

        try
        {
            return StrictUtf8.GetString(run);
        }
        catch (DecoderFallbackException)
        {
            throw Fault("the text is not UTF-8");
        }
    }

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private void ReadEscape(StringBuilder text)
    {
        var escape = Peek();
        _position++;
        switch (escape)
        {
            case '"' or '\\' or '/':
                text.Append((char)escape);
                break;
            case 'b':
                text.Append('\b');
                break;
            case 'f':
                text.Append('\f');
                break;
            case 'n':
                text.Append('\n');
                break;
            case 'r':
                text.Append('\r');
                break;
            case 't':
                text.Append('\t');
                break;
            case 'u':
                ReadUnicodeEscape(text);
                break;
            default:
                throw Fault("an escape that does not exist");
        }
    }

    private void ReadUnicodeEscape(StringBuilder text)
    {
        var unit = ReadFourHex();
        if (!char.IsSurrogate(unit))
        {
            text.Append(unit);
            return;
        }

        if (char.IsLowSurrogate(unit) || Peek() != '\\' || _position + 1 >= _text.Length || _text[_position + 1] != 'u')
        {
            throw Fault("a surrogate without its partner");
        }

        _position += 2;
        var low = ReadFourHex();
        if (!char.IsLowSurrogate(low))
        {
            throw Fault("a surrogate without its partner");
        }

        text.Append(unit).Append(low);
    }

    private char ReadFourHex()
    {
        var unit = 0;
        for (var i = 0; i < 4; i++)
        {
            var c = Peek();
            if (c < 0 || !char.IsAsciiHexDigit((char)c))
            {
                throw Fault("an escape that does not exist");
            }

            unit = (unit << 4) | Convert.ToInt32(char.IsAsciiDigit((char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
            _position++;
        }

        return (char)unit;
    }

    private WireJson ReadNumber(bool negative)
    {
        var significand = 0UL;
        var exponent = 0;
        if (Peek() == '0')
        {
            _position++;
            if (Peek() is >= '0' and <= '9')
            {
                throw Fault("a number with a leading zero");
            }
        }
        else
        {
            RequireDigit();
            while (Peek() is >= '0' and <= '9')
            {
                var digit = (ulong)(Peek() - '0');
                if (exponent > 0 || !Fits(significand, digit))
                {
                    // From the first digit that does not fit, all of them only count.
                    exponent++;
                }
                else
                {
                    significand = (significand * 10) + digit;
                }

                _position++;
            }
        }

        switch (Peek())
        {
            case '.':
                return ReadFraction(negative, significand, exponent);
            case 'e' or 'E':
                return ReadExponent(negative, significand, exponent);
            default:
                break;
        }

        if (exponent > 0)
        {
            return ToFloat(negative, significand, exponent);
        }

        if (!negative)
        {
            return WireJson.Number(significand, negative: false);
        }

        // Minus zero has no place among the integers, nor has what is below their range.
        return significand is 0 or > 1UL << 63
            ? WireJson.From(-(double)significand)
            : WireJson.Number(significand, negative: true);
    }

    private WireJson ReadFraction(bool negative, ulong significand, int exponent)
    {
        _position++;
        RequireDigit();
        while (Peek() is >= '0' and <= '9')
        {
            var digit = (ulong)(Peek() - '0');
            if (!Fits(significand, digit))
            {
                // The first digit that does not fit ends the reading of the fraction.
                while (Peek() is >= '0' and <= '9')
                {
                    _position++;
                }

                break;
            }

            significand = (significand * 10) + digit;
            exponent--;
            _position++;
        }

        return Peek() is 'e' or 'E' ? ReadExponent(negative, significand, exponent) : ToFloat(negative, significand, exponent);
    }

    private WireJson ReadExponent(bool negative, ulong significand, int start)
    {
        _position++;
        var positiveExponent = true;
        if (Peek() is '+' or '-')
        {
            positiveExponent = Peek() == '+';
            _position++;
        }

        RequireDigit();
        var written = 0L;
        while (Peek() is >= '0' and <= '9')
        {
            written = Math.Min((written * 10) + (Peek() - '0'), int.MaxValue + 1L);
            _position++;
        }

        if (written > int.MaxValue)
        {
            return significand != 0 && positiveExponent
                ? throw Fault("a number out of range")
                : WireJson.From(negative ? -0.0 : 0.0);
        }

        var exponent = positiveExponent ? start + written : start - written;
        return ToFloat(negative, significand, (int)Math.Clamp(exponent, int.MinValue, int.MaxValue));
    }

    private readonly WireJson ToFloat(bool negative, ulong significand, int exponent)
    {
        var value = (double)significand;
        while (value != 0 && exponent < -MaxPowerOfTen)
        {
            value /= PowersOfTen[MaxPowerOfTen];
            exponent += MaxPowerOfTen;
        }

        if (value != 0)
        {
            if (exponent > MaxPowerOfTen)
            {
                throw Fault("a number out of range");
            }

            // One rounding more than a correct reading would have: that is the quirk.
            value = exponent >= 0 ? value * PowersOfTen[exponent] : value / PowersOfTen[-exponent];
            if (double.IsInfinity(value))
            {
                throw Fault("a number out of range");
            }
        }

        return WireJson.From(negative ? -value : value);
    }

    private static bool Fits(ulong significand, ulong digit)
        => significand < ulong.MaxValue / 10 || (significand == ulong.MaxValue / 10 && digit <= ulong.MaxValue % 10);

    private readonly void RequireDigit()
    {
        if (Peek() is not (>= '0' and <= '9'))
        {
            throw Fault("a number without digits");
        }
    }

    private void SkipWhiteSpace()
    {
        while (Peek() is ' ' or '\t' or '\n' or '\r')
        {
            _position++;
        }
    }

    // The next byte, -1 at the end.
    private readonly int Peek() => _position < _text.Length ? _text[_position] : -1;

    private readonly WireException Fault(string what)
        => new(WireReason.InvalidJson, $"The text is not JSON that wire programs accept: {what}, at byte {Math.Min(_position, _text.Length)}.");
}
