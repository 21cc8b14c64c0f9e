using System.Globalization;
using System.Management.Automation;

namespace WirePS.Module.Binding;

/// <summary>
/// Reads a length of time as people write it: <c>90s</c>, <c>30m</c>, <c>24h</c>, <c>2d</c>, <c>1d12h</c>, <c>00:30:00</c>,
/// or a TimeSpan. What cannot be read becomes <see cref="Unreadable"/>, which the command refuses as WireInvalidDuration.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class DurationAttribute : ArgumentTransformationAttribute
{
    /// <summary>Stands for what cannot be read as a length of time.</summary>
    public static readonly TimeSpan Unreadable = TimeSpan.MinValue;

    /// <summary>True where a bare number means seconds; false where it means nothing.</summary>
    public bool NumbersAreSeconds { get; set; }

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (inputData is TimeSpan or PSObject { BaseObject: TimeSpan })
        {
            return inputData;
        }

        // PowerShell reads a bare 2d as the decimal number 2; the argument's text says what was typed.
        return Parse(inputData?.ToString(), NumbersAreSeconds) ?? Unreadable;
    }

    /// <summary>Refuses what was unreadable or negative: <see cref="WireReason.InvalidDuration"/>.</summary>
    internal static TimeSpan? Require(TimeSpan? time) => time is null || time >= TimeSpan.Zero
        ? time
        : throw new WireException(WireReason.InvalidDuration, "The length of time cannot be read; write 90s, 30m, 24h, 2d or 1d12h.");

    /// <summary>Reads a length of time; null where it is none.</summary>
    internal static TimeSpan? Parse(string? text, bool numbersAreSeconds)
    {
        text = text?.Trim();
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (numbersAreSeconds && double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
        {
            return Of(seconds);
        }

        if (text.Contains(':', StringComparison.Ordinal))
        {
            return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var span) ? span : null;
        }

        var total = 0.0;
        var start = 0;
        while (start < text.Length)
        {
            var end = start;
            while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.'))
            {
                end++;
            }

            if (end == text.Length
                || SecondsIn(text[end]) is not { } unit
                || !double.TryParse(text.AsSpan(start, end - start), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return null;
            }

            total += number * unit;
            start = end + 1;
        }

        return Of(total);
    }

    private static double? SecondsIn(char unit) => char.ToLowerInvariant(unit) switch
    {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => null,
    };

    private static TimeSpan? Of(double seconds) => seconds < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
}
