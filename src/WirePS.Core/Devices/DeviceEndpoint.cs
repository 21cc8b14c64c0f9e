using System.Collections.Immutable;
using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Devices;

/// <summary>
/// Where a device or an issuer can be reached, as it says itself: whoever posts there checks first that the address may be
/// used (<see cref="RelayUrl.IsUsableRoute"/>).
/// </summary>
/// <param name="RelayUrl">The relay, in the one spelling.</param>
/// <param name="SlotId">The mailbox, 32 hex digits.</param>
/// <param name="SlotToken">What to write with, 64 hex digits; a secret.</param>
public sealed record DeviceEndpoint(string RelayUrl, string SlotId, string SlotToken)
{
    /// <summary>Most endpoints of one device.</summary>
    public const int MaxCount = 4;

    /// <summary>The longest address of a relay (characters).</summary>
    public const int MaxUrlLength = 256;

    private const int SlotTokenLength = 64;

    /// <summary>The endpoints of a JSON array; null where it is none, has too many, or one is not usable as it stands.</summary>
    public static ImmutableArray<DeviceEndpoint>? TryRead(WireJson? json)
    {
        if (json is not { Kind: WireJsonKind.Array, Count: <= MaxCount })
        {
            return null;
        }

        var endpoints = ImmutableArray.CreateBuilder<DeviceEndpoint>(json.Count);
        foreach (var item in json.Items)
        {
            if (DevicePlace.TryReadOne(item) is not { } place || !DevicePlace.IsHex(item.GetString("slot_token"), SlotTokenLength))
            {
                return null;
            }

            endpoints.Add(new(place.RelayUrl, place.SlotId, item.GetString("slot_token")!));
        }

        return endpoints.MoveToImmutable();
    }

    /// <summary>The JSON array of endpoints.</summary>
    public static WireJson ToJson(IEnumerable<DeviceEndpoint> endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        return WireJson.ArrayOf(endpoints.Select(static endpoint => WireJson.ObjectOf(
            ("relay_url", WireJson.From(endpoint.RelayUrl)),
            ("slot_id", WireJson.From(endpoint.SlotId)),
            ("slot_token", WireJson.From(endpoint.SlotToken)))));
    }

    /// <summary>The address without what to write with: as it stands on a card.</summary>
    public DevicePlace Place => new(RelayUrl, SlotId);

    /// <summary>Where, never with what.</summary>
    public override string ToString() => $"{SlotId} at {RelayUrl}";
}
