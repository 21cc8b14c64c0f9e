using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace WirePS.Storage;

/// <summary>The calls of a Unix C library that .NET does not offer.</summary>
internal static partial class UnixNative
{
    private const int ReadOnly = 0;
    private const int EmptyPath = 0x1000;
    private const uint WantUidAndMode = 0x8 | 0x2;

    /// <summary>Owner and permission bits of an open file; null where this system has no call for it.</summary>
    internal static (uint Owner, int Mode)? Status(SafeFileHandle handle)
    {
        if (OperatingSystem.IsLinux())
        {
            var buffer = new StatxBuffer();
            return Statx((int)handle.DangerousGetHandle(), "", EmptyPath, WantUidAndMode, ref buffer) == 0
                ? (buffer.Uid, buffer.Mode & 0xFFF)
                : null;
        }

        if (OperatingSystem.IsMacOS())
        {
            var buffer = new MacStatBuffer();
            var fd = (int)handle.DangerousGetHandle();
            var result = RuntimeInformation.ProcessArchitecture == Architecture.Arm64
                ? MacFstat(fd, ref buffer)
                : MacFstat64(fd, ref buffer);
            return result == 0 ? (buffer.Uid, buffer.Mode & 0xFFF) : null;
        }

        return null;
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    internal static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "setsid")]
    internal static partial int NewSession();

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    internal static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "umask")]
    internal static partial uint SetUmask(uint mask);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int pid, int signal);

    /// <summary>Flushes a folder, so that a name given or taken in it survives a loss of power.</summary>
    internal static void FlushFolder(string folder)
    {
        var fd = Open(folder, ReadOnly);
        if (fd < 0)
        {
            throw new IOException(new Win32Exception(Marshal.GetLastPInvokeError()).Message, Marshal.GetLastPInvokeError());
        }

        try
        {
            if (Fsync(fd) != 0)
            {
                throw new IOException(new Win32Exception(Marshal.GetLastPInvokeError()).Message, Marshal.GetLastPInvokeError());
            }
        }
        finally
        {
            _ = Close(fd);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int fd);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int dirfd, string path, int flags, uint mask, ref StatxBuffer buffer);

    [LibraryImport("libc", EntryPoint = "fstat")]
    private static partial int MacFstat(int fd, ref MacStatBuffer buffer);

    [LibraryImport("libc", EntryPoint = "fstat$INODE64")]
    private static partial int MacFstat64(int fd, ref MacStatBuffer buffer);

    // The layout is fixed by the kernel's interface, on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxBuffer
    {
        [FieldOffset(20)]
        public uint Uid;

        [FieldOffset(28)]
        public ushort Mode;
    }

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct MacStatBuffer
    {
        [FieldOffset(4)]
        public ushort Mode;

        [FieldOffset(16)]
        public uint Uid;
    }
}
