using WirePS.Identity;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>A request that waits for a person here. Immutable: another request, or another key, is another entry.</summary>
/// <param name="Id">The hash of the signed request, 64 hex digits: what a decision names.</param>
/// <param name="ReceivedAt">When it came.</param>
/// <param name="Card">The card of who asks; null where only the older signature holds, which comes without one.</param>
/// <param name="PublicKey">The key of who asks, 32 bytes: what a decision binds.</param>
/// <param name="Justification">Why, in their words.</param>
/// <param name="Nonce">The nonce of the request.</param>
/// <param name="Route">Where they can be reached over a relay; null where the request came over a connection of its own.</param>
/// <param name="Mailbox">The mailbox of ours that it came to, without its token; null for the same.</param>
/// <param name="IsOfKnownKey">True where the key was known here when it came: a peer's, or one that the allowlist is pinned to.</param>
public sealed record PendingRequest(string Id, DateTimeOffset ReceivedAt, AgentCard? Card, byte[] PublicKey, string Justification, string Nonce, PeerRoute? Route, MailboxPlace? Mailbox, bool IsOfKnownKey)
{
    /// <summary>The node id that it claims.</summary>
    public uint NodeId { get; init; } = Handshakes.NodeId.Of(PublicKey);

    /// <summary>The address that its connection came from, without port; null where it came through a mailbox.</summary>
    public string? Source { get; init; }

    /// <summary>Where an answer goes as a connection of its own: <see cref="Source"/> and the port that the sender named. Null where it named none.</summary>
    public DirectAddress? Answer { get; init; }

    /// <summary>True where it names this home's key; one that does not never meets a request of ours.</summary>
    public bool IsAddressed { get; init; } = true;

    /// <summary>True where only the older signature holds (handshake.md §2.1).</summary>
    public bool IsWeak => Card is null;

    /// <summary>The name that the sender gives itself, or the one that stands for its node id.</summary>
    public string Handle => Card?.Handle ?? TrustExchange.HandleOf(NodeId);

    /// <summary>The sender's DID.</summary>
    public string Did => Card?.Did ?? WireDid.ForSession(Handle, PublicKey);

    /// <inheritdoc/>
    public override string ToString() => $"request {Id} of {Did}";
}

/// <summary>A mailbox of ours, by its name.</summary>
/// <param name="RelayUrl">Its relay.</param>
/// <param name="SlotId">Its id.</param>
public sealed record MailboxPlace(string RelayUrl, string SlotId);

/// <summary>Where a request of ours stands.</summary>
public enum OutgoingStatus
{
    /// <summary>No answer yet.</summary>
    Waiting,

    /// <summary>They said no.</summary>
    Rejected,

    /// <summary>They said yes, but under their name another key is trusted here.</summary>
    Conflict,

    /// <summary>Nobody has answered in its time.</summary>
    NoAnswer,
}

/// <summary>A request of ours.</summary>
/// <param name="Id">The hash of the signed request, 64 hex digits: what an answer names.</param>
/// <param name="SentAt">When it was made.</param>
/// <param name="Card">The card of whom it asks: nobody else's answer counts. Null where only an address was known.</param>
/// <param name="KeySource">Where that card came from; for an address alone, what the key of the answer will count as.</param>
/// <param name="Justification">What was said.</param>
/// <param name="Mailbox">The mailbox of ours that the other side is to write to; null where this home has none.</param>
/// <param name="Grant">The grant that it hands over; a secret. Null on a relay without grants, and where it hands over none.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Reason">What they said, where they said no.</param>
/// <param name="EndedAt">When it ended; null while it waits.</param>
public sealed record OutgoingRequest(string Id, DateTimeOffset SentAt, AgentCard? Card, string KeySource, string Justification, MailboxPlace? Mailbox, Grant? Grant, OutgoingStatus Status, string? Reason, DateTimeOffset? EndedAt)
{
    /// <summary>The address that it was sent to; null for one that went through a mailbox.</summary>
    public DirectAddress? Address { get; init; }

    /// <summary>The fingerprint that the key of the answer must have; null for none.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The grant as it is revoked; null for none.</summary>
    internal GivenGrant? Given => Grant is null || Mailbox is null ? null : new GivenGrant(Mailbox.RelayUrl, Mailbox.SlotId, Grant.Id);

    /// <summary>True where this card may answer it: that of the key that was asked, or any of the fingerprint that was named, or any.</summary>
    internal bool IsAnsweredBy(AgentCard card) => Card is not null ? Card.PublicKey.AsSpan().SequenceEqual(card.PublicKey)
        : Fingerprint is null || Identity.Fingerprint.IsOf(Fingerprint, card.PublicKey);

    /// <inheritdoc/>
    public override string ToString() => $"request {Id} to {Card?.Did ?? Address?.ToString()}";
}

/// <summary>A nonce that has had its effect.</summary>
/// <param name="Key">The key that it was signed with, 64 hex digits.</param>
/// <param name="Nonce">The nonce.</param>
/// <param name="Until">Until then it is remembered.</param>
internal sealed record SpentNonce(string Key, string Nonce, DateTimeOffset Until);

/// <summary>
/// What is known of handshakes, with its bounds (wireps.md §4 and §8). Anybody can make keys and ask with each of them, so
/// no rule can tell the one honest stranger from ten thousand others; these see to it that a flood displaces neither those
/// who came before it, nor peers, nor whoever comes after it.
/// </summary>
internal sealed class HandshakeState
{
    /// <summary>How long a request may wait, on either side: a relay keeps what nobody reads for as long.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromDays(30);

    /// <summary>How far a sender's clock may be ahead: nonces are remembered for as much longer.</summary>
    internal static readonly TimeSpan MostAhead = TimeSpan.FromDays(1);

    /// <summary>How long the end of a request of ours is shown.</summary>
    internal static readonly TimeSpan KeepEnded = TimeSpan.FromDays(7);

    /// <summary>Most requests of one key; a further one takes the place of that key's oldest.</summary>
    internal const int MostOfOneKey = 2;

    /// <summary>Most requests of strangers whose connections came from one source; a further one takes the place of one of them.</summary>
    internal const int MostOfOneSource = 16;

    /// <summary>Of those, how many places belong to who came first.</summary>
    internal const int FirstOfOneSource = 8;

    /// <summary>Most requests of keys that are not known here.</summary>
    internal const int MostOfStrangers = 192;

    /// <summary>Of those, how many places belong to who came first; in the others the oldest makes room.</summary>
    internal const int FirstComers = 128;

    /// <summary>Most requests of known keys; the room is kept for them.</summary>
    internal const int MostOfKnown = 64;

    /// <summary>Most requests of ours; the oldest makes room.</summary>
    internal const int MostOutgoing = 256;

    /// <summary>Most answers in a month that one key gets without a person.</summary>
    internal const int MostAnswersOfOneKey = 16;

    /// <summary>Most records without a key.</summary>
    internal const int MostUnbound = 4096;

    private const int MostNonces = 4096;
    private const int MostNoncesOfOneKey = 64;

    private readonly HashSet<(string, string)> _spent = [];

    internal HandshakeState(IEnumerable<PendingRequest> pending, IEnumerable<OutgoingRequest> outgoing, IEnumerable<SpentNonce> nonces, long displaced)
    {
        Pending = [.. pending];
        Outgoing = [.. outgoing];
        Nonces = [.. nonces];
        Displaced = displaced;
        Nonces.ForEach(n => _spent.Add((n.Key, n.Nonce)));
    }

    /// <summary>Requests that wait here, in the order in which they came.</summary>
    internal List<PendingRequest> Pending { get; }

    /// <summary>Requests of ours, in the order in which they were made.</summary>
    internal List<OutgoingRequest> Outgoing { get; }

    /// <summary>Nonces that had their effect, in order.</summary>
    internal List<SpentNonce> Nonces { get; }

    /// <summary>Records of another program that name a node and no key: shown, never trusted, and handed back to that program.</summary>
    internal List<ForeignTrust> Unbound { get; init; } = [];

    /// <summary>How many requests had to make room, ever.</summary>
    internal long Displaced { get; private set; }

    /// <summary>True where a message with this nonce has had its effect.</summary>
    internal bool IsSpent(TrustMessage message) => _spent.Contains((message.FromKey, message.Nonce));

    /// <summary>True where a request was answered.</summary>
    internal bool IsSpent(PendingRequest request) => _spent.Contains((Convert.ToHexStringLower(request.PublicKey), request.Nonce));

    /// <summary>True where a key has had as many answers by themselves as it gets: each makes an event and a grant.</summary>
    internal bool IsAnsweredEnough(string key) => Nonces.Count(n => n.Key == key) >= MostAnswersOfOneKey;

    /// <summary>Remembers that a message has had its effect.</summary>
    internal void Spend(string key, string nonce, DateTimeOffset now)
    {
        if (!_spent.Add((key, nonce)))
        {
            return;
        }

        Nonces.Add(new SpentNonce(key, nonce, now + Patience + MostAhead));
        MakeRoom(Nonces, n => n.Key == key, MostNoncesOfOneKey);
        MakeRoom(Nonces, static _ => true, MostNonces);
    }

    /// <summary>Takes a request in, where there is room for it or another one makes room.</summary>
    /// <returns>False where there is none.</returns>
    internal bool Admit(PendingRequest request)
    {
        if (Pending.Exists(p => p.Id == request.Id))
        {
            return true;
        }

        if (Pending.FindAll(p => p.PublicKey.AsSpan().SequenceEqual(request.PublicKey)) is { Count: >= MostOfOneKey } same)
        {
            Displace(same[0]);
        }

        if (request is { Source: not null, IsOfKnownKey: false }
            && Pending.FindAll(p => p.Source == request.Source && !p.IsOfKnownKey) is { Count: >= MostOfOneSource } ofSource)
        {
            Displace(ofSource[FirstOfOneSource]);
        }

        var group = Pending.FindAll(p => p.IsOfKnownKey == request.IsOfKnownKey);
        if (request.IsOfKnownKey && group.Count >= MostOfKnown)
        {
            return false;
        }

        if (!request.IsOfKnownKey && group.Count >= MostOfStrangers)
        {
            Displace(group[FirstComers]);
        }

        Pending.Add(request);
        return true;
    }

    /// <summary>Keeps a record without a key, in the place of the one that has its node id; false where there is no room for it.</summary>
    internal bool Keep(ForeignTrust record)
    {
        Unbound.RemoveAll(u => u.NodeId == record.NodeId);
        if (Unbound.Count >= MostUnbound)
        {
            return false;
        }

        Unbound.Add(record);
        return true;
    }

    /// <summary>Notes a request of ours.</summary>
    /// <returns>The one that had to make room; null for none.</returns>
    internal OutgoingRequest? Send(OutgoingRequest request)
    {
        var oldest = Outgoing.Count >= MostOutgoing ? Outgoing[0] : null;
        if (oldest is not null)
        {
            Outgoing.RemoveAt(0);
        }

        Outgoing.Add(request);
        return oldest;
    }

    /// <summary>True where a request of ours is over, or its end was shown for long enough.</summary>
    internal bool HasExpired(DateTimeOffset now) => Outgoing.Exists(o => IsUnanswered(o, now) || now - o.EndedAt >= KeepEnded);

    /// <summary>Drops what is over.</summary>
    /// <returns>The requests of ours that nobody has answered in time: shown as such for a while, and what they offered is taken back.</returns>
    internal List<OutgoingRequest> Expire(DateTimeOffset now)
    {
        Pending.RemoveAll(p => now - p.ReceivedAt >= Patience);
        Nonces.RemoveAll(n => now >= n.Until);
        Outgoing.RemoveAll(o => o.EndedAt is { } ended && now - ended >= KeepEnded);
        var unanswered = Outgoing.FindAll(o => IsUnanswered(o, now));
        foreach (var request in unanswered)
        {
            Outgoing[Outgoing.IndexOf(request)] = Ended(request);
        }

        return unanswered;
    }

    /// <summary>The request as it is shown: one whose time is over has ended, whether that is on disk or not.</summary>
    internal static OutgoingRequest AsOf(OutgoingRequest request, DateTimeOffset now) => IsUnanswered(request, now) ? Ended(request) : request;

    /// <summary>The whole key of a card, as messages have it.</summary>
    internal static string KeyOf(AgentCard card) => Convert.ToHexStringLower(card.PublicKey);

    private static bool IsUnanswered(OutgoingRequest request, DateTimeOffset now) => request.EndedAt is null && now - request.SentAt >= Patience;

    private static OutgoingRequest Ended(OutgoingRequest request) => request with { Status = OutgoingStatus.NoAnswer, EndedAt = request.SentAt + Patience, Grant = null };

    private void Displace(PendingRequest request)
    {
        Pending.Remove(request);
        Displaced++;
    }

    private void MakeRoom(List<SpentNonce> nonces, Predicate<SpentNonce> which, int most)
    {
        if (nonces.FindAll(which) is { } found && found.Count > most)
        {
            nonces.Remove(found[0]);
            _spent.Remove((found[0].Key, found[0].Nonce));
        }
    }
}
