using WirePS.Storage;

namespace WirePS.Simulation.World;

/// <summary>A process died: nothing of it goes on, and what it had not written is lost.</summary>
public sealed class DiedException : Exception
{
    public DiedException()
    {
    }

    public DiedException(string message)
        : base(message)
    {
    }

    public DiedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>Something that may die whenever it writes or sends.</summary>
internal interface IMortal
{
    void RequireAlive();

    /// <summary>A place where it may die: before it, in the middle, which leaves something behind, or after it.</summary>
    /// <returns>What is to be called after the act.</returns>
    Action AtPoint(Action leaveHalf);
}

/// <summary>A disk that outlives the processes that write to it. What a method has returned from is on it.</summary>
internal sealed class SimDisk
{
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);
    private int _leftovers;

    /// <summary>Is told of every file as it is now, after each change.</summary>
    public Action<string, byte[]>? Written { get; set; }

    /// <summary>Locks that are held at the moment.</summary>
    public int Locks { get; set; }

    /// <summary>What writers that died have left half-written.</summary>
    public int Leftovers => _leftovers;

    public IReadOnlyDictionary<string, byte[]> Files => _files;

    public void Put(string path, byte[] content)
    {
        _files[path] = content;
        Written?.Invoke(path, content);
    }

    /// <summary>The disk as one process sees it.</summary>
    public IFileSystem For(IMortal process) => new View(this, process);

    private static string FolderOf(string path) => path[..path.LastIndexOf('/')];

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private sealed class View(SimDisk disk, IMortal process) : IFileSystem
    {
        public byte[]? ReadPrivate(string path, int maxBytes)
        {
            process.RequireAlive();
            return !disk._files.TryGetValue(path, out var content) ? null
                : content.Length <= maxBytes ? content.AsSpan().ToArray()
                : throw new WireException(WireReason.FileCorrupt, "The file is too large.", path);
        }

        public void WritePrivate(string path, ReadOnlySpan<byte> content)
        {
            var after = process.AtPoint(() => disk._files[$"{FolderOf(path)}/.{NameOf(path)}.{++disk._leftovers:x}.tmp"] = []);
            disk.Put(path, content.ToArray());
            after();
        }

        public void AppendPrivate(string path, ReadOnlySpan<byte> content)
        {
            var text = content.ToArray();
            var known = disk._files.GetValueOrDefault(path) ?? [];
            var after = process.AtPoint(() => disk._files[path] = [.. known, .. text.AsSpan(0, text.Length / 2)]);
            disk.Put(path, [.. known, .. text]);
            after();
        }

        public void Truncate(string path, long length)
        {
            var after = process.AtPoint(static () => { });
            disk.Put(path, disk._files[path][..(int)length]);
            after();
        }

        public void Rename(string path, string newPath)
        {
            var after = process.AtPoint(static () => { });
            if (disk._files.ContainsKey(newPath) || !disk._files.Remove(path, out var content))
            {
                throw new WireException(WireReason.StorageFailed, null, path);
            }

            disk.Put(newPath, content);
            after();
        }

        public void Delete(string path)
        {
            var after = process.AtPoint(static () => { });
            disk._files.Remove(path);
            after();
        }

        public bool Exists(string path)
        {
            process.RequireAlive();
            return disk._files.ContainsKey(path);
        }

        public long Length(string path)
        {
            process.RequireAlive();
            return disk._files.TryGetValue(path, out var content) ? content.Length : 0;
        }

        public byte[] ReadPrivateRange(string path, long offset, int count)
        {
            process.RequireAlive();
            var content = disk._files.GetValueOrDefault(path) ?? [];
            var from = (int)Math.Min(offset, content.Length);
            return content.AsSpan(from, Math.Min(count, content.Length - from)).ToArray();
        }

        public IReadOnlyList<FileListing> List(string folder)
        {
            process.RequireAlive();
            var found = new List<FileListing>();
            foreach (var path in disk._files.Keys)
            {
                if (path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal)
                    && path.IndexOf('/', folder.Length + 1) < 0 && path[folder.Length + 1] != '.')
                {
                    found.Add(new FileListing(path, DateTimeOffset.UnixEpoch));
                }
            }

            return found;
        }

        public bool EnsurePrivateFolder(string folder) => false;

        public bool Narrow(string path) => false;

        public void RemoveLeftovers(string folder, TimeSpan age)
        {
            process.RequireAlive();
            foreach (var path in disk._files.Keys.Where(p => p.StartsWith(folder + "/.", StringComparison.Ordinal) && p.EndsWith(".tmp", StringComparison.Ordinal)).ToList())
            {
                disk._files.Remove(path);
            }
        }

        public IDisposable? TryLock(string path)
        {
            process.RequireAlive();
            disk.Locks++;
            return new Lock(disk);
        }

        private sealed class Lock(SimDisk disk) : IDisposable
        {
            public void Dispose() => disk.Locks--;
        }
    }
}
