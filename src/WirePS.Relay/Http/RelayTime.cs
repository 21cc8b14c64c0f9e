using System.Globalization;

namespace WirePS.Relay.Http;

/// <summary>Times on the wire: RFC 3339 in UTC, with milliseconds where there are some.</summary>
internal static class RelayTime
{
    public static string Format(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>Without what is smaller than a second.</summary>
    public static string FormatSeconds(DateTimeOffset at) => Format(DateTimeOffset.FromUnixTimeSeconds(at.ToUnixTimeSeconds()));

    public static bool TryParse(string text, out DateTimeOffset at)
    {
        at = default;
        // the framework also takes dates without a zone, which are nobody's time
        var hasZone = text.Length >= 20 && text[10] is 'T' or 't' && (text[^1] is 'Z' or 'z' || text[^6] is '+' or '-');
        if (!hasZone || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed))
        {
            return false;
        }

        at = DateTimeOffset.FromUnixTimeMilliseconds(parsed.ToUnixTimeMilliseconds());
        return true;
    }
}
