using System.Globalization;

namespace WirePS.Storage;

/// <summary>RFC 3339 in UTC with a fixed number of digits, so that texts sort as times do.</summary>
public static class Timestamps
{
    /// <summary>Writes a time: <c>2026-01-02T03:04:05.000000Z</c>.</summary>
    public static string Format(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>The time to the precision of <see cref="Format"/>, in UTC.</summary>
    public static DateTimeOffset Round(DateTimeOffset time) =>
        new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    /// <summary>Reads any RFC 3339 time.</summary>
    public static bool TryParse(string? text, out DateTimeOffset time) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
}
