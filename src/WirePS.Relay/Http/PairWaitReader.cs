using System.Text.Json;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Http;

/// <summary>Reads the body of a wait for many rendezvous.</summary>
internal static class PairWaitReader
{
    /// <returns>What the caller is interested in, and for how many seconds it waits.</returns>
    public static async Task<(IReadOnlyList<PairInterest> Interests, int Wait)> ReadAsync(HttpContext http)
    {
        using var body = await BodyReader.ReadV2Async(http, WireLimits.WaitBytes);
        if (!body.RootElement.TryGetProperty("items"u8, out var items) || items.ValueKind != JsonValueKind.Array)
        {
            throw RequestRefusedException.BadRequest("items must be an array");
        }

        if (items.GetArrayLength() > WireLimits.WaitItems)
        {
            throw RequestRefusedException.BadRequest($"a wait is for at most {WireLimits.WaitItems} items");
        }

        var interests = new List<PairInterest>(items.GetArrayLength());
        var sides = new HashSet<(string Lookup, PairRole Role)>(items.GetArrayLength());
        foreach (var item in items.EnumerateArray())
        {
            var interest = Interest(item);
            if (!sides.Add((interest.Side.Lookup, interest.Side.Role)))
            {
                throw RequestRefusedException.BadRequest("an item comes twice");
            }

            interests.Add(interest);
        }

        return (interests, Wait(body.RootElement));
    }

    private static PairInterest Interest(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            throw RequestRefusedException.BadRequest("an item must be an object");
        }

        return new PairInterest(
            PairShape.Side(Text(item, "lookup"), Text(item, "role"), Text(item, "token")),
            Phase(item, "after"),
            Phase(item, "own"),
            Flag(item, "crowded"));
    }

    private static string Text(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw RequestRefusedException.BadRequest($"{name} must be a string");

    private static int Phase(JsonElement item, string name)
    {
        if (!item.TryGetProperty(name, out var value))
        {
            return -1;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && (number == -1 || PairPhases.IsPhase(number))
            ? number
            : throw RequestRefusedException.BadRequest($"{name} must be -1 or a phase");
    }

    private static bool Flag(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value)
        && (value.ValueKind == JsonValueKind.True
            || (value.ValueKind == JsonValueKind.False ? false : throw RequestRefusedException.BadRequest($"{name} must be true or false")));

    /// <summary>As in a query: whoever asks for more waits for as long as there is.</summary>
    private static int Wait(JsonElement body)
    {
        if (!body.TryGetProperty("wait"u8, out var value))
        {
            return 0;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seconds) && seconds >= 0
            ? (int)Math.Min(seconds, LongPoll.MaxSeconds)
            : throw RequestRefusedException.BadRequest("wait must be a number of seconds");
    }
}
