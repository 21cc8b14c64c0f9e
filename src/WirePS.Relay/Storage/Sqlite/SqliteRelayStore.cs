using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using WirePS.Relay.Storage.Operations;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Storage.Sqlite;

/// <summary>The embedded engine: one writer with group commit, a few readers.</summary>
internal sealed class SqliteRelayStore : IRelayStore
{
    /// <summary>Events that are acked in one transaction: the writer is everybody's.</summary>
    private const int AckPortion = 500;

    private static readonly TimeSpan PullFlushInterval = TimeSpan.FromSeconds(5);

    private readonly SqliteDatabase _database;
    private readonly GroupCommitWriter _writer;
    private readonly ReaderPool _readers;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<long, DateTimeOffset> _pulls = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _pullFlusher;

    private SqliteRelayStore(SqliteDatabase database, GroupCommitWriter writer, ReaderPool readers, string relayId, TimeProvider time)
    {
        _database = database;
        _writer = writer;
        _readers = readers;
        _time = time;
        RelayId = relayId;
        _pullFlusher = FlushPullsAsync();
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
        _writer.WriteAsync(session => SlotOperations.Create(session, slotId, token), cancellationToken);

    public Task<SlotAccess> AuthoriseAsync(string slotId, TokenHash token, CancellationToken cancellationToken) =>
        _readers.ReadAsync(session => SlotOperations.Authorise(session, slotId, token), cancellationToken);

    public Task<PostEventResult> PostEventAsync(SlotAccess access, NewEvent newEvent, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => SlotOperations.Post(session, access, newEvent), cancellationToken);

    public async Task<IReadOnlyList<StoredEvent>> ReadEventsSinceAsync(SlotAccess access, TokenHash? since, int limit, long maxBytes, CancellationToken cancellationToken) =>
        await _readers.ReadAsync(session => SlotOperations.ReadSince(session, access, since, limit, maxBytes), cancellationToken);

    public async Task<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(SlotAccess access, long after, int limit, long maxBytes, CancellationToken cancellationToken) =>
        await _readers.ReadAsync(session => SlotOperations.ReadAfter(session, access, after, limit, maxBytes), cancellationToken);

    public Task<EventPage> ReadEventPageAsync(SlotAccess access, long after, int limit, long maxBytes, CancellationToken cancellationToken) =>
        _readers.ReadAsync(session => SlotOperations.ReadPage(session, access, after, limit, maxBytes), cancellationToken);

    public async Task<AckOutcome> AckEventsAsync(SlotAccess access, long upTo, CancellationToken cancellationToken)
    {
        AckOutcome outcome;
        do
        {
            outcome = await _writer.WriteAsync(session => SlotOperations.Ack(session, access, upTo, AckPortion), cancellationToken);
        }
        while (outcome == AckOutcome.Partly);
        return outcome;
    }

    public async Task<SlotState> ReadSlotStateAsync(SlotAccess access, CancellationToken cancellationToken)
    {
        // looked up first: between the two the flusher may move the value from memory to disk, never back
        var noted = _pulls.TryGetValue(access.Slot, out var at) ? at : (DateTimeOffset?)null;
        var state = await _readers.ReadAsync(session => SlotOperations.ReadState(session, access), cancellationToken);
        return noted > (state.LastPullAt ?? DateTimeOffset.MinValue) ? state with { LastPullAt = noted } : state;
    }

    public Task SetResponderHealthAsync(SlotAccess access, byte[] health, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => SlotOperations.SetResponderHealth(session, access, health), cancellationToken);

    public void NotePull(SlotAccess access) => _pulls[access.Slot] = _time.GetUtcNow();

    public Task<OpenPairResult> OpenPairAsync(OpenPair open, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => PairOperations.Open(session, open), cancellationToken);

    public Task<PairView?> ReadPairAsync(string pairId, PairRole role, CancellationToken cancellationToken) =>
        _readers.ReadAsync(session => PairOperations.Read(session, pairId, role), cancellationToken);

    public Task<BootstrapOutcome> PostBootstrapAsync(string pairId, PairRole role, byte[] sealedBootstrap, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => PairOperations.PostBootstrap(session, pairId, role, sealedBootstrap), cancellationToken);

    public Task AbandonPairAsync(TokenHash codeHash, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => PairOperations.Abandon(session, codeHash), cancellationToken);

    public Task FinishPairAsync(TokenHash codeHash, string pairId, PairRole role, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => PairOperations.Finish(session, codeHash, pairId, role), cancellationToken);

    public Task<PutMessageResult> PutPairMessageAsync(NewPairMessage message, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => PairV2Operations.Put(session, message), cancellationToken);

    public async Task<PairReadings> ReadPairsAsync(IReadOnlyList<PairInterest> interests, long maxBytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (readings, overdue) = await _readers.ReadAsync(session => PairV2Operations.Read(session, interests, maxBytes), cancellationToken);
            if (overdue.Count == 0)
            {
                return readings;
            }

            await _writer.WriteAsync(session => PairV2Operations.Expire(session, overdue), cancellationToken);
        }
    }

    public Task<LeaveOutcome> LeavePairAsync(PairSide side, string reason, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => PairV2Operations.Leave(session, side, reason), cancellationToken);

    public Task<PutGrantResult> PutGrantAsync(SlotAccess access, NewGrant grant, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => GrantOperations.Put(session, access, grant), cancellationToken);

    public Task RevokeGrantAsync(SlotAccess access, string grantId, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => GrantOperations.Revoke(session, access, grantId), cancellationToken);

    public Task<GrantPage> ListGrantsAsync(SlotAccess access, string? after, int limit, CancellationToken cancellationToken) =>
        _readers.ReadAsync(session => GrantOperations.List(session, access, after, limit), cancellationToken);

    public Task<ClaimResult> ClaimHandleAsync(SlotAccess access, NewHandle handle, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => HandleOperations.Claim(session, access, handle), cancellationToken);

    public Task<HandleView?> FindHandleAsync(string nick, CancellationToken cancellationToken) =>
        _readers.ReadAsync(session => HandleOperations.Find(session, nick), cancellationToken);

    public Task<bool> ReleaseHandleAsync(SlotAccess access, string nick, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => HandleOperations.Release(session, access, nick), cancellationToken);

    public Task<HandlePage> ListHandlesAsync(string after, string? vibe, int limit, CancellationToken cancellationToken) =>
        _readers.ReadAsync(session => HandleOperations.List(session, after, vibe, limit), cancellationToken);

    public Task RegisterInviteAsync(NewInvite invite, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => InviteOperations.Register(session, invite), cancellationToken);

    public Task<InviteUse> UseInviteAsync(TokenHash token, CancellationToken cancellationToken) =>
        _writer.WriteAsync(session => InviteOperations.Use(session, token), cancellationToken);

    public Task<InviteUse> PeekInviteAsync(TokenHash token, CancellationToken cancellationToken) =>
        _readers.ReadAsync(session => InviteOperations.Peek(session, token), cancellationToken);

    public Task<RelayCounts> CountAsync(CancellationToken cancellationToken) =>
        _readers.ReadAsync(
            static session => session.First(
                RelaySql.Counts,
                static reader => new RelayCounts(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2)),
                ("@now", session.Now))!,
            cancellationToken);

    public Task<int> RemoveExpiredAsync(int limit, CancellationToken cancellationToken) =>
        _writer.WriteAsync(
            session => PairOperations.RemoveExpired(session, limit)
                + PairV2Operations.RemoveExpired(session, limit)
                + SlotOperations.RemoveExpiredEvents(session, limit)
                + InviteOperations.RemoveExpired(session, limit),
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _pullFlusher;
        await WritePullsAsync();
        await _writer.DisposeAsync();
        _readers.Dispose();
        _database.Dispose();
        _stopping.Dispose();
    }

    private async Task FlushPullsAsync()
    {
        using var timer = new PeriodicTimer(PullFlushInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token))
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
        var noted = _pulls.ToArray();
        if (noted.Length == 0)
        {
            return;
        }

        try
        {
            await _writer.WriteAsync(
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
            _pulls.TryRemove(item);
        }
    }
}
