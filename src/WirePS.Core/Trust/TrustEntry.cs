using System.Collections.Immutable;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Trust;

/// <summary>How far a peer is trusted (wire.md §3.2), weakest first.</summary>
public enum TrustTier
{
    /// <summary>Known, not trusted.</summary>
    Untrusted,

    /// <summary>Vouched for by an organisation.</summary>
    OrgVerified,

    /// <summary>A person has verified it.</summary>
    Verified,

    /// <summary>This home itself.</summary>
    Attested,

    /// <summary>Not given by anything today; other programs' files may hold it.</summary>
    Trusted,
}

/// <summary>One peer of the trust store (wireps.md §4).</summary>
/// <param name="Handle">The peer's name for itself, under which it stands.</param>
/// <param name="Did">Its DID.</param>
/// <param name="PublicKey">Its full Ed25519 key, 32 bytes: what it is found by.</param>
/// <param name="Tier">How far it is trusted.</param>
/// <param name="Ceremony">How it came to be trusted: <c>sas-v1</c>, <c>invite</c>, …; null in entries of other programs.</param>
/// <param name="ApprovedBy">By whom: <c>person</c> or <c>policy:</c> and its name.</param>
/// <param name="PinnedAt">When.</param>
/// <param name="KeySource">Where its key came from.</param>
/// <param name="Grant">The grant it has for our mailbox; null where it holds the mailbox' own token or none.</param>
/// <param name="PeerAcked">True once it is known to have pinned us.</param>
/// <param name="Label">A name given here.</param>
public sealed record TrustEntry(
    string Handle,
    string Did,
    byte[] PublicKey,
    TrustTier Tier,
    string? Ceremony,
    string? ApprovedBy,
    DateTimeOffset? PinnedAt,
    string? KeySource,
    GivenGrant? Grant,
    bool PeerAcked,
    string? Label)
{
    /// <summary>Where the key of a peer came from that the home's principal has shared.</summary>
    internal const string SharedKeySource = "principal";

    /// <summary>Who has approved such a peer: this, and the principal's DID.</summary>
    internal const string SharedApproval = "principal:";

    /// <summary>The card it was pinned with, or that it has sent since; null in entries without one.</summary>
    public AgentCard? Card { get; init; }

    /// <summary>When it was revoked here; null where it is not. A revoked peer stays, so that it cannot come back by another way.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>When the peer has said that it no longer trusts this home; null where it has not.</summary>
    public DateTimeOffset? RevokedByPeerAt { get; init; }

    /// <summary>True where it is trusted now.</summary>
    public bool IsTrusted => Tier > TrustTier.Untrusted && RevokedAt is null && RevokedByPeerAt is null;

    /// <summary>Why, in the words of who revoked; null for nothing.</summary>
    public string? RevokedReason { get; init; }

    /// <summary>The number of the highest card seen of it (wireps.md §5); 0 where it has no number.</summary>
    public long CardSeq { get; init; }

    /// <summary>The highest number that its own events have named.</summary>
    public long CardSeqTold { get; init; }

    /// <summary>The highest number that its devices have named since the card that is known here came; 0 for none.</summary>
    public long CardSeqToldByDevices { get; init; }

    /// <summary>The number that it was last asked for since the card that is known here came; 0 for none.</summary>
    public long CardSeqAsked { get; init; }

    /// <summary>When it was last asked for a card, since the one that is known here came; null for never.</summary>
    public DateTimeOffset? CardAskedAt { get; init; }

    /// <summary>The number of the last card of this home that was sent to it; 0 for none.</summary>
    public long CardSeqSent { get; init; }

    /// <summary>True where the peer has a newer card than the one that is known here: somebody may be holding it back.</summary>
    public bool IsCardBehind => HighestCardSeqTold > CardSeq;

    /// <summary>The number of the newest card that it is known to have.</summary>
    public long HighestCardSeqTold => Math.Max(CardSeqTold, CardSeqToldByDevices);

    /// <summary>The DID of the identity that has shared this peer with its devices, of which this home is one; null where the home has pinned it itself.</summary>
    public string? SharedBy => KeySource == SharedKeySource && ApprovedBy?.StartsWith(SharedApproval, StringComparison.Ordinal) == true ? ApprovedBy[SharedApproval.Length..] : null;

    /// <summary>Its devices, as its card lists them; none where the list is not in its form.</summary>
    public ImmutableArray<DeviceEntry> Devices
    {
        get
        {
            try
            {
                return Card is null ? [] : DeviceEntry.ListOf(Card);
            }
            catch (WireException error) when (error.Reason == WireReason.InvalidCard)
            {
                return [];
            }
        }
    }

    /// <summary>The id of the request that the trust began with; null where it began without one.</summary>
    public string? RequestId { get; init; }

    /// <summary>Where it takes messages of the handshake as connections of their own, as <c>host:port</c>; null where that is not known.</summary>
    public string? Address { get; init; }

    /// <summary>
    /// True where this home has registered with it as a device (wireps.md §7). A card lists whom its owner pleases: that it lists
    /// this home says nothing by itself.
    /// </summary>
    public bool IsPrincipal { get; init; }

    /// <summary>True where it was ever given the own token of a mailbox of this home, as relays without grants ask for: what it can do there ends only with that mailbox.</summary>
    public bool HoldsMailbox { get; init; }

    /// <summary>The key's fingerprint as people compare it.</summary>
    public string Fingerprint => Identity.Fingerprint.Display(PublicKey);

    /// <summary>The key as events are checked against it.</summary>
    public EventKey EventKey => new($"{Handle}:{Identity.Fingerprint.Short(PublicKey)}", StrictBase64.Encode(PublicKey));

    /// <summary>The key for sealed bodies; null where it published none.</summary>
    public byte[]? DhPublicKey => Card?.DhPublicKey;

    /// <summary>True where its program speaks wireps.md, and takes events of ours (wireps.md §5).</summary>
    public bool SpeaksWirePS => Card?.SpeaksWirePS == true;
}

/// <summary>A grant of ours that a peer holds.</summary>
/// <param name="RelayUrl">The mailbox' relay.</param>
/// <param name="SlotId">The mailbox.</param>
/// <param name="GrantId">The grant.</param>
public sealed record GivenGrant(string RelayUrl, string SlotId, string GrantId);

/// <summary>What a pin takes.</summary>
/// <param name="Card">The peer's verified card.</param>
/// <param name="Tier">How far it is trusted.</param>
/// <param name="Ceremony">How it came to be trusted.</param>
/// <param name="ApprovedBy">By whom.</param>
/// <param name="KeySource">Where its key came from.</param>
/// <param name="Route">Where it can be reached; null where it gave no usable address.</param>
/// <param name="Grant">The grant it got from us.</param>
/// <param name="Label">A name to give it here, where it has none; null for none.</param>
public sealed record PinRequest(AgentCard Card, TrustTier Tier, string Ceremony, string ApprovedBy, string KeySource, PeerRoute? Route, GivenGrant? Grant, string? Label = null)
{
    /// <summary>The id of the request that it answers; null for none.</summary>
    public string? RequestId { get; init; }

    /// <summary>Where it takes messages of the handshake, as <c>host:port</c>; null where that is not known.</summary>
    public string? Address { get; init; }

    /// <summary>True where this home becomes a device of it.</summary>
    public bool IsPrincipal { get; init; }
}

/// <summary>Where a peer can be reached.</summary>
/// <param name="RelayUrl">Its relay, in the one spelling.</param>
/// <param name="SlotId">Its mailbox, 32 hex digits.</param>
/// <param name="SlotToken">What we write with, 64 hex digits; a secret.</param>
public sealed record PeerRoute(string RelayUrl, string SlotId, string SlotToken)
{
    private const int MostEndpoints = 16;

    private static readonly string[] Members = ["relay_url", "slot_id", "slot_token"];

    /// <summary>Checks what a peer sent (pairing-v2.md §4); null where it is not usable.</summary>
    public static PeerRoute? TryCreate(string? relayUrl, string? slotId, string? slotToken, string ownRelay) =>
        Relay.RelayUrl.IsUsableRoute(relayUrl, ownRelay, out var url) && IsHex(slotId, 32) && IsHex(slotToken, 64)
            ? new PeerRoute(url, slotId!, slotToken!)
            : null;

    /// <summary>
    /// The first usable address in the body of a <c>pair_drop</c> or <c>pair_drop_ack</c> (wire.md §7.4, §7.6): its own members,
    /// else its list. Null where there is none, and where it lacks members of its own, which every program sends.
    /// </summary>
    public static PeerRoute? In(WireJson body, string ownRelay)
    {
        ArgumentNullException.ThrowIfNull(body);
        return !Members.All(name => body.GetString(name) is { Length: > 0 }) ? null
            : Of(body) ?? (body.GetArray("endpoints")?.Items ?? []).Take(MostEndpoints).Select(Of).FirstOrDefault(static route => route is not null);

        PeerRoute? Of(WireJson place) => TryCreate(place.GetString("relay_url"), place.GetString("slot_id"), place.GetString("slot_token"), ownRelay);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{SlotId} at {RelayUrl}";

    private static bool IsHex(string? text, int length) => text?.Length == length && text.All(char.IsAsciiHexDigitLower);
}
