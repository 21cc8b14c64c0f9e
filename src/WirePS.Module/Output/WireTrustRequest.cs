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

    /// <summary><c>Pending</c> where a person here has to decide; <c>Waiting</c>, <c>Rejected</c> or <c>Conflict</c> for one of ours.</summary>
    public required string Status { get; init; }

    /// <summary>The name that the other side gives itself: its claim, without control characters.</summary>
    public required string PeerHandle { get; init; }

    /// <summary>The other side's DID: a name, no proof.</summary>
    public required string PeerDid { get; init; }

    /// <summary>The fingerprint of the other side's key: what is decided about. Compare it with the person.</summary>
    public required string PeerFingerprint { get; init; }

    /// <summary>Whether that key is <c>New</c> here, <c>Known</c>, <c>Different</c> from the one that is trusted under the name, or <c>Revoked</c>.</summary>
    public required string PeerKey { get; init; }

    /// <summary>Where the key comes from: the <c>request</c> itself, a <c>directory</c>, or what it was when the peer was pinned.</summary>
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
        PeerHandle = Printable.Of(request.Card.Handle),
        PeerDid = Printable.Of(request.Card.Did),
        PeerFingerprint = Identity.Fingerprint.Display(request.Card.PublicKey),
        PeerKey = engine.Peers.FamiliarityOf(request.Card).ToString(),
        KeySource = TrustRequests.KeySource,
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
        PeerHandle = Printable.Of(request.Card.Handle),
        PeerDid = Printable.Of(request.Card.Did),
        PeerFingerprint = Identity.Fingerprint.Display(request.Card.PublicKey),
        PeerKey = engine.Peers.FamiliarityOf(request.Card).ToString(),
        KeySource = Printable.Of(request.KeySource),
        Justification = Printable.Of(request.Justification),
        Reason = Printable.Of(request.Reason),
        NextStep = request.Status switch
        {
            OutgoingStatus.Waiting => "Wait for the other side",
            OutgoingStatus.Rejected => "Ask the other side why; a new request may be refused as well",
            _ => "Look at the peer that has this name: Get-WirePeer -IncludeRevoked",
        },
        CreatedAt = request.SentAt.LocalDateTime,
        ExpiresAt = (request.SentAt + TrustRequests.Patience).LocalDateTime,
        WireHome = engine.Home.Root,
    };

    /// <summary>Names the request and where it stands.</summary>
    public override string ToString() => $"request {Id}: {Status}";
}
