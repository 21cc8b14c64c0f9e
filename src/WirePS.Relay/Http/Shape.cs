using System.Text.Json;

namespace WirePS.Relay.Http;

/// <summary>
/// Fits a JSON body to named members as the real relay does: an object, or an array with the members in their order; a member given twice or of
/// another type is 422, unknown members are ignored, more elements than members are 400.
/// </summary>
internal static class Shape
{
    /// <summary>Finds the members; null where one is not there.</summary>
    /// <param name="root">The body.</param>
    /// <param name="members">The members of protocol v1, in their order, then those that only an object may hold.</param>
    /// <param name="arrayMembers">How many of them an array may hold.</param>
    public static JsonElement?[] Fit(JsonElement root, ReadOnlySpan<string> members, int arrayMembers)
    {
        var found = new JsonElement?[members.Length];
        switch (root.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in root.EnumerateObject())
                {
                    var index = IndexOf(property, members);
                    if (index < 0)
                    {
                        continue;
                    }

                    if (found[index] is not null)
                    {
                        throw RequestRefusedException.WrongShape($"duplicate field `{members[index]}`");
                    }

                    found[index] = property.Value;
                }

                return found;

            case JsonValueKind.Array:
                var count = root.GetArrayLength();
                if (count > arrayMembers)
                {
                    throw RequestRefusedException.Malformed("trailing characters");
                }

                for (var i = 0; i < count; i++)
                {
                    found[i] = root[i];
                }

                return found;

            default:
                throw RequestRefusedException.WrongShape("invalid type, expected an object");
        }
    }

    /// <summary>A member that must be a string.</summary>
    public static string Text(JsonElement? value, string name) =>
        value is not { } element
            ? throw RequestRefusedException.WrongShape($"missing field `{name}`")
            : element.ValueKind == JsonValueKind.String
                ? element.GetString()!
                : throw RequestRefusedException.WrongShape($"{name}: invalid type, expected a string");

    /// <summary>A member that is a string, null, or absent.</summary>
    public static string? OptionalText(JsonElement? value, string name) =>
        value is null or { ValueKind: JsonValueKind.Null } ? null : Text(value, name);

    /// <summary>A member that is true, false, null, or absent.</summary>
    public static bool? OptionalBoolean(JsonElement? value, string name) => value?.ValueKind switch
    {
        null or JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw RequestRefusedException.WrongShape($"{name}: invalid type, expected a boolean"),
    };

    /// <summary>A member that is a whole number from 0 to <paramref name="max"/>, null, or absent.</summary>
    public static ulong? OptionalNumber(JsonElement? value, string name, ulong max)
    {
        if (value is not { } element || element.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return element.ValueKind == JsonValueKind.Number && element.TryGetUInt64(out var number) && number <= max
            ? number
            : throw RequestRefusedException.WrongShape($"{name}: invalid value, expected a whole number from 0 to {max}");
    }

    private static int IndexOf(JsonProperty property, ReadOnlySpan<string> members)
    {
        for (var i = 0; i < members.Length; i++)
        {
            if (property.NameEquals(members[i]))
            {
                return i;
            }
        }

        return -1;
    }
}
