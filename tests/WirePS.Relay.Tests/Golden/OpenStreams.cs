using System.Text.Json;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests.Golden;

/// <summary>The event streams that a transcript holds open.</summary>
internal sealed class OpenStreams(ManualTime time) : IAsyncDisposable
{
    private static readonly TimeSpan StillThere = TimeSpan.FromSeconds(30);

    private readonly List<(string Path, HttpResponseMessage Response, StreamReader Reader)> streams = [];

    public async Task<string?> OpenAsync(RelayClient client, Substitutions substitutions, Exchange exchange)
    {
        var path = substitutions.Apply(exchange.Path);
        var response = await client.OpenAsync(path, exchange.Headers.Select(header => new KeyValuePair<string, string>(header.Key, substitutions.Apply(header.Value))));
        streams.Add((path, response, new StreamReader(await response.Content.ReadAsStreamAsync())));
        var headers = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(static header => header.Key.ToLowerInvariant(), static header => string.Join(",", header.Value));
        return substitutions.Compare(exchange, (int)response.StatusCode, headers, "");
    }

    /// <summary>Reads one block of the newest stream of a path and compares it with a recorded chunk of the HTTP transfer.</summary>
    public async Task<string?> ExpectAsync(string path, string chunk, int times)
    {
        var expected = chunk[(chunk.IndexOf("\r\n", StringComparison.Ordinal) + 2)..].TrimEnd('\r', '\n');
        var reader = streams.Last(stream => stream.Path == path).Reader;
        for (var i = 0; i < times; i++)
        {
            var block = ReadBlockAsync(reader);
            while (expected.StartsWith(':') && await Task.WhenAny(block, Task.Delay(100)) != block)
            {
                time.Advance(StillThere);
            }

            var actual = await block.WaitAsync(TimeSpan.FromSeconds(20));
            if (!Same(expected, actual))
            {
                return $"{actual}, recorded {expected}";
            }
        }

        return null;
    }

    public ValueTask DisposeAsync()
    {
        foreach (var (_, response, reader) in streams)
        {
            reader.Dispose();
            response.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static bool Same(string expected, string actual) =>
        expected.StartsWith("data: ", StringComparison.Ordinal) && actual.StartsWith("data: ", StringComparison.Ordinal)
            ? JsonElement.DeepEquals(JsonElement.Parse(expected[6..]), JsonElement.Parse(actual[6..]))
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
}
