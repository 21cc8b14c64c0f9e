using System.Collections.Concurrent;
using WirePS.Storage;

namespace WirePS.Samples.EngineHost;

/// <summary>Counts durable writes: those operations after which something is on the disk, flushed.</summary>
/// <param name="files">What does the work.</param>
public sealed class CountingFileSystem(IFileSystem files) : IFileSystem
{
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>How often what was written: a pairing's file counts as <c>pending-pair</c>, any other by its name.</summary>
    public IReadOnlyList<(string Name, int Count)> Counts =>
        [.. _counts.OrderBy(static c => c.Key, StringComparer.Ordinal).Select(static c => (c.Key, c.Value))];

    /// <inheritdoc/>
    public byte[]? ReadPrivate(string path, int maxBytes) => files.ReadPrivate(path, maxBytes);

    /// <inheritdoc/>
    public byte[] ReadPrivateRange(string path, long offset, int count) => files.ReadPrivateRange(path, offset, count);

    /// <inheritdoc/>
    public bool Narrow(string path) => files.Narrow(path);

    /// <inheritdoc/>
    public bool Exists(string path) => files.Exists(path);

    /// <inheritdoc/>
    public long Length(string path) => files.Length(path);

    /// <inheritdoc/>
    public IReadOnlyList<FileListing> List(string folder) => files.List(folder);

    /// <inheritdoc/>
    public bool EnsurePrivateFolder(string folder) => files.EnsurePrivateFolder(folder);

    /// <inheritdoc/>
    public void RemoveLeftovers(string folder, TimeSpan age) => files.RemoveLeftovers(folder, age);

    /// <inheritdoc/>
    public IDisposable? TryLock(string path) => files.TryLock(path);

    /// <inheritdoc/>
    public void WritePrivate(string path, ReadOnlySpan<byte> content)
    {
        files.WritePrivate(path, content);
        Count(path);
    }

    /// <inheritdoc/>
    public void AppendPrivate(string path, ReadOnlySpan<byte> content)
    {
        files.AppendPrivate(path, content);
        Count(path);
    }

    /// <inheritdoc/>
    public void AppendLoosely(string path, ReadOnlySpan<byte> content) => files.AppendLoosely(path, content);

    /// <inheritdoc/>
    public void Truncate(string path, long length)
    {
        files.Truncate(path, length);
        Count(path);
    }

    /// <inheritdoc/>
    public void Rename(string path, string newPath)
    {
        files.Rename(path, newPath);
        Count(newPath);
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        var isThere = files.Exists(path);
        files.Delete(path);
        if (isThere)
        {
            Count(path);
        }
    }

    // The name of a pairing's file is its code: a secret.
    private void Count(string path)
    {
        var folder = Path.GetFileName(Path.GetDirectoryName(path)) ?? "";
        _counts.AddOrUpdate(folder == "pending-pair" ? folder : Path.GetFileName(path), 1, static (_, count) => count + 1);
    }
}
