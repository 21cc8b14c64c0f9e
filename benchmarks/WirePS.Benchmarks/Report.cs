using System.Globalization;

namespace WirePS.Benchmarks;

/// <summary>Some measured numbers: milliseconds, or how many per second.</summary>
internal sealed class Measured(IEnumerable<double> numbers)
{
    private readonly double[] _sorted = [.. numbers.Order()];

    public IReadOnlyList<double> Numbers => _sorted;

    public int Count => _sorted.Length;

    public double Min => _sorted[0];

    public double Max => _sorted[^1];

    public double Median => (_sorted[(_sorted.Length - 1) / 2] + _sorted[_sorted.Length / 2]) / 2;
}

/// <summary>What is printed: lines of a table as they come, and at the end how the targets were met.</summary>
internal sealed class Report
{
    private readonly List<string> _targets = [];

    public static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    public static void Heading(string text)
    {
        Console.WriteLine();
        Console.WriteLine(text);
        Line($"  {"",-64} {"median",9} {"min",9} {"max",9} {"n",5}");
    }

    /// <summary>A line of the table: times.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="times">How long it took, in milliseconds.</param>
    public static void Row(string name, Measured times) =>
        Line($"  {name,-64} {times.Median,6:0.00} ms {times.Min,6:0.00} ms {times.Max,6:0.00} ms {times.Count,5}");

    /// <summary>A line of the table: rates.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="rates">How many per second.</param>
    public static void RateRow(string name, Measured rates) =>
        Line($"  {name,-64} {rates.Median,6:0.0} /s {rates.Min,6:0.0} /s {rates.Max,6:0.0} /s {rates.Count,5}");

    /// <summary>A target for a time.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="median">How long it took, in milliseconds.</param>
    /// <param name="longest">The longest median that is good enough.</param>
    /// <param name="whose">Whose figure that is; empty for a figure that was set.</param>
    public void AtMost(string name, double median, double longest, string whose = "") =>
        Add(name, $"{median:0.0} ms of {longest:0.0} ms{whose}", median <= longest, $"{Math.Abs(longest - median):0.0} ms");

    /// <summary>A target for a rate.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="median">How many per second.</param>
    /// <param name="lowest">The lowest median that is good enough.</param>
    /// <param name="whose">Whose figure that is; empty for a figure that was set.</param>
    public void AtLeast(string name, double median, double lowest, string whose = "") =>
        Add(name, $"{median:0.0} /s of {lowest:0.0} /s{whose}", median >= lowest, $"{Math.Abs(lowest - median):0.0} /s");

    /// <summary>A target that could not be compared.</summary>
    public void Unknown(string name, string why) => _targets.Add($"  {name}: not known: {why}");

    public void Targets()
    {
        Console.WriteLine();
        Console.WriteLine("Targets");
        foreach (var target in _targets)
        {
            Console.WriteLine(target);
        }
    }

    private void Add(string name, FormattableString figures, bool isMet, FormattableString difference) =>
        _targets.Add($"  {name}: {Text(figures)}: {(isMet ? "met, with room for" : "MISSED by")} {Text(difference)}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
