using System.Collections.Concurrent;

namespace WirePS.Relay.Storage.Sqlite;

/// <summary>Connections that read beside the writer, each seeing the last commit.</summary>
internal sealed class ReaderPool : IDisposable
{
    private readonly ConcurrentBag<SqlSession> _idle = [];
    private readonly SemaphoreSlim _free;

    public ReaderPool(SqliteDatabase database, int size)
    {
        _free = new SemaphoreSlim(size, size);
        for (var i = 0; i < size; i++)
        {
            _idle.Add(database.OpenReader());
        }
    }

    /// <summary>Runs a short read in one snapshot.</summary>
    public async Task<T> ReadAsync<T>(Func<SqlSession, T> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        _idle.TryTake(out var session);
        try
        {
            session!.Execute("BEGIN");
            try
            {
                return read(session);
            }
            finally
            {
                session.Execute("COMMIT");
            }
        }
        finally
        {
            _idle.Add(session!);
            _free.Release();
        }
    }

    public void Dispose()
    {
        foreach (var session in _idle)
        {
            session.Dispose();
        }

        _free.Dispose();
    }
}
