using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>
/// Grants that are to be revoked at their relays: noted first, so that a relay that is down now is told later.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="mailboxes">The mailboxes that the grants are for.</param>
/// <param name="relays">The relays.</param>
public sealed class GrantRevocations(WireHome home, IFileSystem files, MailboxBook mailboxes, IRelayConnections relays)
{
    private readonly JsonFile _file = new(files, home.RevocationsFile, home.LockFile("revocations"));

    /// <summary>Notes a grant; it is on disk when this returns.</summary>
    public Task AddAsync(GivenGrant grant, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            tree["version"] ??= 1;
            var grants = JsonFile.ArrayIn(tree, "grants");
            if (Read(tree).Contains(grant))
            {
                return false;
            }

            grants.Add(new JsonObject { ["relay_url"] = grant.RelayUrl, ["slot_id"] = grant.SlotId, ["grant_id"] = grant.GrantId });
            return true;
        },
        cancellationToken);

    /// <summary>The grants that are still honoured.</summary>
    public IReadOnlyList<GivenGrant> List() => _file.Get(static tree => Read(tree).ToList());

    /// <summary>Tries each once.</summary>
    /// <returns>The first trouble with a relay; null where the queue is empty now.</returns>
    public async Task<RelayException?> RunAsync(CancellationToken cancellationToken)
    {
        RelayException? trouble = null;

        // A relay in trouble is asked once, and does not hold up what others are to be told.
        var inTrouble = new HashSet<string>(StringComparer.Ordinal);
        foreach (var grant in List())
        {
            if (inTrouble.Contains(grant.RelayUrl))
            {
                continue;
            }

            try
            {
                if (mailboxes.Find(grant.RelayUrl, grant.SlotId) is { } mailbox)
                {
                    await relays.To(grant.RelayUrl).RevokeGrantAsync(mailbox, grant.GrantId, cancellationToken).ConfigureAwait(false);
                }

                await _file.UpdateAsync(tree => Remove(tree, grant), cancellationToken).ConfigureAwait(false);
            }
            catch (RelayException error)
            {
                inTrouble.Add(grant.RelayUrl);
                trouble ??= error;
            }
        }

        return trouble;
    }

    private static bool Remove(JsonObject tree, GivenGrant grant)
    {
        var grants = tree["grants"] as JsonArray;
        var found = grants?.FirstOrDefault(node => Of(node) == grant);
        return found is not null && grants!.Remove(found);
    }

    private static IEnumerable<GivenGrant> Read(JsonObject? tree) =>
        (tree?["grants"] as JsonArray ?? []).Select(Of).OfType<GivenGrant>();

    private static GivenGrant? Of(JsonNode? node) =>
        (string?)node?["relay_url"] is { } url && (string?)node["slot_id"] is { } slot && (string?)node["grant_id"] is { } grant
            ? new GivenGrant(url, slot, grant)
            : null;
}
