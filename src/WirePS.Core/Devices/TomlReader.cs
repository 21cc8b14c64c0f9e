using System.Globalization;
using System.Text;

namespace WirePS.Devices;

/// <summary>
/// Reads TOML 1.0, for the file of pair tokens (docs/spec/README.md says why no library does it). Strict: what the
/// specification does not allow is a <see cref="FormatException"/> with the line, that never shows what stands there.
/// </summary>
internal sealed class TomlReader
{
    private const int MaxDepth = 16;

    private readonly string _text;
    private int _at;
    private int _depth;

    private TomlReader(string text) => _text = text;

    private bool AtEnd => _at == _text.Length;

    private char Now => AtEnd ? '\0' : _text[_at];

    /// <summary>The root table of a file's text.</summary>
    /// <exception cref="FormatException">The text is not TOML.</exception>
    internal static TomlTable Read(string text) => new TomlReader(text.StartsWith('\uFEFF') ? text[1..] : text).ReadFile();

    private TomlTable ReadFile()
    {
        var root = new TomlTable(TomlOrigin.Header);
        var current = root;
        while (true)
        {
            SkipLines();
            if (AtEnd)
            {
                return root;
            }

            if (Now == '[')
            {
                current = ReadHeader(root);
            }
            else
            {
                ReadPair(current);
            }

            RequireLineEnd();
        }
    }

    private TomlTable ReadHeader(TomlTable root)
    {
        _at++;
        var isList = TryTake('[');
        var path = ReadPath();
        Require(']');
        if (isList)
        {
            Require(']');
        }

        var table = root;
        foreach (var name in path[..^1])
        {
            table = TableBelow(table, name);
        }

        return isList ? NewItem(table, path[^1]) : NewTable(table, path[^1]);
    }

    private TomlTable TableBelow(TomlTable table, string name)
    {
        if (table.Find(name) is not { } known)
        {
            var made = new TomlTable(TomlOrigin.Implied);
            table.TryAdd(name, TomlValue.Of(made));
            return made;
        }

        if (known is { Kind: TomlKind.List, IsOpenList: true })
        {
            return known.Items[^1].Table;
        }

        return known is { Kind: TomlKind.Table, Table.Origin: not TomlOrigin.Inline } ? known.Table : throw Bad("a table stands where something else does");
    }

    private TomlTable NewTable(TomlTable table, string name)
    {
        var made = new TomlTable(TomlOrigin.Header);
        if (table.TryAdd(name, TomlValue.Of(made)))
        {
            return made;
        }

        if (table.Find(name) is { Kind: TomlKind.Table, Table: { Origin: TomlOrigin.Implied } implied })
        {
            implied.Origin = TomlOrigin.Header;
            return implied;
        }

        throw Bad("a table is there twice");
    }

    private TomlTable NewItem(TomlTable table, string name)
    {
        var made = new TomlTable(TomlOrigin.Header);
        if (table.TryAdd(name, TomlValue.Of([TomlValue.Of(made)], isOpen: true)))
        {
            return made;
        }

        if (table.Find(name) is not { Kind: TomlKind.List, IsOpenList: true } list)
        {
            throw Bad("a list of tables stands where something else does");
        }

        list.Items.Add(TomlValue.Of(made));
        return made;
    }

    private void ReadPair(TomlTable table)
    {
        var path = ReadPath();
        Require('=');
        SkipSpace();
        foreach (var name in path[..^1])
        {
            var made = new TomlTable(TomlOrigin.Dotted);
            table = table.TryAdd(name, TomlValue.Of(made)) ? made
                : table.Find(name) is { Kind: TomlKind.Table, Table: { Origin: TomlOrigin.Dotted } known } ? known
                : throw Bad("a dotted key goes into something that is complete");
        }

        if (!table.TryAdd(path[^1], ReadValue()))
        {
            throw Bad("a key is there twice");
        }
    }

    /// <summary>A key with its dots, and the space around it.</summary>
    private List<string> ReadPath()
    {
        var path = new List<string>();
        do
        {
            SkipSpace();
            path.Add(ReadKey());
            SkipSpace();
        }
        while (TryTake('.'));
        return path.Count <= MaxDepth ? path : throw Bad("a key has too many parts");
    }

    private string ReadKey()
    {
        if (Now is '"' or '\'')
        {
            var quote = Now;
            _at++;
            return TomlStrings.ReadLine(_text, ref _at, quote) ?? throw Bad("a key cannot be read");
        }

        var start = _at;
        while (!AtEnd && (char.IsAsciiLetterOrDigit(Now) || Now is '_' or '-'))
        {
            _at++;
        }

        return _at > start ? _text[start.._at] : throw Bad("there is no key");
    }

    private TomlValue ReadValue()
    {
        if (++_depth > MaxDepth)
        {
            throw Bad("values are nested too deeply");
        }

        var value = Now switch
        {
            '"' or '\'' => TomlValue.Of(TomlStrings.Read(_text, ref _at) ?? throw Bad("a text cannot be read")),
            '[' => ReadList(),
            '{' => ReadInlineTable(),
            _ => ReadBare(),
        };
        _depth--;
        return value;
    }

    private TomlValue ReadList()
    {
        _at++;
        var items = new List<TomlValue>();
        SkipLines();
        while (!TryTake(']'))
        {
            items.Add(ReadValue());
            SkipLines();
            if (!TryTake(','))
            {
                Require(']');
                break;
            }

            SkipLines();
        }

        return TomlValue.Of(items, isOpen: false);
    }

    // On one line and without a comma at the end, unlike a list.
    private TomlValue ReadInlineTable()
    {
        _at++;
        var table = new TomlTable(TomlOrigin.Dotted);
        SkipSpace();
        if (!TryTake('}'))
        {
            do
            {
                ReadPair(table);
                SkipSpace();
            }
            while (TryTake(','));
            Require('}');
        }

        Close(table);
        return TomlValue.Of(table);
    }

    private static void Close(TomlTable table)
    {
        table.Origin = TomlOrigin.Inline;
        foreach (var name in table.Names)
        {
            if (table.Find(name) is { Kind: TomlKind.Table, Table: { Origin: TomlOrigin.Dotted } below })
            {
                Close(below);
            }
        }
    }

    private TomlValue ReadBare()
    {
        var start = _at;
        SkipBare();

        // A time may stand after its date with a space between.
        if (Now == ' ' && _at + 1 < _text.Length && char.IsAsciiDigit(_text[_at + 1]) && TomlScalars.IsDate(_text[start.._at]))
        {
            _at++;
            SkipBare();
        }

        var text = _text[start.._at];
        return TomlScalars.TryReadInteger(text, out var number) ? TomlValue.Of(number)
            : TomlScalars.IsOther(text) ? TomlValue.Other()
            : throw Bad("a value cannot be read, or is too large");
    }

    private void SkipBare()
    {
        while (!AtEnd && (char.IsAsciiLetterOrDigit(Now) || Now is '+' or '-' or '_' or '.' or ':'))
        {
            _at++;
        }
    }

    private void SkipSpace()
    {
        while (Now is ' ' or '\t')
        {
            _at++;
        }
    }

    /// <summary>Passes over space, comments and line ends.</summary>
    private void SkipLines()
    {
        while (true)
        {
            SkipSpace();
            SkipComment();
            if (!TryTakeLineEnd())
            {
                return;
            }
        }
    }

    private void SkipComment()
    {
        if (Now != '#')
        {
            return;
        }

        while (!AtEnd && Now is not ('\n' or '\r'))
        {
            if (TomlStrings.IsControl(Now))
            {
                throw Bad("a comment has a control character");
            }

            _at++;
        }
    }

    private void RequireLineEnd()
    {
        SkipSpace();
        SkipComment();
        if (!AtEnd && !TryTakeLineEnd())
        {
            throw Bad("something stands after the end of a line's content");
        }
    }

    private bool TryTakeLineEnd()
    {
        var length = TomlStrings.LineEndAt(_text, _at);
        _at += length;
        return length > 0;
    }

    private bool TryTake(char c)
    {
        if (AtEnd || Now != c)
        {
            return false;
        }

        _at++;
        return true;
    }

    private void Require(char c)
    {
        if (!TryTake(c))
        {
            throw Bad($"'{c}' is missing");
        }
    }

    private FormatException Bad(string what)
    {
        var line = 1 + _text.AsSpan(0, _at).Count('\n');
        return new(string.Create(CultureInfo.InvariantCulture, $"Line {line}: {what}."));
    }
}
