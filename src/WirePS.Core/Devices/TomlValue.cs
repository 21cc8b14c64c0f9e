namespace WirePS.Devices;

/// <summary>What a value of a TOML file is, as far as the file of pair tokens has use for it.</summary>
internal enum TomlKind
{
    Text,
    Integer,

    /// <summary>A float, a truth value or a time: read, so that the file's form is known to be good, and of no use here.</summary>
    Other,
    List,
    Table,
}

/// <summary>A value of a TOML file.</summary>
internal sealed class TomlValue
{
    private TomlValue(TomlKind kind) => Kind = kind;

    internal TomlKind Kind { get; }

    internal string Text { get; private init; } = "";

    internal long Number { get; private init; }

    internal List<TomlValue> Items { get; private init; } = [];

    internal TomlTable Table { get; private init; } = TomlTable.None;

    /// <summary>True for a list that <c>[[name]]</c> headers make, and that further ones add to.</summary>
    internal bool IsOpenList { get; private init; }

    internal static TomlValue Of(string text) => new(TomlKind.Text) { Text = text };

    internal static TomlValue Of(long number) => new(TomlKind.Integer) { Number = number };

    internal static TomlValue Of(TomlTable table) => new(TomlKind.Table) { Table = table };

    internal static TomlValue Of(List<TomlValue> items, bool isOpen) => new(TomlKind.List) { Items = items, IsOpenList = isOpen };

    internal static TomlValue Other() => new(TomlKind.Other);
}

/// <summary>How a table came to be: that decides who may still add to it.</summary>
internal enum TomlOrigin
{
    /// <summary>By its own header.</summary>
    Header,

    /// <summary>By the header of a table below it; its own may still come.</summary>
    Implied,

    /// <summary>By a dotted key.</summary>
    Dotted,

    /// <summary>Written in one piece.</summary>
    Inline,
}

/// <summary>A table of a TOML file, in the file's order.</summary>
internal sealed class TomlTable(TomlOrigin origin)
{
    private readonly Dictionary<string, TomlValue> _values = new(StringComparer.Ordinal);

    internal static TomlTable None { get; } = new(TomlOrigin.Inline);

    internal TomlOrigin Origin { get; set; } = origin;

    internal IEnumerable<string> Names => _values.Keys;

    internal TomlValue? Find(string name) => _values.GetValueOrDefault(name);

    /// <summary>False where there is one of this name already.</summary>
    internal bool TryAdd(string name, TomlValue value) => _values.TryAdd(name, value);
}
