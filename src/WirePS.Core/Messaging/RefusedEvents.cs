using System.Text.Json;
using System.Text.Json.Serialization;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Messaging;

/// <summary>One event that was refused; what it says of itself is not proven, and cut short.</summary>
/// <param name="At">When.</param>
/// <param name="Reason">Why.</param>
/// <param name="Detail">More of it, in words.</param>
/// <param name="Id">The id that it claims.</param>
/// <param name="From">Whom it claims to come from.</param>
/// <param name="Type">The type that it claims.</param>
/// <param name="Kind">The kind that it claims.</param>
/// <param name="RelayUrl">The relay that handed it on.</param>
/// <param name="GrantId">The grant it came by, as the relay says.</param>
public sealed record RefusedEvent(DateTimeOffset At, EventRefusal Reason, string? Detail, string? Id, string? From, string? Type, uint? Kind, string RelayUrl, string? GrantId);

/// <summary>
/// The record of refused events (<c>refused.jsonl</c>). Anybody who may write to a mailbox can fill it, so it is bounded:
/// a full file takes the place of the one before it, and a new one is begun.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class RefusedEvents(WireHome home, IFileSystem files)
{
    private const int MaxFileBytes = 4 * 1024 * 1024;
    private const int MaxText = 160;

    private static readonly RefusedJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter<EventRefusal>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    });

    private string OlderFile => home.RefusedFile + ".old";

    /// <summary>What is remembered, oldest first. Lines that cannot be read are passed over.</summary>
    public IReadOnlyList<RefusedEvent> List() => [.. Read(OlderFile), .. Read(home.RefusedFile)];

    /// <summary>Notes some. Only under the inbox' lock.</summary>
    internal void Append(IReadOnlyList<RefusedEvent> refused)
    {
        if (refused.Count == 0)
        {
            return;
        }

        if (files.Length(home.RefusedFile) > MaxFileBytes)
        {
            files.Delete(OlderFile);
            files.Rename(home.RefusedFile, OlderFile);
        }

        using var lines = new MemoryStream();

        // What a process that died has left half-written ends here.
        var length = files.Length(home.RefusedFile);
        if (length > 0 && files.ReadPrivateRange(home.RefusedFile, length - 1, 1) is not [(byte)'\n'])
        {
            lines.WriteByte((byte)'\n');
        }

        foreach (var one in refused)
        {
            JsonSerializer.Serialize(lines, Shorten(one), Json.RefusedEvent);
            lines.WriteByte((byte)'\n');
        }

        files.AppendPrivate(home.RefusedFile, lines.ToArray());
    }

    private static RefusedEvent Shorten(RefusedEvent one) =>
        one with { Detail = Short(one.Detail), Id = Short(one.Id), From = Short(one.From), Type = Short(one.Type), GrantId = Short(one.GrantId) };

    private static string? Short(string? text) => Printable.Of(text is { Length: > MaxText } ? text[..MaxText] : text);

    private IEnumerable<RefusedEvent> Read(string path)
    {
        if (files.ReadPrivate(path, MaxFileBytes * 2) is not { } text)
        {
            yield break;
        }

        var start = 0;
        while (Array.IndexOf(text, (byte)'\n', start) is >= 0 and var end)
        {
            if (Parse(text.AsSpan(start..end)) is { } one)
            {
                yield return one;
            }

            start = end + 1;
        }
    }

    private static RefusedEvent? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Json.RefusedEvent);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSerializable(typeof(RefusedEvent))]
internal sealed partial class RefusedJson : JsonSerializerContext;
