using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace WirePS.Relay.Tests.Golden;

/// <summary>One recorded request and its answer, whatever the file's way to write it down.</summary>
internal sealed partial record Exchange(
    string Method,
    string Path,
    IReadOnlyList<KeyValuePair<string, string>> Headers,
    string? Body,
    int Status,
    IReadOnlyDictionary<string, string?> ResponseHeaders,
    string? ResponseBody)
{
    /// <summary>Headers whose value or absence is compared.</summary>
    private static readonly string[] Compared = ["content-type", "allow", "cache-control"];

    /// <summary>A case of relay_edges: what revision T answered.</summary>
    public static Exchange OfEdge(JsonElement item)
    {
        var answer = item.GetProperty("T");
        var reply = Text(answer, "response_body");
        var note = Text(item, "request_body_note");
        var body = note is null ? Text(item, "request_body") : OfSize(Number(note), item.GetProperty("name").GetString()!, item.GetProperty("path").GetString()!, reply);
        return new Exchange(
            item.GetProperty("method").GetString()!,
            item.GetProperty("path").GetString()!,
            Pairs(item, "request_headers"),
            body,
            answer.GetProperty("status").GetInt32(),
            AllCompared(answer),
            reply);
    }

    /// <summary>A case of relay_http; where it does not say what content type was sent, a body was sent as JSON.</summary>
    public static Exchange OfWire(JsonElement item)
    {
        var reply = Text(item, "response_body");
        var body = Text(item, "request_body");
        if (body is not null && SizeOnly().Match(body) is { Success: true })
        {
            body = OfSize(Number(body), item.GetProperty("name").GetString()!, item.GetProperty("path").GetString()!, reply);
        }

        var headers = Pairs(item, "request_headers");
        if (!headers.Any(static header => header.Key.Equals("content-type", StringComparison.OrdinalIgnoreCase)))
        {
            var sent = item.TryGetProperty("content_type_sent", out var type) ? type.GetString() : body is null ? null : "application/json";
            if (sent is not null)
            {
                headers.Add(new("Content-Type", sent));
            }
        }

        var compared = new Dictionary<string, string?>();
        foreach (var (name, member) in new[] { ("content-type", "content_type"), ("allow", "allow"), ("cache-control", "cache-control") })
        {
            if (item.TryGetProperty(member, out var value))
            {
                compared.Add(name, value.GetString());
            }
        }

        return new Exchange(
            item.GetProperty("method").GetString()!,
            item.GetProperty("path").GetString()!,
            headers,
            body,
            item.GetProperty("status").GetInt32(),
            compared,
            reply);
    }

    /// <summary>A request of a transcript.</summary>
    public static Exchange OfTranscript(JsonElement item) => new(
        item.GetProperty("method").GetString()!,
        item.GetProperty("path").GetString()!,
        Pairs(item, "request_headers"),
        Text(item, "request_body"),
        item.GetProperty("status").GetInt32(),
        AllCompared(item),
        Text(item, "response_body"));

    /// <summary>
    /// Makes a body that the file only measures. An event of a stated size is one whose text without white space has that many bytes; the rest of
    /// the body is white space.
    /// </summary>
    private static string OfSize(int size, string name, string path, string? reply)
    {
        if (!path.StartsWith("/v1/events/", StringComparison.Ordinal))
        {
            var member = path.Contains("invite", StringComparison.Ordinal) ? "invite_url" : "x";
            var start = $"{{\"{member}\":\"";
            return start + new string('x', size - start.Length - 2) + "\"}";
        }

        var id = reply is not null && EventId().Match(reply) is { Success: true } match ? match.Groups[1].Value : new string('e', 64);
        var stated = StatedBytes().Match(name);
        var eventSize = stated.Success ? int.Parse(stated.Groups[1].Value, CultureInfo.InvariantCulture) : size - 10;
        var head = $"{{\"event_id\":\"{id}\",\"body\":\"";
        var item = head + new string('x', eventSize - head.Length - 2) + "\"}";
        return "{\"event\":" + item + new string(' ', size - item.Length - 10) + "}";
    }

    private static Dictionary<string, string?> AllCompared(JsonElement answer)
    {
        var headers = answer.GetProperty("response_headers");
        return Compared.Where(name => name != "cache-control" || headers.TryGetProperty(name, out _))
            .ToDictionary(static name => name, name => Text(headers, name));
    }

    private static List<KeyValuePair<string, string>> Pairs(JsonElement item, string member) =>
        item.TryGetProperty(member, out var headers)
            ? [.. headers.EnumerateObject().Select(static header => new KeyValuePair<string, string>(header.Name, header.Value.GetString()!))]
            : [];

    private static string? Text(JsonElement item, string member) =>
        item.TryGetProperty(member, out var value) ? value.ValueKind == JsonValueKind.String ? value.GetString() : value.ValueKind == JsonValueKind.Null ? null : value.GetRawText() : null;

    private static int Number(string text) => int.Parse(Digits().Match(text).Value, CultureInfo.InvariantCulture);

    public byte[]? BodyBytes => Body is null ? null : Encoding.UTF8.GetBytes(Body);

    [GeneratedRegex("^<[0-9]+ characters>$")]
    private static partial Regex SizeOnly();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();

    [GeneratedRegex("\"event_id\":\"([0-9a-f]{64})\"")]
    private static partial Regex EventId();

    [GeneratedRegex("([0-9]{6,}) byte")]
    private static partial Regex StatedBytes();
}
