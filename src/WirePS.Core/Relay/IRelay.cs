using WirePS.Pairing;

namespace WirePS.Relay;

/// <summary>
/// One relay, as a client sees it. Every method throws <see cref="RelayException"/> for what may pass (the network,
/// a limit, a server in trouble) and gives everything else back as a value.
/// </summary>
public interface IRelay
{
    /// <summary>Its address, in the one spelling of <see cref="RelayUrl"/>.</summary>
    string Url { get; }

    /// <summary>The pairing routes of v1 (wire.md §4.8, with the changes of relay-v2.md).</summary>
    IV1PairRoutes V1Pairs { get; }

    /// <summary>The pairing routes of v2 (relay-v2.md).</summary>
    IV2PairRoutes V2Pairs { get; }

    /// <summary>The events of mailboxes (relay-v2.md).</summary>
    IMailRoutes Mail { get; }

    /// <summary>By how much its clock was ahead of ours when it answered last (negative: behind); null where it has not told its time.</summary>
    TimeSpan? ClockSkew => null;

    /// <summary>The directory of handles (wire.md §4.9, §4.10).</summary>
    IDirectoryRoutes Directory { get; }

    /// <summary>GET /healthz; returns when it answers as a relay does.</summary>
    Task CheckHealthAsync(CancellationToken cancellationToken);

    /// <summary>GET /v2/info; null for a relay older than that.</summary>
    Task<RelayInfo?> GetInfoAsync(CancellationToken cancellationToken);

    /// <summary>POST /v1/slot/allocate: a new mailbox.</summary>
    Task<Mailbox> AllocateMailboxAsync(CancellationToken cancellationToken);

    /// <summary>PUT of a grant; may be repeated. Only on a relay that answers <see cref="GetInfoAsync"/>.</summary>
    /// <returns>False where the relay does not know the mailbox.</returns>
    /// <exception cref="RelayException">With <see cref="RelayException.IsGrantRevoked"/> where the grant was revoked before; and for what goes wrong.</exception>
    Task<bool> PutGrantAsync(Mailbox mailbox, Grant grant, CancellationToken cancellationToken);

    /// <summary>DELETE of a grant; may be repeated.</summary>
    Task RevokeGrantAsync(Mailbox mailbox, string grantId, CancellationToken cancellationToken);
}

/// <summary>The pairing rendezvous of v1.</summary>
public interface IV1PairRoutes
{
    /// <summary>POST /v1/pair. Null where somebody else holds this role for this code.</summary>
    Task<V1Opening?> OpenAsync(V1OpenRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// GET /v1/pair/{id}: the other side's messages. Returns when there is more than <paramref name="have"/>, or
    /// after <paramref name="wait"/>; on a relay that does not wait it is polled meanwhile. Null where the relay
    /// does not know the rendezvous.
    /// </summary>
    Task<V1PairView?> ReadAsync(string pairId, PairRole role, V1Have have, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>POST /v1/pair/{id}/bootstrap; may be repeated with the same text.</summary>
    Task<V1PostResult> PostBootstrapAsync(string pairId, PairRole role, string sealedBootstrap, CancellationToken cancellationToken);

    /// <summary>POST /v1/pair/abandon: ends the rendezvous for both sides.</summary>
    Task AbandonAsync(string codeHash, CancellationToken cancellationToken);

    /// <summary>Tells a WirePS relay that this side has pinned its peer and needs nothing more.</summary>
    Task FinishAsync(string codeHash, string pairId, PairRole role, CancellationToken cancellationToken);
}

/// <summary>The relays a home talks to, one client for each address.</summary>
public interface IRelayConnections
{
    /// <summary>The client for an address in the one spelling of <see cref="RelayUrl"/>.</summary>
    IRelay To(string url);
}

/// <summary>How much of the other side a reader of a v1 rendezvous holds already.</summary>
public enum V1Have
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Its key-exchange message.</summary>
    Msg,

    /// <summary>Its sealed bootstrap too.</summary>
    Bootstrap,
}

/// <summary>What a relay says of itself (relay-v2.md).</summary>
/// <param name="RelayId">32 hex digits, kept with its data: another one means other data.</param>
/// <param name="Version">The program's version.</param>
/// <param name="Protocols">The pairing protocols it serves.</param>
/// <param name="Time">Its clock.</param>
public sealed record RelayInfo(string RelayId, string? Version, IReadOnlyList<string> Protocols, DateTimeOffset? Time);

/// <summary>A mailbox of ours: its token reads and writes, so it never leaves this home where the relay has grants.</summary>
/// <param name="RelayUrl">Where it is.</param>
/// <param name="SlotId">32 hex digits.</param>
/// <param name="SlotToken">64 hex digits; a secret.</param>
public sealed record Mailbox(string RelayUrl, string SlotId, string SlotToken)
{
    /// <inheritdoc/>
    public override string ToString() => $"{SlotId} at {RelayUrl}";
}

/// <summary>The right to write to a mailbox, for one peer (relay-v2.md, Grants).</summary>
/// <param name="Id">32 hex digits.</param>
/// <param name="Token">64 hex digits; a secret.</param>
public sealed record Grant(string Id, string Token)
{
    /// <summary>When the relay stops to honour it, in whole seconds; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Most events that the relay takes by it within an hour; null for no bound of its own.</summary>
    public int? PerHour { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Id;
}

/// <summary>What opening a v1 rendezvous takes.</summary>
/// <param name="CodeHash">64 hex digits.</param>
/// <param name="Role">Our side.</param>
/// <param name="Msg">Our key-exchange message, base64.</param>
/// <param name="ExpiresIn">The lifetime wanted; an older relay ignores it.</param>
public sealed record V1OpenRequest(string CodeHash, PairRole Role, string Msg, TimeSpan ExpiresIn)
{
    /// <inheritdoc/>
    public override string ToString() => $"open as {Role}";
}

/// <summary>The rendezvous that an opening gave.</summary>
/// <param name="PairId">32 hex digits.</param>
/// <param name="ExpiresAt">Its absolute end; null on a relay that has none.</param>
public sealed record V1Opening(string PairId, DateTimeOffset? ExpiresAt);

/// <summary>What a v1 rendezvous holds of the other side.</summary>
/// <param name="PeerMsg">Its key-exchange message, base64; null while it is not there.</param>
/// <param name="PeerBootstrap">Its sealed bootstrap, base64; null while it is not there.</param>
/// <param name="ExpiresAt">The rendezvous' absolute end; null on a relay that has none.</param>
/// <param name="PeerDone">True where the relay knows that the other side has pinned us.</param>
public sealed record V1PairView(string? PeerMsg, string? PeerBootstrap, DateTimeOffset? ExpiresAt, bool PeerDone)
{
    /// <summary>How much that is.</summary>
    public V1Have Have => PeerBootstrap is not null ? V1Have.Bootstrap : PeerMsg is not null ? V1Have.Msg : V1Have.None;

    /// <summary>True where it is more than a reader holds already.</summary>
    public bool IsMoreThan(V1Have have) => Have > have || PeerDone;

    /// <inheritdoc/>
    public override string ToString() => $"have {Have}";
}

/// <summary>What a relay said to a posted bootstrap.</summary>
public enum V1PostResult
{
    /// <summary>It holds it.</summary>
    Posted,

    /// <summary>It does not know the rendezvous.</summary>
    Gone,

    /// <summary>It holds another one for this side.</summary>
    Conflict,
}
