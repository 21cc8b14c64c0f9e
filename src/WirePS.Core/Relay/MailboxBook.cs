using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Relay;

/// <summary>
/// <c>relay.json</c> (wire.md §8.3): the mailboxes of this home and the routes to its peers. Adding a mailbox never drops
/// another one, and what other programs wrote there stays.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class MailboxBook(WireHome home, IFileSystem files) : IDisposable
{
    /// <summary>How many lost mailboxes of one relay are kept.</summary>
    private const int MostLost = 4;

    private readonly JsonFile _file = new(files, home.RelayFile, home.LockFile("relay"));
    private readonly SemaphoreSlim _allocating = new(1, 1);

    /// <summary>The mailbox of this home at a relay, allocated where there is none for the data that the relay has.</summary>
    /// <param name="relay">The relay.</param>
    /// <param name="relayId">Which data it has; null on a relay that does not say.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<Mailbox> EnsureAsync(IRelay relay, string? relayId, CancellationToken cancellationToken)
    {
        await _allocating.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_file.Get(tree => Current(tree, relay.Url, relayId)) is { } known)
            {
                return known;
            }

            var mailbox = await relay.AllocateMailboxAsync(cancellationToken).ConfigureAwait(false);
            await _file.UpdateAsync(
                tree =>
                {
                    // Another process may have been faster; its mailbox is as good, and ours stays empty.
                    if (Current(tree, relay.Url, relayId) is { } other)
                    {
                        mailbox = other;
                        return false;
                    }

                    Add(tree, mailbox, relayId);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
            return mailbox;
        }
        finally
        {
            _allocating.Release();
        }
    }

    /// <summary>
    /// Another mailbox in the place of one that the relay does not know any more. The lost one is marked and stays for a
    /// while: a relay that is set right again may have it after all.
    /// </summary>
    /// <param name="relay">The relay.</param>
    /// <param name="relayId">Which data it has; null on a relay that does not say.</param>
    /// <param name="lost">The mailbox that it does not know.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<Mailbox> ReplaceAsync(IRelay relay, string? relayId, Mailbox lost, CancellationToken cancellationToken)
    {
        await _file.UpdateAsync(tree => MarkLost(tree, lost), cancellationToken).ConfigureAwait(false);
        return await EnsureAsync(relay, relayId, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A mailbox of this home; null where there is none with this id at this relay.</summary>
    public Mailbox? Find(string relayUrl, string slotId) =>
        _file.Get(tree => Endpoints(tree).Select(static e => e.Mailbox).FirstOrDefault(m => m.RelayUrl == relayUrl && m.SlotId == slotId));

    /// <summary>The mailboxes of this home that can be read: all but those that their relays have lost.</summary>
    public IReadOnlyList<Mailbox> List() => _file.Get(static tree => Endpoints(tree).Where(static e => !e.IsLost).Select(static e => e.Mailbox).ToList());

    /// <summary>True where the mailbox' relay has grants (relay-v2.md): peers get one each, and never the mailbox' own token.</summary>
    public bool HasGrants(Mailbox mailbox) => _file.Get(tree => Endpoints(tree).Any(e => e.Mailbox == mailbox && e.RelayId is not null));

    /// <summary>Notes that a relay no longer knows a mailbox: it is not read any more, and the next one to need it gets a new one.</summary>
    public Task MarkLostAsync(Mailbox mailbox, CancellationToken cancellationToken) => _file.UpdateAsync(tree => MarkLost(tree, mailbox), cancellationToken);

    /// <summary>The relays at which this home has mailboxes.</summary>
    public IReadOnlyList<string> RelayUrls() => _file.Get(static tree => Endpoints(tree).Select(static e => e.Mailbox.RelayUrl).Distinct().ToList());

    /// <summary>Notes where a peer can be reached; other members of its entry stay.</summary>
    public Task SetRouteAsync(string handle, PeerRoute route, CancellationToken cancellationToken) => SetRoutesAsync([(handle, route)], cancellationToken);

    /// <summary>The same for several peers in one write.</summary>
    public async Task SetRoutesAsync(IReadOnlyList<(string Handle, PeerRoute Route)> routes, CancellationToken cancellationToken)
    {
        if (routes.Count == 0)
        {
            return;
        }

        await _file.UpdateAsync(
            tree =>
            {
                var peers = JsonFile.ObjectIn(tree, "peers");
                foreach (var (handle, route) in routes)
                {
                    var entry = JsonFile.ObjectIn(peers, handle);
                    entry["relay_url"] = route.RelayUrl;
                    entry["slot_id"] = route.SlotId;
                    entry["slot_token"] = route.SlotToken;
                    entry["endpoints"] = new JsonArray(Endpoint(route.RelayUrl, route.SlotId, route.SlotToken));
                }

                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Where a peer can be reached; null where nothing is known.</summary>
    public PeerRoute? FindRoute(string handle) => _file.Get(tree =>
    {
        var entry = tree?["peers"]?[handle] as JsonObject;
        var place = (entry?["endpoints"] as JsonArray)?.OfType<JsonObject>().Select(Flat).FirstOrDefault(static p => p is not null) ?? (entry is null ? null : Flat(entry));
        return place is null ? null : new PeerRoute(place.RelayUrl, place.SlotId, place.SlotToken);
    });

    /// <summary>Forgets where a peer can be reached.</summary>
    public Task RemoveRouteAsync(string handle, CancellationToken cancellationToken) =>
        _file.UpdateAsync(tree => tree["peers"] is JsonObject peers && peers.Remove(handle), cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _allocating.Dispose();

    private static Mailbox? Current(JsonObject? tree, string relayUrl, string? relayId) =>
        Endpoints(tree).LastOrDefault(e => e.Mailbox.RelayUrl == relayUrl && e.RelayId == relayId && !e.IsLost).Mailbox;

    /// <summary>Marks a mailbox; false where it is marked or gone already.</summary>
    private static bool MarkLost(JsonObject tree, Mailbox lost)
    {
        if (tree["self"]?.AsObject() is not { } self)
        {
            return false;
        }

        var endpoints = ListOf(self);
        if (endpoints.OfType<JsonObject>().FirstOrDefault(e => Flat(e) is { } known && known.SlotId == lost.SlotId && known.RelayUrl == lost.RelayUrl) is not { } found || IsLost(found))
        {
            return false;
        }

        // At the end, in the order in which they were lost; a relay that loses each new one must not fill the file.
        endpoints.Remove(found);
        endpoints.Add(found);
        found["lost"] = true;
        foreach (var old in endpoints.OfType<JsonObject>().Where(e => IsLost(e) && Flat(e)?.RelayUrl == lost.RelayUrl).SkipLast(MostLost).ToList())
        {
            endpoints.Remove(old);
        }

        return true;
    }

    private static bool IsLost(JsonObject endpoint) => endpoint["lost"] is JsonValue flag && flag.GetValue<bool>();

    private static void Add(JsonObject tree, Mailbox mailbox, string? relayId)
    {
        if (tree["self"]?.AsObject() is not { } self)
        {
            tree["self"] = self = new JsonObject
            {
                ["relay_url"] = mailbox.RelayUrl,
                ["slot_id"] = mailbox.SlotId,
                ["slot_token"] = mailbox.SlotToken,
            };
        }

        var isNew = self["endpoints"] is not JsonArray { Count: > 0 } && (string?)self["slot_id"] == mailbox.SlotId;
        var endpoints = isNew ? JsonFile.ArrayIn(self, "endpoints") : ListOf(self);
        var endpoint = Endpoint(mailbox.RelayUrl, mailbox.SlotId, mailbox.SlotToken);
        endpoint["relay_id"] = relayId;
        endpoints.Add(endpoint);
        tree["peers"] ??= new JsonObject();
    }

    // Older programs note one mailbox beside the list; a reader of the list must not lose it.
    private static JsonArray ListOf(JsonObject self)
    {
        var endpoints = JsonFile.ArrayIn(self, "endpoints");
        if (endpoints.Count == 0 && Flat(self) is { } old)
        {
            endpoints.Add(Endpoint(old.RelayUrl, old.SlotId, old.SlotToken));
        }

        return endpoints;
    }

    private static IEnumerable<(Mailbox Mailbox, string? RelayId, bool IsLost)> Endpoints(JsonObject? tree)
    {
        var self = tree?["self"]?.AsObject();
        if (self?["endpoints"]?.AsArray() is not { Count: > 0 } endpoints)
        {
            if (self is not null && Flat(self) is { } only)
            {
                yield return (only, null, false);
            }

            yield break;
        }

        foreach (var endpoint in endpoints)
        {
            if (endpoint is JsonObject place && Flat(place) is { } mailbox)
            {
                yield return (mailbox, (string?)place["relay_id"], IsLost(place));
            }
        }
    }

    private static Mailbox? Flat(JsonObject place) =>
        (string?)place["relay_url"] is { Length: > 0 } url && (string?)place["slot_id"] is { Length: > 0 } slot && (string?)place["slot_token"] is { Length: > 0 } token
            ? new Mailbox(RelayUrl.TryNormalize(url, out var spelled, out _) ? spelled : url, slot, token)
            : null;

    private static JsonObject Endpoint(string relayUrl, string slotId, string slotToken) => new()
    {
        ["relay_url"] = relayUrl,
        ["slot_id"] = slotId,
        ["slot_token"] = slotToken,
        ["scope"] = ScopeOf(relayUrl),
    };

    /// <summary>The word for where an address is reachable from (wire.md §8.3).</summary>
    internal static string ScopeOf(string relayUrl) =>
        !Uri.TryCreate(relayUrl, UriKind.Absolute, out var uri) ? "federation" : uri.Scheme == "unix" ? "uds" : uri.IsLoopback ? "local" : "federation";
}
