using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Handshakes;

/// <summary>What a message of a handshake says.</summary>
public enum TrustMessageType
{
    /// <summary>Asks to be trusted.</summary>
    Request,

    /// <summary>Yes to a request.</summary>
    Accept,

    /// <summary>No to a request.</summary>
    Reject,

    /// <summary>Takes trust back.</summary>
    Revoke,
}

/// <summary>
/// A message of a trust handshake (wireps.md §8), the same on every transport. Its signature covers type, both sides with
/// their whole keys, the request that it answers, what is said, time and nonce: nothing of it can be put to another use.
/// Pure: nothing is read or stored here.
/// </summary>
public sealed record TrustMessage
{
    /// <summary>Most bytes of justification and reason, as UTF-8; a longer one is cut where it is sent, and refused where it comes.</summary>
    public const int MaxTextBytes = 1024;

    private const int NonceBytes = 16;
    private const int KeyHexLength = Ed25519.PublicKeyBytes * 2;
    private const int HashHexLength = SHA256.HashSizeInBytes * 2;

    /// <summary>What it says.</summary>
    public required TrustMessageType Type { get; init; }

    /// <summary>The sender's DID.</summary>
    public required string From { get; init; }

    /// <summary>The sender's whole key, 64 hex digits; it does not stand in the message, but is that of the card or pin it came with.</summary>
    public required string FromKey { get; init; }

    /// <summary>The recipient's DID; null where it is not known.</summary>
    public string? To { get; init; }

    /// <summary>The recipient's whole key, 64 hex digits; null where it is not known.</summary>
    public string? ToKey { get; init; }

    /// <summary>The id of the request that it is about; null in a request, and in the revoke of a trust that began without one.</summary>
    public string? Request { get; init; }

    /// <summary>Why the sender asks; empty for nothing.</summary>
    public string Justification { get; init; } = "";

    /// <summary>Why the sender says no, or takes it back; empty for nothing.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When, in Unix seconds.</summary>
    public required long Timestamp { get; init; }

    /// <summary>32 hex digits.</summary>
    public required string Nonce { get; init; }

    /// <summary>The id: the hash of the signed text, 64 hex digits. What answers a request names it.</summary>
    public string Id => Convert.ToHexStringLower(SHA256.HashData(SignedText()));

    /// <summary>Makes a message.</summary>
    /// <param name="type">What it says.</param>
    /// <param name="own">The sender's card.</param>
    /// <param name="to">The recipient's card; null where it is not known.</param>
    /// <param name="request">The id of the request that it is about; null for none.</param>
    /// <param name="text">Justification of a request, reason of the others; made printable and cut to <see cref="MaxTextBytes"/>.</param>
    /// <param name="now">When.</param>
    /// <param name="random">Where the nonce comes from.</param>
    public static TrustMessage Create(TrustMessageType type, AgentCard own, AgentCard? to, string? request, string? text, DateTimeOffset now, IRandomSource random)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        random.Fill(nonce);
        var said = Cut(Printable.Of(text) ?? "");
        return new TrustMessage
        {
            Type = type,
            From = own.Did,
            FromKey = Convert.ToHexStringLower(own.PublicKey),
            To = to?.Did,
            ToKey = to is null ? null : Convert.ToHexStringLower(to.PublicKey),
            Request = request,
            Justification = type == TrustMessageType.Request ? said : "",
            Reason = type == TrustMessageType.Request ? "" : said,
            Timestamp = now.ToUnixTimeSeconds(),
            Nonce = Convert.ToHexStringLower(nonce),
        };
    }

    /// <summary>The text that is signed: a label, a zero byte, and the canonical JSON of everything.</summary>
    public byte[] SignedText()
    {
        var content = WireJson.ObjectOf(
            ("type", WireJson.From(NameOf(Type))),
            ("from", WireJson.From(From)),
            ("to", WireJson.FromNullable(To)),
            ("from_key", WireJson.From(FromKey)),
            ("to_key", WireJson.FromNullable(ToKey)),
            ("request", WireJson.FromNullable(Request)),
            ("justification_sha256", WireJson.From(HashOf(Justification))),
            ("reason_sha256", WireJson.From(HashOf(Reason))),
            ("timestamp", WireJson.From(Timestamp)),
            ("nonce", WireJson.From(Nonce)));
        return [.. "WirePS/handshake v2\0"u8, .. CanonicalJson.Canonicalize(content, CanonicalMode.WholeObject)];
    }

    /// <summary>The members of the message, signed.</summary>
    /// <param name="own">The sender; its key is <see cref="FromKey"/>.</param>
    public WireJson Sign(OwnIdentity own) => WireJson.ObjectOf(
        ("justification", WireJson.From(Justification)),
        ("reason", WireJson.From(Reason)),
        ("timestamp", WireJson.From(Timestamp)),
        ("v2_nonce", WireJson.From(Nonce)),
        ("v2_from", WireJson.From(From)),
        ("v2_to", WireJson.FromNullable(To)),
        ("v2_to_key", WireJson.FromNullable(ToKey)),
        ("v2_request", WireJson.FromNullable(Request)),
        ("v2_signature", WireJson.From(StrictBase64.Encode(own.Sign(SignedText())))));

    /// <summary>Reads the members of a message and checks their form and the signature; null where one of them does not hold.</summary>
    /// <param name="type">What the transport says that it is; the signature has to say the same.</param>
    /// <param name="members">The object with the members; others in it are passed over.</param>
    /// <param name="from">The sender's DID, as its card or pin has it.</param>
    /// <param name="fromKey">The sender's 32-byte key, as its card or pin has it.</param>
    public static TrustMessage? Read(TrustMessageType type, WireJson? members, string from, ReadOnlySpan<byte> fromKey)
    {
        if (members is not { IsObject: true }
            || members.GetString("v2_from") != from
            || members.GetInt64("timestamp") is not { } timestamp || timestamp < 0
            || members.GetString("v2_nonce") is not { } nonce || !IsHex(nonce, NonceBytes * 2)
            || !TryGetText(members, "justification", out var justification) || !TryGetText(members, "reason", out var reason)
            || !TryGetHex(members, "v2_to_key", KeyHexLength, out var toKey) || !TryGetHex(members, "v2_request", HashHexLength, out var request)
            || !TryGetOptional(members, "v2_to", out var to) || (to is null) != (toKey is null)
            || (request is not null && type == TrustMessageType.Request) || (request is null && type is TrustMessageType.Accept or TrustMessageType.Reject)
            || !StrictBase64.TryDecode(members.GetString("v2_signature"), Ed25519.SignatureBytes, out var signature)
            || !Ed25519.IsValidPublicKey(fromKey))
        {
            return null;
        }

        var message = new TrustMessage
        {
            Type = type,
            From = from,
            FromKey = Convert.ToHexStringLower(fromKey),
            To = to,
            ToKey = toKey,
            Request = request,
            Justification = justification,
            Reason = reason,
            Timestamp = timestamp,
            Nonce = nonce,
        };
        return Ed25519.Verify(fromKey, message.SignedText(), signature) ? message : null;
    }

    /// <summary>True where it is addressed to this identity, by DID and whole key.</summary>
    public bool IsTo(AgentCard card) => To == card.Did && ToKey == Convert.ToHexStringLower(card.PublicKey);

    /// <summary>The word for a type in the signed text.</summary>
    internal static string NameOf(TrustMessageType type) => type switch
    {
        TrustMessageType.Request => "request",
        TrustMessageType.Accept => "accept",
        TrustMessageType.Reject => "reject",
        _ => "revoke",
    };

    /// <summary>Says what it is; what was said stays out of logs.</summary>
    public override string ToString() => $"{NameOf(Type)} {Id}";

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    // At the edge of a character: half of one would not be UTF-8.
    private static string Cut(string text)
    {
        var bytes = 0;
        var length = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > MaxTextBytes)
            {
                break;
            }

            length += rune.Utf16SequenceLength;
        }

        return text[..length];
    }

    private static bool TryGetText(WireJson members, string name, out string text)
    {
        var isThere = TryGetOptional(members, name, out var value);
        text = value ?? "";
        return isThere && Encoding.UTF8.GetByteCount(text) <= MaxTextBytes;
    }

    private static bool TryGetHex(WireJson members, string name, int length, out string? hex) =>
        TryGetOptional(members, name, out hex) && (hex is null || IsHex(hex, length));

    /// <summary>A text, or null where it is missing or null; false for anything else.</summary>
    private static bool TryGetOptional(WireJson members, string name, out string? text)
    {
        text = null;
        if (members.TryGet(name, out var value) && value.Kind != WireJsonKind.Null)
        {
            text = value.AsString();
            return text is not null;
        }

        return true;
    }

    private static bool IsHex(string text, int length) => text.Length == length && text.All(char.IsAsciiHexDigitLower);
}
