using System.Text.Json;

namespace WirePS.Relay.Tests.Golden;

/// <summary>One section of a file of recorded behaviour.</summary>
public sealed record VectorSection(string Path, string Section)
{
    public string File => System.IO.Path.GetFileName(Path);

    public override string ToString() => $"{File} {Section}{(IsOurs ? "" : " (" + System.IO.Path.GetDirectoryName(Path) + ")")}";

    /// <summary>Whether it is one of the files in tests/vectors, which the table of differences describes in full.</summary>
    public bool IsOurs => System.IO.Path.GetDirectoryName(Path) == VectorFolders.Own;
}

/// <summary>Finds the recorded behaviour: tests/vectors, and the folder that WIREPS_VECTORS names, if it names one.</summary>
internal static class VectorFolders
{
    private const string Variable = "WIREPS_VECTORS";

    public static string Own { get; } = Path.Combine(AppContext.BaseDirectory, "vectors");

    public static IEnumerable<VectorSection> Sections(string pattern, string section)
    {
        string?[] folders = [Own, Environment.GetEnvironmentVariable(Variable)];
        foreach (var file in folders.Where(static folder => !string.IsNullOrEmpty(folder)).SelectMany(folder => Directory.GetFiles(folder!, pattern)).Order())
        {
            using var document = Load(file);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(section, out _))
            {
                yield return new VectorSection(file, section);
            }
        }
    }

    public static JsonDocument Load(string path) => JsonDocument.Parse(File.ReadAllBytes(path));
}
