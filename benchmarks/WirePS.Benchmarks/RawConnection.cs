using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace WirePS.Benchmarks;

/// <summary>One connection that sends prepared bytes and reads the reply, with as little work as can be: the clients of a benchmark have the cores of the server.</summary>
internal abstract class RawConnection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _reply = new byte[64 * 1024];

    public async Task ConnectAsync(string host, int port, CancellationToken cancellationToken) => await _socket.ConnectAsync(host, port, cancellationToken);

    /// <summary>Sends a request and gives the whole reply; valid until the next one.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> AskAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        await _socket.SendAsync(request, cancellationToken);
        var have = 0;
        while (have == 0 || !IsWhole(_reply.AsSpan(0, have)))
        {
            var count = await _socket.ReceiveAsync(_reply.AsMemory(have), cancellationToken);
            have += count > 0 ? count : throw new InvalidOperationException("a server closed a connection of the benchmark");
        }

        return _reply.AsMemory(0, have);
    }

    public void Dispose()
    {
        _socket.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>True once nothing of the reply is missing.</summary>
    protected abstract bool IsWhole(ReadOnlySpan<byte> reply);

    protected static InvalidOperationException Unexpected(ReadOnlySpan<byte> reply) =>
        new($"a server answered the benchmark with: {Encoding.UTF8.GetString(reply[..Math.Min(reply.Length, 400)])}");
}

/// <summary>A connection that speaks HTTP/1.1 with content lengths.</summary>
internal sealed class HttpConnection : RawConnection
{
    /// <summary>Sends a request whose reply has this status line, and a body of at least so many bytes.</summary>
    public async ValueTask ExpectAsync(ReadOnlyMemory<byte> request, ReadOnlyMemory<byte> status, int bodyBytes, CancellationToken cancellationToken)
    {
        var reply = await AskAsync(request, cancellationToken);
        if (!reply.Span.StartsWith(status.Span) || BodyBytes(reply.Span) < bodyBytes)
        {
            throw Unexpected(reply.Span);
        }
    }

    protected override bool IsWhole(ReadOnlySpan<byte> reply) =>
        reply.IndexOf("\r\n\r\n"u8) is >= 0 and var head && reply.Length >= head + 4 + BodyBytes(reply);

    private static int BodyBytes(ReadOnlySpan<byte> reply)
    {
        var name = "\r\nContent-Length: "u8;
        if (reply.IndexOf(name) is not (>= 0 and var at))
        {
            return 0;
        }

        var number = reply[(at + name.Length)..];
        return int.Parse(number[..number.IndexOf((byte)'\r')], NumberStyles.None, CultureInfo.InvariantCulture);
    }
}

/// <summary>A connection that speaks the protocol of Redis, as far as a command with a number for its reply goes.</summary>
internal sealed class RedisConnection : RawConnection
{
    /// <summary>Sends a command whose reply is a number.</summary>
    public async ValueTask ExpectNumberAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken)
    {
        var reply = await AskAsync(command, cancellationToken);
        if (reply.Span[0] != (byte)':')
        {
            throw Unexpected(reply.Span);
        }
    }

    protected override bool IsWhole(ReadOnlySpan<byte> reply) => reply.EndsWith("\r\n"u8);
}
