namespace WirePS.Relay.Storage;

/// <summary>
/// Everything the relay remembers. An engine behind it promises: a task of a writing method completes only after the write is durable, each
/// method is one transaction, and whoever waits for the slot or the rendezvous is woken after it (<see cref="Waiting.INewsSink"/>).
/// </summary>
public interface IRelayStore : IAsyncDisposable
{
    /// <summary>32 hex digits that were made with the data: another one means other data.</summary>
    string RelayId { get; }

    /// <summary>Creates a mailbox.</summary>
    Task CreateSlotAsync(string slotId, TokenHash token, CancellationToken cancellationToken);

    /// <summary>Says what a token may do with a slot.</summary>
    Task<SlotAccess> AuthoriseAsync(string slotId, TokenHash token, CancellationToken cancellationToken);

    /// <summary>Stores an event: quota, duplicate, grant and insert are one transaction (R6, R7).</summary>
    Task<PostEventResult> PostEventAsync(SlotAccess access, NewEvent newEvent, CancellationToken cancellationToken);

    /// <summary>Reads events after the one whose id is given; an unknown or absent one means from the beginning.</summary>
    Task<IReadOnlyList<StoredEvent>> ReadEventsSinceAsync(SlotAccess access, TokenHash? since, int limit, long maxBytes, CancellationToken cancellationToken);

    /// <summary>Reads events with a higher sequence number.</summary>
    Task<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(SlotAccess access, long after, int limit, long maxBytes, CancellationToken cancellationToken);

    /// <summary>Reads a page of events with a higher sequence number, and where the slot stands.</summary>
    Task<EventPage> ReadEventPageAsync(SlotAccess access, long after, int limit, long maxBytes, CancellationToken cancellationToken);

    /// <summary>Lets go of the bodies up to a sequence number, as the owner has stored them; their ids stay known for a time.</summary>
    Task<AckOutcome> AckEventsAsync(SlotAccess access, long upTo, CancellationToken cancellationToken);

    /// <summary>Reads the state of a slot.</summary>
    Task<SlotState> ReadSlotStateAsync(SlotAccess access, CancellationToken cancellationToken);

    /// <summary>Stores what the owner says about itself.</summary>
    Task SetResponderHealthAsync(SlotAccess access, byte[] health, CancellationToken cancellationToken);

    /// <summary>
    /// Notes that the owner has asked for events. Seen at once by <see cref="ReadSlotStateAsync"/>, on disk within seconds: a poll must not cost
    /// a write.
    /// </summary>
    void NotePull(SlotAccess access);

    /// <summary>Opens a rendezvous or comes to it.</summary>
    Task<OpenPairResult> OpenPairAsync(OpenPair open, CancellationToken cancellationToken);

    /// <summary>Reads a rendezvous as <paramref name="role"/>; null where there is none.</summary>
    Task<PairView?> ReadPairAsync(string pairId, PairRole role, CancellationToken cancellationToken);

    /// <summary>Stores the sealed bootstrap of one side.</summary>
    Task<BootstrapOutcome> PostBootstrapAsync(string pairId, PairRole role, byte[] sealedBootstrap, CancellationToken cancellationToken);

    /// <summary>Deletes the rendezvous of a code, unless it is decided.</summary>
    Task AbandonPairAsync(TokenHash codeHash, CancellationToken cancellationToken);

    /// <summary>Notes that one side needs nothing more of a decided rendezvous.</summary>
    Task FinishPairAsync(TokenHash codeHash, string pairId, PairRole role, CancellationToken cancellationToken);

    /// <summary>Stores a message of a rendezvous of protocol v2, and what follows from it for the rendezvous.</summary>
    Task<PutMessageResult> PutPairMessageAsync(NewPairMessage message, CancellationToken cancellationToken);

    /// <summary>
    /// Reads rendezvous of protocol v2, in one consistent view. Messages are read up to <paramref name="maxBytes"/>, those of one reader more at
    /// most.
    /// </summary>
    Task<PairReadings> ReadPairsAsync(IReadOnlyList<PairInterest> interests, long maxBytes, CancellationToken cancellationToken);

    /// <summary>Ends a rendezvous of protocol v2, or notes that one side needs nothing more of it.</summary>
    Task<LeaveOutcome> LeavePairAsync(PairSide side, string reason, CancellationToken cancellationToken);

    /// <summary>Makes a grant.</summary>
    Task<PutGrantResult> PutGrantAsync(SlotAccess access, NewGrant grant, CancellationToken cancellationToken);

    /// <summary>Revokes a grant; its id stays known.</summary>
    Task RevokeGrantAsync(SlotAccess access, string grantId, CancellationToken cancellationToken);

    /// <summary>Lists grants that are not revoked, by id, after the given one.</summary>
    Task<GrantPage> ListGrantsAsync(SlotAccess access, string? after, int limit, CancellationToken cancellationToken);

    /// <summary>Enters a handle into the directory, for the owner of a slot.</summary>
    Task<ClaimResult> ClaimHandleAsync(SlotAccess access, NewHandle handle, CancellationToken cancellationToken);

    /// <summary>Finds a handle; null where nobody has it.</summary>
    Task<HandleView?> FindHandleAsync(string nick, CancellationToken cancellationToken);

    /// <summary>Frees a handle that is held through a slot; false where it is not.</summary>
    Task<bool> ReleaseHandleAsync(SlotAccess access, string nick, CancellationToken cancellationToken);

    /// <summary>Lists handles that want to be found, by nick, after the given one; with a vibe only those that have it.</summary>
    Task<HandlePage> ListHandlesAsync(string after, string? vibe, int limit, CancellationToken cancellationToken);

    /// <summary>Makes a short URL for an invite.</summary>
    Task RegisterInviteAsync(NewInvite invite, CancellationToken cancellationToken);

    /// <summary>Looks at an invite and counts that as a use.</summary>
    Task<InviteUse> UseInviteAsync(TokenHash token, CancellationToken cancellationToken);

    /// <summary>Looks at an invite without using it.</summary>
    Task<InviteUse> PeekInviteAsync(TokenHash token, CancellationToken cancellationToken);

    /// <summary>Counts what there is, by looking at all of it.</summary>
    Task<RelayCounts> CountAsync(CancellationToken cancellationToken);

    /// <summary>Removes up to <paramref name="limit"/> rows of each kind that are over; answers how many it removed.</summary>
    Task<int> RemoveExpiredAsync(int limit, CancellationToken cancellationToken);
}
