using System.Text.Json;
using System.Text.RegularExpressions;

namespace WirePS.Relay.Tests.Golden;

/// <summary>What the recorded relay made up (slot ids, tokens, pair ids), and what ours made up instead.</summary>
internal sealed partial class Substitutions
{
    private static readonly string[] MadeUp = ["slot_id", "slot_token", "pair_id", "token"];

    private readonly Dictionary<string, string> _ours = new(StringComparer.Ordinal);

    public void Learn(string recorded, string own) => _ours.TryAdd(recorded, own);

    /// <summary>Learns from an answer whatever both relays made up under the same name.</summary>
    public void LearnFrom(string? recorded, string own)
    {
        if (Parse(recorded) is not { ValueKind: JsonValueKind.Object } expected || Parse(own) is not { ValueKind: JsonValueKind.Object } actual)
        {
            return;
        }

        foreach (var name in MadeUp)
        {
            // a placeholder without a number stands for many values
            if (expected.TryGetProperty(name, out var theirs) && actual.TryGetProperty(name, out var mine) && !theirs.GetString()!.EndsWith("X>", StringComparison.Ordinal))
            {
                Learn(theirs.GetString()!, mine.GetString()!);
            }
        }
    }

    public string Apply(string text)
    {
        foreach (var (recorded, own) in _ours)
        {
            text = text.Replace(recorded, own, StringComparison.Ordinal);
        }

        return text;
    }

    /// <summary>Numbers of the slots that a text names as <c>&lt;slot1&gt;</c> or <c>&lt;token1&gt;</c> before an answer has named them.</summary>
    public IEnumerable<string> UnknownSlots(string text) =>
        Placeholder().Matches(text).Select(static match => match.Groups[1].Value).Distinct().Where(number => !_ours.ContainsKey($"<slot{number}>"));

    /// <summary>Says how an answer differs from the recorded one; null where it does not.</summary>
    public string? Compare(Exchange recorded, int status, IReadOnlyDictionary<string, string> headers, string body)
    {
        if (status != recorded.Status)
        {
            return $"status {status}, recorded {recorded.Status}: {Short(body)}";
        }

        foreach (var (name, value) in recorded.ResponseHeaders)
        {
            if (headers.GetValueOrDefault(name) != value)
            {
                return $"{name} '{headers.GetValueOrDefault(name)}', recorded '{value}'";
            }
        }

        if (recorded.ResponseBody is not { } text || text == "<stream>" || recorded.Method == "HEAD")
        {
            return null;
        }

        // the framework's own words about a refusal are free, as are those to 'curl | sh'
        if (status >= 400 && recorded.ResponseHeaders.GetValueOrDefault("content-type")?.StartsWith("text/", StringComparison.Ordinal) == true)
        {
            return null;
        }

        var expected = Apply(text);
        if (Parse(expected) is { } theirs)
        {
            return Parse(body) is { } mine ? CompareValue("$", theirs, mine) : $"no JSON: {Short(body)}";
        }

        return expected == body ? null : $"body {Short(body)}, recorded {Short(expected)}";
    }

    private static string? CompareValue(string path, JsonElement theirs, JsonElement mine)
    {
        if (theirs.ValueKind == JsonValueKind.String && (IsAny(theirs.GetString()!) || IsMadeUp(path)))
        {
            return mine.ValueKind is JsonValueKind.String or JsonValueKind.Number ? null : $"{path}: {mine.ValueKind}";
        }

        if (theirs.ValueKind != mine.ValueKind)
        {
            return $"{path}: {Short(mine.GetRawText())}, recorded {Short(theirs.GetRawText())}";
        }

        switch (theirs.ValueKind)
        {
            case JsonValueKind.Object:
                var expected = theirs.EnumerateObject().ToDictionary(static member => member.Name, static member => member.Value);
                // of a name that comes twice the last counts, for every reader
                var actual = new Dictionary<string, JsonElement>();
                foreach (var member in mine.EnumerateObject())
                {
                    actual[member.Name] = member.Value;
                }

                var names = expected.Keys.Order().ToList();
                if (!names.SequenceEqual(actual.Keys.Order()))
                {
                    return $"{path}: members {string.Join(',', actual.Keys.Order())}, recorded {string.Join(',', names)}";
                }

                return names.Select(name => CompareValue($"{path}.{name}", expected[name], actual[name])).FirstOrDefault(static difference => difference is not null);

            case JsonValueKind.Array:
                if (theirs.GetArrayLength() != mine.GetArrayLength())
                {
                    return $"{path}: {mine.GetArrayLength()} elements, recorded {theirs.GetArrayLength()}";
                }

                return theirs.EnumerateArray().Zip(mine.EnumerateArray())
                    .Select((pair, i) => CompareValue($"{path}[{i}]", pair.First, pair.Second))
                    .FirstOrDefault(static difference => difference is not null);

            case JsonValueKind.Number:
                return IsTime(path) || theirs.GetRawText() == mine.GetRawText() ? null : $"{path}: {mine.GetRawText()}, recorded {theirs.GetRawText()}";

            default:
                return theirs.GetRawText() == mine.GetRawText() || (theirs.ValueKind == JsonValueKind.String && theirs.GetString() == mine.GetString())
                    ? null
                    : $"{path}: {Short(mine.GetRawText())}, recorded {Short(theirs.GetRawText())}";
        }
    }

    private static bool IsAny(string text) => text.Length > 2 && text[0] == '<' && text[^1] == '>';

    private static bool IsMadeUp(string path) => path is "$.slot_token" || path.EndsWith(".claimed_at", StringComparison.Ordinal);

    private static bool IsTime(string path) => path.EndsWith("_unix", StringComparison.Ordinal) || path.EndsWith("_seconds", StringComparison.Ordinal);

    private static JsonElement? Parse(string? text)
    {
        try
        {
            return string.IsNullOrEmpty(text) ? null : JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Short(string text) => text.Length > 200 ? text[..200] + "…" : text;

    [GeneratedRegex("<(?:slot|token)([0-9]+)>")]
    private static partial Regex Placeholder();
}
