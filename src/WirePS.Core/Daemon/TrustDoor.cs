using System.Net;
using System.Threading.Channels;
using WirePS.Handshakes;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>
/// The daemon's part that takes messages of the handshake as connections of their own, where the policy of the home says so,
/// and follows that policy. What came waits in a bounded line and is taken in batches: a flood costs a write for each
/// batch, and holds up nothing else.
/// </summary>
internal sealed class TrustDoor(WireEngine engine, DaemonLog log, string did) : IAsyncDisposable
{
    /// <summary>Most messages that wait to be taken.</summary>
    internal const int MostWaiting = 256;

    private static readonly TimeSpan NextLook = TimeSpan.FromSeconds(5);

    private readonly Channel<DirectArrival> _line = Channel.CreateBounded<DirectArrival>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    private HandshakeListener? _listener;
    private IPEndPoint? _wanted;
    private string? _trouble;

    /// <summary>Opens, shuts or moves it as the policy says, and announces the daemon with that.</summary>
    internal async Task OpenAsync()
    {
        var wanted = Wanted();
        var before = (_listener?.EndPoint, _trouble);
        if (_listener is not null && !Equals(wanted, _wanted))
        {
            await _listener.DisposeAsync().ConfigureAwait(false);
            _listener = null;
        }

        _trouble = null;
        if (wanted is not null && _listener is null)
        {
            Listen(wanted);
        }

        _wanted = wanted;
        engine.DaemonFiles.Announce(did, engine.Settings.Relay, _listener?.EndPoint.ToString(), _trouble);
        if ((_listener?.EndPoint, _trouble) != before)
        {
            log.Write($"{(_trouble is not null ? "trust requests are not taken as connections: " + _trouble : _listener is null ? "trust requests are not taken as connections" : "trust requests are taken at " + _listener.EndPoint)}");
        }
    }

    /// <summary>Follows the policy and takes what comes, until it is cancelled.</summary>
    internal Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(FollowAsync(cancellationToken), TakeAsync(cancellationToken));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_listener is not null)
        {
            await _listener.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Listen(IPEndPoint place)
    {
        try
        {
            _listener = HandshakeListener.Start(place, (bytes, source, token) => _line.Writer.WriteAsync(new DirectArrival(bytes, source), token).AsTask(), engine.Time);
        }
        catch (WireException error)
        {
            _trouble = error.Message;
        }
    }

    // A policy that cannot be read opens no door.
    private IPEndPoint? Wanted()
    {
        try
        {
            return engine.TrustPolicies.Policy().Listen;
        }
        catch (WireException error)
        {
            log.Write($"the trust policy cannot be read: {error.Message}");
            return null;
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        using var watch = new FolderWatch(engine.Home.ConfigFolder, NextLook, Path.GetFileName(engine.Home.TrustPolicyFile));
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                // Looked at before the first wait too: it may have changed before the watch was there. A port that was taken may be free by now.
                if (_trouble is not null || !Equals(Wanted(), _wanted))
                {
                    await OpenAsync().ConfigureAwait(false);
                }

                await watch.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                log.Write($"the daemon cannot say where it listens: {error.Message}");
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                // A policy that is not followed any more would leave the door as it is, and nobody would know.
                log.Write($"the trust policy could not be followed: {error.GetType().Name}");
                await Task.Delay(NextLook, engine.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task TakeAsync(CancellationToken cancellationToken)
    {
        var batch = new List<DirectArrival>();
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await _line.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
                while (batch.Count < MostWaiting && _line.Reader.TryRead(out var arrival))
                {
                    batch.Add(arrival);
                }

                var taken = await engine.DirectIntake.TakeAsync(batch, cancellationToken, error => log.Write($"a message on a connection cannot be taken: {error.Message}")).ConfigureAwait(false);
                log.Write($"trust requests and answers as connections: {taken} of {batch.Count} hold");
            }
            catch (WireException error)
            {
                // The disk or a lock: who asked has no answer, and can ask again.
                log.Write($"{batch.Count} trust requests could not be kept: {error.Message}");
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                // What nobody foresaw in one message must not shut the door for those after it.
                log.Write($"{batch.Count} trust requests could not be taken: {error.GetType().Name}");
            }

            batch.Clear();
        }
    }
}
