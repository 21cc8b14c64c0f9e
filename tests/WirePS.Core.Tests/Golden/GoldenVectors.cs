using System.Text.Json;

namespace WirePS.Tests.Golden;

/// <summary>One case of a vector file, with what a runner may need around it.</summary>
internal sealed record GoldenCase(GoldenFile File, string Section, string Name, string? Class, JsonElement Data)
{
    /// <summary>True for answers of the older of the two programs, the last that pairs by code.</summary>
    public bool IsOlderRevision => File.Revision == "9c178da";

    public string? Text(string member) => Data.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public byte[] Hex(string member) => Convert.FromHexString(Data.GetProperty(member).GetString()!);
}

/// <summary>A file <c>vectors-*.json</c>. Its dialect decides which runners read it, not its name.</summary>
internal sealed class GoldenFile : IDisposable
{
    private readonly JsonDocument _document;

    private GoldenFile(string path, JsonDocument document)
    {
        Path = path;
        Name = System.IO.Path.GetFileName(path);
        _document = document;
        var source = document.RootElement.TryGetProperty("source", out var member) && member.ValueKind == JsonValueKind.Object ? member : default;
        Revision = TextOf(source, "revision");
        Dialect = TextOf(source, "program") ?? System.IO.Path.GetFileNameWithoutExtension(Name)["vectors-".Length..];
    }

    public string Path { get; }

    public string Name { get; }

    public string? Revision { get; }

    public string Dialect { get; }

    public JsonElement Root => _document.RootElement;

    public IEnumerable<string> Sections => Root.EnumerateObject()
        .Where(member => member.Value.ValueKind is JsonValueKind.Array or JsonValueKind.Object && member.Name is not ("source" or "contexts"))
        .Select(member => member.Name);

    public static GoldenFile Load(string path) => new(path, JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 512 }));

    /// <summary>The cases of a section: the elements of an array, or the object itself.</summary>
    public IEnumerable<GoldenCase> Cases(string section)
    {
        var value = Root.GetProperty(section);
        if (value.ValueKind == JsonValueKind.Object)
        {
            yield return new(this, section, section, null, value);
            yield break;
        }

        var number = 0;
        foreach (var data in value.EnumerateArray())
        {
            number++;
            yield return new(this, section, NameOf(data) ?? $"{section} {number}", TextOf(data, "class"), data);
        }
    }

    public void Dispose() => _document.Dispose();

    private static string? NameOf(JsonElement data) => TextOf(data, "name") ?? TextOf(data, "label");

    private static string? TextOf(JsonElement data, string member)
        => data.ValueKind == JsonValueKind.Object && data.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>Where the vectors are: <c>tests/vectors</c>, and the folder that <c>WIREPS_VECTORS</c> names.</summary>
internal static class GoldenFolders
{
    public const string OwnLabel = "tests/vectors";

    public const string ExtraLabel = "WIREPS_VECTORS";

    public static string Own { get; } = FindOwn();

    public static IEnumerable<(string Label, string Path)> All
    {
        get
        {
            yield return (OwnLabel, Own);
            if (Environment.GetEnvironmentVariable("WIREPS_VECTORS") is { Length: > 0 } extra)
            {
                yield return (ExtraLabel, extra);
            }
        }
    }

    public static IEnumerable<string> FilesIn(string folder) => Directory.EnumerateFiles(folder, "vectors-*.json").Order(StringComparer.Ordinal);

    private static string FindOwn()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "WirePS.sln")))
            {
                return Path.Combine(folder.FullName, "tests", "vectors");
            }
        }

        throw new DirectoryNotFoundException("The repository's root is not above the test assembly.");
    }
}
