using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>One request as a <see cref="TestServer"/> got it.</summary>
internal sealed record ServerRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string Path => Target.Split('?')[0];

    public string Query => Target.Contains('?', StringComparison.Ordinal) ? Target.Split('?')[1] : "";
}

/// <summary>An HTTP server on loopback that answers with exactly the bytes it is told to, or not at all.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Task _accepting;

    public TestServer(Func<ServerRequest, NetworkStream, CancellationToken, Task> answer)
    {
        _listener.Start();
        _accepting = AcceptAsync(answer);
    }

    public TestServer(Func<ServerRequest, string> answer)
        : this(async (request, stream, token) => await stream.WriteAsync(Encoding.UTF8.GetBytes(answer(request)), token))
    {
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public ConcurrentQueue<ServerRequest> Requests { get; } = new();

    /// <summary>Returns when one more request has arrived than were waited for before.</summary>
    public async Task NextRequestAsync() => Assert.True(await _arrived.WaitAsync(TimeSpan.FromSeconds(60)), "No request has arrived.");

    public static string Reply(int status, string body, string type = "application/json", params string[] headers) =>
        $"HTTP/1.1 {status} X\r\nContent-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{string.Concat(headers.Select(static h => h + "\r\n"))}\r\n{body}";

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections);
        _ending.Dispose();
        _arrived.Dispose();
    }

    private async Task AcceptAsync(Func<ServerRequest, NetworkStream, CancellationToken, Task> answer)
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_ending.Token);
                _connections.Add(ServeAsync(client, answer));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient client, Func<ServerRequest, NetworkStream, CancellationToken, Task> answer)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
                while (await reader.ReadLineAsync(_ending.Token) is { Length: > 0 } line)
                {
                    var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
                    while (await reader.ReadLineAsync(_ending.Token) is { Length: > 0 } header)
                    {
                        var at = header.IndexOf(':', StringComparison.Ordinal);
                        headers[header[..at]] = header[(at + 1)..].Trim();
                    }

                    var body = new char[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, System.Globalization.CultureInfo.InvariantCulture) : 0];
                    if (body.Length > 0)
                    {
                        // A read of nothing would wait for something.
                        await reader.ReadBlockAsync(body, _ending.Token);
                    }

                    var words = line.Split(' ');
                    var request = new ServerRequest(words[0], words[1], headers, new string(body));
                    Requests.Enqueue(request);
                    _arrived.Release();
                    await answer(request, stream, _ending.Token);
                }
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The client has gone, or the test is over.
            }
        }
    }
}
