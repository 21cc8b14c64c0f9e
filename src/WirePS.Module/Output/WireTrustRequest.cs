using WirePS.Handshakes;

namespace WirePS.Module.Output;

/// <summary>A request for trust, received or sent.</summary>
public sealed class WireTrustRequest
{
    /// <summary>64 hex digits: the hash of the signed request. A decision names it, and is about its key alone.</summary>
    public required string Id { get; init; }

    /// <summary>What kind of entry of the pending queue this is: <c>request</c>.</summary>
    public string Kind { get; } = "request";

    /// <summary><c>Received</c> or <c>Sent</c>.</summary>
    public required string Direction { get; init; }

    /// <summary>
    /// <c>Pending</c> where a person here has to decide; <c>Waiting</c>, <c>Rejected</c>, <c>Conflict</c> or <c>NoAnswer</c> for one
    /// of ours, and <c>AlreadyTrusted</c> where nothing had to be asked.
    /// </summary>
    public required string Status { get; init; }

    /// <summary>The name that the other side gives itself: its claim, without control characters. Nothing for one of ours to an address alone.</summary>
    public string? PeerHandle { get; init; }

    /// <summary>The other side's DID: a name, no proof.</summary>
    public string? PeerDid { get; init; }

    /// <summary>The fingerprint of the other side's key: what is decided about. Compare it with the person.</summary>
    public string? PeerFingerprint { get; init; }

    /// <summary>Whether that key is <c>New</c> here, <c>Known</c>, <c>Different</c> from the one that is trusted under the name, or <c>Revoked</c>.</summary>
    public required string PeerKey { get; init; }

    /// <summary>True where only the older signature holds, which says neither what was asked nor when: a weak proof.</summary>
    public bool IsWeak { get; init; }

    /// <summary>The address that it was sent to or came from as a connection of its own; nothing where it went through a relay.</summary>
    public string? Address { get; init; }

    /// <summary>Where the key comes from: the <c>request</c> itself, a <c>directory</c>, an <c>address</c>, a <c>fingerprint</c> that was told, or what it was when the peer was pinned.</summary>
    public required string KeySource { get; init; }

    /// <summary>Why, in the words of who asks; without control characters.</summary>
    public string? Justification { get; init; }

    /// <summary>Why it was refused, in the other side's words; without control characters.</summary>
    public string? Reason { get; init; }

    /// <summary>What the person on this side is to do now.</summary>
    public required string NextStep { get; init; }

    /// <summary>When it came or was made.</summary>
    public DateTime CreatedAt { get; init; }

    /// <summary>When it is no longer waited for.</summary>
    public DateTime ExpiresAt { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    internal static WireTrustRequest Of(PendingRequest request, WireEngine engine) => new()
    {
        Id = request.Id,
        Direction = "Received",
        Status = "Pending",
        PeerHandle = Printable.Of(request.Handle),
        PeerDid = Printable.Of(request.Did),
        PeerFingerprint = Identity.Fingerprint.Display(request.PublicKey),
        PeerKey = engine.Peers.FamiliarityOf(request.Handle, request.Did, Identity.Fingerprint.Display(request.PublicKey)).ToString(),
        IsWeak = request.IsWeak,
        Address = request.Answer?.ToString() ?? request.Source,
        KeySource = request.IsWeak ? Trust.TrustStore.OlderKeySource : TrustRequests.KeySource,
        Justification = Printable.Of(request.Justification),
        NextStep = "Compare the fingerprint, then Approve-WireTrust or Deny-WireTrust",
        CreatedAt = request.ReceivedAt.LocalDateTime,
        ExpiresAt = (request.ReceivedAt + TrustRequests.Patience).LocalDateTime,
        WireHome = engine.Home.Root,
    };

    internal static WireTrustRequest Of(OutgoingRequest request, WireEngine engine) => new()
    {
        Id = request.Id,
        Direction = "Sent",
        Status = request.Status.ToString(),
        PeerHandle = Printable.Of(request.Card?.Handle),
        PeerDid = Printable.Of(request.Card?.Did),
        PeerFingerprint = request.Card is { } card ? Identity.Fingerprint.Display(card.PublicKey) : request.Fingerprint,
        PeerKey = request.Card is { } asked ? engine.Peers.FamiliarityOf(asked).ToString() : nameof(Trust.PeerKeyFamiliarity.New),
        Address = request.Address?.ToString(),
        KeySource = Printable.Of(request.KeySource),
        Justification = Printable.Of(request.Justification),
        Reason = Printable.Of(request.Reason),
        NextStep = request.Status switch
        {
            OutgoingStatus.Waiting => "Wait for the other side",
            OutgoingStatus.NoAnswer => "Ask again, or by another way: another address, a handle, a code",
            OutgoingStatus.Rejected => "Ask the other side why; a new request may be refused as well",
            _ => "Look at the peer that has this name: Get-WirePeer -IncludeRevoked",
        },
        CreatedAt = request.SentAt.LocalDateTime,
        ExpiresAt = (request.SentAt + TrustRequests.Patience).LocalDateTime,
        WireHome = engine.Home.Root,
    };

    /// <summary>Says that there is nothing to ask.</summary>
    internal static WireTrustRequest Of(Trust.TrustEntry peer, WireEngine engine) => new()
    {
        Id = peer.RequestId ?? "",
        Direction = "Sent",
        Status = "AlreadyTrusted",
        PeerHandle = Printable.Of(peer.Handle),
        PeerDid = Printable.Of(peer.Did),
        PeerFingerprint = peer.Fingerprint,
        PeerKey = nameof(Trust.PeerKeyFamiliarity.Known),
        KeySource = Printable.Of(peer.KeySource) ?? "",
        NextStep = "Nothing: the peer is trusted. Where it has forgotten this home, ask with -Again",
        CreatedAt = (peer.PinnedAt ?? default).LocalDateTime,
        ExpiresAt = (peer.PinnedAt ?? default).LocalDateTime,
        WireHome = engine.Home.Root,
    };

    /// <summary>Names the request and where it stands.</summary>
    public override string ToString() => $"request {Id}: {Status}";
}
