using System.Collections.Concurrent;

namespace WirePS.Module.Ceremony;

/// <summary>
/// Reads the mailboxes of a home for as long as somebody waits for messages, as the daemon would: for a home without a
/// daemon. It may end at any moment; whoever comes next goes on from what is stored.
/// </summary>
internal sealed class MailDriver(WireEngine engine) : IAsyncDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentQueue<string> _troubles = new();
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private Task? _reading;

    /// <summary>Begins, unless a daemon does it. A daemon that comes later does no harm; where one has gone, this takes over.</summary>
    internal void StartWhereNoDaemonRuns()
    {
        if (_reading is null && !engine.DaemonFiles.IsRunning())
        {
            _reading = Task.Run(() => engine.ListenAsync(error => _troubles.Enqueue(error.Message), _ending.Token));
        }
    }

    /// <summary>What went wrong since the last call; each trouble is told once.</summary>
    internal IEnumerable<string> TakeTroubles()
    {
        while (_troubles.TryDequeue(out var trouble))
        {
            if (_told.Add(trouble))
            {
                yield return trouble;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        if (_reading is not null)
        {
            await _reading;
        }

        _ending.Dispose();
    }
}
