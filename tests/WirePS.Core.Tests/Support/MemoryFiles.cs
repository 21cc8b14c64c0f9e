using System.Collections.Concurrent;
using WirePS.Storage;

namespace WirePS.Tests.Support;

/// <summary>Files in memory, for many short runs; private by nature, and as strict about the contract as a disk.</summary>
internal sealed class MemoryFiles(TimeProvider time) : IFileSystem
{
    private readonly ConcurrentDictionary<string, (byte[] Content, DateTimeOffset Written)> _files = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _locks = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>Every file, by name.</summary>
    public IReadOnlyDictionary<string, byte[]> All => _files.ToDictionary(static f => f.Key, static f => f.Value.Content);

    public byte[]? ReadPrivate(string path, int maxBytes) =>
        !_files.TryGetValue(path, out var file) ? null
        : file.Content.Length <= maxBytes ? [.. file.Content]
        : throw new WireException(WireReason.FileCorrupt, $"The file has {file.Content.Length} bytes; at most {maxBytes} are expected.", path);

    public bool Narrow(string path) => false;

    public byte[] ReadPrivateRange(string path, long offset, int count) =>
        _files.TryGetValue(path, out var file) && offset < file.Content.Length
            ? file.Content.AsSpan((int)offset, (int)Math.Min(count, file.Content.Length - offset)).ToArray()
            : [];

    public void WritePrivate(string path, ReadOnlySpan<byte> content) => _files[path] = (content.ToArray(), time.GetUtcNow());

    public void AppendPrivate(string path, ReadOnlySpan<byte> content)
    {
        lock (_gate)
        {
            var before = _files.TryGetValue(path, out var file) ? file.Content : [];
            _files[path] = ([.. before, .. content], time.GetUtcNow());
        }
    }

    public void Truncate(string path, long length)
    {
        lock (_gate)
        {
            _files[path] = (_files[path].Content[..(int)length], time.GetUtcNow());
        }
    }

    public void Rename(string path, string newPath)
    {
        lock (_gate)
        {
            if (!_files.TryGetValue(path, out var file) || !_files.TryAdd(newPath, file))
            {
                throw new WireException(WireReason.StorageFailed, null, path);
            }

            _files.TryRemove(path, out _);
        }
    }

    public void Delete(string path) => _files.TryRemove(path, out _);

    public bool Exists(string path) => _files.ContainsKey(path);

    public long Length(string path) => _files.TryGetValue(path, out var file) ? file.Content.Length : 0;

    public IReadOnlyList<FileListing> List(string folder) =>
        [.. _files.Where(f => Path.GetDirectoryName(f.Key) == folder && !Path.GetFileName(f.Key).StartsWith('.')).Select(static f => new FileListing(f.Key, f.Value.Written))];

    public bool EnsurePrivateFolder(string folder) => false;

    public void RemoveLeftovers(string folder, TimeSpan age)
    {
    }

    // A lock is a file, as on a disk.
    public IDisposable? TryLock(string path)
    {
        _files.TryAdd(path, ([], time.GetUtcNow()));
        return _locks.TryAdd(path, true) ? new Held(this, path) : null;
    }

    private sealed class Held(MemoryFiles files, string path) : IDisposable
    {
        public void Dispose() => files._locks.TryRemove(path, out _);
    }
}
