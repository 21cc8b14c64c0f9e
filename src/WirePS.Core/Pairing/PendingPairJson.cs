using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using WirePS.Cryptography;
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
        try
        {
            var pair = Utf8.IsValid(text) ? Complete(JsonSerializer.Deserialize(text, Json.PendingPair), text) : null;
            return pair is not null && IsSound(pair) ? pair : throw Refused(text, path, null);
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
        {
            throw Refused(text, path, error);
        }
    }

    // A generated reader sets what a file of another program does not have to nothing, whatever the type says.
    private static PendingPair? Complete(PendingPair? pair, byte[] text) => pair is null ? null : pair with
    {
        Protocol = pair.Protocol != 0 ? pair.Protocol : ProtocolOf(text) ?? 1,
        Id = pair.Id ?? "",
        Kind = pair.Kind ?? PairKinds.Code,
        Messages = pair.Messages ?? PairMessages.None,
        Leaving = pair.Leaving.IsDefault ? [] : pair.Leaving,
        Transitions = pair.Transitions.IsDefault ? [] : pair.Transitions,
    };

    // What every machine takes for granted; a file that says otherwise must not stop the daemon, nor lead out of its folder.
    private static bool IsSound(PendingPair pair) =>
        (pair.Id.Length == 32 ? pair.Id.All(char.IsAsciiHexDigitLower) : pair.Id.Length == 0 && pair.Protocol == 1)
        && pair.CreatedAt > DateTimeOffset.UnixEpoch && pair.CreatedAt.Year < 9000 && pair.ExpiresAt is null or { Year: < 9000 } && pair.EndedAt is null or { Year: < 9000 }
        && pair.NextDropAt is null or { Year: < 9000 } && pair.GiveUpAt is null or { Year: < 9000 }
        && RelayUrl.TryNormalize(pair.RelayUrl, out var url, out _) && (url == pair.RelayUrl || pair.Id.Length == 0)
        && pair.Messages is { Sent: not null, Received: not null }
        && (pair.Kind, pair.Protocol) switch
        {
            (PairKinds.Code, 1) => V1.V1Protocol.IsSound(pair),
            (PairKinds.Code, 2) => V2.V2Protocol.IsSound(pair),
            (PairKinds.Invite, 1 or 2) => Invites.InviteProtocol.IsSound(pair),
            (PairKinds.Device, 2) => Devices.DeviceProtocol.IsSound(pair),
            _ => false,
        };

    // A newer protocol may have statuses and reasons that this version cannot read; that is something else than damage.
    private static WireException Refused(byte[] text, string path, Exception? cause) => ProtocolOf(text) is > NewestProtocol and var newer
        ? new WireException(WireReason.FileNewerVersion, $"The pairing speaks protocol {newer}.", path)
        : new WireException(WireReason.FileCorrupt, "The pairing's file is torn or foreign.", path, cause);

    private static int? ProtocolOf(byte[] text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 64 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("protocol", out var protocol)
                && protocol.ValueKind == JsonValueKind.Number && protocol.TryGetInt32(out var number) ? number : null;
        }
        catch (JsonException)
        {
            return null;
        }
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
