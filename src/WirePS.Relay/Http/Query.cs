using System.Globalization;

namespace WirePS.Relay.Http;

/// <summary>A query string, read as strictly as the real relay reads it: a known member that comes twice is refused.</summary>
internal sealed class Query
{
    private readonly List<(string Name, string Value)> _items = [];
    private readonly Func<string, RequestRefusedException> _refuse;

    /// <summary>Reads the query of a v1 route; refusals are plain text.</summary>
    public Query(HttpContext http)
        : this(http, RequestRefusedException.BadQuery)
    {
    }

    private Query(HttpContext http, Func<string, RequestRefusedException> refuse)
    {
        _refuse = refuse;
        foreach (var part in (http.Request.QueryString.Value ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            _items.Add(equals < 0 ? (Decode(part), "") : (Decode(part[..equals]), Decode(part[(equals + 1)..])));
        }
    }

    /// <summary>Reads the query of a v2 route; refusals are problem details.</summary>
    public static Query V2(HttpContext http) => new(http, RequestRefusedException.BadRequest);

    public string? Text(string name)
    {
        string? found = null;
        foreach (var item in _items)
        {
            if (item.Name != name)
            {
                continue;
            }

            if (found is not null)
            {
                throw _refuse($"duplicate field `{name}`");
            }

            found = item.Value;
        }

        return found;
    }

    public string RequiredText(string name) => Text(name) ?? throw _refuse($"missing field `{name}`");

    /// <summary>A number without sign of at most <paramref name="max"/>; a larger one counts as the largest.</summary>
    public int? Number(string name, int max)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        var digits = text.StartsWith('+') ? text[1..] : text;
        if (digits.Length == 0 || !ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw _refuse("invalid digit found in string");
        }

        return (int)Math.Min(number, (ulong)max);
    }

    /// <summary>A sequence number; one beyond all that there can be counts as the last of them.</summary>
    public long? Sequence(string name)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (long)Math.Min(number, long.MaxValue)
            : throw _refuse($"{name} is a whole number from 0");
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
