using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using WirePS.Storage;
using Xunit.Abstractions;

namespace WirePS.Tests.Support;

/// <summary>What tests ask of a Unix system directly.</summary>
internal static partial class Unix
{
    public static bool IsRoot => !OperatingSystem.IsWindows() && UnixNative.EffectiveUser() == 0;

    /// <summary>All tests run with the umask that hides nothing: what is private is so because the program says so.</summary>
    [ModuleInitializer]
    internal static void OpenTheUmask()
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = UnixNative.SetUmask(0);
        }
    }

    /// <summary>What no other user may do: read or write any file of a home, or enter any of its folders.</summary>
    [UnsupportedOSPlatform("windows")]
    public static IEnumerable<string> WideIn(string folder)
    {
        const UnixFileMode others = (UnixFileMode)0x3F;
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
        {
            if ((entry.UnixFileMode & others) != 0)
            {
                yield return $"{Path.GetRelativePath(folder, entry.FullName)}: {entry.UnixFileMode}";
            }
        }
    }

    public static void GiveTo(string path, uint user)
    {
        if (Chown(path, user, user) != 0)
        {
            throw new InvalidOperationException($"chown failed: {Marshal.GetLastPInvokeError()}");
        }
    }

    /// <summary>Runs a program; false, and said so, where there is none or it fails.</summary>
    public static bool TryRun(ITestOutputHelper output, string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0)
            {
                return true;
            }

            output.WriteLine($"NOT TESTED: {program} {string.Join(' ', arguments)} failed: {error}");
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            output.WriteLine($"NOT TESTED: there is no {program}: {error.Message}");
        }

        return false;
    }

    /// <summary>A process of its own that holds a lock until it is disposed, that is killed; null, and said so, where there is no flock program.</summary>
    [UnsupportedOSPlatform("windows")]
    public static Process? HoldLock(ITestOutputHelper output, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, (UnixFileMode)0x1C0);
        try
        {
            var process = Process.Start(new ProcessStartInfo("sh", ["-c", "umask 077; exec 9>>\"$0\"; flock -x 9 && echo held && read line", path])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            if (process.StandardOutput.ReadLine() == "held")
            {
                return process;
            }

            output.WriteLine("NOT TESTED: no flock program on this machine.");
            process.Dispose();
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            output.WriteLine($"NOT TESTED: no shell on this machine: {error.Message}");
        }

        return null;
    }

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Chown(string path, uint owner, uint group);
}
