using System.Collections.Concurrent;

namespace WirePS.Storage;

/// <summary>
/// Wakes when something in a folder changes; where the system offers no file watching (a network folder, no watches
/// left), and as a safety net everywhere, it wakes at an interval.
/// </summary>
public sealed class FolderWatch : IDisposable
{
    private readonly FileSystemWatcher? _watcher;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly ConcurrentDictionary<string, bool> _changed = new(StringComparer.Ordinal);
    private readonly TimeSpan _interval;

    /// <summary>Starts to watch.</summary>
    /// <param name="folder">The folder; it need not exist yet, then only the interval wakes.</param>
    /// <param name="interval">The longest time without a wake-up.</param>
    public FolderWatch(string folder, TimeSpan interval)
    {
        _interval = interval;
        _watcher = TryWatch(folder);
    }

    /// <summary>True where changes wake at once; false where only the interval does.</summary>
    public bool IsWatching => _watcher is not null;

    /// <summary>Returns at the next change, or after the interval.</summary>
    /// <returns>The full paths that have changed; null where that is not known, and the folder is to be looked through.</returns>
    public async Task<IReadOnlyCollection<string>?> WaitAsync(CancellationToken cancellationToken)
    {
        if (!await _signal.WaitAsync(_interval, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        var changed = new List<string>();
        var all = false;
        foreach (var path in _changed.Keys)
        {
            _changed.TryRemove(path, out _);
            all |= path.Length == 0;
            changed.Add(path);
        }

        return all ? null : changed;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _watcher?.Dispose();
        _signal.Dispose();
    }

    private FileSystemWatcher? TryWatch(string folder)
    {
        try
        {
            if (!Directory.Exists(folder))
            {
                return null;
            }

            var watcher = new FileSystemWatcher(folder)
            {
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size,
            };
            watcher.Created += OnChange;
            watcher.Changed += OnChange;
            watcher.Renamed += OnChange;
            watcher.Deleted += OnChange;
            watcher.Error += (_, _) => Wake("");
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or PlatformNotSupportedException or ArgumentException)
        {
            return null;
        }
    }

    private void OnChange(object sender, FileSystemEventArgs change) => Wake(change.FullPath);

    /// <summary>Wakes the one that waits; an empty path stands for any file.</summary>
    private void Wake(string path)
    {
        try
        {
            _changed[path] = true;
            _signal.Release();
        }
        catch (Exception error) when (error is SemaphoreFullException or ObjectDisposedException)
        {
            // It is awake already, or this is a last event of a watch that is being closed.
        }
    }
}
