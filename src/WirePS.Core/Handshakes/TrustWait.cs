using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>Waits until somebody is trusted (handshake.md §8.6). Only trust ends the wait: a refusal or a revocation may still be followed by it.</summary>
/// <param name="home">The home.</param>
/// <param name="trust">Whom it trusts.</param>
/// <param name="time">The clock.</param>
public sealed class TrustWait(WireHome home, TrustStore trust, TimeProvider time)
{
    private static readonly TimeSpan NextLook = TimeSpan.FromSeconds(1);

    /// <summary>Waits until a peer is trusted.</summary>
    /// <param name="find">Finds it among the peers; null where it is not there yet. Its exceptions end the wait.</param>
    /// <param name="timeout">How long; zero to look once, null for as long as it takes.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException"><see cref="WireReason.WaitTimeout"/>.</exception>
    public async Task<TrustEntry> WaitAsync(Func<IReadOnlyList<TrustEntry>, TrustEntry?> find, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        using var late = timeout is null ? new CancellationTokenSource() : new CancellationTokenSource(timeout.Value, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);

        // Watching before looking: what is granted in between wakes it.
        using var watch = new FolderWatch(home.ConfigFolder, NextLook);
        while (true)
        {
            if (find(trust.List()) is { IsTrusted: true } peer)
            {
                return peer;
            }

            try
            {
                await watch.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new WireException(WireReason.WaitTimeout);
            }
        }
    }
}
