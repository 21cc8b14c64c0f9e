using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Pairing.V1;

/// <summary>The sealed card and address that each side of a v1 pairing gives the other (wire.md §5.7).</summary>
internal static class V1Bootstrap
{
    private const int MaxPlaintext = 64 * 1024;

    /// <summary>Our own, sealed, as base64.</summary>
    internal static string SealOwn(PendingPair pair, AgentCard card, ReadOnlySpan<byte> nonce)
    {
        var plaintext = new JsonObject
        {
            ["card"] = JsonNode.Parse(card.JsonText),
            ["relay_url"] = pair.RelayUrl,
            ["slot_id"] = pair.OurSlotId,
            ["slot_token"] = pair.OurSlotToken,
        };
        using var key = V1Secrets.SealKey(pair);
        return StrictBase64.Encode(BootstrapSeal.Seal(key.Span, nonce, CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(plaintext.ToJsonString()), CanonicalMode.WholeObject)));
    }

    /// <summary>
    /// The peer's, opened and checked: <see cref="WireReason.ProtocolError"/> where it does not open,
    /// <see cref="WireReason.InvalidCard"/>, and <see cref="WireReason.SelfPairing"/> where it is our own card.
    /// </summary>
    internal static (AgentCard Card, PeerRoute? Route) OpenPeer(PendingPair pair)
    {
        using var key = V1Secrets.SealKey(pair);
        var (card, route) = Open(pair, key, pair.Messages.Received[V1Protocol.Bootstrap]);
        card.Verify();
        card.RequireSingleKey();
        if (pair.Messages.Sent.TryGetValue(V1Protocol.Bootstrap, out var own) && Open(pair, key, own).Card.PublicKey.AsSpan().SequenceEqual(card.PublicKey))
        {
            throw new WireException(WireReason.SelfPairing, null, pair.Id);
        }

        return (card, route);
    }

    private static (AgentCard Card, PeerRoute? Route) Open(PendingPair pair, SecretBytes key, string text)
    {
        if (!StrictBase64.TryDecode(text, out var blob) || BootstrapSeal.Open(key.Span, blob) is not { Length: <= MaxPlaintext } plaintext)
        {
            throw new WireException(WireReason.ProtocolError, "The other side's sealed card does not open.", pair.Id);
        }

        try
        {
            using var document = JsonDocument.Parse(plaintext, new JsonDocumentOptions { MaxDepth = 64 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("card", out var card))
            {
                throw new WireException(WireReason.ProtocolError, "The other side's bootstrap has no card.", pair.Id);
            }

            var route = PeerRoute.TryCreate(Text(root, "relay_url"), Text(root, "slot_id"), Text(root, "slot_token"), pair.RelayUrl);
            return (AgentCard.Parse(Encoding.UTF8.GetBytes(card.GetRawText())), route);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new WireException(WireReason.ProtocolError, "The other side's bootstrap is not JSON.", pair.Id, error);
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
