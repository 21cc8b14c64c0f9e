namespace WirePS.Storage;

/// <summary>One file in a listing.</summary>
/// <param name="Path">Full path.</param>
/// <param name="LastWriteUtc">Time of the last change.</param>
public readonly record struct FileListing(string Path, DateTimeOffset LastWriteUtc);

/// <summary>
/// The few file operations that WirePS makes, as a seam: what is private is so from the first byte, and what a
/// method has returned from is on the disk, name included, unless it says otherwise. All paths are absolute. Failures are
/// <see cref="WireException"/> with <see cref="WireReason.StorageFull"/>, <see cref="WireReason.StorageFailed"/>,
/// <see cref="WireReason.FileUnreadable"/>, <see cref="WireReason.FileNotPrivate"/>,
/// <see cref="WireReason.FileForeignOwner"/> or <see cref="WireReason.FileCorrupt"/> (too large), and leave what was there.
/// </summary>
public interface IFileSystem
{
    /// <summary>
    /// Reads a file that holds secrets: it must belong to this user and be closed to all others.
    /// Null where there is none.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">The largest size that is read; a larger file is refused as corrupt.</param>
    byte[]? ReadPrivate(string path, int maxBytes);

    /// <summary>Reads a file without secrets, that another program may have left open to others. Null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">The largest size that is read.</param>
    byte[]? ReadOpen(string path, int maxBytes) => ReadPrivate(path, maxBytes);

    /// <summary>Replaces a private file in one step (mode 0600; folder, made where missing, 0700), flushed with its folder.</summary>
    void WritePrivate(string path, ReadOnlySpan<byte> content);

    /// <summary>Adds bytes to the end of a private file, made where missing, and flushes them.</summary>
    void AppendPrivate(string path, ReadOnlySpan<byte> content);

    /// <summary>Adds bytes to the end of a private file, made where missing, which a loss of power may take again.</summary>
    void AppendLoosely(string path, ReadOnlySpan<byte> content) => AppendPrivate(path, content);

    /// <summary>Cuts a private file to the length given, and flushes it.</summary>
    void Truncate(string path, long length);

    /// <summary>Gives a file another name in the same folder, flushed with its folder.</summary>
    void Rename(string path, string newPath);

    /// <summary>Removes a file, flushed with its folder; nothing happens where there is none.</summary>
    void Delete(string path);

    /// <summary>True where there is a file.</summary>
    bool Exists(string path);

    /// <summary>The length of a file in bytes; 0 where there is none.</summary>
    long Length(string path);

    /// <summary>Reads a range of a private file; fewer bytes where it ends.</summary>
    byte[] ReadPrivateRange(string path, long offset, int count);

    /// <summary>The files of a folder, temporary and hidden ones left out, in no order; empty where there is no folder.</summary>
    IReadOnlyList<FileListing> List(string folder);

    /// <summary>Makes a folder that only this user can enter, with those above it; repairs a wider one of ours.</summary>
    /// <returns>True where an existing folder had to be made narrower.</returns>
    bool EnsurePrivateFolder(string folder);

    /// <summary>Closes a file of ours to other users; true where it was open to them. For files without secrets: one with secrets is refused instead.</summary>
    bool Narrow(string path);

    /// <summary>Removes what writers that died left half-written in a folder, where it is older than <paramref name="age"/>.</summary>
    void RemoveLeftovers(string folder, TimeSpan age);

    /// <summary>Takes the lock that the file at <paramref name="path"/> stands for, across processes; null where somebody holds it.</summary>
    IDisposable? TryLock(string path);
}
