using System.Text.RegularExpressions;
using WirePS.Tests.Golden;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>HandshakeCoverage.md says of every weakness of handshake.md §16 where it is tested.</summary>
public sealed partial class HandshakeCoverageTests
{
    private const int Weaknesses = 23;

    [Fact]
    public void Every_weakness_is_listed_and_every_test_that_is_named_exists()
    {
        var text = File.ReadAllLines(Path.Combine(GoldenFolders.Own, "..", "WirePS.Core.Tests", "Handshakes", "HandshakeCoverage.md"));
        var rows = text.Select(static line => Row().Match(line)).Where(static row => row.Success).ToList();
        Assert.Equal(Enumerable.Range(1, Weaknesses), rows.Select(static row => int.Parse(row.Groups[1].Value, null)));

        var tests = typeof(HandshakeCoverageTests).Assembly.GetTypes().SelectMany(static type => type.GetMethods()).Select(static method => method.Name).ToHashSet(StringComparer.Ordinal);
        Assert.All(text.SelectMany(static line => TestName().Matches(line)), name => Assert.Contains(name.Groups[1].Value, tests));
    }

    [GeneratedRegex(@"^\| (\d+) \| .+ \|$")]
    private static partial Regex Row();

    // Names with an underscore: others are classes and errors.
    [GeneratedRegex("`([A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+)`")]
    private static partial Regex TestName();
}
