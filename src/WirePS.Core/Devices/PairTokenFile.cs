using System.Globalization;
using System.Text;

namespace WirePS.Devices;

/// <summary>A record of <c>pair-tokens.toml</c> (pair-token.md §3.2, generation A).</summary>
/// <param name="TokenHash">The hash, as it stands there.</param>
/// <param name="Principal">The principal id: 1 to 64 ASCII letters, digits, <c>-</c> and <c>_</c>.</param>
/// <param name="ExpiresAt">Seconds since 1970, from which on it is dead.</param>
/// <param name="IssuedAt">Seconds since 1970.</param>
/// <param name="Label">A name; null for none.</param>
public sealed record PairTokenRecord(string TokenHash, string Principal, long ExpiresAt, long IssuedAt, string? Label);

/// <summary>
/// The text of <c>pair-tokens.toml</c>, as Astrid v0.8 reads and writes it. A file of a later generation, and one with
/// anything that would be lost, is refused: <see cref="WireReason.TokenStoreUnsupported"/>.
/// </summary>
public static class PairTokenFile
{
    /// <summary>The largest file that is read (bytes).</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private const int MaxPrincipalLength = 64;
    private const string List = "pair_token";
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>True for a principal id.</summary>
    public static bool IsPrincipal(string? text) =>
        text is { Length: > 0 and <= MaxPrincipalLength } && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>Reads a file's bytes.</summary>
    /// <param name="utf8">The bytes.</param>
    /// <param name="path">The file, for the error.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.FileCorrupt"/>: not UTF-8, not TOML 1.0, or a record without what it needs;
    /// <see cref="WireReason.TokenStoreUnsupported"/>: another generation, or an unknown key;
    /// <see cref="WireReason.FileNewerVersion"/>: a schema after the last that is known.
    /// </exception>
    public static IReadOnlyList<PairTokenRecord> Read(ReadOnlySpan<byte> utf8, string path)
    {
        try
        {
            var text = StrictUtf8.GetString(utf8);
            return string.IsNullOrWhiteSpace(text) ? [] : Records(TomlReader.Read(text), path);
        }
        catch (Exception error) when (error is FormatException or DecoderFallbackException)
        {
            throw new WireException(WireReason.FileCorrupt, error is FormatException ? error.Message : "The file is not UTF-8.", path, error);
        }
    }

    /// <summary>Writes a file's bytes.</summary>
    public static byte[] Write(IReadOnlyList<PairTokenRecord> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        if (records.Count == 0)
        {
            return Encoding.UTF8.GetBytes($"{List} = []\n");
        }

        var text = new StringBuilder();
        foreach (var record in records)
        {
            text.Append(text.Length == 0 ? "" : "\n")
                .Append(CultureInfo.InvariantCulture, $"[[{List}]]\n")
                .Append(CultureInfo.InvariantCulture, $"token_hash = {TomlStrings.Write(record.TokenHash)}\n")
                .Append(CultureInfo.InvariantCulture, $"principal = {TomlStrings.Write(record.Principal)}\n")
                .Append(CultureInfo.InvariantCulture, $"expires_at_epoch = {record.ExpiresAt}\n")
                .Append(CultureInfo.InvariantCulture, $"issued_at_epoch = {record.IssuedAt}\n");
            if (record.Label is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $"label = {TomlStrings.Write(record.Label)}\n");
            }
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static List<PairTokenRecord> Records(TomlTable root, string path)
    {
        RefuseOtherSchemas(root, path);
        RequireKnown(root.Names, [List], path);
        if (root.Find(List) is not { } list)
        {
            return [];
        }

        return list.Kind == TomlKind.List
            ? [.. list.Items.Select(item => item.Kind == TomlKind.Table ? Record(item.Table, path) : throw Bad($"an item of {List} is not a table"))]
            : throw Bad($"{List} is not a list");
    }

    private static PairTokenRecord Record(TomlTable table, string path)
    {
        if (table.Find("scope") is not null)
        {
            throw Unsupported("its tokens have scopes, which a program of this generation would drop", path);
        }

        RequireKnown(table.Names, ["token_hash", "principal", "expires_at_epoch", "issued_at_epoch", "label"], path);
        var record = new PairTokenRecord(
            Text(table, "token_hash"),
            Text(table, "principal"),
            Seconds(table, "expires_at_epoch"),
            Seconds(table, "issued_at_epoch"),
            table.Find("label") is null ? null : Text(table, "label"));
        if (record.TokenHash.StartsWith("blake3:", StringComparison.OrdinalIgnoreCase))
        {
            throw Unsupported("its tokens are hashed in another way", path);
        }

        return IsPrincipal(record.Principal) ? record : throw Bad("a principal has characters that none can have");
    }

    private static void RefuseOtherSchemas(TomlTable root, string path)
    {
        if (root.Find("schema_version") is { } version)
        {
            throw version is { Kind: TomlKind.Integer, Number: > 1 }
                ? new WireException(WireReason.FileNewerVersion, null, path)
                : Unsupported("it has a schema version, which the files of this generation do not have", path);
        }
    }

    private static void RequireKnown(IEnumerable<string> names, ReadOnlySpan<string> known, string path)
    {
        foreach (var name in names)
        {
            if (!known.Contains(name))
            {
                throw Unsupported("it has a key that is not known here and would be lost", path);
            }
        }
    }

    private static string Text(TomlTable table, string name) =>
        table.Find(name) is { Kind: TomlKind.Text, Text: var text } ? text : throw Bad($"a record's {name} is missing or not a text");

    private static long Seconds(TomlTable table, string name) =>
        table.Find(name) is { Kind: TomlKind.Integer, Number: var number and >= 0 } ? number : throw Bad($"a record's {name} is missing or not a number of seconds");

    private static FormatException Bad(string what) => new($"The file of pair tokens cannot be read: {what}.");

    private static WireException Unsupported(string why, string path) =>
        new(WireReason.TokenStoreUnsupported, $"The file of pair tokens is not one that can be kept up here: {why}. It was left as it is.", path);
}
