using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Messaging;

/// <summary>How far each mailbox of this home has been read (<c>mail-places.json</c>).</summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
internal sealed class MailPlaces(WireHome home, IFileSystem files)
{
    private readonly JsonFile _file = new(files, home.MailPlacesFile, home.LockFile("mail-places"));

    /// <summary>The place of a mailbox; the beginning where it has never been read.</summary>
    internal MailPlace Of(Mailbox mailbox) => _file.Get(tree =>
        tree?["places"]?[mailbox.SlotId] is JsonObject place && (string?)place["relay_url"] == mailbox.RelayUrl
            ? new MailPlace((long?)place["sequence"] ?? 0, (string?)place["event_id"])
            : default);

    /// <summary>Notes the place of a mailbox.</summary>
    internal Task SetAsync(Mailbox mailbox, MailPlace place, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            tree["version"] ??= 1;
            JsonFile.ObjectIn(tree, "places")[mailbox.SlotId] = new JsonObject
            {
                ["relay_url"] = mailbox.RelayUrl,
                ["sequence"] = place.Sequence,
                ["event_id"] = place.EventId,
            };
            return true;
        },
        cancellationToken);
}
