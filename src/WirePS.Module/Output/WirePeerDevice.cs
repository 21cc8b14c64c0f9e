using WirePS.Devices;
using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>A further machine of a peer, as the peer's card lists it.</summary>
public sealed class WirePeerDevice
{
    /// <summary>The device's DID: a name, no proof.</summary>
    public required string Did { get; init; }

    /// <summary>The fingerprint of its key.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>What it may do in the peer's name: some of <c>add</c>, <c>send</c>, <c>receive</c>.</summary>
    public required string[] Rights { get; init; }

    /// <summary>When it was admitted, by the peer's clock.</summary>
    public DateTime AddedAt { get; init; }

    /// <summary>True where this home knows an address of it: what is sent to the peer goes there without waiting.</summary>
    public bool HasAddress { get; init; }

    internal static WirePeerDevice Of(DeviceEntry device, TrustEntry peer, WireEngine engine) => new()
    {
        Did = Printable.Of(device.Did)!,
        Fingerprint = device.Fingerprint,
        Rights = [.. device.Rights.ToNames()],
        AddedAt = device.AddedAt.LocalDateTime,
        HasAddress = engine.Machines.Find(new PeerMachine(peer.Did, device.Did)) is not null,
    };

    /// <summary>The DID.</summary>
    public override string ToString() => Did;
}
