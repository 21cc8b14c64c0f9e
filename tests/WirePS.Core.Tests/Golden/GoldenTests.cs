using System.Globalization;
using System.Text;
using Xunit;
using Xunit.Abstractions;

namespace WirePS.Tests.Golden;

/// <summary>Our answers against those of the real programs and of independent implementations, file by file.</summary>
public sealed class GoldenTests(ITestOutputHelper output)
{
    public static TheoryData<string, string, string> Sections
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var (label, folder) in GoldenFolders.All)
            {
                foreach (var path in GoldenFolders.FilesIn(folder))
                {
                    using var file = GoldenFile.Load(path);
                    foreach (var section in file.Sections.Where(section => GoldenRegistry.Find(file.Dialect, section) is not null))
                    {
                        data.Add(label, file.Name, section);
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Sections))]
    public void Answers_are_those_of_the_real_programs(string folder, string fileName, string section)
    {
        using var file = GoldenFile.Load(Path.Combine(PathOf(folder), fileName));
        var runner = GoldenRegistry.Find(file.Dialect, section)!;
        var differences = GoldenDifferences.Load(GoldenFolders.Own);
        var complaints = new StringBuilder();
        var differing = new List<GoldenCase>();
        var count = 0;
        var notOurs = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var golden in file.Cases(section))
        {
            var outcome = Run(runner, golden);
            switch (outcome.Result)
            {
                case GoldenResult.NotOurs:
                    notOurs[outcome.Detail!] = notOurs.GetValueOrDefault(outcome.Detail!) + 1;
                    continue;
                case GoldenResult.Different:
                    differing.Add(golden);
                    if (!differences.Lists(golden, elsewhere: folder != GoldenFolders.OwnLabel))
                    {
                        complaints.AppendLine(CultureInfo.InvariantCulture, $"  [{golden.Class}] {golden.Name}: {outcome.Detail}");
                    }

                    break;
                default:
                    break;
            }

            count++;
        }

        // Another folder holds other cases: what it lacks is no reason to call an entry stale.
        if (folder == GoldenFolders.OwnLabel)
        {
            foreach (var stale in differences.Stale(file.Name, section, differing))
            {
                complaints.AppendLine(CultureInfo.InvariantCulture, $"  stale entry of differences.json: {stale}");
            }
        }

        output.WriteLine($"{fileName} / {section}: {count} cases ran, {differing.Count} differ");
        foreach (var (why, number) in notOurs)
        {
            output.WriteLine($"  {number} not ours: {why}");
        }

        Assert.True(complaints.Length == 0, $"{fileName} / {section}, {count} cases:{Environment.NewLine}{complaints}");
    }

    [Fact]
    public void Sections_that_nothing_reads_yet_are_named()
    {
        var read = 0;
        foreach (var (label, folder) in GoldenFolders.All)
        {
            foreach (var path in GoldenFolders.FilesIn(folder))
            {
                using var file = GoldenFile.Load(path);
                foreach (var section in file.Sections)
                {
                    if (GoldenRegistry.Find(file.Dialect, section) is not null)
                    {
                        read++;
                        continue;
                    }

                    output.WriteLine($"{label}/{file.Name} / {section}: {file.Cases(section).Count()} cases without a runner");
                }
            }
        }

        Assert.True(read > 0, "No section has a runner: the vectors were not found.");
    }

    [Fact]
    public void Every_listed_difference_names_a_file_and_a_section_and_has_a_reason()
    {
        var files = GoldenFolders.FilesIn(GoldenFolders.Own).Select(GoldenFile.Load).ToList();
        try
        {
            Assert.Empty(GoldenDifferences.Load(GoldenFolders.Own).Broken(files));
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    private static string PathOf(string label) => GoldenFolders.All.First(folder => folder.Label == label).Path;

    private static GoldenOutcome Run(Func<GoldenCase, GoldenOutcome> runner, GoldenCase golden)
    {
        try
        {
            return runner(golden);
        }
#pragma warning disable CA1031 // A case that breaks its runner must not hide the others.
        catch (Exception broken)
#pragma warning restore CA1031
        {
            return new(GoldenResult.Different, $"the runner broke: {broken.GetType().Name}: {broken.Message}");
        }
    }
}
