using System.Collections.Immutable;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Devices;

/// <summary>
/// What a device asks with: the body of <c>device_redeem</c> (wireps.md §7). It holds the token's hash; the token itself is
/// in <see cref="ToBody"/> only.
/// </summary>
/// <param name="TokenHash">The hash of the token text, as it came.</param>
/// <param name="Card">The device's card, verified.</param>
/// <param name="Label">A name for the device; null for none.</param>
/// <param name="Endpoints">Where it can be reached.</param>
/// <param name="Proof">The proof of possession (<see cref="DeviceProof"/>); it is checked when the token is known.</param>
public sealed record RedeemRequest(string TokenHash, AgentCard Card, string? Label, ImmutableArray<DeviceEndpoint> Endpoints, byte[] Proof)
{
    private static readonly ImmutableArray<string> Members = ["token", "card", "label", "endpoints", "proof"];

    /// <summary>The request of a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="token">The token text, taken exactly as it is.</param>
    /// <param name="issuerKey">The 32-byte key of the home that made the token.</param>
    /// <param name="principal">The DID that the device is to belong to.</param>
    /// <param name="label">A name for the device; null for none.</param>
    /// <param name="endpoints">Where it can be reached; at most <see cref="DeviceEndpoint.MaxCount"/>.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidLabel"/>; <see cref="WireReason.InvalidEvent"/> for endpoints that cannot be read back.</exception>
    public static RedeemRequest Create(
        OwnIdentity device, string token, ReadOnlySpan<byte> issuerKey, string principal, string? label = null, ImmutableArray<DeviceEndpoint> endpoints = default)
    {
        ArgumentNullException.ThrowIfNull(device);
        var hash = PairToken.HashOf(token);
        return new RedeemRequest(hash, device.Card, label, endpoints.IsDefault ? [] : endpoints, DeviceProof.Sign(device, issuerKey, hash, principal)).Checked();
    }

    /// <summary>Reads the body of <c>device_redeem</c>.</summary>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidEvent"/>: not the members of one, each of its kind, and no others;
    /// <see cref="WireReason.InvalidCard"/>; <see cref="WireReason.InvalidLabel"/>.
    /// </exception>
    public static RedeemRequest FromBody(WireJson body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (body.Members.Any(static member => !Members.Contains(member.Key))
            || body.GetString("token") is not { } token
            || body.GetObject("card") is not { } card
            || (body.TryGet("label", out var label) && label.Kind is not (WireJsonKind.String or WireJsonKind.Null))
            || DeviceEndpoint.TryRead(body.GetArray("endpoints")) is not { } endpoints
            || !StrictBase64.TryDecode(body.GetString("proof"), Ed25519.SignatureBytes, out var proof))
        {
            throw Invalid();
        }

        return new RedeemRequest(PairToken.HashOf(token), AgentCard.From(card), label?.AsString(), endpoints, proof).Checked();
    }

    /// <summary>The body of <c>device_redeem</c>: a secret, to be sealed.</summary>
    /// <param name="token">The token text that the request was made with.</param>
    public WireJson ToBody(string token) => WireJson.ObjectOf(
        ("token", WireJson.From(token)),
        ("card", Card.Json),
        ("label", WireJson.FromNullable(Label)),
        ("endpoints", DeviceEndpoint.ToJson(Endpoints)),
        ("proof", WireJson.From(StrictBase64.Encode(Proof))));

    /// <summary>This request, all of it in its form but the proof: what is kept from it must be readable again.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidCard"/>, <see cref="WireReason.InvalidLabel"/>, <see cref="WireReason.InvalidEvent"/>.</exception>
    internal RedeemRequest Checked()
    {
        Card.Verify().RequireSingleKey();
        DeviceLabel.Require(Label);
        return PairToken.IsHash(TokenHash) && DeviceEndpoint.TryRead(DeviceEndpoint.ToJson(Endpoints)) is not null ? this : throw Invalid();
    }

    /// <summary>Who asks.</summary>
    public override string ToString() => Card.Did;

    private static WireException Invalid() => new(WireReason.InvalidEvent, "The request of a device is not in its form.");
}
