using System.Net;
using System.Net.Sockets;

namespace WirePS.Handshakes;

/// <summary>What a listener lets in at most; the defaults are those of wireps.md §8.</summary>
public sealed record ListenerLimits
{
    /// <summary>Most connections at once. A further one takes the place of the oldest: who has something to say has said it by then.</summary>
    public int Connections { get; init; } = 64;

    /// <summary>Most connections at once from one source.</summary>
    public int OfOneSource { get; init; } = 4;

    /// <summary>How long a connection may take to say its message.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many messages a source may send in one go.</summary>
    public int Burst { get; init; } = 16;

    /// <summary>After how long it may send one more.</summary>
    public TimeSpan Refill { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>
/// Takes messages of the handshake as connections of their own (handshake.md §2.2, wireps.md §8): one JSON object each, which
/// may come in pieces. Bounded in size, time, number and rate, in all and by source, before anything is looked at; one
/// connection in trouble is no trouble of another. Nothing is ever sent back.
/// </summary>
public sealed class HandshakeListener : IAsyncDisposable
{
    private const int Backlog = 128;
    private const int FirstBytes = 4096;

    private readonly Socket _socket;
    private readonly ListenerLimits _limits;
    private readonly SourceRates _rates;
    private readonly Func<byte[], string, CancellationToken, Task> _take;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _gate = new();
    private readonly LinkedList<Connection> _open = [];
    private readonly Task _accepting;

    private HandshakeListener(Socket socket, ListenerLimits limits, Func<byte[], string, CancellationToken, Task> take, TimeProvider time)
    {
        _socket = socket;
        _limits = limits;
        _rates = new SourceRates(limits.Burst, limits.Refill, time);
        _take = take;
        _time = time;
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens, with the port that it has.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>How many connections are open.</summary>
    public int OpenConnections
    {
        get
        {
            lock (_gate)
            {
                return _open.Count(static c => !c.IsEnding);
            }
        }
    }

    /// <summary>How many sources are remembered for their rate.</summary>
    internal int RememberedSources => _rates.Count;

    /// <summary>Starts to listen.</summary>
    /// <param name="endPoint">Where; port 0 for one that the system picks.</param>
    /// <param name="take">Takes each message as it came, with the address of its source. It may take as long as a connection may.</param>
    /// <param name="time">The clock.</param>
    /// <param name="limits">What is let in; null for the defaults.</param>
    /// <exception cref="WireException"><see cref="WireReason.PortNeedsPrivilege"/>; <see cref="WireReason.PortInUse"/>; <see cref="WireReason.ListenFailed"/>.</exception>
    public static HandshakeListener Start(IPEndPoint endPoint, Func<byte[], string, CancellationToken, Task> take, TimeProvider time, ListenerLimits? limits = null)
    {
        var socket = Bind(endPoint);
        try
        {
            socket.Listen(Backlog);
            return new HandshakeListener(socket, limits ?? new ListenerLimits(), take, time);
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw Failed(endPoint, error);
        }
    }

    /// <summary>Finds out whether there could be a listener; the exceptions are those of <see cref="Start"/>.</summary>
    public static void Probe(IPEndPoint endPoint)
    {
        using var socket = Bind(endPoint);
    }

    /// <summary>The source that a limit counts: an IPv4 address, or the 64 bits that a machine has for itself in IPv6.</summary>
    internal static string SourceOf(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return plain.AddressFamily == AddressFamily.InterNetworkV6 ? new IPAddress([.. plain.GetAddressBytes().AsSpan(0, 8), .. new byte[8]]) + "/64" : plain.ToString();
    }

    /// <summary>Stops; open connections are closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        Task[] rest;
        lock (_gate)
        {
            rest = [.. _open.Select(static c => c.Ended)];
        }

        await Task.WhenAll(rest).ConfigureAwait(false);
        _ending.Dispose();
    }

    private static Socket Bind(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            if (OperatingSystem.IsWindows())
            {
                socket.ExclusiveAddressUse = true;
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw Failed(endPoint, error);
        }
    }

    private static WireException Failed(IPEndPoint endPoint, SocketException error) => error.SocketErrorCode switch
    {
        SocketError.AccessDenied => new WireException(WireReason.PortNeedsPrivilege, $"This user may not listen on port {endPoint.Port}.", endPoint.ToString(), error),
        SocketError.AddressAlreadyInUse => new WireException(WireReason.PortInUse, $"Another program listens on {endPoint}.", endPoint.ToString(), error),
        _ => new WireException(WireReason.ListenFailed, $"Nothing can listen on {endPoint}: {error.Message}.", endPoint.ToString(), error),
    };

    private async Task AcceptAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            try
            {
                Admit(await _socket.AcceptAsync(_ending.Token).ConfigureAwait(false));
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // A connection that has gone already, or no more descriptors: those that are open end within their time.
                await Task.Delay(TimeSpan.FromMilliseconds(50), _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Admit(Socket socket)
    {
        if (socket.RemoteEndPoint is not IPEndPoint remote)
        {
            socket.Dispose();
            return;
        }

        var address = remote.Address.IsIPv4MappedToIPv6 ? remote.Address.MapToIPv4() : remote.Address;
        var source = SourceOf(address);
        lock (_gate)
        {
            if (_open.Count(c => c.Source == source) >= _limits.OfOneSource || !_rates.TryTake(source))
            {
                // Reset, not closed in good order: nothing of it stays behind here.
                socket.Close(0);
                return;
            }

            if (_open.Count(static c => !c.IsEnding) >= _limits.Connections)
            {
                _open.First(static c => !c.IsEnding).End();
            }

            var connection = new Connection(socket, source);
            _open.AddLast(connection);
            connection.Ended = Task.Run(() => ServeAsync(connection, address.ToString()));
        }
    }

    private async Task ServeAsync(Connection connection, string address)
    {
        using var late = new CancellationTokenSource(_limits.Time, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token, late.Token, connection.Ending);
        try
        {
            if (await ReadAsync(connection.Socket, either.Token).ConfigureAwait(false) is { } message)
            {
                await _take(message, address, either.Token).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException or WireException)
        {
            // The peer has gone or took too long, or what it said could not be kept: it is not told.
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(connection);
            }

            connection.Dispose();
        }
    }

    /// <summary>Reads until the object is whole or the peer has closed; null for what is too long or no object.</summary>
    private static async Task<byte[]?> ReadAsync(Socket socket, CancellationToken cancellationToken)
    {
        var buffer = new byte[FirstBytes];
        var length = 0;
        var scan = new ObjectScan();
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length > HandshakeMessage.MaxBytes)
                {
                    return null;
                }

                Array.Resize(ref buffer, Math.Min(length * 4, HandshakeMessage.MaxBytes + 1));
            }

            var read = await socket.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, cancellationToken).ConfigureAwait(false);
            var isWhole = scan.Add(buffer.AsSpan(length, read));
            length += read;
            if (read == 0 || isWhole)
            {
                return length is > 0 and <= HandshakeMessage.MaxBytes ? buffer[..length] : null;
            }

            if (scan.IsNone)
            {
                return null;
            }
        }
    }

    /// <summary>Tells where an object ends, byte by byte: no byte is looked at twice, however many pieces it comes in.</summary>
    private struct ObjectScan
    {
        private int _depth;
        private bool _isText;
        private bool _isEscape;

        /// <summary>True where it cannot become an object.</summary>
        public bool IsNone { get; private set; }

        /// <summary>Looks at the next bytes; true where the object ends among them. What follows it is the parser's to refuse.</summary>
        public bool Add(ReadOnlySpan<byte> bytes)
        {
            foreach (var b in bytes)
            {
                if (Next(b))
                {
                    return true;
                }

                if (IsNone)
                {
                    return false;
                }
            }

            return false;
        }

        private bool Next(byte b)
        {
            if (_isText)
            {
                _isText = _isEscape || b != '"';
                _isEscape = !_isEscape && b == '\\';
                return false;
            }

            switch (b)
            {
                case (byte)'{' or (byte)'[':
                    _depth++;
                    IsNone = _depth == 1 && b == '[';
                    return false;
                case (byte)'}' or (byte)']':
                    _depth--;
                    IsNone = _depth < 0;
                    return _depth == 0;
                case (byte)'"' when _depth > 0:
                    _isText = true;
                    return false;
                default:
                    IsNone = _depth == 0 && b is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n');
                    return false;
            }
        }
    }

    private sealed class Connection(Socket socket, string source) : IDisposable
    {
        private readonly CancellationTokenSource _ending = new();

        public Socket Socket { get; } = socket;

        public string Source { get; } = source;

        public CancellationToken Ending => _ending.Token;

        public bool IsEnding => _ending.IsCancellationRequested;

        public Task Ended { get; set; } = Task.CompletedTask;

        // What waits for it goes on elsewhere: this is called with the gate held.
        public void End() => _ = _ending.CancelAsync();

        public void Dispose()
        {
            Socket.Dispose();
            _ending.Dispose();
        }
    }
}
