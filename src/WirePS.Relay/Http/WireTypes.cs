using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace WirePS.Relay.Http;

internal sealed record ErrorReply(string Error);

internal sealed record EventTooLargeReply(string Error, int MaxBytes);

internal sealed record SlotFullReply(string Error, string Remediation, long SlotBytesMax, long SlotBytesUsed);

internal sealed record AllocateReply(string SlotId, string SlotToken);

internal sealed record PostEventReply(string? EventId, string Status);

internal sealed record SlotStateReply(long EventCount, long? LastPullAtUnix, JsonElement? ResponderHealth, string SlotId);

internal sealed record ResponderHealth(
    string Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? LastSuccessAt,
    string SetAt);

internal sealed record OpenPairReply(
    string PairId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ExpiresAt);

internal sealed record PairReply(
    string? PeerBootstrap,
    string? PeerMsg,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? PeerDone,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ExpiresAt);

internal sealed record PairMessageReply(string State, int Phase, string ExpiresAt);

internal sealed record OkReply(bool Ok);

internal sealed record ProblemReply(string Type, string Title, int Status, string Code, string Detail);

internal sealed record InfoReply(string RelayId, string Version, IReadOnlyList<string> Protocols, string Time, InfoLimits Limits);

internal sealed record InfoLimits(
    int MessageBytes,
    int EventBytes,
    long SlotBytes,
    int WaitSeconds,
    int WaitItems,
    int PairLifetimeMin,
    int PairLifetimeMax,
    int GrantsPerSlot);

internal sealed record GrantReply(
    string GrantId,
    IReadOnlyList<string> Rights,
    string CreatedAt,
    string? ExpiresAt,
    long? PerHour,
    long Events,
    string? LastUsedAt);

internal sealed record GrantListReply(IReadOnlyList<GrantReply> Grants, bool More, string? Next);

internal sealed record ClaimReply(string Did, string Nick, string Status);

internal sealed record NickRefusedReply(string Error, string Nick);

internal sealed record NickMismatchReply(string Error, string Expected, string Nick);

internal sealed record NickHeldReply(string ClaimedBy, string Error, string Nick);

internal sealed record RelayUrlRefusedReply(string Error, string RelayUrl);

internal sealed record ReleaseReply(string Nick, string Status);

internal sealed record HandleReply(JsonElement Card, string ClaimedAt, string Did, string Nick, string? RelayUrl, string SlotId);

internal sealed record HandleEntry(string ClaimedAt, string Did, string Nick, JsonElement Profile);

internal sealed record HandleListReply(IReadOnlyList<HandleEntry> Handles, string? NextCursor);

internal sealed record IntroReply(
    string? EventId,
    string Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ToNick);

internal sealed record IntroRefusedReply(string Error, ulong GotKind, string GotType);

internal sealed record InviteReply(long ExpiresUnix, string Path, string Token, ulong? UsesRemaining);

internal sealed record StatsReply(
    long EventsPostedTotal,
    long HandleClaimsTotal,
    long HandleFirstClaimsTotal,
    long HandlesActive,
    long PairOpensTotal,
    long PairSlotsOpen,
    long SlotAllocationsTotal,
    long SlotsActive,
    long StreamsActive,
    long UptimeSeconds,
    string Version);

internal sealed record ReadyFile(string Url, int Pid, string RelayId);

/// <summary>How the relay writes JSON: snake_case, and no character escaped that JSON does not want escaped (as serde_json does).</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ErrorReply))]
[JsonSerializable(typeof(EventTooLargeReply))]
[JsonSerializable(typeof(SlotFullReply))]
[JsonSerializable(typeof(AllocateReply))]
[JsonSerializable(typeof(PostEventReply))]
[JsonSerializable(typeof(SlotStateReply))]
[JsonSerializable(typeof(ResponderHealth))]
[JsonSerializable(typeof(OpenPairReply))]
[JsonSerializable(typeof(PairReply))]
[JsonSerializable(typeof(PairMessageReply))]
[JsonSerializable(typeof(OkReply))]
[JsonSerializable(typeof(ProblemReply))]
[JsonSerializable(typeof(InfoReply))]
[JsonSerializable(typeof(GrantReply))]
[JsonSerializable(typeof(GrantListReply))]
[JsonSerializable(typeof(ClaimReply))]
[JsonSerializable(typeof(NickRefusedReply))]
[JsonSerializable(typeof(NickMismatchReply))]
[JsonSerializable(typeof(NickHeldReply))]
[JsonSerializable(typeof(RelayUrlRefusedReply))]
[JsonSerializable(typeof(ReleaseReply))]
[JsonSerializable(typeof(HandleReply))]
[JsonSerializable(typeof(HandleListReply))]
[JsonSerializable(typeof(IntroReply))]
[JsonSerializable(typeof(IntroRefusedReply))]
[JsonSerializable(typeof(InviteReply))]
[JsonSerializable(typeof(StatsReply))]
[JsonSerializable(typeof(ReadyFile))]
internal sealed partial class RelayJson : JsonSerializerContext
{
    public static RelayJson Wire { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
