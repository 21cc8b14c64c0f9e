using System.Collections.Immutable;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Devices;

/// <summary>One device on the card of its identity (wireps.md §7).</summary>
/// <param name="Did">The device's own DID.</param>
/// <param name="Key">Its Ed25519 key, 32 bytes: what it is found by.</param>
/// <param name="DhPublicKey">Its X25519 key for sealed bodies, 32 bytes.</param>
/// <param name="Rights">What it may do.</param>
/// <param name="AddedAt">When it was admitted, by the clock of the home that did.</param>
/// <param name="Endpoints">Where it can be reached.</param>
public sealed record DeviceEntry(
    string Did, byte[] Key, byte[] DhPublicKey, DeviceRights Rights, DateTimeOffset AddedAt, ImmutableArray<DevicePlace> Endpoints)
{
    /// <summary>Most devices of one identity: with all their endpoints the card still fits a message of a pairing.</summary>
    public const int MaxCount = 16;

    private const string Member = "devices";
    private const int MaxDid = 256;

    /// <summary>The key's fingerprint as people compare it.</summary>
    public string Fingerprint => Identity.Fingerprint.Display(Key);

    /// <summary>The key as events are checked against it.</summary>
    public EventKey EventKey => new(Identity.Fingerprint.KeyId(WireDid.DisplayHandle(Did), Key), StrictBase64.Encode(Key));

    /// <summary>True where it may do all of this.</summary>
    public bool May(DeviceRights rights) => Rights.HasFlag(rights);

    /// <summary>The devices of a card that has verified; none where it lists none.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidCard"/>: the list is not in its form, or has a key twice.</exception>
    public static ImmutableArray<DeviceEntry> ListOf(AgentCard card)
    {
        ArgumentNullException.ThrowIfNull(card);
        if (!card.Json.TryGet(Member, out var list))
        {
            return [];
        }

        if (list is not { Kind: WireJsonKind.Array, Count: <= MaxCount })
        {
            throw Invalid("its devices are not a list, or too many");
        }

        ImmutableArray<DeviceEntry> devices = [.. list.Items.Select(Read)];
        return devices.Select(static device => Convert.ToHexString(device.Key)).Distinct().Count() == devices.Length
            ? devices
            : throw Invalid("a device is listed twice");
    }

    /// <summary>A card's content with these devices in place of the ones it lists.</summary>
    public static WireJson With(WireJson card, IReadOnlyCollection<DeviceEntry> devices)
    {
        ArgumentNullException.ThrowIfNull(card);
        ArgumentNullException.ThrowIfNull(devices);
        return devices.Count == 0 ? card.Without(Member) : card.With(Member, WireJson.ArrayOf(devices.Select(static device => device.ToJson())));
    }

    /// <summary>True where this entry is the one of a key.</summary>
    public bool HasKey(ReadOnlySpan<byte> key) => key.SequenceEqual(Key);

    private WireJson ToJson() => WireJson.ObjectOf(
        ("did", WireJson.From(Did)),
        ("key", WireJson.From(StrictBase64.Encode(Key))),
        ("dh_pubkey", WireJson.From(StrictBase64.Encode(DhPublicKey))),
        ("rights", Rights.ToJson()),
        ("added_at", WireJson.From(Timestamps.Format(AddedAt))),
        ("endpoints", DevicePlace.ToJson(Endpoints)));

    private static DeviceEntry Read(WireJson json)
    {
        if (json.GetString("did") is not { Length: <= MaxDid } did
            || !StrictBase64.TryDecode(json.GetString("key"), Ed25519.PublicKeyBytes, out var key)
            || !Ed25519.IsValidPublicKey(key)
            || !WireDid.CommitsTo(did, key)
            || !StrictBase64.TryDecode(json.GetString("dh_pubkey"), X25519.PublicKeyBytes, out var dhPublicKey)
            || !X25519.IsUsable(dhPublicKey)
            || !Timestamps.TryParse(json.GetString("added_at"), out var addedAt)
            || DevicePlace.TryRead(json.GetArray("endpoints")) is not { } endpoints)
        {
            throw Invalid("a device lacks what it needs");
        }

        try
        {
            return new(did, key, dhPublicKey, DeviceRightsText.Parse(json.GetArray("rights")?.Items.Select(static item => item.AsString()) ?? []), addedAt, endpoints);
        }
        catch (WireException error) when (error.Reason == WireReason.InvalidRights)
        {
            throw Invalid("the rights of a device cannot be read");
        }
    }

    private static WireException Invalid(string what) => new(WireReason.InvalidCard, $"The agent card did not pass: {what}.");
}
