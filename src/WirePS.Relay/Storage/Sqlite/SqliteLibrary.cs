using System.Reflection;
using System.Runtime.InteropServices;

namespace WirePS.Relay.Storage.Sqlite;

/// <summary>
/// Points the managed provider at a SQLite library: one that lies beside the program, else the system's. The system's is patched by the
/// distribution; an old one inside a package is not.
/// </summary>
internal static class SqliteLibrary
{
    private static readonly string[] Names = OperatingSystem.IsWindows()
        ? ["e_sqlite3", "sqlite3", "winsqlite3"]
        : OperatingSystem.IsMacOS()
            ? ["e_sqlite3", "libsqlite3.dylib", "libsqlite3.0.dylib"]
            : ["e_sqlite3", "libsqlite3.so.0", "libsqlite3.so"];

    private static readonly Lazy<nint> Handle = new(Load);
    private static readonly Lazy<bool> Registered = new(Register);

    /// <summary>Makes SQLite usable.</summary>
    /// <exception cref="SqliteMissingException">There is none on this machine.</exception>
    public static void EnsureLoaded()
    {
        if (Handle.Value == 0)
        {
            throw new SqliteMissingException(Names);
        }

        _ = Registered.Value;
    }

    private static bool Register()
    {
        NativeLibrary.SetDllImportResolver(
            typeof(SQLitePCL.SQLite3Provider_e_sqlite3).Assembly,
            static (name, _, _) => name == "e_sqlite3" ? Handle.Value : 0);
        SQLitePCL.raw.SetProvider(new SQLitePCL.SQLite3Provider_e_sqlite3());
        return true;
    }

    private static nint Load()
    {
        foreach (var name in Names)
        {
            if (NativeLibrary.TryLoad(name, Assembly.GetExecutingAssembly(), null, out var handle))
            {
                return handle;
            }
        }

        return 0;
    }
}

/// <summary>This machine has no SQLite library.</summary>
internal sealed class SqliteMissingException(IEnumerable<string> names) : Exception(
    $"the SQLite library is missing (looked for {string.Join(", ", names)}); install it: 'apt-get install libsqlite3-0' on Debian or Ubuntu, "
    + "'dnf install sqlite-libs' on Fedora, 'apk add sqlite-libs' on Alpine, 'brew install sqlite' on macOS");
