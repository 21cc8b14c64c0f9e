using System.Text.Json;

namespace WirePS.Tests.Golden;

/// <summary>
/// The cases where ours differs on purpose, <c>tests/vectors/differences.json</c>: an array of file, section, case and
/// reason. A case is named exactly, or <c>class:NAME</c> stands for every case of a class that we decide otherwise as a
/// whole; an entry that fits no differing case is stale. <c>elsewhere:NAME</c> is for classes that differ only in cases
/// which the own folder does not have; there it excuses nothing. In another folder an entry counts for every file of the
/// same program and revision.
/// </summary>
internal sealed class GoldenDifferences
{
    private const string ClassPrefix = "class:";
    private const string ElsewherePrefix = "elsewhere:";

    private readonly List<Entry> _entries;
    private readonly Dictionary<string, (string Dialect, string? Revision)> _origins;

    private GoldenDifferences(List<Entry> entries, Dictionary<string, (string, string?)> origins)
    {
        _entries = entries;
        _origins = origins;
    }

    public static GoldenDifferences Load(string folder)
    {
        var path = Path.Combine(folder, "differences.json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var origins = new Dictionary<string, (string, string?)>(StringComparer.Ordinal);
        foreach (var vectors in GoldenFolders.FilesIn(folder))
        {
            using var file = GoldenFile.Load(vectors);
            origins.Add(file.Name, (file.Dialect, file.Revision));
        }

        return new(
        [
            .. document.RootElement.EnumerateArray().Select(entry => new Entry(
                entry.GetProperty("file").GetString()!,
                entry.GetProperty("section").GetString()!,
                entry.GetProperty("case").GetString()!,
                entry.GetProperty("reason").GetString()!)),
        ],
            origins);
    }

    public bool Lists(GoldenCase golden, bool elsewhere)
        => _entries.Exists(entry => entry.Section == golden.Section
            && (elsewhere
                ? _origins.TryGetValue(entry.File, out var origin) && origin == (golden.File.Dialect, golden.File.Revision) && entry.Names(golden, ClassPrefix, ElsewherePrefix)
                : entry.File == golden.File.Name && entry.Names(golden, ClassPrefix)));

    /// <summary>The entries of a section that no differing case needs.</summary>
    public IEnumerable<string> Stale(string file, string section, IReadOnlyCollection<GoldenCase> differing)
        => _entries
            .Where(entry => entry.File == file && entry.Section == section
                && !entry.Case.StartsWith(ElsewherePrefix, StringComparison.Ordinal)
                && !differing.Any(golden => entry.Names(golden, ClassPrefix)))
            .Select(entry => entry.Case);

    /// <summary>Entries whose file or section does not exist, or without a reason.</summary>
    public IEnumerable<string> Broken(IReadOnlyCollection<GoldenFile> files)
        => _entries
            .Where(static entry => !entry.File.StartsWith("transcript-", StringComparison.Ordinal)) // read, and checked, by the relay's tests
            .Where(entry => string.IsNullOrWhiteSpace(entry.Reason) || !files.Any(file => file.Name == entry.File && file.Sections.Contains(entry.Section)))
            .Select(entry => $"{entry.File} / {entry.Section} / {entry.Case}");

    private sealed record Entry(string File, string Section, string Case, string Reason)
    {
        public bool Names(GoldenCase golden, params ReadOnlySpan<string> classPrefixes)
        {
            foreach (var prefix in classPrefixes)
            {
                if (golden.Class is { } name && Case == prefix + name)
                {
                    return true;
                }
            }

            return Case == golden.Name;
        }
    }
}
