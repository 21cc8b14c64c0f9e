using System.Globalization;
using Microsoft.Data.Sqlite;

namespace WirePS.Relay.Storage.Sqlite;

/// <summary>The files of the relay: a private folder with the database and a lock that keeps a second relay out.</summary>
internal sealed class SqliteDatabase : IDisposable
{
    private const string FileName = "relay.db";
    private const string LockName = "relay.lock";
    private const int SqliteCannotOpen = 14;
    private const int SqliteCorrupt = 11;
    private const int SqliteNotADatabase = 26;

    private readonly FileStream _fileLock;
    private readonly TimeProvider _time;

    private SqliteDatabase(string path, FileStream fileLock, TimeProvider time)
    {
        Path = path;
        _fileLock = fileLock;
        _time = time;
    }

    /// <summary>The database file.</summary>
    public string Path { get; }

    /// <summary>Creates folder and file, private from the first byte, and locks them.</summary>
    /// <exception cref="StoreException">They cannot be used.</exception>
    public static SqliteDatabase Open(string folder, TimeProvider time)
    {
        SqliteLibrary.EnsureLoaded();
        try
        {
            CreatePrivateFolder(folder);
            var fileLock = OpenPrivate(System.IO.Path.Combine(folder, LockName), FileShare.None);
            try
            {
                var path = System.IO.Path.Combine(folder, FileName);
                OpenPrivate(path, FileShare.ReadWrite).Dispose();
                return new SqliteDatabase(path, fileLock, time);
            }
            catch
            {
                fileLock.Dispose();
                throw;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"the data folder '{folder}' cannot be used: {exception.Message} (another relay may be using it)", exception);
        }
    }

    /// <summary>The connection that writes: in the write-ahead log, and on disk before a commit returns.</summary>
    public SqlSession OpenWriter()
    {
        var session = Connect();
        try
        {
            session.First("PRAGMA journal_mode=WAL", static reader => reader.GetString(0));
            session.Execute("PRAGMA synchronous=FULL");
            session.Execute("PRAGMA secure_delete=ON");
            session.Execute("PRAGMA cache_size=-65536");
            session.Execute("PRAGMA wal_autocheckpoint=4000");
            session.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA journal_size_limit={64 * 1024 * 1024}"));
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>A connection that cannot write.</summary>
    public SqlSession OpenReader()
    {
        var session = Connect();
        session.Execute("PRAGMA query_only=ON");
        return session;
    }

    /// <summary>Turns the failures that an operator can mend into one clear sentence.</summary>
    public StoreException Explain(SqliteException exception) => exception.SqliteErrorCode switch
    {
        SqliteCannotOpen => new StoreException($"'{Path}' cannot be opened: check its owner and rights", exception),
        SqliteCorrupt or SqliteNotADatabase => new StoreException($"'{Path}' is damaged or no SQLite database: restore it from a backup, or use another --data folder", exception),
        _ => new StoreException($"'{Path}' cannot be used: {exception.Message}", exception),
    };

    public void Dispose() => _fileLock.Dispose();

    private SqlSession Connect()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = Path,
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = 10,
        }.ToString());
        try
        {
            connection.Open();
            return new SqlSession(connection, _time);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void CreatePrivateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(folder, mode);
        if (File.GetUnixFileMode(folder) == mode)
        {
            return;
        }

        // a folder that was there with other things in it, /tmp for instance, is not ours to close
        if (Directory.EnumerateFileSystemEntries(folder).Any() && !File.Exists(System.IO.Path.Combine(folder, FileName)))
        {
            throw new StoreException($"the data folder '{folder}' is open to others and holds other things: give the relay a folder of its own");
        }

        File.SetUnixFileMode(folder, mode);
    }

    private static FileStream OpenPrivate(string path, FileShare share)
    {
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (OperatingSystem.IsWindows())
        {
            return new FileStream(path, options);
        }

        options.UnixCreateMode = mode;
        var stream = new FileStream(path, options);
        if (File.GetUnixFileMode(stream.SafeFileHandle) != mode)
        {
            File.SetUnixFileMode(stream.SafeFileHandle, mode);
        }

        return stream;
    }
}
