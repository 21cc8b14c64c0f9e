using WirePS.Invites;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>
/// A pairing, as cmdlets give it out. Its purpose is to hand over the code and the digits, so both stand here; times are
/// local, and every value is of a simple type, so that a copy from another session serves as well.
/// </summary>
public sealed class WirePendingPair
{
    /// <summary>32 hex digits: the pairing's name in the journal and in errors. No secret.</summary>
    public required string Id { get; init; }

    /// <summary>The code that the host reads out to the guest; a secret while the pairing is open. Empty after the end of a pairing of protocol 2.</summary>
    public required string Code { get; init; }

    /// <summary>What kind of entry of the pending queue this is: <c>pair</c>, <c>invite</c> for an invite that was accepted here, or <c>device</c> for the registration of this machine.</summary>
    public required string Kind { get; init; }

    /// <summary>This side: <c>Host</c> made the code, <c>Guest</c> was told it.</summary>
    public required string Role { get; init; }

    /// <summary>Where it stands, as a name of <see cref="PairStatus"/>.</summary>
    public required string Status { get; init; }

    /// <summary>This side's six digits, to be read out to the other side, never to be typed here; nothing before they are known and after the end.</summary>
    public string? Sas { get; init; }

    /// <summary>True for a guest as long as no host with this code has been seen (protocol 2): the code may be wrong.</summary>
    public bool WaitingForHost { get; init; }

    /// <summary>True while the relay has the answer to an accepted invite, and its issuer has not acknowledged.</summary>
    public bool WaitingForAck { get; init; }

    /// <summary>What the person on this side is to do now.</summary>
    public required string NextStep { get; init; }

    /// <summary>The relay.</summary>
    public required string Relay { get; init; }

    /// <summary>True where this home would use that relay without being told; false: the other side must be told it too.</summary>
    public bool IsDefaultRelay { get; init; }

    /// <summary>When it was asked for.</summary>
    public DateTime CreatedAt { get; init; }

    /// <summary>When it ends if both sides have not confirmed.</summary>
    public DateTime? ExpiresAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTime? EndedAt { get; init; }

    /// <summary>The name that the peer gives itself: its claim, without control characters.</summary>
    public string? PeerHandle { get; init; }

    /// <summary>The peer's DID.</summary>
    public string? PeerDid { get; init; }

    /// <summary>The fingerprint of the peer's key.</summary>
    public string? PeerFingerprint { get; init; }

    /// <summary>
    /// Whether that key is <c>Known</c> here, <c>New</c>, or <c>Different</c> from the one that is pinned under the name,
    /// while it is still to be decided; nothing before the key is known and after the end.
    /// </summary>
    public string? PeerKey { get; init; }

    /// <summary>True once somebody else has tried to take a side of this pairing at the relay (protocol 2); the digits tell whether it matters.</summary>
    public bool Crowded { get; init; }

    /// <summary>True once the peer is known to have pinned this home.</summary>
    public bool PeerAcked { get; init; }

    /// <summary>Why it ended, or what it waits for, as a name of <see cref="WireReason"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>True where the reason is this side's own finding, or the peer's proven word.</summary>
    public bool? ReasonVerified { get; init; }

    /// <summary>True where the other side may have ended otherwise: ask it.</summary>
    public bool OutcomeUnknown { get; init; }

    /// <summary>The last trouble; it is tried again.</summary>
    public string? LastError { get; init; }

    /// <summary>The pairing protocol.</summary>
    public int Protocol { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    /// <summary>The object for a pairing.</summary>
    /// <param name="pair">The pairing.</param>
    /// <param name="wireHome">The root of its home.</param>
    /// <param name="defaultRelay">The relay that the home uses without being told.</param>
    /// <param name="peerKey">What is known of the peer's key.</param>
    internal static WirePendingPair Of(PendingPair pair, string wireHome, string? defaultRelay, PeerKeyFamiliarity? peerKey)
    {
        var isDefault = defaultRelay == pair.RelayUrl;
        return new WirePendingPair
        {
            Id = pair.Id,
            Code = PairWords.Code(pair.Code),
            Kind = pair.Kind,
            Role = pair.Role.ToString(),
            Status = pair.Status.ToString(),
            Sas = pair.Sas,
            WaitingForHost = V2Protocol.IsWaitingForHost(pair),
            WaitingForAck = InviteProtocol.IsWaitingForAck(pair),
            NextStep = PairWords.Next(pair, isDefault),
            Relay = pair.RelayUrl,
            IsDefaultRelay = isDefault,
            CreatedAt = pair.CreatedAt.LocalDateTime,
            ExpiresAt = pair.ExpiresAt?.LocalDateTime,
            EndedAt = pair.EndedAt?.LocalDateTime,
            PeerHandle = Printable.Of(pair.PeerHandle),
            PeerDid = Printable.Of(pair.PeerDid),
            PeerFingerprint = pair.PeerFingerprint,
            PeerKey = peerKey?.ToString(),
            Crowded = pair.Crowded,
            PeerAcked = pair.PeerAcked,
            Reason = pair.Reason?.ToString(),
            ReasonVerified = pair.ReasonVerified,
            OutcomeUnknown = pair.OutcomeUnknown,
            LastError = Printable.Of(pair.LastError),
            Protocol = pair.Protocol,
            WireHome = wireHome,
        };
    }

    /// <summary>Names the pairing and where it stands; no secret.</summary>
    public override string ToString() => $"pairing {Id}: {Status}";
}
