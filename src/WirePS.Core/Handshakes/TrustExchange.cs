using System.Globalization;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>What has become of one record of the other program's file.</summary>
public enum ImportOutcome
{
    /// <summary>It is trusted here now.</summary>
    Imported,

    /// <summary>Its key was trusted here before; nothing changed.</summary>
    Known,

    /// <summary>It has no key: nobody can tell who it is. It is kept and shown, and not trusted until the other program has bound it.</summary>
    Unbound,

    /// <summary>What stands in the place of the key is none.</summary>
    InvalidKey,

    /// <summary>Its name or DID belongs to another key here; nothing changed.</summary>
    Conflict,

    /// <summary>A person has revoked the key here; nothing changed.</summary>
    Revoked,

    /// <summary>It is this home itself.</summary>
    OwnKey,
}

/// <summary>One record and what has become of it.</summary>
/// <param name="Record">The record.</param>
/// <param name="Outcome">What.</param>
public sealed record ImportedTrust(ForeignTrust Record, ImportOutcome Outcome);

/// <summary>Takes trust over from the other program's <c>trust.json</c>, and hands it on in that form (handshake.md §10, wireps.md §8).</summary>
public sealed class TrustExchange
{
    private readonly HandshakeStore _store;
    private readonly TrustStore _trust;
    private readonly IdentityStore _identity;
    private readonly Journal _journal;
    private readonly TimeProvider _time;

    internal TrustExchange(HandshakeStore store, TrustStore trust, IdentityStore identity, Journal journal, TimeProvider time)
    {
        _store = store;
        _trust = trust;
        _identity = identity;
        _journal = journal;
        _time = time;
    }

    /// <summary>How imported trust is noted.</summary>
    public const string Ceremony = "handshake";

    /// <summary>Who approved it.</summary>
    public const string ApprovedBy = "policy:import";

    /// <summary>
    /// What importing a file would do. It stands below what a person has compared, gives no address, and brings nobody
    /// back whom a person has revoked here.
    /// </summary>
    /// <param name="file">The file.</param>
    public IReadOnlyList<ImportedTrust> Plan(ForeignTrustFile file)
    {
        var peers = _trust.ListAll();
        var own = _identity.Find()?.Card.PublicKey;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return [.. file.Trusted.Select(record => new ImportedTrust(record, OutcomeOf(record, peers, own, seen)))];
    }

    /// <summary>Records that were taken over without a key: no request is let in by them.</summary>
    public IReadOnlyList<ForeignTrust> Unbound() => [.. _store.Load().Unbound.OrderBy(static u => u.NodeId)];

    /// <summary>Takes one record over; one without a key is kept, and stands for nobody.</summary>
    /// <param name="planned">A record of <see cref="Plan"/>.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<ImportedTrust> ImportAsync(ImportedTrust planned, CancellationToken cancellationToken)
    {
        if (planned.Outcome == ImportOutcome.Unbound && planned.Record.NodeId != 0)
        {
            await _store.UpdateAsync(state => state.Keep(planned.Record), static () => Task.CompletedTask, cancellationToken).ConfigureAwait(false);
        }

        if (planned.Outcome != ImportOutcome.Imported)
        {
            return planned;
        }

        var key = planned.Record.Key!;
        var entry = EntryOf(planned.Record, key);
        if (await _trust.ImportAsync(entry, cancellationToken).ConfigureAwait(false) is not null)
        {
            // Somebody was faster: what stands there now decides.
            return planned with { Outcome = OutcomeOf(planned.Record, _trust.ListAll(), _identity.Find()?.Card.PublicKey, []) is var now and not ImportOutcome.Imported ? now : ImportOutcome.Conflict };
        }

        await _store.UpdateAsync(state => state.Unbound.RemoveAll(u => u.NodeId == planned.Record.NodeId) > 0, static () => Task.CompletedTask, cancellationToken).ConfigureAwait(false);
        await _journal.AppendAsync(new JournalRecord(_time.GetUtcNow(), "peer", Fingerprint.Short(key), null, "pinned", ApprovedBy, entry.Did), cancellationToken).ConfigureAwait(false);
        return planned;
    }

    /// <summary>The peers as records of the other program; those whose node id would be 0, or that of a peer before them, are left out there.</summary>
    public IReadOnlyList<(TrustEntry Peer, ForeignTrust Record)> Export()
    {
        var records = new List<(TrustEntry, ForeignTrust)>();
        var ids = new HashSet<uint> { 0 };
        foreach (var peer in _trust.List().Where(static p => p.Tier > TrustTier.Untrusted).OrderByDescending(static p => p.Tier).ThenBy(static p => p.PinnedAt))
        {
            var id = NodeIdOf(peer);
            if (ids.Add(id))
            {
                records.Add((peer, new ForeignTrust(id, StrictBase64.Encode(peer.PublicKey), peer.PinnedAt ?? _time.GetUtcNow(), peer.PeerAcked, 0)));
            }
        }

        return records;
    }

    // An imported peer keeps the id that its registry gave it.
    private static uint NodeIdOf(TrustEntry peer) =>
        peer.KeySource == TrustStore.ImportedKeySource && peer.Handle.StartsWith(HandlePrefix, StringComparison.Ordinal) && uint.TryParse(peer.Handle.AsSpan(HandlePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? id
            : NodeId.Of(peer.PublicKey);

    private const string HandlePrefix = "node-";

    /// <summary>The name of somebody of whom only the node id is known.</summary>
    public static string HandleOf(uint nodeId) => string.Create(CultureInfo.InvariantCulture, $"{HandlePrefix}{nodeId}");

    private static TrustEntry EntryOf(ForeignTrust record, byte[] key)
    {
        var handle = HandleOf(record.NodeId);
        return new TrustEntry(handle, WireDid.ForSession(handle, key), key, TrustTier.OrgVerified, Ceremony, ApprovedBy, record.ApprovedAt, TrustStore.ImportedKeySource, null, record.IsMutual, null);
    }

    private static ImportOutcome OutcomeOf(ForeignTrust record, IReadOnlyList<TrustEntry> peers, byte[]? own, HashSet<string> seen)
    {
        if (record.PublicKey.Length == 0)
        {
            return ImportOutcome.Unbound;
        }

        if (record.Key is not { } key || record.NodeId == 0)
        {
            return ImportOutcome.InvalidKey;
        }

        if (own is not null && own.AsSpan().SequenceEqual(key))
        {
            return ImportOutcome.OwnKey;
        }

        var entry = EntryOf(record, key);
        return peers.FirstOrDefault(p => p.PublicKey.AsSpan().SequenceEqual(key)) is { } known ? (known.RevokedAt is null ? ImportOutcome.Known : ImportOutcome.Revoked)
            : peers.Any(p => p.Handle == entry.Handle || p.Did == entry.Did) || !seen.Add(record.PublicKey) ? ImportOutcome.Conflict
            : ImportOutcome.Imported;
    }
}
