using WirePS.Identity;

namespace WirePS.Messaging;

/// <summary>The types of events that programs send each other, with their kinds (wireps.md §5, wire.md §7 and §8).</summary>
internal static class EventTypes
{
    internal const string PairDrop = "pair_drop";
    internal const string PairDropAck = "pair_drop_ack";
    internal const string PairDropRefused = "pair_drop_refused";
    internal const string PairDecided = "pair_decided";
    internal const string AgentCard = "agent_card";
    internal const string DeviceAdded = "device_added";
    internal const string DeviceRevoked = "device_revoked";
    internal const string DeviceRedeem = "device_redeem";
    internal const string DeviceRedeemed = "device_redeemed";
    internal const string PeerShared = "peer_shared";
    internal const string PeerDropped = "peer_dropped";
    internal const string MachineAddress = "machine_address";
    internal const string TrustRequest = "trust_request";
    internal const string TrustAccept = "trust_accept";
    internal const string TrustReject = "trust_reject";
    internal const string TrustRevoked = "trust_revoked";
    internal const string WireClose = "wire_close";

    private static readonly HashSet<string> All =
    [
        PairDrop, PairDropAck, PairDropRefused, PairDecided, AgentCard, DeviceAdded, DeviceRevoked, DeviceRedeem, DeviceRedeemed,
        PeerShared, PeerDropped, MachineAddress,
        TrustRequest, TrustAccept, TrustReject, TrustRevoked, WireClose,
    ];

    private static readonly HashSet<string> AlwaysSealed = [DeviceRedeem, DeviceRedeemed, PeerShared, PeerDropped, MachineAddress];

    /// <summary>True for a type that is never sent open: it holds what may be written with, or says whom somebody trusts (wireps.md §7).</summary>
    internal static bool IsAlwaysSealed(string type) => AlwaysSealed.Contains(type);

    /// <summary>True for a type that has an effect, and is no message's.</summary>
    internal static bool IsOurs(string type) => All.Contains(type);

    /// <summary>The kind that a type is sent with.</summary>
    internal static uint KindOf(string type) => type switch
    {
        PairDrop or AgentCard => EventKinds.AgentCard,
        PairDropAck or PairDecided or DeviceAdded or PeerShared or MachineAddress => EventKinds.TrustAddKey,
        DeviceRevoked or PeerDropped or TrustRevoked => EventKinds.TrustRevokeKey,
        TrustRequest or TrustAccept or TrustReject => EventKinds.Claim,
        WireClose => EventKinds.WireClose,
        PairDropRefused or DeviceRedeem or DeviceRedeemed => EventKinds.Ack,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not a type of ours."),
    };
}
