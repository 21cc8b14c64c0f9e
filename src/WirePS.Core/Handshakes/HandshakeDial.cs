using System.Net.Sockets;

namespace WirePS.Handshakes;

/// <summary>Sends one message over a connection of its own (handshake.md §2.2). There is no answer on it: what comes back is a connection in the other direction.</summary>
/// <param name="time">The clock.</param>
public sealed class HandshakeDial(TimeProvider time)
{
    /// <summary>How long connecting and writing may take.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    // The other side closes once it has read: until then a close of ours could take back what is on its way.
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(500);

    /// <summary>Sends it; true says that the other machine's system has taken the bytes, and nothing more.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="message">The whole message.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException"><see cref="WireReason.PeerUnreachable"/>.</exception>
    public async Task SendAsync(DirectAddress address, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        using var client = new TcpClient { NoDelay = true };
        try
        {
            await client.ConnectAsync(address.Host, address.Port, either.Token).ConfigureAwait(false);
            var stream = client.GetStream();
            await stream.WriteAsync(message, either.Token).ConfigureAwait(false);
            client.Client.Shutdown(SocketShutdown.Send);
            await AwaitCloseAsync(stream, either.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or IOException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new WireException(WireReason.PeerUnreachable, $"Nothing takes trust requests at {address}: {(error is OperationCanceledException ? "no answer in 10 seconds" : error.Message)}.", address.ToString(), error);
        }
    }

    private async Task AwaitCloseAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        using var enough = new CancellationTokenSource(Linger, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, enough.Token);
        try
        {
            _ = await stream.ReadAsync(new byte[1], either.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            // It was reset, or stays open: the bytes were taken all the same.
        }
    }
}
