using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>What an invite says (wire.md §7.2, wireps.md §6): who invites, where to answer, and the secret that lets one in.</summary>
public sealed record InvitePayload
{
    /// <summary>Bytes of the nonce.</summary>
    public const int NonceBytes = 32;

    /// <summary>Hex digits of an invite's id.</summary>
    public const int InviteIdLength = 32;

    private const ulong SchemaVersion = 1;
    private const string AcceptVersion = "v2";

    // The last second of the year 9999.
    private const ulong MaxExpiry = 253_402_300_799;

    private static readonly string[] TextMembers = ["did", "relay_url", "slot_id", "slot_token", "nonce"];
    private static readonly string[] KnownMembers = ["v", "did", "card", "relay_url", "slot_id", "slot_token", "nonce", "exp", "accept", "invite_id"];

    /// <summary>The issuer's card, verified.</summary>
    public required AgentCard Card { get; init; }

    /// <summary>
    /// The issuer's mailbox, and what to write to it with: the invite's grant, in an older invite the issuer's own token. The
    /// address is clean; whether it may be used is for <see cref="RelayUrl"/> to say.
    /// </summary>
    public required PeerRoute Route { get; init; }

    /// <summary>The secret of the invite: 64 lowercase hex digits.</summary>
    public required string Nonce { get; init; }

    /// <summary>When the invite ends, in whole seconds.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>32 lowercase hex digits; null for an invite that takes the bare nonce, as other programs make and accept them.</summary>
    public string? InviteId { get; init; }

    /// <summary>True where the issuer asks for a proof (<see cref="InviteProof"/>) instead of the bare nonce.</summary>
    public bool AcceptsV2 => InviteId is not null;

    /// <summary>The issuer's DID; the other members are secrets.</summary>
    public override string ToString() => Card.Did;

    /// <summary>The text that is signed: compact, members in the order of the other programs, ours after them.</summary>
    internal byte[] ToUtf8()
    {
        var json = WireJson.ObjectOf(
            ("v", WireJson.From(SchemaVersion)),
            ("did", WireJson.From(Card.Did)),
            ("card", WireJson.Parse(Card.Json.ToCompactBytes())), // read again, so that its members stand sorted
            ("relay_url", WireJson.From(Route.RelayUrl)),
            ("slot_id", WireJson.From(Route.SlotId)),
            ("slot_token", WireJson.From(Route.SlotToken)),
            ("nonce", WireJson.From(Nonce)),
            ("exp", WireJson.From((ulong)ExpiresAt.ToUnixTimeSeconds())));
        if (InviteId is not null)
        {
            json = json.With("accept", AcceptVersion).With("invite_id", InviteId);
        }

        return json.ToCompactBytes(WireJsonOrder.Document);
    }

    /// <summary>Reads the text of a payload: it is JSON of the right members and of a version that we know.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidInvite"/>, <see cref="WireReason.UnsupportedVersion"/>.</exception>
    internal static WireJson ReadShape(ReadOnlySpan<byte> utf8)
    {
        if (!WireJson.TryParse(utf8, out var json) || !json.IsObject)
        {
            throw Invalid("its payload is not a JSON object");
        }

        RequireUniqueMembers(utf8);
        foreach (var name in TextMembers)
        {
            _ = json.GetString(name) ?? throw Invalid($"its payload has no text '{name}'");
        }

        if (!json.TryGet("card", out _))
        {
            throw Invalid("its payload has no 'card'");
        }

        _ = json.GetUInt64("exp") ?? throw Invalid("its payload has no unsigned integer 'exp'");
        return json.GetUInt64("v") switch
        {
            null or > uint.MaxValue => throw Invalid("its payload has no version"),
            SchemaVersion => json,
            var version => throw new WireException(WireReason.UnsupportedVersion, $"The invite is of version {version}, which this program does not know."),
        };
    }

    /// <summary>Takes over what was signed, after checks that other programs do not make.</summary>
    /// <param name="json">What <see cref="ReadShape"/> gave.</param>
    /// <param name="card">The verified card, whose key signed the text.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidInvite"/>, <see cref="WireReason.UnsupportedVersion"/>.</exception>
    internal static InvitePayload FromSigned(WireJson json, AgentCard card)
    {
        // Otherwise the invite could put its route under the name of somebody else (flaw I7).
        Require(json.GetString("did") == card.Did, "its DID is not that of its card");
        Require(RelayUrl.TryNormalize(json.GetString("relay_url"), out var relay, out _), "its relay is not the address of one");
        var route = new PeerRoute(relay, json.GetString("slot_id")!, json.GetString("slot_token")!);
        var nonce = json.GetString("nonce")!;
        var expiry = json.GetUInt64("exp")!.Value;
        RequireShape(route, nonce);
        Require(expiry <= MaxExpiry, "its expiry is beyond the year 9999");
        return new InvitePayload
        {
            Card = card,
            Route = route,
            Nonce = nonce,
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds((long)expiry),
            InviteId = ReadInviteId(json),
        };
    }

    /// <summary>Checks mailbox, token and nonce: 32, 64 and 64 lowercase hex digits.</summary>
    internal static void RequireShape(PeerRoute route, string nonce)
    {
        Require(IsHex(route.SlotId, 32), "its mailbox is not 32 hex digits");
        Require(IsHex(route.SlotToken, 64), "its token is not 64 hex digits");
        Require(IsHex(nonce, 2 * NonceBytes), "its nonce is not 64 hex digits");
    }

    /// <summary>True for the id of an invite.</summary>
    internal static bool IsInviteId(string? text) => IsHex(text, InviteIdLength);

    internal static WireException Invalid(string what, Exception? inner = null)
        => new(WireReason.InvalidInvite, $"The invite did not pass: {what}.", inner: inner);

    private static string? ReadInviteId(WireJson json)
    {
        if (!json.TryGet("accept", out var accept))
        {
            Require(!json.TryGet("invite_id", out _), "it has an id and does not say what it accepts");
            return null;
        }

        if (accept.AsString() != AcceptVersion)
        {
            throw new WireException(WireReason.UnsupportedVersion, "The invite asks for an answer in a form that this program does not know.");
        }

        var id = json.GetString("invite_id");
        Require(IsInviteId(id), "its id is not 32 hex digits");
        return id;
    }

    // A repeated member would mean one thing here and another in a program that takes the first.
    private static void RequireUniqueMembers(ReadOnlySpan<byte> utf8)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = WireJson.MaxDepth + 1 });
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1)
            {
                var name = reader.GetString()!;
                Require(!KnownMembers.Contains(name) || seen.Add(name), $"its payload has '{name}' twice");
            }
        }
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw Invalid(otherwise);
        }
    }

    private static bool IsHex(string? text, int length) => text?.Length == length && text.All(char.IsAsciiHexDigitLower);
}
