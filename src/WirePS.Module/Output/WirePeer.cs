using WirePS.Devices;
using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>A peer that this home knows.</summary>
public sealed class WirePeer
{
    /// <summary>The name that the peer gives itself: its claim, without control characters.</summary>
    public required string Handle { get; init; }

    /// <summary>A name given here.</summary>
    public string? Label { get; init; }

    /// <summary>How far it is trusted, as a name of <see cref="TrustTier"/>.</summary>
    public required string Tier { get; init; }

    /// <summary>The fingerprint of its key: what two people compare.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Its DID: a name, no proof.</summary>
    public required string Did { get; init; }

    /// <summary>How it came to be trusted: <c>sas-v1</c> and so on.</summary>
    public string? Ceremony { get; init; }

    /// <summary>By whom: <c>person</c>, <c>policy:</c> and its name, or <c>principal:</c> and the DID of the identity that this home is a device of.</summary>
    public string? ApprovedBy { get; init; }

    /// <summary>When.</summary>
    public DateTime? PinnedAt { get; init; }

    /// <summary>Where its key came from.</summary>
    public string? KeySource { get; init; }

    /// <summary>When it was revoked here; nothing where it was not.</summary>
    public DateTime? RevokedAt { get; init; }

    /// <summary>When it has said that it trusts this home no more; nothing where it has not.</summary>
    public DateTime? RevokedByPeerAt { get; init; }

    /// <summary>Why, in the words of who revoked; without control characters.</summary>
    public string? RevokedReason { get; init; }

    /// <summary>The name that its card shows: its claim, without control characters.</summary>
    public string? DisplayName { get; init; }

    /// <summary>True where it has a newer card than the one known here: somebody may be holding it back.</summary>
    public bool CardBehind { get; init; }

    /// <summary>True once it is known to have pinned this home.</summary>
    public bool PeerAcked { get; init; }

    /// <summary>Where it can be reached.</summary>
    public string? Relay { get; init; }

    /// <summary>The DIDs of its further machines, as its card lists them.</summary>
    public required string[] Devices { get; init; }

    /// <summary>Those of them that have given this home no address yet: what is sent to the peer waits for them.</summary>
    public required string[] DevicesWithoutAddress { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    internal static WirePeer Of(TrustEntry peer, WireEngine engine) => new()
    {
        Handle = Printable.Of(peer.Handle)!,
        Label = Printable.Of(peer.Label),
        Tier = peer.Tier.ToString(),
        Fingerprint = peer.Fingerprint,
        Did = Printable.Of(peer.Did)!,
        Ceremony = Printable.Of(peer.Ceremony),
        ApprovedBy = Printable.Of(peer.ApprovedBy),
        PinnedAt = peer.PinnedAt?.LocalDateTime,
        KeySource = Printable.Of(peer.KeySource),
        RevokedAt = peer.RevokedAt?.LocalDateTime,
        RevokedByPeerAt = peer.RevokedByPeerAt?.LocalDateTime,
        RevokedReason = Printable.Of(peer.RevokedReason),
        DisplayName = Printable.Of(peer.Card?.Name),
        CardBehind = peer.IsCardBehind,
        PeerAcked = peer.PeerAcked,
        Relay = engine.Peers.RelayOf(peer),
        Devices = [.. peer.Devices.Select(static device => Printable.Of(device.Did)!)],
        DevicesWithoutAddress = [.. peer.Devices.Where(device => engine.Machines.Find(new PeerMachine(peer.Did, device.Did)) is null).Select(static device => Printable.Of(device.Did)!)],
        WireHome = engine.Home.Root,
    };

    /// <summary>The DID.</summary>
    public override string ToString() => Did;
}
