using System.Collections.Concurrent;

namespace WirePS.Storage;

/// <summary>
/// Waiting for a lock of a home. Locks guard short sections (read, check, write) and are never held across the network.
/// </summary>
public static class FileLocks
{
    /// <summary>How long a lock is waited for before <see cref="WireReason.LockTimeout"/>.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(2);

    // Within one process callers queue here instead of polling the file.
    private static readonly ConcurrentDictionary<string, SemaphoreSlim> Queues = new(StringComparer.Ordinal);

    /// <summary>Takes the lock that the file stands for; disposing the result releases it.</summary>
    public static async ValueTask<IDisposable> LockAsync(this IFileSystem files, string path, CancellationToken cancellationToken)
    {
        var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        var queue = Queues.GetOrAdd(path, static _ => new SemaphoreSlim(1, 1));
        if (!await queue.WaitAsync(Patience, cancellationToken).ConfigureAwait(false))
        {
            throw new WireException(WireReason.LockTimeout, null, path);
        }

        try
        {
            while (true)
            {
                if (files.TryLock(path) is { } held)
                {
                    return new Held(held, queue);
                }

                if (Environment.TickCount64 > deadline)
                {
                    throw new WireException(WireReason.LockTimeout, null, path);
                }

                await Task.Delay(Retry, cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            queue.Release();
            throw;
        }
    }

    private sealed class Held(IDisposable file, SemaphoreSlim queue) : IDisposable
    {
        private IDisposable? _file = file;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _file, null) is { } held)
            {
                held.Dispose();
                queue.Release();
            }
        }
    }
}
