using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Pairing;

/// <summary>The file form of <see cref="PendingPair"/>.</summary>
internal static class PendingPairFormat
{
    /// <summary>The protocols that this version can go on with.</summary>
    private const int NewestProtocol = 2;

    private static readonly PendingPairJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters =
        {
            new JsonStringEnumConverter<PairStatus>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new JsonStringEnumConverter<PairRole>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new JsonStringEnumConverter<WireReason>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new JsonStringEnumConverter<PairLeaving>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new TimeConverter(),
        },
    });

    internal static byte[] Write(PendingPair pair) => JsonSerializer.SerializeToUtf8Bytes(pair, Json.PendingPair);

    /// <summary><see cref="WireReason.FileCorrupt"/>, <see cref="WireReason.FileNewerVersion"/>.</summary>
    internal static PendingPair Read(byte[] text, string path)
    {
        PendingPair? pair;
        try
        {
            pair = JsonSerializer.Deserialize(text, Json.PendingPair);
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
        {
            throw new WireException(WireReason.FileCorrupt, "The pairing's file is torn or foreign.", path, error);
        }

        if (pair is null || pair.CreatedAt == default)
        {
            throw new WireException(WireReason.FileCorrupt, "The pairing's file is torn or foreign.", path);
        }

        if (pair.Protocol > NewestProtocol)
        {
            throw new WireException(WireReason.FileNewerVersion, $"The pairing speaks protocol {pair.Protocol}.", path);
        }

        return pair;
    }

    private sealed class TimeConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Timestamps.TryParse(reader.GetString(), out var time) ? time : throw new JsonException();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Timestamps.Format(value));
    }
}

[JsonSerializable(typeof(PendingPair))]
internal sealed partial class PendingPairJson : JsonSerializerContext;
