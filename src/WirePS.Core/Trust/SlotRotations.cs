using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>A mailbox that is being moved.</summary>
/// <param name="RelayUrl">Its relay.</param>
/// <param name="SlotId">The mailbox.</param>
/// <param name="NotedAt">When it was decided.</param>
/// <param name="Without">The keys of the peers because of whom it moves, hex: they are told nothing.</param>
/// <param name="MovedAt">When there was a new mailbox; null while there is none.</param>
/// <param name="IsListed">True once the directory of the relay has the new mailbox, where it had the old one.</param>
/// <param name="Told">The keys of the peers that were told, hex.</param>
public sealed record MovingMailbox(string RelayUrl, string SlotId, DateTimeOffset NotedAt, IReadOnlyList<string> Without, DateTimeOffset? MovedAt, bool IsListed, IReadOnlyList<string> Told)
{
    /// <inheritdoc/>
    public override string ToString() => $"{SlotId} at {RelayUrl}";
}

/// <summary>
/// Mailboxes that are to be moved (relay-v2.md, Grants), and how far that has come (<c>rotations.json</c>): noted before
/// the peer goes, so that a relay that is down now, and a process that dies, delay it and do not end it.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="mailboxes">The mailboxes of this home.</param>
/// <param name="time">The clock.</param>
public sealed class SlotRotations(WireHome home, IFileSystem files, MailboxBook mailboxes, TimeProvider time)
{
    private readonly JsonFile _file = new(files, home.RotationsFile, home.LockFile("rotations"));

    /// <summary>
    /// Notes that a peer goes that holds the token of a mailbox of this home; it is on disk when this returns. Which one it
    /// holds is not known for certain: every mailbox whose own token is given out is moved. Nothing where there is none.
    /// </summary>
    /// <param name="peer">The peer that goes.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task NoteAsync(TrustEntry peer, CancellationToken cancellationToken)
    {
        var key = Convert.ToHexStringLower(peer.PublicKey);
        return _file.UpdateAsync(
            tree =>
            {
                var known = Read(tree).Select(static m => (m.RelayUrl, m.SlotId)).ToHashSet();

                // Looked up under the lock: a mailbox that this peer was just told of is among them.
                foreach (var mailbox in mailboxes.ListShared().Where(m => !known.Contains((m.RelayUrl, m.SlotId))))
                {
                    tree["version"] ??= 1;
                    JsonFile.ArrayIn(tree, "mailboxes").Add(new JsonObject { ["relay_url"] = mailbox.RelayUrl, ["slot_id"] = mailbox.SlotId, ["noted_at"] = Timestamps.Format(time.GetUtcNow()) });
                }

                // Also one that is on its way already goes on without this peer.
                var moving = Nodes(tree).ToList();
                moving.ForEach(node => Add(node, "without", key));
                return moving.Count > 0;
            },
            cancellationToken);
    }

    /// <summary>The mailboxes that are being moved, in the order in which that was decided.</summary>
    public IReadOnlyList<MovingMailbox> List() => _file.Get(static tree => Read(tree).ToList());

    /// <summary>Notes that there is a new mailbox.</summary>
    internal Task NoteMovedAsync(MovingMailbox moving, CancellationToken cancellationToken) =>
        ChangeAsync(moving, node => node["moved_at"] ??= Timestamps.Format(time.GetUtcNow()), cancellationToken);

    /// <summary>Notes that the directory has the new mailbox.</summary>
    internal Task NoteListedAsync(MovingMailbox moving, CancellationToken cancellationToken) =>
        ChangeAsync(moving, static node => node["listed"] = true, cancellationToken);

    /// <summary>
    /// Tells a peer, and notes that. No peer goes meanwhile: one that has gone is not told, and one that goes after it is
    /// noted with the new mailbox as well.
    /// </summary>
    internal Task TellAsync(MovingMailbox moving, string key, Func<Task> tell, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            if (Find(tree, moving) is not { } node || Keys(node, "without").Contains(key))
            {
                return false;
            }

            Add(node, "told", key);
            return true;
        },
        beforeWrite: tell,
        cancellationToken);

    /// <summary>Forgets one that is finished.</summary>
    internal Task RemoveAsync(MovingMailbox moving, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree => Find(tree, moving) is { } node && node.Parent!.AsArray().Remove(node),
        cancellationToken);

    private Task ChangeAsync(MovingMailbox moving, Action<JsonObject> change, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            if (Find(tree, moving) is not { } node)
            {
                return false;
            }

            change(node);
            return true;
        },
        cancellationToken);

    private static void Add(JsonObject node, string list, string key)
    {
        var keys = JsonFile.ArrayIn(node, list);
        if (!keys.Any(k => (string?)k == key))
        {
            keys.Add(key);
        }
    }

    private static JsonObject? Find(JsonObject tree, MovingMailbox moving) =>
        Nodes(tree).FirstOrDefault(n => (string?)n["relay_url"] == moving.RelayUrl && (string?)n["slot_id"] == moving.SlotId);

    private static IEnumerable<JsonObject> Nodes(JsonObject? tree) => (tree?["mailboxes"] as JsonArray ?? []).OfType<JsonObject>();

    private static IEnumerable<MovingMailbox> Read(JsonObject? tree) => Nodes(tree).Select(Of).OfType<MovingMailbox>();

    private static MovingMailbox? Of(JsonObject node) =>
        (string?)node["relay_url"] is { } url && (string?)node["slot_id"] is { } slot && Timestamps.TryParse((string?)node["noted_at"], out var noted)
            ? new MovingMailbox(url, slot, noted, Keys(node, "without"), Timestamps.TryParse((string?)node["moved_at"], out var moved) ? moved : null, (bool?)node["listed"] == true, Keys(node, "told"))
            : null;

    private static List<string> Keys(JsonObject node, string list) => [.. (node[list] as JsonArray ?? []).Select(static k => (string?)k).OfType<string>()];
}
