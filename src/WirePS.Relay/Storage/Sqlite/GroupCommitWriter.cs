using System.Collections.Concurrent;
using System.Diagnostics;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Storage.Sqlite;

/// <summary>
/// The one writer of the database. It takes whatever is queued, runs it in one transaction, commits, and only then completes the callers: one
/// flush of the disk pays for all that came while the flush before it ran. Where an operation fails, the transaction is taken back and all are
/// run once more, each behind a savepoint of its own: savepoints for operations that do not fail would cost a third of the statements.
/// </summary>
internal sealed class GroupCommitWriter : IAsyncDisposable
{
    private const int MaxQueued = 8192;
    private const int MaxBatch = 512;

    private readonly BlockingCollection<Operation> _queue = [];
    private readonly SemaphoreSlim _room = new(MaxQueued, MaxQueued);
    private readonly SqlSession _session;
    private readonly INewsSink _news;
    private readonly RelayMetrics _metrics;
    private readonly Task _loop;

    public GroupCommitWriter(SqlSession session, INewsSink news, RelayMetrics metrics)
    {
        _session = session;
        _news = news;
        _metrics = metrics;
        _loop = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Runs an operation; completes after it is on disk. The token only ends the wait for room: what is queued will run.</summary>
    public async Task<T> WriteAsync<T>(Func<SqlSession, T> run, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken);
        var operation = new Operation<T>(run);
        try
        {
            _queue.Add(operation, CancellationToken.None);
        }
        catch (InvalidOperationException exception)
        {
            _room.Release();
            throw new StoreException("the relay is stopping", exception);
        }

        return await operation.Task;
    }

    /// <summary>Finishes what is queued.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.CompleteAdding();
        await _loop;
        _session.Dispose();
        _queue.Dispose();
        _room.Dispose();
    }

    private void Run()
    {
        var batch = new List<Operation>(MaxBatch);
        while (_queue.TryTake(out var first, Timeout.Infinite))
        {
            batch.Add(first);
            while (batch.Count < MaxBatch && _queue.TryTake(out var next))
            {
                batch.Add(next);
            }

            Commit(batch);
            _room.Release(batch.Count);
            batch.Clear();
        }
    }

    private void Commit(List<Operation> batch)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            _session.Execute("BEGIN IMMEDIATE");
            if (!TryRunAll(batch))
            {
                RollBack();
                _session.KeepNews(0);
                _session.Execute("BEGIN IMMEDIATE");
                batch.ForEach(RunOne);
            }

            _session.Execute("COMMIT");
        }
#pragma warning disable CA1031 // whatever it is, every caller of this batch must hear of it and the writer must go on
        catch (Exception exception)
#pragma warning restore CA1031
        {
            RollBack();
            _session.KeepNews(0);
            foreach (var operation in batch)
            {
                operation.Fail(exception);
            }

            return;
        }

        _metrics.Committed(batch.Count, Stopwatch.GetElapsedTime(started));
        foreach (var operation in batch)
        {
            operation.Complete();
        }

        foreach (var key in _session.News)
        {
            _news.Announce(key);
        }

        _session.KeepNews(0);
    }

    /// <summary>False where one fails: nothing of the transaction is to stay then.</summary>
    private bool TryRunAll(List<Operation> batch)
    {
        try
        {
            batch.ForEach(operation => operation.Run(_session));
            return true;
        }
#pragma warning disable CA1031 // which operation it was, and whose failure it is, the second run finds out
        catch (Exception)
#pragma warning restore CA1031
        {
            return false;
        }
    }

    private void RunOne(Operation operation)
    {
        var newsBefore = _session.News.Count;
        _session.Execute("SAVEPOINT one");
        try
        {
            operation.Run(_session);
            _session.Execute("RELEASE one");
        }
#pragma warning disable CA1031 // the failure belongs to the operation's caller; its neighbours in the transaction are not to suffer
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _session.Execute("ROLLBACK TO one");
            _session.Execute("RELEASE one");
            _session.KeepNews(newsBefore);
            operation.Failed(exception);
        }
    }

    private void RollBack()
    {
        try
        {
            _session.Execute("ROLLBACK");
        }
        catch (Microsoft.Data.Sqlite.SqliteException)
        {
            // SQLite has rolled back by itself (full disk, I/O error): there is no transaction any more
        }
    }

    private abstract class Operation
    {
        /// <summary>Runs inside the transaction.</summary>
        public abstract void Run(SqlSession session);

        /// <summary>Remembers that it failed by itself.</summary>
        public abstract void Failed(Exception exception);

        /// <summary>Tells the caller what became of it, now that it is on disk.</summary>
        public abstract void Complete();

        /// <summary>Tells the caller that the transaction failed.</summary>
        public abstract void Fail(Exception exception);
    }

    private sealed class Operation<T>(Func<SqlSession, T> run) : Operation
    {
        private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;
        private Exception? _failure;

        public Task<T> Task => _completion.Task;

        public override void Run(SqlSession session) => _result = run(session);

        public override void Failed(Exception exception) => _failure = exception;

        public override void Complete()
        {
            if (_failure is null)
            {
                _completion.SetResult(_result!);
            }
            else
            {
                _completion.SetException(_failure);
            }
        }

        public override void Fail(Exception exception) => _completion.SetException(_failure ?? exception);
    }
}
