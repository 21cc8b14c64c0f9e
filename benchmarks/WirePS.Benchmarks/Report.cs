using System.Globalization;

namespace WirePS.Benchmarks;

/// <summary>Some measured times, in milliseconds.</summary>
internal sealed class Times(IEnumerable<double> milliseconds)
{
    private readonly double[] _sorted = [.. milliseconds.Order()];

    public int Count => _sorted.Length;

    public double Min => _sorted[0];

    public double Max => _sorted[^1];

    public double Median => (_sorted[(_sorted.Length - 1) / 2] + _sorted[_sorted.Length / 2]) / 2;
}

/// <summary>What is printed: lines of a table as they come, and at the end how the targets were met.</summary>
internal sealed class Report
{
    private readonly List<(string Name, double Median, double Target)> _targets = [];

    public static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    public static void Heading(string text)
    {
        Console.WriteLine();
        Console.WriteLine(text);
        Line($"  {"",-58} {"median",9} {"min",9} {"max",9} {"n",5}");
    }

    /// <summary>A line of the table.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="times">How long it took.</param>
    /// <param name="target">The longest median that is good enough; null for none.</param>
    public void Row(string name, Times times, double? target = null)
    {
        Line($"  {name,-58} {times.Median,6:0.00} ms {times.Min,6:0.00} ms {times.Max,6:0.00} ms {times.Count,5}");
        if (target is { } milliseconds)
        {
            _targets.Add((name, times.Median, milliseconds));
        }
    }

    public void Targets()
    {
        Console.WriteLine();
        Console.WriteLine("Targets");
        foreach (var (name, median, target) in _targets)
        {
            var verdict = median <= target ? "met, with room for" : "MISSED by";
            Line($"  {name}: {median:0.0} ms of {target:0} ms: {verdict} {Math.Abs(target - median):0.0} ms");
        }
    }
}
