using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>
/// An invite as people pass it on (wire.md §7.1): <c>wire://pair?inv=</c> and the signed payload. Whoever has the text can
/// use the invite, so it is a secret until it is used up. What was signed is checked as it came, never written again.
/// </summary>
public sealed class InviteUrl
{
    /// <summary>Most characters of an invite.</summary>
    public const int MaxCharacters = 8 * 1024;

    /// <summary>How every invite starts.</summary>
    public const string Prefix = "wire://pair?";

    private const string TokenParameter = "inv=";

    // Other programs ignore the parameter; they only mint it.
    private const string VersionParameter = "v=1&";

    private static readonly (char Opening, char Closing)[] Wrappers = [('<', '>'), ('"', '"'), ('\'', '\''), ('`', '`')];

    private InviteUrl(string text, InvitePayload payload)
    {
        Text = text;
        Payload = payload;
    }

    /// <summary>The URL. A secret.</summary>
    public string Text { get; }

    /// <summary>What the invite says.</summary>
    public InvitePayload Payload { get; }

    /// <summary>Makes an invite.</summary>
    /// <param name="identity">Who invites.</param>
    /// <param name="route">The mailbox, its relay in the one spelling, and the invite's grant for it.</param>
    /// <param name="nonce">The secret, 32 random bytes.</param>
    /// <param name="expiresAt">When it ends; a fraction of a second is dropped.</param>
    /// <param name="inviteId">
    /// 32 lowercase hex digits, random, for an invite that asks for a proof; null for one that other programs can accept, with the bare nonce.
    /// </param>
    /// <exception cref="ArgumentException">The nonce is not 32 bytes, or the id not 32 hex digits.</exception>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidInvite"/> for a mailbox of another shape or a card that is too large for a URL;
    /// <see cref="WireReason.RelayInvalidUrl"/>.
    /// </exception>
    public static InviteUrl Mint(OwnIdentity identity, PeerRoute route, ReadOnlySpan<byte> nonce, DateTimeOffset expiresAt, string? inviteId)
    {
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(route);
        if (nonce.Length != InvitePayload.NonceBytes)
        {
            throw new ArgumentException($"A nonce has {InvitePayload.NonceBytes} bytes.", nameof(nonce));
        }

        if (inviteId is not null && !InvitePayload.IsInviteId(inviteId))
        {
            throw new ArgumentException($"An id has {InvitePayload.InviteIdLength} lowercase hex digits.", nameof(inviteId));
        }

        if (!RelayUrl.TryNormalize(route.RelayUrl, out var relay, out _))
        {
            throw new WireException(WireReason.RelayInvalidUrl, null, route.RelayUrl);
        }

        var payload = new InvitePayload
        {
            Card = identity.Card,
            Route = route with { RelayUrl = relay },
            Nonce = Convert.ToHexStringLower(nonce),
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds(expiresAt.ToUnixTimeSeconds()),
            InviteId = inviteId,
        };
        InvitePayload.RequireShape(payload.Route, payload.Nonce);
        var utf8 = payload.ToUtf8();
        var text = $"{Prefix}{(inviteId is null ? VersionParameter : "")}{TokenParameter}{StrictBase64.EncodeUrl(utf8)}.{StrictBase64.EncodeUrl(identity.Sign(utf8))}";
        return text.Length <= MaxCharacters
            ? new InviteUrl(text, payload)
            : throw InvitePayload.Invalid($"with this card it would be longer than {MaxCharacters} characters");
    }

    /// <summary>
    /// Reads an invite as it was pasted: white space around it and one pair of quotes or angle brackets are dropped.
    /// Everything in it has been checked then, except whether it was used or revoked, and whether its relay may be used.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidInvite"/> with what is wrong, <see cref="WireReason.InviteExpired"/>,
    /// <see cref="WireReason.UnsupportedVersion"/>.
    /// </exception>
    public static InviteUrl Parse(string text, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(text);
        var url = Unwrap(text);
        if (url.Length > MaxCharacters)
        {
            throw InvitePayload.Invalid($"it is longer than {MaxCharacters} characters");
        }

        var token = FindToken(url);
        var dot = token.IndexOf('.');
        if (dot < 0)
        {
            throw InvitePayload.Invalid("it has no signature");
        }

        var payload = Decode(token[..dot], "payload");
        var signature = Decode(token[(dot + 1)..], "signature");
        var json = InvitePayload.ReadShape(payload);
        RequireTime(json.GetUInt64("exp")!.Value, now);
        var card = VerifyCard(json);
        if (signature.Length != Ed25519.SignatureBytes)
        {
            throw InvitePayload.Invalid($"its signature is not {Ed25519.SignatureBytes} bytes");
        }

        return Ed25519.Verify(card.PublicKey, payload, signature)
            ? new InviteUrl(url.ToString(), InvitePayload.FromSigned(json, card))
            : throw InvitePayload.Invalid("its signature did not verify");
    }

    /// <summary>Who invites; never the text.</summary>
    public override string ToString() => $"invite of {Payload}";

    private static ReadOnlySpan<char> Unwrap(string text)
    {
        var url = text.AsSpan().Trim();
        foreach (var (opening, closing) in Wrappers)
        {
            if (url.Length >= 2 && url[0] == opening && url[^1] == closing)
            {
                return url[1..^1];
            }
        }

        return url;
    }

    // The last of several wins, as in the other programs.
    private static ReadOnlySpan<char> FindToken(ReadOnlySpan<char> url)
    {
        if (!url.StartsWith(Prefix, StringComparison.Ordinal))
        {
            throw InvitePayload.Invalid($"it does not start with '{Prefix}'");
        }

        var parameters = url[Prefix.Length..];
        var found = false;
        ReadOnlySpan<char> token = [];
        foreach (var range in parameters.Split('&'))
        {
            if (parameters[range].StartsWith(TokenParameter, StringComparison.Ordinal))
            {
                token = parameters[range][TokenParameter.Length..];
                found = true;
            }
        }

        return found ? token : throw InvitePayload.Invalid($"it has no '{TokenParameter}'");
    }

    private static byte[] Decode(ReadOnlySpan<char> text, string part)
        => StrictBase64.TryDecodeUrl(text, out var bytes) ? bytes : throw InvitePayload.Invalid($"its {part} is not base64url");

    private static void RequireTime(ulong expiry, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
        if (seconds > 0 && (ulong)seconds > expiry)
        {
            throw new WireException(WireReason.InviteExpired, $"The invite ended at {DateTimeOffset.FromUnixTimeSeconds((long)expiry):u}.");
        }
    }

    private static AgentCard VerifyCard(WireJson json)
    {
        try
        {
            return AgentCard.From(json.TryGet("card", out var card) ? card : WireJson.Null).Verify().RequireSingleKey();
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard)
        {
            throw InvitePayload.Invalid($"its card does not hold ({error.Message.TrimEnd('.')})", error);
        }
    }
}
