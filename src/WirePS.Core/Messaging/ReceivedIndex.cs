using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Messaging;

/// <summary>One event that was taken.</summary>
/// <param name="Seq">Counts from 1, without gaps.</param>
/// <param name="At">When it was taken.</param>
/// <param name="Id">The event's id.</param>
/// <param name="Timestamp">When its sender says that it was made.</param>
/// <param name="From">The sender's DID; of one that a device signed, the DID of its identity.</param>
/// <param name="Peer">The sender's name here, where it is a message: the name of its file in the inbox.</param>
/// <param name="Type">The event's type.</param>
/// <param name="Kind">The event's kind.</param>
/// <param name="Sealed">True where the body was sealed.</param>
/// <param name="Start">Where its line begins in the peer's file, in bytes; -1 for an event that is no message.</param>
/// <param name="Length">The length of its line, in bytes.</param>
public sealed record ReceivedEntry(long Seq, DateTimeOffset At, string Id, DateTimeOffset Timestamp, string From, string? Peer, string? Type, uint Kind, bool Sealed, long Start, int Length)
{
    /// <summary>The DID of the sender's device that signed it; null where its root did.</summary>
    public string? Device { get; init; }

    /// <summary>That device's Ed25519 key, base64: a card that no longer lists it must not make its messages unreadable.</summary>
    public string? DeviceKey { get; init; }

    /// <summary>That device's X25519 key for sealed bodies, base64.</summary>
    public string? DeviceDhKey { get; init; }

    /// <summary>True for a message, false for an event that had its effect and is only remembered.</summary>
    [JsonIgnore]
    public bool IsMessage => Start >= 0;
}

/// <summary>
/// What was taken from mailboxes, in order (<c>received.jsonl</c>). Appending a line is the moment in which an event
/// counts as taken: the messages' own texts are in the inbox before it, the effects of the others too. It is the memory
/// against replay as well, for as long as an event may be taken after it was made.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="time">The clock.</param>
public sealed class ReceivedIndex(WireHome home, IFileSystem files, TimeProvider time)
{
    /// <summary>How old an event may be when it is taken: a relay keeps what nobody reads for 30 days.</summary>
    public static readonly TimeSpan OldestTaken = TimeSpan.FromDays(31);

    private static readonly TimeSpan ClockSlack = TimeSpan.FromDays(1);

    private const int Block = 1024 * 1024;
    private const int LongestLine = 8 * 1024;

    private static readonly ReceivedJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    });

    private readonly Dictionary<string, DateTimeOffset> _ids = new(StringComparer.Ordinal);
    private long _read;
    private long _lastSeq;

    /// <summary>True where the event was taken before. Only under the inbox' lock, after <see cref="Refresh"/>.</summary>
    internal bool Contains(string eventId) => _ids.ContainsKey(eventId);

    /// <summary>The number of the last entry. Only under the inbox' lock, after <see cref="Refresh"/>.</summary>
    internal long LastSeq => _lastSeq;

    /// <summary>Reads what other processes have added, and cuts off what one that died left half-written.</summary>
    internal void Refresh()
    {
        var length = files.Length(home.ReceivedFile);
        if (length < _read)
        {
            (_read, _lastSeq) = (0, 0);
            _ids.Clear();
        }

        var oldest = time.GetUtcNow() - OldestTaken - ClockSlack;
        foreach (var (line, end) in Lines(_read))
        {
            var entry = Parse(line) ?? throw new WireException(WireReason.FileCorrupt, null, home.ReceivedFile);
            if (entry.Timestamp >= oldest)
            {
                _ids[entry.Id] = entry.Timestamp;
            }

            _lastSeq = entry.Seq;
            _read = end;
        }

        if (_read < length)
        {
            files.Truncate(home.ReceivedFile, _read);
        }
    }

    /// <summary>Appends entries in one write. Only under the inbox' lock, after <see cref="Refresh"/>.</summary>
    internal void Append(IReadOnlyList<ReceivedEntry> entries)
    {
        if (entries.Count == 0)
        {
            return;
        }

        using var lines = new MemoryStream();
        foreach (var entry in entries)
        {
            JsonSerializer.Serialize(lines, entry, Json.ReceivedEntry);
            lines.WriteByte((byte)'\n');
        }

        files.AppendPrivate(home.ReceivedFile, lines.ToArray());
        foreach (var entry in entries)
        {
            _ids[entry.Id] = entry.Timestamp;
        }

        _read += lines.Length;
        _lastSeq = entries[^1].Seq;
    }

    /// <summary>The entries from an offset on, in order, each with the offset after it. A line that is being written is not among them.</summary>
    /// <param name="offset">0, or an offset that this method gave; one beyond the end gives nothing.</param>
    public IEnumerable<(ReceivedEntry Entry, long Next)> Read(long offset)
    {
        foreach (var (line, end) in Lines(offset))
        {
            yield return (Parse(line) ?? throw new WireException(WireReason.FileCorrupt, null, home.ReceivedFile), end);
        }
    }

    /// <summary>The entries, newest first. Lines that cannot be read are passed over.</summary>
    public IEnumerable<ReceivedEntry> ReadBackward() => BackwardLines.Read(files, home.ReceivedFile).Select(Parse).OfType<ReceivedEntry>();

    /// <summary>How long the index is, in bytes: where it is longer than the offset after the last entry read, there may be more.</summary>
    public long Length => files.Length(home.ReceivedFile);

    /// <summary>True where the entry of an event ends at an offset, and the next one begins there; null for the beginning.</summary>
    internal bool IsBoundary(long offset, string? eventId) =>
        offset == 0 ? eventId is null
        : files.ReadPrivateRange(home.ReceivedFile, offset - 1, 1) is [(byte)'\n']
            && Parse(Tail(offset - 1))?.Id == eventId;

    /// <summary>The line that ends before an offset.</summary>
    private byte[] Tail(long end)
    {
        var count = (int)Math.Min(LongestLine, end);
        var text = files.ReadPrivateRange(home.ReceivedFile, end - count, count);
        return text[(Array.LastIndexOf(text, (byte)'\n') + 1)..];
    }

    /// <summary>Whole lines from an offset, each with the offset after it.</summary>
    private IEnumerable<(byte[] Line, long End)> Lines(long offset)
    {
        var rest = Array.Empty<byte>();
        while (files.ReadPrivateRange(home.ReceivedFile, offset + rest.Length, Block) is { Length: > 0 } block)
        {
            byte[] text = [.. rest, .. block];
            var start = 0;
            while (Array.IndexOf(text, (byte)'\n', start) is >= 0 and var end)
            {
                yield return (text[start..end], offset + end + 1);
                start = end + 1;
            }

            offset += start;
            rest = text[start..];
            if (rest.Length > LongestLine)
            {
                throw new WireException(WireReason.FileCorrupt, null, home.ReceivedFile);
            }
        }
    }

    private static ReceivedEntry? Parse(byte[] line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Json.ReceivedEntry);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSerializable(typeof(ReceivedEntry))]
internal sealed partial class ReceivedJson : JsonSerializerContext;
