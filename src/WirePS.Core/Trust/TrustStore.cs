using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>
/// The one trust store of a home, <c>trust.json</c> (wire.md §3.1, wireps.md §4): a peer is found by its full public
/// key, and a known name or DID is never given to another key.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="mailboxes">Where routes to peers stand.</param>
/// <param name="time">The clock.</param>
public sealed class TrustStore(WireHome home, IFileSystem files, MailboxBook mailboxes, TimeProvider time)
{
    /// <summary>Where the key of a peer came from that was put in without a card.</summary>
    public const string ImportedKeySource = "imported";

    /// <summary>The same, where it asked with the older signature of the handshake, which comes without a card.</summary>
    public const string OlderKeySource = "older_signature";

    private const int MaxCardDepth = 48;
    private const string HeldToken = "held_token";
    private const string Principal = "is_principal";
    private const string ToldByDevices = "card_seq_told_by_devices";
    private const string CardSeqAsked = "card_seq_asked";
    private const string CardAskedAt = "card_asked_at";

    private readonly JsonFile _file = new(files, home.TrustFile, home.LockFile("trust"));

    /// <summary>The peers, this home itself and those that were revoked left out, by name.</summary>
    public IReadOnlyList<TrustEntry> List() => [.. ListAll().Where(static p => p.RevokedAt is null)];

    /// <summary>The peer with this DID; null where there is none, or it was revoked.</summary>
    public TrustEntry? Find(string did) => List().FirstOrDefault(p => p.Did == did);

    /// <summary>The peer with this key, also where it was revoked; null where there is none.</summary>
    public TrustEntry? FindKey(byte[] publicKey) => ListAll().FirstOrDefault(p => p.PublicKey.AsSpan().SequenceEqual(publicKey));

    /// <summary>True where the card can stand in the file: one that is nested deeper than that is read could make all of it unreadable.</summary>
    public static bool IsStorable(AgentCard card)
    {
        try
        {
            using var document = JsonDocument.Parse(card.Utf8, new JsonDocumentOptions { MaxDepth = MaxCardDepth });
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The peers with those that were revoked, by name.</summary>
    public IReadOnlyList<TrustEntry> ListAll()
    {
        var peers = _file.Get(tree => Agents(tree)
            .Select(agent => ReadEntry(agent.Key, agent.Value))
            .OfType<TrustEntry>()
            .Where(static entry => entry.Tier != TrustTier.Attested)
            .ToList());
        peers.Sort(static (a, b) => string.CompareOrdinal(a.Handle, b.Handle));
        return peers;
    }

    /// <summary>
    /// Pins a peer, or renews its entry where its key is known. The route is on disk before the pin, so a pinned peer
    /// is never without the address it gave.
    /// </summary>
    /// <param name="request">Whom, and how it came to be trusted.</param>
    /// <param name="replaced">Takes a grant that the peer had and that the new one takes the place of, before the pin is on disk.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Null where it is pinned; else the name under which another key is known, and nothing has changed.</returns>
    public async Task<string?> PinAsync(PinRequest request, Func<GivenGrant, CancellationToken, Task> replaced, CancellationToken cancellationToken) =>
        (await PinAllAsync([request], replaced, cancellationToken).ConfigureAwait(false))[0];

    /// <summary>Pins several peers in one write; otherwise as <see cref="PinAsync"/>. One that is refused keeps no other from being pinned.</summary>
    /// <returns>For each what <see cref="PinAsync"/> returns.</returns>
    public async Task<IReadOnlyList<string?>> PinAllAsync(IReadOnlyList<PinRequest> requests, Func<GivenGrant, CancellationToken, Task> replaced, CancellationToken cancellationToken)
    {
        if (requests.FirstOrDefault(static r => !IsStorable(r.Card)) is { } deep)
        {
            throw new WireException(WireReason.InvalidCard, "The agent card is nested too deeply to be kept.", deep.Card.Did);
        }

        var conflicts = new string?[requests.Count];
        var old = new List<GivenGrant>();
        await _file.UpdateAsync(
            tree =>
            {
                var agents = AgentsIn(tree);
                foreach (var request in requests)
                {
                    DropNameless(agents, request.Card);
                }

                var known = new KnownEntries(this, agents);
                for (var i = 0; i < requests.Count; i++)
                {
                    var card = requests[i].Card;
                    conflicts[i] = known.ConflictOf(card);
                    if (conflicts[i] is not null)
                    {
                        continue;
                    }

                    if (ReadEntry(card.Handle, agents[card.Handle])?.Grant is { } before && before != requests[i].Grant)
                    {
                        old.Add(before);
                    }

                    var entry = Entry(agents[card.Handle] as JsonObject, requests[i]);
                    agents[card.Handle] = entry;
                    known.Add(card.Handle, entry);
                }

                return conflicts.Any(static c => c is null);
            },
            beforeWrite: async () =>
            {
                foreach (var grant in old)
                {
                    await replaced(grant, cancellationToken).ConfigureAwait(false);
                }

                var routes = requests.Where((r, i) => conflicts[i] is null && r.Route is not null).Select(static r => (r.Card.Handle, r.Route!));
                await mailboxes.SetRoutesAsync([.. routes], cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        return conflicts;
    }

    /// <summary>For each card the name under which another key, a revoked one or this home itself is known; null where it could be pinned.</summary>
    public IReadOnlyList<string?> ConflictsOf(IReadOnlyList<AgentCard> cards) => _file.Get(tree =>
    {
        var known = new KnownEntries(this, Agents(tree));
        return cards.Select(known.ConflictOf).ToList();
    });

    /// <summary>
    /// Puts in a peer of whom only the key is known, without card and address. A known key, name or DID stays as it is, and so
    /// does whom a person has revoked.
    /// </summary>
    /// <param name="entry">Name, DID, key and how it came to be trusted.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Null where it was put in; else the name under which the key, name or DID is known.</returns>
    public async Task<string?> ImportAsync(TrustEntry entry, CancellationToken cancellationToken)
    {
        string? known = null;
        await _file.UpdateAsync(
            tree =>
            {
                var agents = AgentsIn(tree);
                known = agents.Where(a => a.Value is JsonObject node && (a.Key == entry.Handle || (string?)node["did"] == entry.Did || HasKey(node, entry.PublicKey))).Select(static a => a.Key).FirstOrDefault();
                if (known is not null)
                {
                    return false;
                }

                agents[entry.Handle] = new JsonObject
                {
                    ["tier"] = TierName(entry.Tier),
                    ["did"] = entry.Did,
                    ["public_keys"] = Keys(entry.Handle, entry.PublicKey),
                    ["pinned_at"] = entry.PinnedAt is { } at ? Timestamps.Format(at) : null,
                    ["ceremony"] = entry.Ceremony,
                    ["approved_by"] = entry.ApprovedBy,
                    ["key_source"] = entry.KeySource,
                    ["peer_acked"] = entry.PeerAcked,
                    ["address"] = entry.Address,
                };
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return known;
    }

    /// <summary>
    /// Gives a peer that is trusted already a new address, in both directions; how it came to be trusted stays.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="route">Where it can be reached now; null to leave that as it is.</param>
    /// <param name="grant">The grant that it has now.</param>
    /// <param name="replaced">Takes the grant that it had before, before the new one is on disk.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>False where it is no longer trusted.</returns>
    public async Task<bool> RenewAsync(TrustEntry peer, PeerRoute? route, GivenGrant? grant, Func<GivenGrant, CancellationToken, Task> replaced, CancellationToken cancellationToken)
    {
        GivenGrant? old = null;
        var renewed = false;
        await _file.UpdateAsync(
            tree =>
            {
                if (ReadEntry(peer.Handle, AgentsIn(tree)[peer.Handle]) is not { RevokedAt: null } known || !known.PublicKey.AsSpan().SequenceEqual(peer.PublicKey))
                {
                    return false;
                }

                old = known.Grant;
                KeepHeldToken(AgentsIn(tree)[peer.Handle]!.AsObject(), known.HoldsMailbox);
                SetGrant(AgentsIn(tree)[peer.Handle]!.AsObject(), grant);
                return renewed = true;
            },
            beforeWrite: async () =>
            {
                if (old is not null && old != grant)
                {
                    await replaced(old, cancellationToken).ConfigureAwait(false);
                }

                if (route is not null)
                {
                    await mailboxes.SetRouteAsync(peer.Handle, route, cancellationToken).ConfigureAwait(false);
                }
            },
            cancellationToken).ConfigureAwait(false);
        return renewed;
    }

    /// <summary>
    /// Keeps the name, DID and key of a peer free from the moment this side has confirmed, so that its pin cannot be
    /// refused any more (pairing-v2.md §4, step 6): an entry without a tier, that stands for nobody yet.
    /// </summary>
    /// <returns>Null where it is kept; else the name under which another key is known.</returns>
    public async Task<string?> ReserveAsync(AgentCard card, string pairId, CancellationToken cancellationToken)
    {
        string? conflict = null;
        await _file.UpdateAsync(
            tree =>
            {
                var agents = AgentsIn(tree);
                conflict = FindConflict(agents, card);
                if (conflict is not null)
                {
                    return false;
                }

                if (agents[card.Handle] is not JsonObject known)
                {
                    agents[card.Handle] = new JsonObject { ["did"] = card.Did, ["public_keys"] = Keys(card), ["reserved_for"] = new JsonArray(pairId) };
                    return true;
                }

                // Two pairings with one peer may be under way; the name is free again when both have ended.
                if (known["reserved_for"] is JsonArray pairs && !pairs.Any(p => (string?)p == pairId))
                {
                    pairs.Add(pairId);
                    return true;
                }

                return false;
            },
            cancellationToken).ConfigureAwait(false);
        return conflict;
    }

    /// <summary>Gives back what was kept free for a pairing that ended without a pin.</summary>
    public Task ReleaseAsync(string pairId, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            var agents = AgentsIn(tree);
            foreach (var (handle, node) in agents)
            {
                if (node is JsonObject entry && entry["reserved_for"] is JsonArray pairs && pairs.FirstOrDefault(p => (string?)p == pairId) is { } reserved)
                {
                    pairs.Remove(reserved);
                    return pairs.Count > 0 || agents.Remove(handle);
                }
            }

            return false;
        },
        cancellationToken);

    /// <summary>Writes the entry of this home itself, where it is missing.</summary>
    public Task AttestSelfAsync(AgentCard card, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            var agents = AgentsIn(tree);
            if (agents[card.Handle] is not null)
            {
                return false;
            }

            agents[card.Handle] = new JsonObject
            {
                ["tier"] = TierName(TrustTier.Attested),
                ["did"] = card.Did,
                ["public_keys"] = Keys(card),
            };
            return true;
        },
        cancellationToken);

    /// <summary>Takes an entry out; true where there was one with this key under this name.</summary>
    public async Task<bool> RemoveAsync(TrustEntry entry, CancellationToken cancellationToken)
    {
        var removed = false;
        await _file.UpdateAsync(
            tree =>
            {
                var agents = AgentsIn(tree);
                removed = ReadEntry(entry.Handle, agents[entry.Handle]) is { } found
                    && found.PublicKey.AsSpan().SequenceEqual(entry.PublicKey)
                    && agents.Remove(entry.Handle);
                return removed;
            },
            cancellationToken).ConfigureAwait(false);
        return removed;
    }

    /// <summary>Notes that a peer is known to have pinned us.</summary>
    public Task SetPeerAckedAsync(string did, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            foreach (var (_, node) in AgentsIn(tree))
            {
                if (node is JsonObject entry && (string?)entry["did"] == did && entry["peer_acked"]?.GetValueKind() != JsonValueKind.True)
                {
                    entry["peer_acked"] = true;
                    return true;
                }
            }

            return false;
        },
        cancellationToken);

    /// <summary>
    /// Takes a newer card of a peer (wireps.md §5, Card updates). The exceptions are those of <see cref="CardChain.Check"/>;
    /// the highest card seen stays what it was.
    /// </summary>
    /// <returns>What the card is to the highest one seen; null where the peer is gone.</returns>
    public async Task<CardStep?> UpdateCardAsync(TrustEntry peer, AgentCard card, CancellationToken cancellationToken)
    {
        CardStep? step = null;
        await ChangeAsync(
            peer,
            entry =>
            {
                step = HighestOf(entry) is { } highest ? CardChain.Check(peer.PublicKey, peer.Did, highest, card) : CardStep.Next;
                if (step == CardStep.Same)
                {
                    return false;
                }

                SetCard(entry, card);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return step;
    }

    /// <summary>Notes the number of the card that a peer says it has.</summary>
    public Task NoteCardSeqToldAsync(TrustEntry peer, long seq, CancellationToken cancellationToken) =>
        ChangeAsync(peer, entry => SetHigher(entry, "card_seq_told", seq), cancellationToken);

    /// <summary>Notes the number of the card that a device says its identity has; it counts until the next card comes, which may not list the device any more.</summary>
    public Task NoteCardSeqToldByDeviceAsync(TrustEntry peer, long seq, CancellationToken cancellationToken) =>
        ChangeAsync(peer, entry => seq > ((long?)entry["card_seq"] ?? 0) && SetHigher(entry, ToldByDevices, seq), cancellationToken);

    /// <summary>Notes that a peer was asked for its card.</summary>
    public Task NoteCardSeqAskedAsync(TrustEntry peer, long seq, CancellationToken cancellationToken) =>
        ChangeAsync(
            peer,
            entry =>
            {
                entry[CardSeqAsked] = seq;
                entry[CardAskedAt] = Timestamps.Format(time.GetUtcNow());
                return true;
            },
            cancellationToken);

    /// <summary>Notes which card of this home was sent to a peer.</summary>
    public Task NoteCardSeqSentAsync(TrustEntry peer, long seq, CancellationToken cancellationToken) =>
        ChangeAsync(peer, entry => SetHigher(entry, "card_seq_sent", seq), cancellationToken);

    /// <summary>
    /// Revokes a peer: the entry stays as a tombstone with its whole key, its tier goes down, its grant is given to
    /// <paramref name="revoke"/> before that is on disk. Nothing but <see cref="RemoveAsync"/> brings the key back.
    /// </summary>
    public Task RevokeAsync(TrustEntry peer, string? reason, Func<GivenGrant, CancellationToken, Task> revoke, CancellationToken cancellationToken) =>
        EndAsync(peer, "revoked_at", reason, revoke, cancellationToken);

    /// <summary>Notes that a peer has revoked this home: it is heard no more, and can be trusted anew.</summary>
    public Task EndByPeerAsync(TrustEntry peer, string? reason, Func<GivenGrant, CancellationToken, Task> revoke, CancellationToken cancellationToken) =>
        EndAsync(peer, "revoked_by_peer_at", reason, revoke, cancellationToken);

    private async Task EndAsync(TrustEntry peer, string member, string? reason, Func<GivenGrant, CancellationToken, Task> revoke, CancellationToken cancellationToken)
    {
        GivenGrant? grant = null;
        await _file.UpdateAsync(
            tree =>
            {
                if (FindIn(tree, peer) is not { } entry)
                {
                    return false;
                }

                grant = ReadEntry(peer.Handle, entry)!.Grant;
                entry["tier"] = TierName(TrustTier.Untrusted);
                entry[member] ??= Timestamps.Format(time.GetUtcNow());
                entry["revoked_reason"] = reason;
                entry["peer_acked"] = false;
                entry.Remove(HeldToken);
                SetGrant(entry, null);
                return true;
            },
            beforeWrite: () => grant is null ? Task.CompletedTask : revoke(grant, cancellationToken),
            cancellationToken).ConfigureAwait(false);
    }

    private Task ChangeAsync(TrustEntry peer, Func<JsonObject, bool> change, CancellationToken cancellationToken) =>
        _file.UpdateAsync(tree => FindIn(tree, peer) is { } entry && change(entry), cancellationToken);

    /// <summary>The entry of exactly this key under its name; null where there is none.</summary>
    private JsonObject? FindIn(JsonObject tree, TrustEntry peer) =>
        ReadEntry(peer.Handle, AgentsIn(tree)[peer.Handle]) is { } found && found.PublicKey.AsSpan().SequenceEqual(peer.PublicKey) ? AgentsIn(tree)[peer.Handle]!.AsObject() : null;

    private static bool SetHigher(JsonObject entry, string member, long value)
    {
        var isHigher = value > ((long?)entry[member] ?? 0);
        if (isHigher)
        {
            entry[member] = value;
        }

        return isHigher;
    }

    // Whoever was known by the key alone has a name now.
    private static void DropNameless(JsonObject agents, AgentCard card)
    {
        foreach (var handle in agents.Where(a => a.Value is JsonObject entry && entry["card"] is null && IsOfKeyAlone((string?)entry["key_source"]) && entry["revoked_at"] is null && HasKey(entry, card.PublicKey)).Select(static a => a.Key).ToList())
        {
            agents.Remove(handle);
        }
    }

    private string? FindConflict(JsonObject agents, AgentCard card) => new KnownEntries(this, agents).ConflictOf(card);

    private static bool HasKey(JsonObject entry, byte[] publicKey)
    {
        var text = StrictBase64.Encode(publicKey);
        return entry["public_keys"] is JsonArray keys && keys.Any(key => key is JsonObject k && (string?)k["key"] == text);
    }

    private JsonObject Entry(JsonObject? known, PinRequest request)
    {
        var now = Timestamps.Format(time.GetUtcNow());
        var entry = known?.DeepClone().AsObject() ?? [];
        entry.Remove("reserved_for");
        KeepHeldToken(entry, HoldsMailbox(entry));
        var tier = ParseTier((string?)entry["tier"]) is { } old && old > request.Tier ? old : request.Tier;
        entry["tier"] = TierName(tier);
        entry["did"] = request.Card.Did;
        if (HighestOf(entry) is not { } highest || PositionOf(request.Card).Seq >= highest.Seq)
        {
            SetCard(entry, request.Card);
        }

        entry["public_keys"] = Keys(request.Card);
        entry["pinned_at"] = now;

        // What a person has compared stays so when the peer comes by a weaker way as well (wireps.md §4).
        if (RankOf((string?)entry["ceremony"]) <= RankOf(request.Ceremony))
        {
            entry["ceremony"] = request.Ceremony;
            entry["approved_by"] = request.ApprovedBy;
            entry["key_source"] = request.KeySource;
        }

        if (request.IsPrincipal)
        {
            entry[Principal] = true;
        }

        if (request.Label is not null)
        {
            entry["label"] ??= request.Label;
        }

        SetGrant(entry, request.Grant);
        entry["peer_acked"] = false;
        entry["request_id"] = request.RequestId;
        if (request.Address is not null)
        {
            entry["address"] = request.Address;
        }

        entry.Remove("revoked_by_peer_at");
        entry.Remove("revoked_reason");
        return entry;
    }

    private static void SetCard(JsonObject entry, AgentCard card)
    {
        var position = PositionOf(card);
        entry["card"] = JsonNode.Parse(card.JsonText);
        entry["card_seq"] = position.Seq;
        entry["card_hash"] = position.Hash;
        entry.Remove(ToldByDevices);
        entry.Remove(CardSeqAsked);
        entry.Remove(CardAskedAt);
    }

    /// <summary>Where the highest card seen stands; null where none is known.</summary>
    private static CardPosition? HighestOf(JsonObject entry) =>
        (string?)entry["card_hash"] is { } hash ? new CardPosition((long?)entry["card_seq"] ?? 0, hash)
        : CardOf(entry) is { } card ? PositionOf(card)
        : null;

    // A card whose number is in no form stands before all that have one.
    private static CardPosition PositionOf(AgentCard card)
    {
        try
        {
            return CardChain.PositionOf(card);
        }
        catch (WireException error) when (error.Reason == WireReason.InvalidCard)
        {
            return new CardPosition(0, Convert.ToHexStringLower(CanonicalJson.Hash(card.Json, CanonicalMode.WholeObject)));
        }
    }

    /// <summary>What a peer was given before grants counts until it goes, whatever it is given now.</summary>
    private static void KeepHeldToken(JsonObject entry, bool isHeld)
    {
        if (isHeld)
        {
            entry[HeldToken] = true;
        }
    }

    // Who is trusted and has no grant got the mailbox' own token; who was put in by the key alone got nothing, and whom a principal shared gets grants only.
    private static bool HoldsMailbox(JsonObject entry) => entry[HeldToken]?.GetValueKind() == JsonValueKind.True
        || (ParseTier((string?)entry["tier"]) > TrustTier.Untrusted && entry["grant_id"] is null && (string?)entry["key_source"] is var source && source != TrustEntry.SharedKeySource && !IsOfKeyAlone(source));

    private static bool IsOfKeyAlone(string? keySource) => keySource is ImportedKeySource or OlderKeySource;

    private static void SetGrant(JsonObject entry, GivenGrant? grant)
    {
        entry["grant_id"] = grant?.GrantId;
        entry["grant_relay_url"] = grant?.RelayUrl;
        entry["grant_slot_id"] = grant?.SlotId;
    }

    private static int RankOf(string? ceremony) => ceremony switch
    {
        "sas-v1" or "sas-v2" => 3,
        "invite" or "device" or "manual" => 2,
        null => 0,
        _ => 1,
    };

    private JsonArray Keys(AgentCard card) => Keys(card.Handle, card.PublicKey);

    private JsonArray Keys(string handle, byte[] publicKey) =>
    [
        new JsonObject
        {
            ["key_id"] = Fingerprint.KeyId(handle, publicKey),
            ["key"] = StrictBase64.Encode(publicKey),
            ["added_at"] = Timestamps.Format(time.GetUtcNow()),
            ["active"] = true,
        },
    ];

    private static JsonObject AgentsIn(JsonObject tree)
    {
        tree["version"] ??= 1;
        return JsonFile.ObjectIn(tree, "agents");
    }

    private static JsonObject Agents(JsonObject? tree) => tree?["agents"]?.AsObject() ?? [];

    private TrustEntry? ReadEntry(string handle, JsonNode? node)
    {
        try
        {
            return node is JsonObject entry
                && entry["reserved_for"] is null
                && entry["public_keys"] is JsonArray { Count: > 0 } keys
                && StrictBase64.TryDecode((string?)keys[0]?["key"], out var key) && key.Length == 32
                ? new TrustEntry(
                    handle,
                    (string?)entry["did"] ?? "",
                    key,
                    ParseTier((string?)entry["tier"]) ?? TrustTier.Untrusted,
                    (string?)entry["ceremony"],
                    (string?)entry["approved_by"],
                    Timestamps.TryParse((string?)entry["pinned_at"], out var pinned) ? pinned : null,
                    (string?)entry["key_source"],
                    (string?)entry["grant_id"] is { } grant && (string?)entry["grant_relay_url"] is { } url && (string?)entry["grant_slot_id"] is { } slot ? new GivenGrant(url, slot, grant) : null,
                    entry["peer_acked"]?.GetValueKind() == JsonValueKind.True,
                    (string?)entry["label"])
                {
                    Card = CardOf(entry),
                    RevokedAt = Timestamps.TryParse((string?)entry["revoked_at"], out var revoked) ? revoked : null,
                    RevokedByPeerAt = Timestamps.TryParse((string?)entry["revoked_by_peer_at"], out var byPeer) ? byPeer : null,
                    RevokedReason = (string?)entry["revoked_reason"],
                    RequestId = (string?)entry["request_id"],
                    Address = (string?)entry["address"],
                    IsPrincipal = entry[Principal]?.GetValueKind() == JsonValueKind.True,
                    HoldsMailbox = HoldsMailbox(entry),
                    CardSeq = (long?)entry["card_seq"] ?? 0,
                    CardSeqTold = (long?)entry["card_seq_told"] ?? 0,
                    CardSeqToldByDevices = (long?)entry[ToldByDevices] ?? 0,
                    CardSeqAsked = (long?)entry[CardSeqAsked] ?? 0,
                    CardAskedAt = Timestamps.TryParse((string?)entry[CardAskedAt], out var asked) ? asked : null,
                    CardSeqSent = (long?)entry["card_seq_sent"] ?? 0,
                }
                : null;
        }
        catch (InvalidOperationException error)
        {
            throw new WireException(WireReason.FileCorrupt, $"The entry '{handle}' is not in the form of a trust entry.", home.TrustFile, error);
        }
    }

    // The card of an entry that another program made may be none that we would take; its key counts all the same.
    private static AgentCard? CardOf(JsonObject entry)
    {
        try
        {
            return entry["card"] is JsonObject card ? AgentCard.Parse(JsonSerializer.SerializeToUtf8Bytes(card, JsonTreeJson.Default.JsonObject)) : null;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson)
        {
            return null;
        }
    }

    private static string TierName(TrustTier tier) => JsonNamingPolicy.SnakeCaseUpper.ConvertName(tier.ToString());

    private static TrustTier? ParseTier(string? name)
    {
        foreach (var tier in Enum.GetValues<TrustTier>())
        {
            if (TierName(tier) == name)
            {
                return tier;
            }
        }

        return null;
    }

    /// <summary>The entries of the store by name, DID and key. An entry that cannot be read may be the one that a card is in conflict with: it throws.</summary>
    private sealed class KnownEntries
    {
        private readonly JsonObject _agents;
        private readonly Dictionary<string, HashSet<string>> _handles = new(StringComparer.Ordinal);

        public KnownEntries(TrustStore store, JsonObject agents)
        {
            _agents = agents;
            foreach (var (handle, node) in agents)
            {
                _ = store.ReadEntry(handle, node);
                if (node is JsonObject entry)
                {
                    Add(handle, entry);
                }
            }
        }

        public void Add(string handle, JsonObject entry)
        {
            Note("did " + (string?)entry["did"], handle);
            foreach (var key in entry["public_keys"] as JsonArray ?? [])
            {
                Note("key " + (key is JsonObject k ? (string?)k["key"] : null), handle);
            }
        }

        public string? ConflictOf(AgentCard card)
        {
            var key = "key " + StrictBase64.Encode(card.PublicKey);
            string[] names = [card.Handle, .. _handles.GetValueOrDefault("did " + card.Did) ?? [], .. _handles.GetValueOrDefault(key) ?? []];
            foreach (var handle in names)
            {
                if (_agents[handle] is not JsonObject entry)
                {
                    continue;
                }

                var sameKey = HasKey(entry, card.PublicKey);
                var sameName = handle == card.Handle || (string?)entry["did"] == card.Did;
                if (sameName != sameKey || (sameKey && ((string?)entry["tier"] == TierName(TrustTier.Attested) || entry["revoked_at"] is not null)))
                {
                    return handle;
                }
            }

            return null;
        }

        private void Note(string what, string handle)
        {
            if (!_handles.TryGetValue(what, out var handles))
            {
                _handles[what] = handles = new HashSet<string>(StringComparer.Ordinal);
            }

            handles.Add(handle);
        }
    }
}
