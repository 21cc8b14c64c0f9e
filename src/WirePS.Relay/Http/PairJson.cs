using System.Buffers;
using System.Numerics;
using System.Text.Json;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>The news of a wait for many rendezvous.</summary>
/// <param name="Items">The rendezvous that have some.</param>
/// <param name="More">Whether there are others whose messages did not fit.</param>
internal sealed record PairNews(IReadOnlyList<(PairSide Side, PairReading Reading)> Items, bool More);

/// <summary>
/// Writes what a side reads of its rendezvous. A message is spliced in as the bytes that came, white space included: it was checked to be one
/// JSON object when it came, and what it says is none of the relay's business.
/// </summary>
internal static class PairJson
{
    private const int OverheadBytes = 256;

    /// <summary>The reply to a read.</summary>
    public static ReadOnlyMemory<byte> Reading(PairReading reading)
    {
        var buffer = new ArrayBufferWriter<byte>(reading.Messages.Sum(static message => message.Body.Length) + OverheadBytes);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        WriteMembers(json, reading);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>The reply to a wait: what has news, and whether there is more than it holds.</summary>
    public static ReadOnlyMemory<byte> News(PairNews news)
    {
        var buffer = new ArrayBufferWriter<byte>(OverheadBytes + news.Items.Sum(
            static item => OverheadBytes + item.Reading.Messages.Sum(static message => message.Body.Length)));
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteStartArray("items"u8);
        foreach (var (side, reading) in news.Items)
        {
            json.WriteStartObject();
            json.WriteString("lookup"u8, side.Lookup);
            json.WriteString("role"u8, side.Role.Name());
            if (reading.Access == PairAccess.Readable)
            {
                WriteMembers(json, reading);
            }
            else
            {
                json.WriteString("code"u8, RequestRefusedException.Unreadable(reading.Access).Code);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (news.More)
        {
            json.WriteBoolean("more"u8, true);
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    public static string Name(PairState state) => state switch
    {
        PairState.Open => "open",
        PairState.Decided => "decided",
        PairState.Ended => "ended",
        _ => "expired",
    };

    private static void WriteMembers(Utf8JsonWriter json, PairReading reading)
    {
        json.WriteString("state"u8, Name(reading.State));
        json.WriteString("reason"u8, reading.Reason);
        json.WriteString("expires_at"u8, RelayTime.Format(reading.ExpiresAt));
        json.WriteBoolean("crowded"u8, reading.Crowded);
        json.WriteStartArray("own"u8);
        for (var phases = (uint)reading.OwnPhases; phases != 0; phases &= phases - 1)
        {
            json.WriteNumberValue(BitOperations.TrailingZeroCount(phases));
        }

        json.WriteEndArray();
        json.WriteStartArray("messages"u8);
        foreach (var message in reading.Messages)
        {
            json.WriteStartObject();
            json.WriteNumber("phase"u8, message.Phase);
            json.WritePropertyName("body"u8);
            json.WriteRawValue(message.Body, skipInputValidation: true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
