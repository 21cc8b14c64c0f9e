using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Messaging;

/// <summary>One message that was sent, or could not be.</summary>
/// <param name="At">When that was known.</param>
/// <param name="Id">The event's id.</param>
/// <param name="To">The recipient's DID.</param>
/// <param name="Peer">The recipient's name here.</param>
/// <param name="Status">What became of it.</param>
/// <param name="Timestamp">When it was made.</param>
/// <param name="Type">Its type.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Sealed">True where the body was sealed; what stands here is the body as it was before.</param>
/// <param name="Body">The body, compact JSON.</param>
public sealed record SentEntry(DateTimeOffset At, string Id, string To, string Peer, DeliveryStatus Status, DateTimeOffset Timestamp, string Type, uint Kind, bool Sealed, string Body)
{
    /// <inheritdoc/>
    public override string ToString() => $"message {Id} to {Peer}: {Status}";
}

/// <summary>
/// The messages that were sent (<c>sent/&lt;name&gt;.jsonl</c>), with their bodies: nobody but the recipient can open a
/// sealed one again.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class SentMessages(WireHome home, IFileSystem files)
{
    private const string Ending = ".jsonl";

    private static readonly SentJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter<DeliveryStatus>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    });

    /// <summary>The peers that something was sent to.</summary>
    public IReadOnlyList<string> Peers() =>
        [.. files.List(home.SentFolder).Select(static f => f.Path).Where(static p => p.EndsWith(Ending, StringComparison.Ordinal)).Select(static p => Path.GetFileNameWithoutExtension(p)).Where(HandleRules.IsSafeFileName)];

    /// <summary>What was sent to a peer, newest first. A message that a crash made known twice is there twice; its first answer counts, which comes last here.</summary>
    public IEnumerable<SentEntry> ReadBackward(string peer) => BackwardLines.Read(files, PathOf(peer)).Select(static line => Parse(line)).OfType<SentEntry>();

    internal void Append(OutboxItem item, DeliveryStatus status, DateTimeOffset now)
    {
        var signed = item.Signed();
        var made = Timestamps.TryParse(signed.Json.GetString("timestamp"), out var timestamp) ? timestamp : item.CreatedAt;
        var entry = new SentEntry(now, item.EventId, item.To, item.Peer ?? "", status, made, signed.Type ?? "", signed.Kind, signed.Enc is not null, item.Body!);
        var path = PathOf(entry.Peer);
        var length = files.Length(path);

        // What a process that died has left half-written ends here.
        byte[] gap = length > 0 && files.ReadPrivateRange(path, length - 1, 1) is not [(byte)'\n'] ? [(byte)'\n'] : [];
        files.AppendPrivate(path, [.. gap, .. JsonSerializer.SerializeToUtf8Bytes(entry, Json.SentEntry), (byte)'\n']);
    }

    private string PathOf(string peer) =>
        HandleRules.IsSafeFileName(peer) ? Path.Combine(home.SentFolder, peer + Ending) : throw new WireException(WireReason.InvalidHandle, null, peer);

    private static SentEntry? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Json.SentEntry);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSerializable(typeof(SentEntry))]
internal sealed partial class SentJson : JsonSerializerContext;
