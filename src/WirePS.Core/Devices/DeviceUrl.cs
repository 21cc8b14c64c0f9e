using System.Buffers.Text;
using System.Collections.Immutable;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Devices;

/// <summary>
/// What takes a token to another machine (wireps.md §7): <c>wire://device?d=</c>, the payload, a dot and the issuer's
/// signature over the payload's bytes, both in base64url. A secret as a whole, since the token is in it.
/// </summary>
/// <param name="IssuerCard">The verified card of the home that made the token, whose key has signed.</param>
/// <param name="PrincipalCard">The verified card of the identity, where the issuer is one of its devices; null where it is the root.</param>
/// <param name="Endpoints">Where the issuer can be reached, with a grant for this token alone; at least one.</param>
/// <param name="ExpiresAt">From when on the token is dead, in whole seconds.</param>
/// <param name="Token">The token text.</param>
public sealed record DeviceUrl(
    AgentCard IssuerCard, AgentCard? PrincipalCard, ImmutableArray<DeviceEndpoint> Endpoints, DateTimeOffset ExpiresAt, string Token)
{
    /// <summary>The longest URL that is read (characters): two cards of the largest size fit.</summary>
    public const int MaxLength = 256 * 1024;

    private const string Start = "wire://device?";
    private const string Parameter = "d=";
    private const long Version = 1;

    // 64 bytes in base64url.
    private const int SignatureLength = 86;
    private static readonly ImmutableArray<string> Members = ["v", "card", "principal_card", "endpoints", "exp", "token"];

    /// <summary>True for the beginning of a URL that goes on in the next line: one that was copied from a narrow window.</summary>
    public static bool IsCutOff(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith(Start, StringComparison.Ordinal) && text.Length < MaxLength
            && text.Length - 1 - text.LastIndexOf('.') is var signature && (signature < SignatureLength || !text.Contains('.', StringComparison.Ordinal));
    }

    /// <summary>The DID of the identity that the device is to belong to.</summary>
    public string Principal => (PrincipalCard ?? IssuerCard).Did;

    /// <summary>Makes the URL of a token.</summary>
    /// <param name="issuer">The home that made the token.</param>
    /// <param name="principalCard">The identity's card, where the issuer is one of its devices; null where it is the root.</param>
    /// <param name="endpoints">Where the issuer can be reached, with a grant of the token's own.</param>
    /// <param name="token">The token.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidDeviceUrl"/>: what it would say does not hold together.</exception>
    public static string Mint(OwnIdentity issuer, AgentCard? principalCard, ImmutableArray<DeviceEndpoint> endpoints, MintedPairToken token)
    {
        ArgumentNullException.ThrowIfNull(issuer);
        ArgumentNullException.ThrowIfNull(token);
        var payload = WireJson.ObjectOf(("v", WireJson.From(Version)), ("card", issuer.Card.Json));
        payload = (principalCard is null ? payload : payload.With("principal_card", principalCard.Json))
            .With("endpoints", DeviceEndpoint.ToJson(endpoints))
            .With("exp", token.Info.ExpiresAt.ToUnixTimeSeconds())
            .With("token", token.Token);
        var bytes = payload.ToCompactBytes(WireJsonOrder.Document);
        var url = $"{Start}{Parameter}{Base64Url.EncodeToString(bytes)}.{Base64Url.EncodeToString(issuer.Sign(bytes))}";

        // What the other machine would refuse is not handed out.
        _ = Read(url);
        return url;
    }

    /// <summary>Reads and checks a URL; spaces around it are a matter of copying and fall away.</summary>
    /// <param name="text">The URL.</param>
    /// <param name="now">The time, by which it must not have expired.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidDeviceUrl"/>: not one, or changed, or of an issuer that may not add devices;
    /// <see cref="WireReason.InvalidCard"/>; <see cref="WireReason.UnsupportedVersion"/>; <see cref="WireReason.DeviceUrlExpired"/>.
    /// </exception>
    public static DeviceUrl Parse(string text, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(text);
        var url = Read(text.Trim());
        return url.ExpiresAt > now ? url : throw new WireException(WireReason.DeviceUrlExpired);
    }

    /// <summary>Whose it is, never the token.</summary>
    public override string ToString() => $"{Start}… of {IssuerCard.Did}";

    private static DeviceUrl Read(string text)
    {
        var (payload, signature) = Split(text);
        if (!WireJson.TryParse(payload, out var json) || !json.IsObject)
        {
            throw Invalid("its content is not JSON");
        }

        if (json.GetInt64("v") != Version)
        {
            throw new WireException(WireReason.UnsupportedVersion, "The device URL is of a version that is not known here.");
        }

        if (json.Members.Any(static member => !Members.Contains(member.Key)))
        {
            throw Invalid("it says something that is not known here");
        }

        // The URL's own signature first: a URL that was damaged is called that, whatever the damage did to the card.
        var card = Card(json, "card") ?? throw Invalid("it has no card");
        if (!Ed25519.Verify(card.PublicKey, payload, signature))
        {
            throw Invalid("its signature is not that of its card");
        }

        card.Verify().RequireSingleKey();
        return Checked(json, card);
    }

    private static DeviceUrl Checked(WireJson json, AgentCard card)
    {
        var principal = Card(json, "principal_card")?.Verify().RequireSingleKey();
        if (principal is not null && !DeviceEntry.ListOf(principal).Any(device => device.HasKey(card.PublicKey) && device.Rights.HasFlag(DeviceRights.Add)))
        {
            throw Invalid("its issuer is not a device of the identity that may add others");
        }

        var seconds = json.GetInt64("exp");
        if (DeviceEndpoint.TryRead(json.GetArray("endpoints")) is not { Length: > 0 } endpoints
            || seconds is not >= 0 || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            || json.GetString("token") is not { } token || !PairToken.IsWellFormed(token))
        {
            throw Invalid("it lacks what it needs");
        }

        return new(card, principal, endpoints, DateTimeOffset.FromUnixTimeSeconds(seconds.Value), token);
    }

    private static (byte[] Payload, byte[] Signature) Split(string text)
    {
        if (text.Length > MaxLength || !text.StartsWith(Start + Parameter, StringComparison.Ordinal))
        {
            throw Invalid($"it does not start with {Start}{Parameter}, or is too long");
        }

        var parts = text[(Start.Length + Parameter.Length)..].Split('.');
        return parts.Length == 2 && Decode(parts[0]) is { } payload && Decode(parts[1]) is { Length: Ed25519.SignatureBytes } signature
            ? (payload, signature)
            : throw Invalid("it is not whole");
    }

    // One value has one spelling: no padding, no white space, no trailing bits.
    private static byte[]? Decode(string text)
    {
        if (!Base64Url.IsValid(text))
        {
            return null;
        }

        var bytes = Base64Url.DecodeFromChars(text);
        return Base64Url.EncodeToString(bytes) == text ? bytes : null;
    }

    private static AgentCard? Card(WireJson json, string member)
    {
        if (!json.TryGet(member, out var value))
        {
            return null;
        }

        try
        {
            return value.IsObject ? AgentCard.From(value) : throw Invalid("a card is not one");
        }
        catch (WireException error) when (error.Reason == WireReason.InvalidCard)
        {
            throw Invalid("a card is not one");
        }
    }

    private static WireException Invalid(string what) => new(WireReason.InvalidDeviceUrl, $"The device URL cannot be used: {what}.");
}
