using System.Collections.Immutable;
using WirePS.Identity;

namespace WirePS.Devices;

/// <summary>
/// Where a device can be reached, as the card of its identity has it. Cards are public, so what to write with is not among
/// it: each peer gets that for itself (<see cref="MachineLinks"/>).
/// </summary>
/// <param name="RelayUrl">The relay, in the one spelling.</param>
/// <param name="SlotId">The mailbox, 32 hex digits.</param>
public sealed record DevicePlace(string RelayUrl, string SlotId)
{
    private const int SlotIdLength = 32;

    /// <summary>The places of a JSON array; null where it is none, has too many, or one is not usable as it stands. Other members are passed over.</summary>
    public static ImmutableArray<DevicePlace>? TryRead(WireJson? json)
    {
        if (json is not { Kind: WireJsonKind.Array, Count: <= DeviceEndpoint.MaxCount })
        {
            return null;
        }

        var places = ImmutableArray.CreateBuilder<DevicePlace>(json.Count);
        foreach (var item in json.Items)
        {
            if (TryReadOne(item) is not { } place)
            {
                return null;
            }

            places.Add(place);
        }

        return places.MoveToImmutable();
    }

    /// <summary>The JSON array of places.</summary>
    public static WireJson ToJson(IEnumerable<DevicePlace> places)
    {
        ArgumentNullException.ThrowIfNull(places);
        return WireJson.ArrayOf(places.Select(static place => WireJson.ObjectOf(
            ("relay_url", WireJson.From(place.RelayUrl)),
            ("slot_id", WireJson.From(place.SlotId)))));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{SlotId} at {RelayUrl}";

    internal static DevicePlace? TryReadOne(WireJson item) =>
        Relay.RelayUrl.TryNormalize(item.GetString("relay_url"), out var url, out _) && url == item.GetString("relay_url") && url.Length <= DeviceEndpoint.MaxUrlLength
        && IsHex(item.GetString("slot_id"), SlotIdLength)
            ? new(url, item.GetString("slot_id")!)
            : null;

    internal static bool IsHex(string? text, int length) => text?.Length == length && text.All(char.IsAsciiHexDigitLower);
}
