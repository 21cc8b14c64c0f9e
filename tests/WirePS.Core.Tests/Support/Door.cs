using System.Net;
using System.Net.Sockets;
using WirePS.Handshakes;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>What the daemon does for trust requests as connections, on loopback and for one party of a test.</summary>
internal sealed class Door : IAsyncDisposable
{
    private readonly Party _party;
    private readonly IDisposable _place;
    private readonly HandshakeListener _listener;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly SemaphoreSlim _taken = new(0);

    public Door(Party party, ListenerLimits? limits = null, IPAddress? address = null)
    {
        _party = party;
        _place = party.Engine.DaemonFiles.TryClaim() ?? throw new InvalidOperationException("A daemon runs.");
        _listener = HandshakeListener.Start(new IPEndPoint(address ?? IPAddress.Loopback, 0), TakeAsync, TimeProvider.System, limits);
        party.Engine.DaemonFiles.Announce(null, null, _listener.EndPoint.ToString());
    }

    public DirectAddress Address => new("127.0.0.1", _listener.EndPoint.Port);

    public HandshakeListener Listener => _listener;

    /// <summary>What came, as it came.</summary>
    public List<DirectArrival> Arrivals { get; } = [];

    /// <summary>How many messages had an effect.</summary>
    public int Held { get; private set; }

    /// <summary>Returns when one more message was taken than were waited for before.</summary>
    public async Task NextAsync() => Assert.True(await _taken.WaitAsync(TimeSpan.FromSeconds(60)), "No message has come.");

    /// <summary>Sends bytes from a source on loopback, in pieces, and returns when the listener has closed.</summary>
    public async Task SendAsync(IReadOnlyList<byte[]> pieces, IPAddress? source = null, bool isHeldOpen = false)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(source ?? IPAddress.Loopback, 0));
        try
        {
            await socket.ConnectAsync(_listener.EndPoint.Address.Equals(IPAddress.Any) ? new IPEndPoint(IPAddress.Loopback, _listener.EndPoint.Port) : _listener.EndPoint);
            foreach (var piece in pieces)
            {
                await socket.SendAsync(piece);
            }

            if (!isHeldOpen)
            {
                socket.Shutdown(SocketShutdown.Send);
            }

            Assert.Equal(0, await socket.ReceiveAsync(new byte[1]));
        }
        catch (SocketException)
        {
            // Refused: a listener says nothing.
        }
    }

    public Task SendAsync(byte[] message, IPAddress? source = null) => SendAsync([message], source);

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        _place.Dispose();
        _turn.Dispose();
        _taken.Dispose();
    }

    private async Task TakeAsync(byte[] bytes, string source, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var arrival = new DirectArrival(bytes, source);
            Arrivals.Add(arrival);
            Held += await _party.Engine.DirectIntake.TakeAsync([arrival], cancellationToken);
        }
        finally
        {
            _turn.Release();
            _taken.Release();
        }
    }
}
