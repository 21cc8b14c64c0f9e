using System.Text.Json;

namespace WirePS.Relay.Http;

/// <summary>What tells one event from another.</summary>
/// <param name="Id">Its <c>event_id</c>, where that is a string.</param>
/// <param name="Proof">Its signature and the name of the key, where both or one of them are strings: what the id, a hash of the content, does not cover.</param>
internal readonly record struct EventIdentity(string? Id, string? Proof)
{
    /// <summary>Reads the members of an object; of several of one name the last counts, as for the real relay.</summary>
    public static EventIdentity Of(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            return default;
        }

        JsonElement? id = null, signature = null, key = null;
        foreach (var property in item.EnumerateObject())
        {
            if (property.NameEquals("event_id"u8))
            {
                id = property.Value;
            }
            else if (property.NameEquals("signature"u8))
            {
                signature = property.Value;
            }
            else if (property.NameEquals("public_key_id"u8))
            {
                key = property.Value;
            }
        }

        return new EventIdentity(Text(id), Text(signature) is null && Text(key) is null ? null : $"{Text(signature)}\n{Text(key)}");
    }

    private static string? Text(JsonElement? value) => value is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
}
