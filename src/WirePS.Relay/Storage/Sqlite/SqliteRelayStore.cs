using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using WirePS.Relay.Storage.Operations;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Storage.Sqlite;

/// <summary>The embedded engine: one writer with group commit, a few readers.</summary>
internal sealed class SqliteRelayStore : IRelayStore
{
    private static readonly TimeSpan PullFlushInterval = TimeSpan.FromSeconds(5);

    private readonly SqliteDatabase database;
    private readonly GroupCommitWriter writer;
    private readonly ReaderPool readers;
    private readonly TimeProvider time;
    private readonly ConcurrentDictionary<long, DateTimeOffset> pulls = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly Task pullFlusher;

    private SqliteRelayStore(SqliteDatabase database, GroupCommitWriter writer, ReaderPool readers, string relayId, TimeProvider time)
    {
        this.database = database;
        this.writer = writer;
        this.readers = readers;
        this.time = time;
        RelayId = relayId;
        pullFlusher = FlushPullsAsync();
    }

    public string RelayId { get; }

    /// <summary>Opens the data in a folder, or creates it.</summary>
    public static SqliteRelayStore Open(string folder, INewsSink news, RelayMetrics metrics, TimeProvider time)
    {
        var database = SqliteDatabase.Open(folder, time);
        SqlSession? session = null;
        try
        {
            session = database.OpenWriter();
            var relayId = SqliteSchema.Prepare(session, database.Path);
            var readers = new ReaderPool(database, Math.Clamp(Environment.ProcessorCount, 2, 8));
            return new SqliteRelayStore(database, new GroupCommitWriter(session, news, metrics), readers, relayId, time);
        }
        catch (Exception exception)
        {
            session?.Dispose();
            database.Dispose();
            if (exception is SqliteException sqlite)
            {
                throw database.Explain(sqlite);
            }

            throw;
        }
    }

    public Task CreateSlotAsync(string slotId, TokenHash token, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => SlotOperations.Create(session, slotId, token), cancellationToken);

    public Task<SlotAccess> AuthoriseAsync(string slotId, TokenHash token, CancellationToken cancellationToken) =>
        readers.ReadAsync(session => SlotOperations.Authorise(session, slotId, token), cancellationToken);

    public Task<PostEventResult> PostEventAsync(SlotAccess access, NewEvent newEvent, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => SlotOperations.Post(session, access, newEvent), cancellationToken);

    public async Task<IReadOnlyList<StoredEvent>> ReadEventsSinceAsync(SlotAccess access, TokenHash? since, int limit, long maxBytes, CancellationToken cancellationToken) =>
        await readers.ReadAsync(session => SlotOperations.ReadSince(session, access, since, limit, maxBytes), cancellationToken);

    public async Task<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(SlotAccess access, long after, int limit, long maxBytes, CancellationToken cancellationToken) =>
        await readers.ReadAsync(session => SlotOperations.ReadAfter(session, access, after, limit, maxBytes), cancellationToken);

    public async Task<SlotState> ReadSlotStateAsync(SlotAccess access, CancellationToken cancellationToken)
    {
        // looked up first: between the two the flusher may move the value from memory to disk, never back
        var noted = pulls.TryGetValue(access.Slot, out var at) ? at : (DateTimeOffset?)null;
        var state = await readers.ReadAsync(session => SlotOperations.ReadState(session, access), cancellationToken);
        return noted > (state.LastPullAt ?? DateTimeOffset.MinValue) ? state with { LastPullAt = noted } : state;
    }

    public Task SetResponderHealthAsync(SlotAccess access, byte[] health, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => SlotOperations.SetResponderHealth(session, access, health), cancellationToken);

    public void NotePull(SlotAccess access) => pulls[access.Slot] = time.GetUtcNow();

    public Task<OpenPairResult> OpenPairAsync(OpenPair open, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => PairOperations.Open(session, open), cancellationToken);

    public Task<PairView?> ReadPairAsync(string pairId, PairRole role, CancellationToken cancellationToken) =>
        readers.ReadAsync(session => PairOperations.Read(session, pairId, role), cancellationToken);

    public Task<BootstrapOutcome> PostBootstrapAsync(string pairId, PairRole role, byte[] sealedBootstrap, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => PairOperations.PostBootstrap(session, pairId, role, sealedBootstrap), cancellationToken);

    public Task AbandonPairAsync(TokenHash codeHash, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => PairOperations.Abandon(session, codeHash), cancellationToken);

    public Task FinishPairAsync(TokenHash codeHash, string pairId, PairRole role, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => PairOperations.Finish(session, codeHash, pairId, role), cancellationToken);

    public Task<PutMessageResult> PutPairMessageAsync(NewPairMessage message, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => PairV2Operations.Put(session, message), cancellationToken);

    public async Task<PairReadings> ReadPairsAsync(IReadOnlyList<PairInterest> interests, long maxBytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (readings, overdue) = await readers.ReadAsync(session => PairV2Operations.Read(session, interests, maxBytes), cancellationToken);
            if (overdue.Count == 0)
            {
                return readings;
            }

            await writer.WriteAsync(session => PairV2Operations.Expire(session, overdue), cancellationToken);
        }
    }

    public Task<LeaveOutcome> LeavePairAsync(PairSide side, string reason, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => PairV2Operations.Leave(session, side, reason), cancellationToken);

    public Task<PutGrantResult> PutGrantAsync(SlotAccess access, NewGrant grant, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => GrantOperations.Put(session, access, grant), cancellationToken);

    public Task RevokeGrantAsync(SlotAccess access, string grantId, CancellationToken cancellationToken) =>
        writer.WriteAsync(session => GrantOperations.Revoke(session, access, grantId), cancellationToken);

    public Task<GrantPage> ListGrantsAsync(SlotAccess access, string? after, int limit, CancellationToken cancellationToken) =>
        readers.ReadAsync(session => GrantOperations.List(session, access, after, limit), cancellationToken);

    public Task<int> RemoveExpiredAsync(int limit, CancellationToken cancellationToken) =>
        writer.WriteAsync(
            session => PairOperations.RemoveExpired(session, limit) + PairV2Operations.RemoveExpired(session, limit) + SlotOperations.RemoveExpiredEvents(session, limit),
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await pullFlusher;
        await WritePullsAsync();
        await writer.DisposeAsync();
        readers.Dispose();
        database.Dispose();
        stopping.Dispose();
    }

    private async Task FlushPullsAsync()
    {
        using var timer = new PeriodicTimer(PullFlushInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping.Token))
            {
                await WritePullsAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // the store is closing; DisposeAsync writes the rest
        }
    }

    private async Task WritePullsAsync()
    {
        var noted = pulls.ToArray();
        if (noted.Length == 0)
        {
            return;
        }

        try
        {
            await writer.WriteAsync(
                session =>
                {
                    foreach (var (slot, at) in noted)
                    {
                        SlotOperations.SetLastPull(session, slot, at);
                    }

                    return noted.Length;
                },
                CancellationToken.None);
        }
        catch (SqliteException)
        {
            // the disk refuses; the values stay in memory for the next turn
            return;
        }

        foreach (var item in noted)
        {
            pulls.TryRemove(item);
        }
    }
}
