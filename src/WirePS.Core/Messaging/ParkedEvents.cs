using System.Text;
using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Messaging;

/// <summary>An event whose sender is not known yet.</summary>
/// <param name="ReceivedAt">When it came.</param>
/// <param name="Origin">Where it came from.</param>
/// <param name="Utf8">Its text.</param>
internal sealed record ParkedEvent(DateTimeOffset ReceivedAt, EventOrigin Origin, byte[] Utf8);

/// <summary>
/// Events whose sender is not known yet (<c>parked.json</c>): a peer that has pinned this side may write before this
/// side has pinned it. They wait a day, outside the mailbox, so that they hold up nothing; anybody who may write to the
/// mailbox can send such, so they are few, and fewest from one source.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
internal sealed class ParkedEvents(WireHome home, IFileSystem files)
{
    /// <summary>How long one waits.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromDays(1);

    private const int MostOfOneSource = 32;
    private const int MostBytes = 4 * 1024 * 1024;

    private readonly JsonFile _file = new(files, home.ParkedFile, home.LockFile("parked"));

    /// <summary>True where some wait.</summary>
    internal bool Any() => files.Exists(home.ParkedFile);

    /// <summary>Those that wait, in the order in which they came.</summary>
    internal IReadOnlyList<ParkedEvent> List() => _file.Get(static tree => Events(tree).Select(Read).OfType<ParkedEvent>().ToList());

    /// <summary>Puts these in the place of all. The file goes with the last of them.</summary>
    /// <returns>Those for which there is no room.</returns>
    internal async Task<IReadOnlyList<ParkedEvent>> ReplaceAsync(IReadOnlyList<ParkedEvent> events, CancellationToken cancellationToken)
    {
        var kept = new List<ParkedEvent>();
        var tooMany = new List<ParkedEvent>();
        foreach (var parked in events)
        {
            var hasRoom = kept.Count(k => k.Origin == parked.Origin) < MostOfOneSource && kept.Sum(static k => k.Utf8.Length) + parked.Utf8.Length <= MostBytes;
            (hasRoom ? kept : tooMany).Add(parked);
        }

        if (kept.Count == 0)
        {
            files.Delete(home.ParkedFile);
            return tooMany;
        }

        await _file.UpdateAsync(
            tree =>
            {
                tree["version"] ??= 1;
                tree["events"] = new JsonArray([.. kept.Select(static k => new JsonObject
                {
                    ["received_at"] = Timestamps.Format(k.ReceivedAt),
                    ["relay_url"] = k.Origin.RelayUrl,
                    ["slot_id"] = k.Origin.SlotId,
                    ["grant_id"] = k.Origin.GrantId,
                    ["event"] = Encoding.UTF8.GetString(k.Utf8),
                })]);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return tooMany;
    }

    private static JsonArray Events(JsonObject? tree) => tree?["events"]?.AsArray() ?? [];

    private static ParkedEvent? Read(JsonNode? node) =>
        node is not null && Timestamps.TryParse((string?)node["received_at"], out var at)
        && (string?)node["relay_url"] is { } url && (string?)node["slot_id"] is { } slot && (string?)node["event"] is { } text
            ? new ParkedEvent(at, new EventOrigin(url, slot, (string?)node["grant_id"]), Encoding.UTF8.GetBytes(text))
            : null;
}
