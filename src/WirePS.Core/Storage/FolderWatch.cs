using System.Collections.Concurrent;

namespace WirePS.Storage;

/// <summary>
/// Wakes when something in a folder changes; where the system offers no file watching (a network folder, no watches
/// left), and as a safety net everywhere, it wakes at an interval. What is on its way to be a file, and hidden, wakes nobody.
/// </summary>
public sealed class FolderWatch : IDisposable
{
    private readonly FileSystemWatcher? _watcher;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly ConcurrentDictionary<string, bool> _changed = new(StringComparer.Ordinal);
    private readonly TimeSpan _interval;
    private readonly string[] _names;
    private int _isAwake;

    /// <summary>Starts to watch.</summary>
    /// <param name="folder">The folder; it need not exist yet, then only the interval wakes.</param>
    /// <param name="interval">The longest time without a wake-up.</param>
    /// <param name="names">The names of the files whose changes wake; none for all.</param>
    public FolderWatch(string folder, TimeSpan interval, params string[] names)
    {
        _interval = interval;
        _names = names;
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

        // Before the look: what changes during it wakes again.
        Interlocked.Exchange(ref _isAwake, 0);
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

    private void OnChange(object sender, FileSystemEventArgs change)
    {
        // A writer's temporary file changes several times before it gets its name, and every line of a log is a change.
        var name = Path.GetFileName(change.FullPath.AsSpan());
        if (!name.StartsWith('.') && (_names.Length == 0 || IsNamed(name)))
        {
            Wake(change.FullPath);
        }
    }

    private bool IsNamed(ReadOnlySpan<char> name)
    {
        foreach (var known in _names)
        {
            if (name.Equals(known, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Wakes the one that waits; an empty path stands for any file.</summary>
    private void Wake(string path)
    {
        _changed[path] = true;
        if (Interlocked.Exchange(ref _isAwake, 1) != 0)
        {
            return;
        }

        try
        {
            _signal.Release();
        }
        catch (ObjectDisposedException)
        {
            // A last event of a watch that is being closed.
        }
    }
}
