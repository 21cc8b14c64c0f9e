using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace WirePS.Identity;

/// <summary>What a JSON value is. Integers and floats are different kinds, as in the programs of the other side.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "These are JSON's own names.")]
public enum WireJsonKind
{
    /// <summary><c>null</c>.</summary>
    Null,
    /// <summary><c>true</c> or <c>false</c>.</summary>
    Boolean,
    /// <summary>A number token without fraction or exponent that fits 64 bits, signed or unsigned.</summary>
    Integer,
    /// <summary>Every other number, an IEEE double.</summary>
    Float,
    /// <summary>Text.</summary>
    String,
    /// <summary>A list.</summary>
    Array,
    /// <summary>Named members, each name once.</summary>
    Object,
}

/// <summary>In which order the members of objects are written.</summary>
public enum WireJsonOrder
{
    /// <summary>By the UTF-8 bytes of the names, as wire programs write parsed values.</summary>
    Sorted,
    /// <summary>As read or built; for files whose members have a fixed order.</summary>
    Document,
}

/// <summary>
/// An immutable JSON value, read and written as wire programs do it (wire.md §1.5): the last of equal names wins, integers
/// keep their 64 bits, floats are read and printed with the quirks of serde_json, 127 levels of nesting, no lone surrogates.
/// </summary>
public sealed class WireJson
{
    /// <summary>The deepest nesting that is read or built.</summary>
    public const int MaxDepth = 127;

    // Objects up to this size are searched from front to back, larger ones by halves.
    private const int LinearSearchLimit = 8;

    private readonly string? _text;
    private readonly ulong _bits;
    private readonly bool _negative;
    private readonly ImmutableArray<WireJson> _values;
    private readonly ImmutableArray<string> _names;
    private readonly ImmutableArray<int> _sorted;
    private readonly int _depth;

    private WireJson(WireJsonKind kind, string? text = null, ulong bits = 0, bool negative = false)
    {
        Kind = kind;
        _text = text;
        _bits = bits;
        _negative = negative;
        _values = [];
        _names = [];
        _sorted = [];
    }

    private WireJson(ImmutableArray<WireJson> items)
    {
        Kind = WireJsonKind.Array;
        _values = items;
        _names = [];
        _sorted = [];
        _depth = DepthAround(items);
    }

    private WireJson(ImmutableArray<string> names, ImmutableArray<WireJson> values)
    {
        Kind = WireJsonKind.Object;
        _names = names;
        _values = values;
        _sorted = SortNames(names);
        _depth = DepthAround(values);
    }

    /// <summary><c>null</c>.</summary>
    public static WireJson Null { get; } = new(WireJsonKind.Null);

    /// <summary><c>true</c>.</summary>
    public static WireJson True { get; } = new(WireJsonKind.Boolean, bits: 1);

    /// <summary><c>false</c>.</summary>
    public static WireJson False { get; } = new(WireJsonKind.Boolean);

    /// <summary><c>{}</c>, to add members to.</summary>
    public static WireJson EmptyObject { get; } = new([], []);

    /// <summary><c>[]</c>.</summary>
    public static WireJson EmptyArray { get; } = new(ImmutableArray<WireJson>.Empty);

    /// <summary>What the value is.</summary>
    public WireJsonKind Kind { get; }

    /// <summary>True for an object.</summary>
    public bool IsObject => Kind == WireJsonKind.Object;

    /// <summary>Number of items or members; 0 for everything else.</summary>
    public int Count => _values.Length;

    /// <summary>The items of an array in order; empty for everything else.</summary>
    public ImmutableArray<WireJson> Items => Kind == WireJsonKind.Array ? _values : [];

    /// <summary>The members of an object, sorted by the UTF-8 bytes of their names; empty for everything else.</summary>
    public IEnumerable<KeyValuePair<string, WireJson>> Members
    {
        get
        {
            foreach (var index in _sorted)
            {
                yield return new(_names[index], _values[index]);
            }
        }
    }

    /// <summary>True when the value or something in it is a float; wire programs may hash such values differently.</summary>
    public bool ContainsFloat
    {
        get
        {
            if (Kind == WireJsonKind.Float)
            {
                return true;
            }

            foreach (var value in _values)
            {
                if (value.ContainsFloat)
                {
                    return true;
                }
            }

            return false;
        }
    }

    internal ulong Magnitude => _bits;

    internal bool IsNegative => _negative;

    internal double FloatValue => BitConverter.UInt64BitsToDouble(_bits);

    internal string Text => _text!;

    /// <summary>Reads one JSON text.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>; the message has the place of the fault, never the text.</exception>
    public static WireJson Parse(ReadOnlySpan<byte> utf8) => new WireJsonReader(utf8).ReadText();

    /// <summary>Reads one JSON text.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>.</exception>
    public static WireJson Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        RequireWellFormed(text);
        return Parse(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Reads one JSON text; false where <see cref="Parse(ReadOnlySpan{byte})"/> would throw.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out WireJson? value)
    {
        try
        {
            value = Parse(utf8);
            return true;
        }
        catch (WireException)
        {
            value = null;
            return false;
        }
    }

    /// <summary>A text.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>: it has a lone surrogate.</exception>
    public static WireJson From(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        RequireWellFormed(text);
        return new(WireJsonKind.String, text);
    }

    /// <summary>A text, or <c>null</c> for none.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>: it has a lone surrogate.</exception>
    public static WireJson FromNullable(string? text) => text is null ? Null : From(text);

    /// <summary>An integer.</summary>
    public static WireJson From(long number)
        => new(WireJsonKind.Integer, bits: number < 0 ? unchecked((ulong)-number) : (ulong)number, negative: number < 0);

    /// <summary>An integer.</summary>
    public static WireJson From(ulong number) => new(WireJsonKind.Integer, bits: number);

    /// <summary>A truth value.</summary>
    public static WireJson From(bool value) => value ? True : False;

    /// <summary>A float. Never put one into anything signed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is infinite or not a number.</exception>
    public static WireJson From(double number)
    {
        if (!double.IsFinite(number))
        {
            throw new ArgumentOutOfRangeException(nameof(number), "JSON has finite numbers only.");
        }

        return new(WireJsonKind.Float, bits: BitConverter.DoubleToUInt64Bits(number));
    }

    /// <summary>An array.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>: nested too deeply.</exception>
    public static WireJson ArrayOf(IEnumerable<WireJson> items) => new([.. items]);

    /// <summary>An array of texts.</summary>
    public static WireJson ArrayOf(IEnumerable<string> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return new([.. items.Select(From)]);
    }

    /// <summary>An object; the last of equal names wins.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>: nested too deeply, or a name with a lone surrogate.</exception>
    public static WireJson ObjectOf(params ReadOnlySpan<(string Name, WireJson Value)> members)
    {
        var names = new List<string>(members.Length);
        var values = new List<WireJson>(members.Length);
        foreach (var (name, value) in members)
        {
            RequireWellFormed(name);
            names.Add(name);
            values.Add(value);
        }

        return FromMembers(names, values);
    }

    /// <summary>The object of the given members; equal names keep the place of the first and the value of the last.</summary>
    internal static WireJson FromMembers(List<string> names, List<WireJson> values)
    {
        if (names.Count > LinearSearchLimit ? HasDuplicateByHash(names) : HasDuplicate(names))
        {
            var places = new Dictionary<string, int>(names.Count, StringComparer.Ordinal);
            var kept = 0;
            for (var i = 0; i < names.Count; i++)
            {
                if (places.TryGetValue(names[i], out var place))
                {
                    values[place] = values[i];
                    continue;
                }

                places.Add(names[i], kept);
                names[kept] = names[i];
                values[kept] = values[i];
                kept++;
            }

            names.RemoveRange(kept, names.Count - kept);
            values.RemoveRange(kept, values.Count - kept);
        }

        return new([.. names], [.. values]);
    }

    /// <summary>The member of that name; false when there is none or this is no object.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out WireJson? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        var index = IndexOf(name);
        value = index < 0 ? null : _values[index];
        return value is not null;
    }

    /// <summary>The member's text; null when it is missing or not a text.</summary>
    public string? GetString(string name) => TryGet(name, out var value) ? value.AsString() : null;

    /// <summary>The member's number; null when it is missing or not an integer within the signed 64 bits.</summary>
    public long? GetInt64(string name) => TryGet(name, out var value) ? value.AsInt64() : null;

    /// <summary>The member's number; null when it is missing or not an unsigned integer of 64 bits.</summary>
    public ulong? GetUInt64(string name) => TryGet(name, out var value) ? value.AsUInt64() : null;

    /// <summary>The member's truth value; null when it is missing or not one.</summary>
    public bool? GetBoolean(string name) => TryGet(name, out var value) ? value.AsBoolean() : null;

    /// <summary>The member, when it is an object.</summary>
    public WireJson? GetObject(string name) => TryGet(name, out var value) && value.IsObject ? value : null;

    /// <summary>The member, when it is an array.</summary>
    public WireJson? GetArray(string name) => TryGet(name, out var value) && value.Kind == WireJsonKind.Array ? value : null;

    /// <summary>The text, or null for another kind.</summary>
    public string? AsString() => Kind == WireJsonKind.String ? _text : null;

    /// <summary>The truth value, or null for another kind.</summary>
    public bool? AsBoolean() => Kind == WireJsonKind.Boolean ? _bits == 1 : null;

    /// <summary>The integer, or null for another kind or a larger number.</summary>
    public long? AsInt64() => Kind != WireJsonKind.Integer ? null
        : _negative ? unchecked(-(long)_bits)
        : _bits <= long.MaxValue ? (long)_bits : null;

    /// <summary>The unsigned integer, or null for another kind or a negative number.</summary>
    public ulong? AsUInt64() => Kind == WireJsonKind.Integer && !_negative ? _bits : null;

    /// <summary>The number as a double, or null for another kind.</summary>
    public double? AsDouble() => Kind switch
    {
        WireJsonKind.Float => FloatValue,
        WireJsonKind.Integer => _negative ? -(double)_bits : _bits,
        _ => null,
    };

    /// <summary>This object with the member set; an existing one keeps its place.</summary>
    /// <exception cref="InvalidOperationException">This is no object.</exception>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>: nested too deeply, or a name with a lone surrogate.</exception>
    public WireJson With(string name, WireJson value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        RequireObject();
        RequireWellFormed(name);
        var index = IndexOf(name);
        return index < 0 ? new(_names.Add(name), _values.Add(value)) : new(_names, _values.SetItem(index, value));
    }

    /// <summary>This object with the member set to a text.</summary>
    public WireJson With(string name, string value) => With(name, From(value));

    /// <summary>This object with the member set to an integer.</summary>
    public WireJson With(string name, long value) => With(name, From(value));

    /// <summary>This object with the member set to a truth value.</summary>
    public WireJson With(string name, bool value) => With(name, From(value));

    /// <summary>This object without the member.</summary>
    /// <exception cref="InvalidOperationException">This is no object.</exception>
    public WireJson Without(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        RequireObject();
        var index = IndexOf(name);
        return index < 0 ? this : new(_names.RemoveAt(index), _values.RemoveAt(index));
    }

    /// <summary>The text on one line without white space.</summary>
    /// <param name="order">Order of members; sorted is what wire programs write.</param>
    public string ToCompactString(WireJsonOrder order = WireJsonOrder.Sorted) => Encoding.UTF8.GetString(ToCompactBytes(order));

    /// <summary>The UTF-8 text on one line without white space.</summary>
    /// <param name="order">Order of members; sorted is what wire programs write.</param>
    public byte[] ToCompactBytes(WireJsonOrder order = WireJsonOrder.Sorted)
    {
        var writer = new WireJsonWriter(order, indented: false);
        writer.Write(this);
        return writer.ToArray();
    }

    /// <summary>The text with two spaces of indentation and no final line feed, as the files of wire programs look.</summary>
    /// <param name="order">Order of members.</param>
    public string ToIndentedString(WireJsonOrder order = WireJsonOrder.Sorted)
    {
        var writer = new WireJsonWriter(order, indented: true);
        writer.Write(this);
        return Encoding.UTF8.GetString(writer.ToArray());
    }

    /// <summary>Kind and size; never the content, which may be secret.</summary>
    public override string ToString() => _values.Length == 0
        ? $"{nameof(WireJson)} {Kind}"
        : string.Create(CultureInfo.InvariantCulture, $"{nameof(WireJson)} {Kind} ({_values.Length})");

    /// <summary>Name and value number <paramref name="place"/> in the given order.</summary>
    internal (string Name, WireJson Value) MemberAt(int place, WireJsonOrder order)
    {
        var index = order == WireJsonOrder.Sorted ? _sorted[place] : place;
        return (_names[index], _values[index]);
    }

    /// <summary>Compares as the UTF-8 encodings would, without encoding.</summary>
    internal static int CompareUtf8(string left, string right)
    {
        var length = Math.Min(left.Length, right.Length);
        for (var i = 0; i < length; i++)
        {
            if (left[i] != right[i])
            {
                return Weight(left[i]) - Weight(right[i]);
            }
        }

        return left.Length - right.Length;

        // In UTF-8 everything beyond the basic plane sorts last; in UTF-16 its surrogates sort before U+E000.
        static int Weight(char c) => c < 0xD800 ? c : c < 0xE000 ? c + 0x2000 : c - 0x800;
    }

    internal static WireJson Number(ulong magnitude, bool negative) => new(WireJsonKind.Integer, bits: magnitude, negative: negative);

    private static ImmutableArray<int> SortNames(ImmutableArray<string> names)
    {
        var indices = new int[names.Length];
        var ascending = true;
        for (var i = 0; i < indices.Length; i++)
        {
            indices[i] = i;
            ascending &= i == 0 || CompareUtf8(names[i - 1], names[i]) < 0;
        }

        if (!ascending)
        {
            Array.Sort(indices, (left, right) => CompareUtf8(names[left], names[right]));
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(indices);
    }

    private static bool HasDuplicate(List<string> names)
    {
        for (var i = 1; i < names.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (string.Equals(names[i], names[j], StringComparison.Ordinal))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool HasDuplicateByHash(List<string> names)
        => new HashSet<string>(names, StringComparer.Ordinal).Count != names.Count;

    private static int DepthAround(ImmutableArray<WireJson> values)
    {
        var deepest = 0;
        foreach (var value in values)
        {
            deepest = Math.Max(deepest, value._depth);
        }

        return deepest < MaxDepth
            ? deepest + 1
            : throw new WireException(WireReason.InvalidJson, $"The JSON is nested deeper than {MaxDepth} levels.");
    }

    private static void RequireWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }

            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
            {
                throw new WireException(WireReason.InvalidJson, "The text has a surrogate without its partner.");
            }

            i++;
        }
    }

    private void RequireObject()
    {
        if (!IsObject)
        {
            throw new InvalidOperationException("Only an object has members.");
        }
    }

    private int IndexOf(string name)
    {
        if (_names.Length <= LinearSearchLimit)
        {
            for (var i = 0; i < _names.Length; i++)
            {
                if (string.Equals(_names[i], name, StringComparison.Ordinal))
                {
                    return i;
                }
            }

            return -1;
        }

        var low = 0;
        var high = _sorted.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = CompareUtf8(_names[_sorted[middle]], name);
            if (order == 0)
            {
                return _sorted[middle];
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return -1;
    }
}
