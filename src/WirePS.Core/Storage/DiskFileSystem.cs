using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using WirePS.Cryptography;

namespace WirePS.Storage;

/// <summary>The file system of this machine.</summary>
public sealed class DiskFileSystem : IFileSystem
{
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PrivateFolder = PrivateFile | UnixFileMode.UserExecute;
    private const int OthersMayMask = 0x3F;

    private const string TemporaryEnding = ".tmp";
    private const int NoSpace = 28;
    private const int QuotaExceededLinux = 122;
    private const int QuotaExceededMac = 69;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>The one instance.</summary>
    public static DiskFileSystem Instance { get; } = new();

    /// <inheritdoc/>
    public byte[]? ReadPrivate(string path, int maxBytes) => Read(path, maxBytes, RequirePrivate);

    /// <inheritdoc/>
    public byte[]? ReadOpen(string path, int maxBytes) => Read(path, maxBytes, static (_, _) => { });

    private static byte[]? Read(string path, int maxBytes, Action<SafeFileHandle, string> require)
    {
        using var handle = OpenForReading(path);
        if (handle is null)
        {
            return null;
        }

        require(handle, path);
        var length = RandomAccess.GetLength(handle);
        if (length > maxBytes)
        {
            throw new WireException(WireReason.FileCorrupt, $"The file has {length} bytes; at most {maxBytes} are expected.", path);
        }

        return ReadUpTo(handle, path, 0, (int)length);
    }

    /// <inheritdoc/>
    public byte[] ReadPrivateRange(string path, long offset, int count)
    {
        using var handle = OpenForReading(path);
        if (handle is null)
        {
            return [];
        }

        RequirePrivate(handle, path);

        // As much room as the file has bytes: whoever follows a file asks for a large block, and gets a line.
        var left = RandomAccess.GetLength(handle) - offset;
        return left <= 0 ? [] : ReadUpTo(handle, path, offset, (int)Math.Min(count, left));
    }

    /// <inheritdoc/>
    public void WritePrivate(string path, ReadOnlySpan<byte> content)
    {
        var folder = Path.GetDirectoryName(path)!;
        var temporary = TemporaryName(path);
        try
        {
            EnsurePrivateFolder(folder);
            using (var file = OpenPrivate(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                RandomAccess.Write(file.SafeFileHandle, content, 0);
                RandomAccess.FlushToDisk(file.SafeFileHandle);
            }

            File.Move(temporary, path, overwrite: true);
            FlushFolder(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw Failed(error, path);
        }
    }

    /// <inheritdoc/>
    public void AppendPrivate(string path, ReadOnlySpan<byte> content) => Append(path, content, isFlushed: true);

    /// <inheritdoc/>
    public void AppendLoosely(string path, ReadOnlySpan<byte> content) => Append(path, content, isFlushed: false);

    private void Append(string path, ReadOnlySpan<byte> content, bool isFlushed)
    {
        try
        {
            var isNew = !File.Exists(path);
            if (isNew)
            {
                EnsurePrivateFolder(Path.GetDirectoryName(path)!);
            }

            using (var file = OpenPrivate(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite))
            {
                var handle = file.SafeFileHandle;
                RequirePrivate(handle, path);
                RandomAccess.Write(handle, content, RandomAccess.GetLength(handle));
                if (isFlushed)
                {
                    RandomAccess.FlushToDisk(handle);
                }
            }

            if (isNew && isFlushed)
            {
                FlushFolder(Path.GetDirectoryName(path)!);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error, path);
        }
    }

    /// <inheritdoc/>
    public void Truncate(string path, long length)
    {
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.SetLength(handle, length);
            RandomAccess.FlushToDisk(handle);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error, path);
        }
    }

    /// <inheritdoc/>
    public void Rename(string path, string newPath)
    {
        try
        {
            File.Move(path, newPath, overwrite: false);
            FlushFolder(Path.GetDirectoryName(path)!);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error, path);
        }
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        try
        {
            if (File.Exists(path))
            {
                File.Delete(path);
                FlushFolder(Path.GetDirectoryName(path)!);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error, path);
        }
    }

    /// <inheritdoc/>
    public bool Exists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public long Length(string path)
    {
        var info = new FileInfo(path);
        return info.Exists ? info.Length : 0;
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileListing> List(string folder)
    {
        try
        {
            var info = new DirectoryInfo(folder);
            if (!info.Exists)
            {
                return [];
            }

            var files = new List<FileListing>();
            foreach (var file in info.EnumerateFiles())
            {
                if (!file.Name.StartsWith('.'))
                {
                    files.Add(new FileListing(file.FullName, file.LastWriteTimeUtc));
                }
            }

            return files;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new WireException(WireReason.FileUnreadable, null, folder, error);
        }
    }

    /// <inheritdoc/>
    public bool EnsurePrivateFolder(string folder)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                // A folder below the user's profile inherits an access list that admits the user and the system only.
                Directory.CreateDirectory(folder);
                return false;
            }

            if (Directory.Exists(folder))
            {
                return NarrowFolder(folder);
            }

            MakePrivateFolder(folder);
            return false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error, folder);
        }
    }

    /// <inheritdoc/>
    public bool Narrow(string path)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(path))
        {
            return false;
        }

        try
        {
            var mode = File.GetUnixFileMode(path);
            if (((int)mode & OthersMayMask) == 0)
            {
                return false;
            }

            File.SetUnixFileMode(path, mode & PrivateFile);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another user's: reading it says so.
            return false;
        }
    }

    /// <inheritdoc/>
    public void RemoveLeftovers(string folder, TimeSpan age)
    {
        try
        {
            var info = new DirectoryInfo(folder);
            foreach (var file in info.Exists ? info.EnumerateFiles(".*" + TemporaryEnding) : [])
            {
                if (DateTime.UtcNow - file.LastWriteTimeUtc > age)
                {
                    TryDelete(file.FullName);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new WireException(WireReason.FileUnreadable, null, folder, error);
        }
    }

    /// <inheritdoc/>
    public IDisposable? TryLock(string path)
    {
        try
        {
            if (!Directory.Exists(Path.GetDirectoryName(path)))
            {
                EnsurePrivateFolder(Path.GetDirectoryName(path)!);
            }

            return OpenPrivate(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception error) when (error is IOException and not (FileNotFoundException or DirectoryNotFoundException) && !IsFull(error))
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error, path);
        }
    }

    private static SafeFileHandle? OpenForReading(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new WireException(WireReason.FileUnreadable, null, path, error);
        }
    }

    private static byte[] ReadUpTo(SafeFileHandle handle, string path, long offset, int count)
    {
        try
        {
            var bytes = new byte[count];
            var read = 0;
            while (read < count)
            {
                var n = RandomAccess.Read(handle, bytes.AsSpan(read), offset + read);
                if (n == 0)
                {
                    return bytes[..read];
                }

                read += n;
            }

            return bytes;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new WireException(WireReason.FileUnreadable, null, path, error);
        }
    }

    private static void RequirePrivate(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // Where the system does not tell the owner, the mode still counts: .NET knows it on every Unix.
        var status = UnixNative.Status(handle);
        var mode = status?.Mode ?? (int)File.GetUnixFileMode(handle);
        if (status is { } known && known.Owner != UnixNative.EffectiveUser())
        {
            throw new WireException(WireReason.FileForeignOwner, $"The file belongs to user {known.Owner}, not to the user that runs this.", path);
        }

        if ((mode & OthersMayMask) != 0)
        {
            throw new WireException(WireReason.FileNotPrivate, $"The file holds secrets and has mode {Convert.ToString(mode, 8)}: other users can open it.", path);
        }
    }

    // A new file is private from its first moment: a descriptor that another user opened before a later change of mode would stay open.
    private static FileStream OpenPrivate(string path, FileMode mode, FileAccess access, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = PrivateFile;
        }

        return new FileStream(path, options);
    }

    // One by one, so that each is private and each one's name is on disk.
    [UnsupportedOSPlatform("windows")]
    private static void MakePrivateFolder(string folder)
    {
        var parent = Path.GetDirectoryName(folder)!;
        if (!Directory.Exists(parent))
        {
            MakePrivateFolder(parent);
        }

        Directory.CreateDirectory(folder, PrivateFolder);
        FlushFolder(parent);
    }

    [UnsupportedOSPlatform("windows")]
    private static bool NarrowFolder(string folder)
    {
        var mode = File.GetUnixFileMode(folder);
        if (((int)mode & OthersMayMask) == 0)
        {
            return false;
        }

        File.SetUnixFileMode(folder, mode & PrivateFolder);
        return true;
    }

    private static void FlushFolder(string folder)
    {
        if (!OperatingSystem.IsWindows())
        {
            UnixNative.FlushFolder(folder);
        }
    }

    private static string TemporaryName(string path)
    {
        Span<byte> random = stackalloc byte[6];
        SystemRandomSource.Instance.Fill(random);
        return Path.Combine(Path.GetDirectoryName(path)!, "." + Path.GetFileName(path) + "." + Convert.ToHexStringLower(random) + TemporaryEnding);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A write that failed is what gets reported; a leftover is tried again another time.
        }
    }

    private static bool IsFull(Exception error) =>
        error.HResult is WindowsDiskFull or WindowsHandleDiskFull
        || (!OperatingSystem.IsWindows() && (error.HResult == NoSpace || error.HResult == (OperatingSystem.IsMacOS() ? QuotaExceededMac : QuotaExceededLinux)));

    private static WireException Failed(Exception error, string path) =>
        new(IsFull(error) ? WireReason.StorageFull : WireReason.StorageFailed, null, path, error);
}
