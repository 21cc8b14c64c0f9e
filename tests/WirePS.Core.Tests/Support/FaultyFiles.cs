using WirePS.Storage;

namespace WirePS.Tests.Support;

/// <summary>What is done to a file.</summary>
internal enum FileWork
{
    Read,
    Write,
    Append,
    Truncate,
    Rename,
    Delete,
    List,
    Lock,
}

/// <summary>What goes wrong with a file.</summary>
internal enum FileFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>No room: nothing is written.</summary>
    Full,

    /// <summary>Room for half of it: a replacement leaves the old file, an addition leaves half a line.</summary>
    Torn,

    /// <summary>The disk refuses.</summary>
    Failed,
}

/// <summary>Another file system with faults. <see cref="Weather"/> decides for each piece of work.</summary>
internal sealed class FaultyFiles(IFileSystem inner) : IFileSystem
{
    public Func<FileWork, string, FileFault>? Weather { get; set; }

    public byte[]? ReadPrivate(string path, int maxBytes)
    {
        Pass(FileWork.Read, path);
        return inner.ReadPrivate(path, maxBytes);
    }

    public byte[]? ReadOpen(string path, int maxBytes)
    {
        Pass(FileWork.Read, path);
        return inner.ReadOpen(path, maxBytes);
    }

    public bool Narrow(string path) => inner.Narrow(path);

    public byte[] ReadPrivateRange(string path, long offset, int count)
    {
        Pass(FileWork.Read, path);
        return inner.ReadPrivateRange(path, offset, count);
    }

    public void WritePrivate(string path, ReadOnlySpan<byte> content)
    {
        Pass(FileWork.Write, path);
        inner.WritePrivate(path, content);
    }

    public void AppendPrivate(string path, ReadOnlySpan<byte> content)
    {
        if (Weather?.Invoke(FileWork.Append, path) is { } fault and not FileFault.None)
        {
            if (fault == FileFault.Torn)
            {
                inner.AppendPrivate(path, content[..(content.Length / 2)]);
            }

            throw Failure(fault, path);
        }

        inner.AppendPrivate(path, content);
    }

    public void Truncate(string path, long length)
    {
        Pass(FileWork.Truncate, path);
        inner.Truncate(path, length);
    }

    public void Rename(string path, string newPath)
    {
        Pass(FileWork.Rename, path);
        inner.Rename(path, newPath);
    }

    public void Delete(string path)
    {
        Pass(FileWork.Delete, path);
        inner.Delete(path);
    }

    public bool Exists(string path) => inner.Exists(path);

    public long Length(string path) => inner.Length(path);

    public IReadOnlyList<FileListing> List(string folder)
    {
        Pass(FileWork.List, folder);
        return inner.List(folder);
    }

    public bool EnsurePrivateFolder(string folder) => inner.EnsurePrivateFolder(folder);

    public void RemoveLeftovers(string folder, TimeSpan age) => inner.RemoveLeftovers(folder, age);

    public IDisposable? TryLock(string path)
    {
        Pass(FileWork.Lock, path);
        return inner.TryLock(path);
    }

    private void Pass(FileWork work, string path)
    {
        if (Weather?.Invoke(work, path) is { } fault and not FileFault.None)
        {
            throw Failure(fault, path);
        }
    }

    private static WireException Failure(FileFault fault, string path) =>
        new(fault == FileFault.Failed ? WireReason.StorageFailed : WireReason.StorageFull, null, path);
}
