using System.Text.Json;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests.Golden;

/// <summary>The event streams that a transcript holds open.</summary>
internal sealed class OpenStreams(ManualTime time) : IAsyncDisposable
{
    private const string Data = "data: ";

    private static readonly TimeSpan StillThere = TimeSpan.FromSeconds(30);

    private readonly List<Stream> _streams = [];

    /// <summary>Ids of introductions: the recorded relay does not hand them to streams, ours does (R21).</summary>
    public HashSet<string> Intros { get; } = [];

    public async Task<string?> OpenAsync(RelayClient client, Substitutions substitutions, Exchange exchange)
    {
        var path = substitutions.Apply(exchange.Path);
        var response = await client.OpenAsync(path, exchange.Headers.Select(header => new KeyValuePair<string, string>(header.Key, substitutions.Apply(header.Value))));
        _streams.Add(new Stream(path, response, new StreamReader(await response.Content.ReadAsStreamAsync())));
        var headers = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(static header => header.Key.ToLowerInvariant(), static header => string.Join(",", header.Value));
        return substitutions.Compare(exchange, (int)response.StatusCode, headers, "");
    }

    /// <summary>
    /// Reads one block of a path and compares it with a recorded chunk of the HTTP transfer: of the newest stream, or of an older one where the
    /// newer ones have shown that chunk before.
    /// </summary>
    public async Task<string?> ExpectAsync(string path, string chunk, int times)
    {
        var expected = chunk[(chunk.IndexOf("\r\n", StringComparison.Ordinal) + 2)..].TrimEnd('\r', '\n');
        for (var i = 0; i < times; i++)
        {
            var stream = expected.StartsWith(Data, StringComparison.Ordinal)
                ? _streams.Last(stream => stream.Path == path && stream.Shown.Add(expected))
                : _streams.Last(stream => stream.Path == path);
            var actual = await NextAsync(stream.Reader, expected).WaitAsync(TimeSpan.FromSeconds(20));
            if (!Same(expected, actual))
            {
                return $"{actual}, recorded {expected}";
            }
        }

        return null;
    }

    /// <summary>The id of the event in a chunk; null where there is none.</summary>
    public static string? EventIdOf(string chunk)
    {
        var start = chunk.IndexOf(Data, StringComparison.Ordinal);
        return start < 0 ? null : JsonElement.Parse(chunk[(start + Data.Length)..].TrimEnd('\r', '\n')).GetProperty("event_id").GetString();
    }

    public ValueTask DisposeAsync()
    {
        foreach (var stream in _streams)
        {
            stream.Reader.Dispose();
            stream.Response.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private async Task<string> NextAsync(StreamReader reader, string expected)
    {
        while (true)
        {
            var block = ReadBlockAsync(reader);
            while (expected.StartsWith(':') && await Task.WhenAny(block, Task.Delay(100)) != block)
            {
                time.Advance(StillThere);
            }

            var actual = await block;
            var isExtra = !expected.StartsWith(':') && (actual.StartsWith(':') || (EventIdOf(actual) is { } id && Intros.Contains(id)));
            if (!isExtra)
            {
                return actual;
            }
        }
    }

    private static bool Same(string expected, string actual) =>
        expected.StartsWith(Data, StringComparison.Ordinal) && actual.StartsWith(Data, StringComparison.Ordinal)
            ? JsonElement.DeepEquals(JsonElement.Parse(expected[Data.Length..]), JsonElement.Parse(actual[Data.Length..]))
            : expected == actual;

    private static async Task<string> ReadBlockAsync(StreamReader reader)
    {
        var block = "";
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.Length == 0)
            {
                return block;
            }

            block = block.Length == 0 ? line : block + "\n" + line;
        }

        return block;
    }

    private sealed record Stream(string Path, HttpResponseMessage Response, StreamReader Reader)
    {
        public HashSet<string> Shown { get; } = [];
    }
}
