using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>A handle in the form that programs of the A2A protocol read, with the fields of wire as an extension.</summary>
internal static class AgentToAgentCard
{
    private const string Extension = "https://slancha.ai/wire/ext/v0.5";
    private const string Scheme = "ed25519-event-sig";

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static ReadOnlyMemory<byte> Write(HandleView handle)
    {
        var card = JsonElement.Parse(handle.Card);
        var profile = card.TryGetProperty("profile", out var member) ? member : default;
        var json = new ArrayBufferWriter<byte>(handle.Card.Length + 2048);
        using (var writer = new Utf8JsonWriter(json, Options))
        {
            writer.WriteStartObject();
            writer.WriteString("id", handle.Did);
            writer.WriteString("name", Text(profile, "display_name") ?? handle.Nick);
            writer.WriteString("description", Text(profile, "motto") ?? "");
            writer.WriteString("version", "wire/0.5");
            writer.WriteString("endpoint", $"{handle.RelayUrl}/v1/handle/intro/{handle.Nick}");
            writer.WriteStartObject("provider");
            writer.WriteString("name", "wire");
            writer.WriteString("url", "https://github.com/SlanchaAi/wire");
            writer.WriteEndObject();
            writer.WriteStartObject("capabilities");
            writer.WriteBoolean("streaming", false);
            writer.WriteBoolean("pushNotifications", false);
            writer.WriteBoolean("extendedAgentCard", true);
            writer.WriteEndObject();
            WriteSecurity(writer);
            writer.WriteStartArray("skills");
            writer.WriteEndArray();
            writer.WriteStartArray("extensions");
            WriteExtension(writer, handle, card, profile);
            writer.WriteEndArray();
            writer.WritePropertyName("signature");
            card.GetProperty("signature").WriteTo(writer);
            writer.WriteEndObject();
        }

        return json.WrittenMemory;
    }

    private static void WriteSecurity(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("securitySchemes");
        writer.WriteStartObject(Scheme);
        writer.WriteString("type", "signature");
        writer.WriteString("alg", "EdDSA");
        writer.WriteString("description", "Signed events of wire: an introduction is a pair_drop of kind 1100, verified with the key of the card in it.");
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteStartArray("security");
        writer.WriteStartObject();
        writer.WriteStartArray(Scheme);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    private static void WriteExtension(Utf8JsonWriter writer, HandleView handle, JsonElement card, JsonElement profile)
    {
        writer.WriteStartObject();
        writer.WriteString("uri", Extension);
        writer.WriteString("description", "The signed agent card, its profile, the DID, and where the mailbox is.");
        writer.WriteBoolean("required", false);
        writer.WriteStartObject("params");
        writer.WriteString("did", handle.Did);
        writer.WriteString("handle", handle.Nick);
        writer.WriteString("slot_id", handle.SlotId);
        writer.WriteString("relay_url", handle.RelayUrl);
        writer.WritePropertyName("card");
        card.WriteTo(writer);
        writer.WritePropertyName("profile");
        if (profile.ValueKind == JsonValueKind.Undefined)
        {
            writer.WriteNullValue();
        }
        else
        {
            profile.WriteTo(writer);
        }

        writer.WriteString("claimed_at", RelayTime.FormatSeconds(handle.ClaimedAt));
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static string? Text(JsonElement profile, string name) =>
        profile.ValueKind == JsonValueKind.Object && profile.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
