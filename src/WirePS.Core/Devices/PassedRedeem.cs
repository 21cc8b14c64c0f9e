using System.Collections.Immutable;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Devices;

/// <summary>
/// What a device passes on to the root of its identity when a new machine has used its token (wireps.md §7): everything that the root needs to verify the machine
/// by itself. The token is not in it, only its hash.
/// </summary>
/// <param name="Request">The request of the new machine; its proof names the device that passes it on.</param>
/// <param name="Rights">What the token gives.</param>
/// <param name="RequestId">The id of the event that the machine asked with, 64 hex digits.</param>
/// <param name="ExpiresAt">The end of the token, in whole seconds.</param>
internal sealed record PassedRedeem(RedeemRequest Request, DeviceRights Rights, string RequestId, DateTimeOffset ExpiresAt)
{
    private const string Member = "redeem";
    private const int IdLength = 64;
    private static readonly ImmutableArray<string> Members = ["token_hash", "card", "label", "endpoints", "proof", "rights", "request", "exp"];

    /// <summary>What is passed on of a token that a machine has used.</summary>
    internal static PassedRedeem Of(StoredToken token)
    {
        var reservation = token.Reservation!;
        var passing = reservation.Passing!;
        return new(
            new RedeemRequest(token.Hash, reservation.Card, reservation.Label, reservation.Endpoints, passing.Proof),
            token.Rights,
            passing.RequestId,
            DateTimeOffset.FromUnixTimeSeconds(token.ExpiresAt));
    }

    /// <summary>Reads the body of such a <c>device_redeem</c>.</summary>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidEvent"/>: not the members of one, each of its kind, and no others; <see cref="WireReason.InvalidCard"/>;
    /// <see cref="WireReason.InvalidLabel"/>; <see cref="WireReason.InvalidRights"/>.
    /// </exception>
    internal static PassedRedeem FromBody(WireJson body)
    {
        if (body.Members.Any(static member => member.Key != Member)
            || body.GetObject(Member) is not { } redeem
            || redeem.Members.Any(static member => !Members.Contains(member.Key))
            || redeem.GetString("token_hash") is not { } hash
            || redeem.GetObject("card") is not { } card
            || (redeem.TryGet("label", out var label) && label.Kind is not (WireJsonKind.String or WireJsonKind.Null))
            || DeviceEndpoint.TryRead(redeem.GetArray("endpoints")) is not { } endpoints
            || !StrictBase64.TryDecode(redeem.GetString("proof"), Ed25519.SignatureBytes, out var proof)
            || redeem.GetArray("rights") is not { } rights
            || redeem.GetString("request") is not { Length: IdLength } request || !request.All(char.IsAsciiHexDigitLower)
            || redeem.GetInt64("exp") is not (>= 0 and var exp) || exp > DateTimeOffset.MaxValue.ToUnixTimeSeconds() - PairTokens.MaxLifetimeSeconds)
        {
            throw new WireException(WireReason.InvalidEvent, "What a device passed on is not in its form.");
        }

        return new(
            new RedeemRequest(hash, AgentCard.From(card), label?.AsString(), endpoints, proof).Checked(),
            DeviceRightsText.Parse(rights.Items.Select(static item => item.AsString())),
            request,
            DateTimeOffset.FromUnixTimeSeconds(exp));
    }

    /// <summary>The body, to be sealed.</summary>
    internal WireJson ToBody() => WireJson.ObjectOf((Member, WireJson.ObjectOf(
        ("token_hash", WireJson.From(Request.TokenHash)),
        ("card", Request.Card.Json),
        ("label", WireJson.FromNullable(Request.Label)),
        ("endpoints", DeviceEndpoint.ToJson(Request.Endpoints)),
        ("proof", WireJson.From(StrictBase64.Encode(Request.Proof))),
        ("rights", Rights.ToJson()),
        ("request", WireJson.From(RequestId)),
        ("exp", WireJson.From(ExpiresAt.ToUnixTimeSeconds())))));

    /// <inheritdoc/>
    public override string ToString() => Request.ToString();
}
