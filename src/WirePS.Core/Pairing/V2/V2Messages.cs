using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Pairing.V2;

/// <summary>The messages of pairing-v2.md §4, written and read. Reading refuses what is not exactly in their form.</summary>
internal static class V2Messages
{
    /// <summary>The largest message that a relay takes (pairing-v2.md §7).</summary>
    internal const int MaxBytes = 64 * 1024;

    private const string Version = "\"v\":2";
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    internal static string Commit(ReadOnlySpan<byte> commit) => $"{{{Version},\"commit\":\"{StrictBase64.Encode(commit)}\"}}";

    internal static string Share(ReadOnlySpan<byte> share, ReadOnlySpan<byte> idCommit) =>
        $"{{{Version},\"share\":\"{StrictBase64.Encode(share)}\",\"id_commit\":\"{StrictBase64.Encode(idCommit)}\"}}";

    internal static string HostReveal(ReadOnlySpan<byte> share, ReadOnlySpan<byte> idCommit, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> confirm, ReadOnlySpan<byte> sealedCard) =>
        $"{{{Version},\"share\":\"{StrictBase64.Encode(share)}\",\"id_commit\":\"{StrictBase64.Encode(idCommit)}\",\"nonce\":\"{StrictBase64.Encode(nonce)}\",\"confirm\":\"{StrictBase64.Encode(confirm)}\",\"sealed\":\"{StrictBase64.Encode(sealedCard)}\"}}";

    internal static string GuestReveal(ReadOnlySpan<byte> confirm, ReadOnlySpan<byte> sealedCard) =>
        $"{{{Version},\"confirm\":\"{StrictBase64.Encode(confirm)}\",\"sealed\":\"{StrictBase64.Encode(sealedCard)}\"}}";

    internal static string Sealed(ReadOnlySpan<byte> sealedBody) => $"{{{Version},\"sealed\":\"{StrictBase64.Encode(sealedBody)}\"}}";

    internal static string Abort(WireReason reason) => $"{{{Version},\"reason\":\"{reason.ToWire()}\"}}";

    internal static string SealedAbort(ReadOnlySpan<byte> sealedReason) => $"{{{Version},\"reason\":\"sealed\",\"sealed\":\"{StrictBase64.Encode(sealedReason)}\"}}";

    internal static byte[] CardPlaintext(AgentCard card, ReadOnlySpan<byte> idNonce, ReadOnlySpan<byte> proof, DateTimeOffset expiresAt) => Encoding.UTF8.GetBytes(
        $"{{\"card\":\"{StrictBase64.Encode(card.Utf8.Span)}\",\"id_nonce\":\"{StrictBase64.Encode(idNonce)}\",\"proof\":\"{StrictBase64.Encode(proof)}\",\"expires_at\":\"{Timestamps.Format(expiresAt)}\"}}");

    internal static byte[] AcceptPlaintext(string relayUrl, string slotId, string slotToken) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["accept"] = true,
        ["endpoints"] = new JsonArray(new JsonObject
        {
            ["relay_url"] = relayUrl,
            ["slot_id"] = slotId,
            ["slot_token"] = slotToken,
            ["scope"] = new Uri(relayUrl).IsLoopback ? "local" : "federation",
        }),
    }.ToJsonString());

    internal static byte[] AckPlaintext { get; } = "{\"pinned\":true}"u8.ToArray();

    internal static byte[] ReasonPlaintext(WireReason reason) => Encoding.UTF8.GetBytes($"{{\"reason\":\"{reason.ToWire()}\"}}");

    /// <summary>The members of a message, in the order asked for; <see cref="WireReason.UnsupportedVersion"/>, <see cref="WireReason.ProtocolError"/>.</summary>
    internal static byte[][] Read(string body, params ReadOnlySpan<string> members)
    {
        using var document = Parse(Encoding.UTF8.GetBytes(body));
        RequireVersion(document.RootElement);
        var values = new byte[members.Length][];
        for (var i = 0; i < members.Length; i++)
        {
            values[i] = Bytes(document.RootElement, members[i]);
        }

        return document.RootElement.GetPropertyCount() == members.Length + 1 ? values : throw Malformed();
    }

    /// <summary>A phase 9: the reason in clear, or the sealed one.</summary>
    internal static (WireReason? Reason, byte[]? Sealed) ReadAbort(string body)
    {
        using var document = Parse(Encoding.UTF8.GetBytes(body));
        RequireVersion(document.RootElement);
        var reason = Text(document.RootElement, "reason");
        return reason == "sealed"
            ? (null, Bytes(document.RootElement, "sealed"))
            : (TryParseAbort(reason, out var known) ? known : throw Malformed(), null);
    }

    /// <summary>A reason that a side may give (§5); others are of this home alone.</summary>
    internal static bool TryParseAbort(string? text, out WireReason reason) =>
        WireErrorCatalogue.TryParseWire(text, out reason)
        && reason is WireReason.WrongCode or WireReason.CommitmentMismatch or WireReason.IdentityMismatch or WireReason.InvalidShare or WireReason.SasMismatch
            or WireReason.SelfPairing or WireReason.Cancelled or WireReason.Expired or WireReason.Crowded or WireReason.UnsupportedVersion
            or WireReason.ProtocolError or WireReason.RelayInterference;

    internal static WireReason ReadReason(byte[] plaintext)
    {
        using var document = Parse(plaintext);
        return TryParseAbort(Text(document.RootElement, "reason"), out var known) ? known : throw Malformed();
    }

    internal static (byte[] Card, byte[] IdNonce, byte[] Proof, DateTimeOffset? ExpiresAt) ReadCard(byte[] plaintext)
    {
        using var document = Parse(plaintext);
        var root = document.RootElement;
        return (Bytes(root, "card"), Bytes(root, "id_nonce"), Bytes(root, "proof"), Timestamps.TryParse(Text(root, "expires_at"), out var expires) ? expires : throw Malformed());
    }

    /// <summary>The first usable address of an accept; null where there is none.</summary>
    internal static PeerRoute? ReadAccept(byte[] plaintext, string ownRelay)
    {
        using var document = Parse(plaintext);
        var root = document.RootElement;
        if (!root.TryGetProperty("accept", out var accept) || accept.ValueKind != JsonValueKind.True
            || !root.TryGetProperty("endpoints", out var endpoints) || endpoints.ValueKind != JsonValueKind.Array)
        {
            throw Malformed();
        }

        foreach (var endpoint in endpoints.EnumerateArray())
        {
            if (endpoint.ValueKind == JsonValueKind.Object
                && PeerRoute.TryCreate(OptionalText(endpoint, "relay_url"), OptionalText(endpoint, "slot_id"), OptionalText(endpoint, "slot_token"), ownRelay) is { } route)
            {
                return route;
            }
        }

        return null;
    }

    internal static void ReadAck(byte[] plaintext)
    {
        using var document = Parse(plaintext);
        if (!document.RootElement.TryGetProperty("pinned", out var pinned) || pinned.ValueKind != JsonValueKind.True)
        {
            throw Malformed();
        }
    }

    private static JsonDocument Parse(byte[] text)
    {
        try
        {
            if (text.Length <= MaxBytes && JsonDocument.Parse(text, Strict) is var document)
            {
                return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw Malformed();
            }
        }
        catch (JsonException)
        {
            // What it says is the peer's; that it is not JSON is enough.
        }

        throw Malformed();
    }

    private static void RequireVersion(JsonElement root)
    {
        if (!root.TryGetProperty("v", out var version) || version.ValueKind != JsonValueKind.Number || !version.TryGetInt64(out var number))
        {
            throw Malformed();
        }

        if (number != 2)
        {
            throw new WireException(WireReason.UnsupportedVersion);
        }
    }

    private static byte[] Bytes(JsonElement root, string name) =>
        StrictBase64.TryDecode(Text(root, name), out var bytes) ? bytes : throw Malformed();

    private static string Text(JsonElement root, string name) => OptionalText(root, name) ?? throw Malformed();

    private static string? OptionalText(JsonElement root, string name)
    {
        try
        {
            return root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Text that is not Unicode.
            return null;
        }
    }

    private static WireException Malformed() => new(WireReason.ProtocolError);
}
