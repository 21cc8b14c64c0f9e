using System.Text.Json;
using System.Xml;
using System.Xml.Linq;

namespace WirePS.Build;

/// <summary>Runs every test and counts.</summary>
internal static class TestRun
{
    private const int NoPester = 3;

    public static async Task<int> MakeAsync(CancellationToken cancellationToken)
    {
        var sum = Tally.Nothing;
        try
        {
            await Libraries.RequireAsync(cancellationToken);
            await Solution.CompileAsync(cancellationToken);
            Folders.Empty(Source.TestResults);

            // One project after the other: some tests start processes, and all share the processors.
            foreach (var project in TestProjects())
            {
                sum += await RunProjectAsync(project, cancellationToken);
            }

            sum += await RunScriptsAsync(cancellationToken);
        }
        catch (BuildException problem)
        {
            Console.WriteLine($"*** {problem.Message}. That counts as a failure.");
            sum += new Tally(0, 1, 0);
        }

        Console.WriteLine();
        Console.WriteLine($"{sum.Passed} passed, {sum.Failed} failed, {sum.Skipped} skipped");
        return sum.Failed == 0 && sum.Passed > 0 ? 0 : 1;
    }

    private static IEnumerable<string> TestProjects() => Directory
        .EnumerateFiles(Source.At("tests"), "*.csproj", SearchOption.AllDirectories)
        .Where(static path => XDocument.Load(path).Descendants("PackageReference").Any(static p => p.Attribute("Include")?.Value == "Microsoft.NET.Test.Sdk"))
        .Order(StringComparer.Ordinal);

    private static async Task<Tally> RunProjectAsync(string project, CancellationToken cancellationToken)
    {
        var name = Path.GetFileNameWithoutExtension(project);
        Heading(name);
        var code = await Programs.RunAsync(
            Programs.DotNet,
            [
                "test", project, "--no-build", "--configuration", Source.Configuration, "--nologo",
                "--results-directory", Source.TestResults, "--logger", $"trx;LogFileName={name}.trx", "--logger", "console;verbosity=minimal",
                "--blame-hang-timeout", "20m", "--blame-hang-dump-type", "none",
            ],
            cancellationToken);
        var tally = ReadTrx(Path.Combine(Source.TestResults, name + ".trx"));
        if (code != 0 && tally.Failed == 0)
        {
            Console.WriteLine($"*** {name} ended with {code} before its tests were over. That counts as a failure.");
            return tally with { Failed = 1 };
        }

        return tally;
    }

    private static Tally ReadTrx(string path)
    {
        try
        {
            var results = XDocument.Load(path);

            // What the tests have to say: how many cases of which vectors ran, which sections nothing reads yet.
            foreach (var words in results.Descendants().Where(static e => e.Name.LocalName == "StdOut").Select(static e => e.Value.TrimEnd()).Order(StringComparer.Ordinal))
            {
                Console.WriteLine(words);
            }

            // What was skipped counts in 'total' only; what timed out or was broken off has its own count, but was not passed.
            var counters = results.Descendants().Single(static e => e.Name.LocalName == "Counters");
            var (total, executed, passed) = (Number("total"), Number("executed"), Number("passed"));
            return new Tally(passed, executed - passed, total - executed);

            int Number(string name) => (int)counters.Attribute(name)!;
        }
        catch (Exception problem) when (problem is IOException or XmlException)
        {
            return Tally.Nothing;
        }
    }

    private static async Task<Tally> RunScriptsAsync(CancellationToken cancellationToken)
    {
        var files = Directory.GetFiles(Source.At("tests"), "*.Tests.ps1", SearchOption.AllDirectories);
        if (files.Length == 0)
        {
            return Tally.Nothing;
        }

        Heading("Pester");
        var skipped = new Tally(0, 0, files.Length);
        if (await PowerShell.FindAsync($"The {files.Length} files of Pester tests are skipped; each counts as one.", cancellationToken) is not { } pwsh)
        {
            return skipped;
        }

        await Publication.AssembleAsync(cancellationToken);
        var results = Path.Combine(Source.TestResults, "pester.json");
        var code = await Programs.RunAsync(
            pwsh,
            PowerShell.Script(Source.At("build", "Invoke-Suite.ps1"), "-Path", Source.At("tests"), "-ResultFile", results),
            cancellationToken,
            ("WIREPS_MODULE", Source.Manifest),
            ("WIRE_NO_TOASTS", "1"));
        if (code == NoPester)
        {
            Console.WriteLine($"*** There is no Pester 5 here (Install-Module Pester). The {files.Length} files of Pester tests are skipped; each counts as one.");
            return skipped;
        }

        if (code != 0 || !File.Exists(results))
        {
            Console.WriteLine($"*** Pester ended with {code} before its tests were over. That counts as a failure.");
            return new Tally(0, 1, 0);
        }

        using var text = JsonDocument.Parse(await File.ReadAllBytesAsync(results, cancellationToken));
        return new Tally(Number("passed"), Number("failed"), Number("skipped"));

        int Number(string name) => text.RootElement.GetProperty(name).GetInt32();
    }

    private static void Heading(string text)
    {
        Console.WriteLine();
        Console.WriteLine($"== {text}");
    }

    /// <summary>What came of some tests.</summary>
    private readonly record struct Tally(int Passed, int Failed, int Skipped)
    {
        public static Tally Nothing { get; }

        public static Tally operator +(Tally left, Tally right) =>
            new(left.Passed + right.Passed, left.Failed + right.Failed, left.Skipped + right.Skipped);
    }
}
