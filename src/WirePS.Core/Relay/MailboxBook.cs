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
/// <param name="time">The clock.</param>
public sealed class MailboxBook(WireHome home, IFileSystem files, TimeProvider time) : IDisposable
{
    /// <summary>How many lost mailboxes of one relay are kept.</summary>
    private const int MostLost = 4;

    private const string Lost = "lost";
    private const string Retiring = "retiring";
    private const string RouteAt = "route_at";

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

    /// <summary>The mailboxes of this home that can be read: all but those that are lost. Those that are given up stand first, so that no peer is given one where there is another.</summary>
    public IReadOnlyList<Mailbox> List() => _file.Get(static tree => Endpoints(tree).Where(static e => !e.IsLost).OrderBy(static e => !e.IsRetiring).Select(static e => e.Mailbox).ToList());

    /// <summary>The mailboxes whose own tokens peers are given, because their relays have no grants; without those that are given up.</summary>
    public IReadOnlyList<Mailbox> ListShared() => _file.Get(static tree => Endpoints(tree).Where(static e => e is { IsLost: false, IsRetiring: false, RelayId: null }).Select(static e => e.Mailbox).ToList());

    /// <summary>True where a mailbox is given up: it is read for a while, and no peer is given it.</summary>
    public bool IsRetiring(Mailbox mailbox) => _file.Get(tree => Endpoints(tree).Any(e => e.Mailbox == mailbox && e.IsRetiring));

    /// <summary>Notes that a mailbox is given up: it is still read, and the next one to need a mailbox at its relay gets a new one.</summary>
    public Task MarkRetiringAsync(string relayUrl, string slotId, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            if (EndpointOf(tree, relayUrl, slotId) is not { } found || Is(found, Retiring))
            {
                return false;
            }

            found[Retiring] = true;
            return true;
        },
        cancellationToken);

    /// <summary>True where the mailbox' relay has grants (relay-v2.md): peers get one each, and never the mailbox' own token.</summary>
    public bool HasGrants(Mailbox mailbox) => _file.Get(tree => Endpoints(tree).Any(e => e.Mailbox == mailbox && e.RelayId is not null));

    /// <summary>Notes that a mailbox is not read any more: its relay does not know it, or it was given up. The next one to need it gets a new one.</summary>
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
                    SetRoute(peers, handle, route, time.GetUtcNow());
                }

                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes the address that a peer says it has moved to. What is older than the one that is known never takes its place (wire.md §11.4, I10).</summary>
    /// <param name="handle">The peer's name.</param>
    /// <param name="route">Where it can be reached now.</param>
    /// <param name="saidAt">When it said so.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>False where a newer address is known, and nothing has changed.</returns>
    public async Task<bool> MoveRouteAsync(string handle, PeerRoute route, DateTimeOffset saidAt, CancellationToken cancellationToken)
    {
        var isNewest = false;
        await _file.UpdateAsync(
            tree =>
            {
                var peers = JsonFile.ObjectIn(tree, "peers");
                isNewest = !Timestamps.TryParse((string?)peers[handle]?[RouteAt], out var knownSince) || Timestamps.Round(saidAt) >= knownSince;
                if (isNewest)
                {
                    SetRoute(peers, handle, route, saidAt);
                }

                return isNewest;
            },
            cancellationToken).ConfigureAwait(false);
        return isNewest;
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
        Endpoints(tree).LastOrDefault(e => e.Mailbox.RelayUrl == relayUrl && e.RelayId == relayId && e is { IsLost: false, IsRetiring: false }).Mailbox;

    /// <summary>Marks a mailbox; false where it is marked or gone already.</summary>
    private static bool MarkLost(JsonObject tree, Mailbox lost)
    {
        if (EndpointOf(tree, lost.RelayUrl, lost.SlotId) is not { } found || Is(found, Lost))
        {
            return false;
        }

        // At the end, in the order in which they were lost; a relay that loses each new one must not fill the file.
        var endpoints = found.Parent!.AsArray();
        endpoints.Remove(found);
        endpoints.Add(found);
        found[Lost] = true;
        foreach (var old in endpoints.OfType<JsonObject>().Where(e => Is(e, Lost) && Flat(e)?.RelayUrl == lost.RelayUrl).SkipLast(MostLost).ToList())
        {
            endpoints.Remove(old);
        }

        return true;
    }

    /// <summary>What stands of a mailbox in the list; null where it is gone.</summary>
    private static JsonObject? EndpointOf(JsonObject tree, string relayUrl, string slotId) => tree["self"]?.AsObject() is { } self
        ? ListOf(self).OfType<JsonObject>().FirstOrDefault(e => Flat(e) is { } known && known.SlotId == slotId && known.RelayUrl == relayUrl)
        : null;

    private static bool Is(JsonObject endpoint, string flag) => endpoint[flag] is JsonValue value && value.GetValue<bool>();

    private static void SetRoute(JsonObject peers, string handle, PeerRoute route, DateTimeOffset at)
    {
        var entry = JsonFile.ObjectIn(peers, handle);
        entry["relay_url"] = route.RelayUrl;
        entry["slot_id"] = route.SlotId;
        entry["slot_token"] = route.SlotToken;
        entry["endpoints"] = new JsonArray(Endpoint(route.RelayUrl, route.SlotId, route.SlotToken));
        entry[RouteAt] = Timestamps.Format(at);
    }

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

    private static IEnumerable<(Mailbox Mailbox, string? RelayId, bool IsLost, bool IsRetiring)> Endpoints(JsonObject? tree)
    {
        var self = tree?["self"]?.AsObject();
        if (self?["endpoints"]?.AsArray() is not { Count: > 0 } endpoints)
        {
            if (self is not null && Flat(self) is { } only)
            {
                yield return (only, null, false, false);
            }

            yield break;
        }

        foreach (var endpoint in endpoints)
        {
            if (endpoint is JsonObject place && Flat(place) is { } mailbox)
            {
                yield return (mailbox, (string?)place["relay_id"], Is(place, Lost), Is(place, Retiring));
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
