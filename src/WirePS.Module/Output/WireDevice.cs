using WirePS.Devices;

namespace WirePS.Module.Output;

/// <summary>A device of an identity: one of this home's own identity, or this home as a device of another.</summary>
public sealed class WireDevice
{
    /// <summary>A name given here.</summary>
    public string? Label { get; init; }

    /// <summary>The device's DID: a name, no proof.</summary>
    public required string Did { get; init; }

    /// <summary>The fingerprint of its key: what is compared.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>What it may do: some of <c>add</c>, <c>send</c>, <c>receive</c>.</summary>
    public required string[] Rights { get; init; }

    /// <summary>When it was admitted.</summary>
    public DateTime AddedAt { get; init; }

    /// <summary>The DID of the identity that it belongs to.</summary>
    public required string Principal { get; init; }

    /// <summary>True where the device is this home itself: the identity can revoke it, this home cannot.</summary>
    public bool IsThisHome { get; init; }

    /// <summary>The relays at which it can be reached.</summary>
    public required string[] Relays { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    internal static WireDevice Of(DeviceEntry device, string? label, string principal, bool isThisHome, WireEngine engine) => new()
    {
        Label = Printable.Of(label),
        Did = Printable.Of(device.Did)!,
        Fingerprint = device.Fingerprint,
        Rights = [.. device.Rights.ToNames()],
        AddedAt = device.AddedAt.LocalDateTime,
        Principal = Printable.Of(principal)!,
        IsThisHome = isThisHome,
        Relays = [.. device.Endpoints.Select(static e => e.RelayUrl).Distinct()],
        WireHome = engine.Home.Root,
    };

    /// <summary>The DID.</summary>
    public override string ToString() => Did;
}
