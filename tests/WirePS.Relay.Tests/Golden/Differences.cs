using System.Text.Json;

namespace WirePS.Relay.Tests.Golden;

/// <summary>
/// The one table of cases in which this relay does not answer as the recorded one: on purpose, or because the routes come later. A case that
/// differs and is not in it fails; so does a case in it that does not differ.
/// </summary>
internal sealed class Differences
{
    private readonly HashSet<string> _listed;
    private readonly HashSet<string> _differing = [];
    private readonly List<string> _unexpected = [];
    private readonly HashSet<string> _ran = [];
    private readonly bool _complete;

    public Differences(VectorSection section)
    {
        _complete = section.IsOurs;
        using var table = VectorFolders.Load(Path.Combine(VectorFolders.Own, "differences.json"));
        _listed = [.. table.RootElement.EnumerateArray()
            .Where(entry => entry.GetProperty("file").GetString() == section.File && entry.GetProperty("section").GetString() == section.Section)
            .Select(static entry => string.IsNullOrWhiteSpace(entry.GetProperty("reason").GetString())
                ? throw new InvalidDataException("a difference needs a reason")
                : entry.GetProperty("case").GetString()!)];
    }

    public int Count => _ran.Count;

    /// <summary>Notes how a case went: <paramref name="difference"/> is null where it went as recorded.</summary>
    public void Note(string name, string? difference)
    {
        Assert.True(_ran.Add(name), $"two cases are called '{name}'");
        if (difference is null)
        {
            return;
        }

        _differing.Add(name);
        if (!_listed.Contains(name))
        {
            _unexpected.Add($"{name}: {difference}");
        }
    }

    public void AssertAsListed()
    {
        Assert.True(_unexpected.Count == 0, "differs and is not listed:\n" + string.Join('\n', _unexpected));
        var stale = _complete ? _listed.Except(_differing) : _listed.Intersect(_ran).Except(_differing);
        Assert.True(!stale.Any(), "listed and does not differ: " + string.Join(", ", stale));
    }
}
