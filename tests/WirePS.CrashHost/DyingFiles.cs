using WirePS.Storage;

namespace WirePS.CrashHost;

/// <summary>Files whose N-th durable change is the last thing that this process does.</summary>
internal sealed class DyingFiles(IFileSystem inner, Death death) : IFileSystem
{
    public byte[]? ReadPrivate(string path, int maxBytes) => inner.ReadPrivate(path, maxBytes);

    public void WritePrivate(string path, ReadOnlySpan<byte> content)
    {
        inner.WritePrivate(path, content);
        death.After("write");
    }

    public void AppendPrivate(string path, ReadOnlySpan<byte> content)
    {
        inner.AppendPrivate(path, content);

        // The daemon's log is not part of any state.
        if (!path.EndsWith("daemon.log", StringComparison.Ordinal))
        {
            death.After("write");
        }
    }

    public void Truncate(string path, long length)
    {
        inner.Truncate(path, length);
        death.After("write");
    }

    public void Rename(string path, string newPath)
    {
        inner.Rename(path, newPath);
        death.After("write");
    }

    public void Delete(string path)
    {
        var isThere = inner.Exists(path);
        inner.Delete(path);
        if (isThere)
        {
            death.After("write");
        }
    }

    public bool Exists(string path) => inner.Exists(path);

    public long Length(string path) => inner.Length(path);

    public byte[] ReadPrivateRange(string path, long offset, int count) => inner.ReadPrivateRange(path, offset, count);

    public IReadOnlyList<FileListing> List(string folder) => inner.List(folder);

    public bool EnsurePrivateFolder(string folder) => inner.EnsurePrivateFolder(folder);

    public bool Narrow(string path) => inner.Narrow(path);

    public void RemoveLeftovers(string folder, TimeSpan age) => inner.RemoveLeftovers(folder, age);

    public IDisposable? TryLock(string path) => inner.TryLock(path);
}
