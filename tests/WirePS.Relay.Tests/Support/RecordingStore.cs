using WirePS.Relay.Storage;

namespace WirePS.Relay.Tests.Support;

/// <summary>Stands between the routes and the store as a crash test does: acts after a write is durable and before its reply.</summary>
internal sealed class RecordingStore(IRelayStore inner) : IRelayStore
{
    private int _writes;
    private int _reads;

    public int Writes => _writes;

    /// <summary>Rendezvous of protocol v2 that were looked at.</summary>
    public int PairsRead => _reads;

    public bool Fail { get; set; }

    public string RelayId => inner.RelayId;

    public Task CreateSlotAsync(string slotId, TokenHash token, CancellationToken cancellationToken) =>
        AfterAsync(inner.CreateSlotAsync(slotId, token, cancellationToken));

    public Task<SlotAccess> AuthoriseAsync(string slotId, TokenHash token, CancellationToken cancellationToken) =>
        inner.AuthoriseAsync(slotId, token, cancellationToken);

    public Task<PostEventResult> PostEventAsync(SlotAccess access, NewEvent newEvent, CancellationToken cancellationToken) =>
        AfterAsync(inner.PostEventAsync(access, newEvent, cancellationToken));

    public Task<IReadOnlyList<StoredEvent>> ReadEventsSinceAsync(SlotAccess access, TokenHash? since, int limit, long maxBytes, CancellationToken cancellationToken) =>
        inner.ReadEventsSinceAsync(access, since, limit, maxBytes, cancellationToken);

    public Task<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(SlotAccess access, long after, int limit, long maxBytes, CancellationToken cancellationToken) =>
        inner.ReadEventsAfterAsync(access, after, limit, maxBytes, cancellationToken);

    public Task<EventPage> ReadEventPageAsync(SlotAccess access, long after, int limit, long maxBytes, CancellationToken cancellationToken) =>
        inner.ReadEventPageAsync(access, after, limit, maxBytes, cancellationToken);

    public Task<AckOutcome> AckEventsAsync(SlotAccess access, long upTo, CancellationToken cancellationToken) =>
        AfterAsync(inner.AckEventsAsync(access, upTo, cancellationToken));

    public Task<SlotState> ReadSlotStateAsync(SlotAccess access, CancellationToken cancellationToken) => inner.ReadSlotStateAsync(access, cancellationToken);

    public Task SetResponderHealthAsync(SlotAccess access, byte[] health, CancellationToken cancellationToken) =>
        AfterAsync(inner.SetResponderHealthAsync(access, health, cancellationToken));

    public void NotePull(SlotAccess access) => inner.NotePull(access);

    public Task<OpenPairResult> OpenPairAsync(OpenPair open, CancellationToken cancellationToken) => AfterAsync(inner.OpenPairAsync(open, cancellationToken));

    public Task<PairView?> ReadPairAsync(string pairId, PairRole role, CancellationToken cancellationToken) => inner.ReadPairAsync(pairId, role, cancellationToken);

    public Task<BootstrapOutcome> PostBootstrapAsync(string pairId, PairRole role, byte[] sealedBootstrap, CancellationToken cancellationToken) =>
        AfterAsync(inner.PostBootstrapAsync(pairId, role, sealedBootstrap, cancellationToken));

    public Task AbandonPairAsync(TokenHash codeHash, CancellationToken cancellationToken) => AfterAsync(inner.AbandonPairAsync(codeHash, cancellationToken));

    public Task FinishPairAsync(TokenHash codeHash, string pairId, PairRole role, CancellationToken cancellationToken) =>
        AfterAsync(inner.FinishPairAsync(codeHash, pairId, role, cancellationToken));

    public Task<PutMessageResult> PutPairMessageAsync(NewPairMessage message, CancellationToken cancellationToken) =>
        AfterAsync(inner.PutPairMessageAsync(message, cancellationToken));

    public Task<PairReadings> ReadPairsAsync(IReadOnlyList<PairInterest> interests, long maxBytes, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref _reads, interests.Count);
        return inner.ReadPairsAsync(interests, maxBytes, cancellationToken);
    }

    public Task<LeaveOutcome> LeavePairAsync(PairSide side, string reason, CancellationToken cancellationToken) =>
        AfterAsync(inner.LeavePairAsync(side, reason, cancellationToken));

    public Task<PutGrantResult> PutGrantAsync(SlotAccess access, NewGrant grant, CancellationToken cancellationToken) =>
        AfterAsync(inner.PutGrantAsync(access, grant, cancellationToken));

    public Task RevokeGrantAsync(SlotAccess access, string grantId, CancellationToken cancellationToken) =>
        AfterAsync(inner.RevokeGrantAsync(access, grantId, cancellationToken));

    public Task<GrantPage> ListGrantsAsync(SlotAccess access, string? after, int limit, CancellationToken cancellationToken) =>
        inner.ListGrantsAsync(access, after, limit, cancellationToken);

    public Task<ClaimResult> ClaimHandleAsync(SlotAccess access, NewHandle handle, CancellationToken cancellationToken) =>
        AfterAsync(inner.ClaimHandleAsync(access, handle, cancellationToken));

    public Task<HandleView?> FindHandleAsync(string nick, CancellationToken cancellationToken) => inner.FindHandleAsync(nick, cancellationToken);

    public Task<bool> ReleaseHandleAsync(SlotAccess access, string nick, CancellationToken cancellationToken) =>
        AfterAsync(inner.ReleaseHandleAsync(access, nick, cancellationToken));

    public Task<HandlePage> ListHandlesAsync(string after, string? vibe, int limit, CancellationToken cancellationToken) =>
        inner.ListHandlesAsync(after, vibe, limit, cancellationToken);

    public Task RegisterInviteAsync(NewInvite invite, CancellationToken cancellationToken) => AfterAsync(inner.RegisterInviteAsync(invite, cancellationToken));

    public Task<InviteUse> UseInviteAsync(TokenHash token, CancellationToken cancellationToken) => AfterAsync(inner.UseInviteAsync(token, cancellationToken));

    public Task<InviteUse> PeekInviteAsync(TokenHash token, CancellationToken cancellationToken) => inner.PeekInviteAsync(token, cancellationToken);

    public Task<RelayCounts> CountAsync(CancellationToken cancellationToken) => inner.CountAsync(cancellationToken);

    public Task<int> RemoveExpiredAsync(int limit, CancellationToken cancellationToken) => inner.RemoveExpiredAsync(limit, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async Task<T> AfterAsync<T>(Task<T> write)
    {
        var result = await write;
        Wrote();
        return result;
    }

    private async Task AfterAsync(Task write)
    {
        await write;
        Wrote();
    }

    private void Wrote()
    {
        Interlocked.Increment(ref _writes);
        if (Fail)
        {
            throw new StoreException("as the test wants");
        }
    }
}
