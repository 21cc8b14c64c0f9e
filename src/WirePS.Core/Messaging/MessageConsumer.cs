using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>How far a consumer has come in what was received.</summary>
/// <param name="Offset">In bytes of the index.</param>
/// <param name="Seq">The number of the last entry before it; 0 for the beginning.</param>
/// <param name="Id">That entry's event; null for the beginning.</param>
public readonly record struct ConsumerPlace(long Offset, long Seq, string? Id);

/// <summary>A message that a consumer has not had.</summary>
/// <param name="Message">The message.</param>
/// <param name="Place">The place after it: what is committed when it has been handed over.</param>
public sealed record PendingMessage(Message Message, ConsumerPlace Place);

/// <summary>
/// One consumer of the messages of a home, for as long as it reads (<c>consumers/&lt;name&gt;.json</c>): each message is
/// handed over once, also after a crash, where the caller commits what it has handed over. A consumer that reads the
/// messages of some peers leaves those of the others unread: it has a place of its own for each peer that is ahead.
/// </summary>
public sealed class MessageConsumer : IDisposable
{
    private const string Ending = ".json";

    private readonly JsonFile _file;
    private readonly ReceivedIndex _received;
    private readonly IDisposable _turn;
    private readonly MessageReader _reader;
    private readonly IReadOnlyCollection<string>? _peerDids;
    private readonly Dictionary<string, ConsumerPlace> _ofPeers;
    private ConsumerPlace _ofAll;
    private ConsumerPlace _seen;
    private ConsumerPlace _committed;

    private MessageConsumer(JsonFile file, ReceivedIndex received, IDisposable turn, MessageReader reader, IReadOnlyCollection<string>? peerDids)
    {
        _file = file;
        _received = received;
        _turn = turn;
        _reader = reader;
        _peerDids = peerDids;
        (_ofAll, _ofPeers) = file.Get(Read);
        _seen = _committed = Found(peerDids is null ? _ofAll : peerDids.Select(PlaceOf).MinBy(static p => p.Seq));
    }

    /// <summary>Takes the turn of a consumer.</summary>
    /// <param name="home">The home.</param>
    /// <param name="files">Its files.</param>
    /// <param name="received">What was received.</param>
    /// <param name="trust">The peers.</param>
    /// <param name="identity">Opens sealed bodies.</param>
    /// <param name="name">The consumer's name: 2 to 32 of a-z, 0-9, '-' and '_'.</param>
    /// <param name="peerDids">Whose messages; null for all.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidConsumer"/>; <see cref="WireReason.ConsumerBusy"/> where another one reads under the name.</exception>
    internal static MessageConsumer Open(WireHome home, IFileSystem files, ReceivedIndex received, TrustStore trust, IdentityStore identity, string name, IReadOnlyCollection<string>? peerDids)
    {
        if (!HandleRules.IsSafeFileName(name))
        {
            throw new WireException(WireReason.InvalidConsumer, null, Printable.Of(name));
        }

        // Held for as long as it reads, not for a short section: two that read under one name would share the messages out.
        var turn = files.TryLock(home.LockFile("consumer-" + name)) ?? throw new WireException(WireReason.ConsumerBusy, null, name);
        MessageReader? reader = null;
        try
        {
            reader = new MessageReader(home, files, trust, identity);
            var file = new JsonFile(files, Path.Combine(home.ConsumersFolder, name + Ending), home.LockFile("consumers"));
            return new MessageConsumer(file, received, turn, reader, peerDids);
        }
        catch
        {
            reader?.Dispose();
            turn.Dispose();
            throw;
        }
    }

    /// <summary>True where there may be more than was seen.</summary>
    public bool HasNews => _received.Length > _seen.Offset;

    /// <summary>What this consumer has not had and is there now, oldest first. Commit each before the next is asked for.</summary>
    public IEnumerable<PendingMessage> Pending()
    {
        _reader.Refresh();
        foreach (var (entry, next) in _received.Read(_seen.Offset))
        {
            _seen = new ConsumerPlace(next, entry.Seq, entry.Id);
            if (entry.IsMessage && _peerDids?.Contains(entry.From) != false && entry.Seq > PlaceOf(entry.From).Seq)
            {
                yield return new PendingMessage(_reader.Open(entry), _seen);
            }
        }
    }

    /// <summary>Notes that everything before a place has been handed over.</summary>
    public async Task CommitAsync(ConsumerPlace place)
    {
        if (place == _committed)
        {
            return;
        }

        if (_peerDids is null)
        {
            _ofAll = place;
            foreach (var (did, _) in _ofPeers.Where(p => p.Value.Seq <= place.Seq).ToList())
            {
                _ofPeers.Remove(did);
            }
        }
        else
        {
            foreach (var did in _peerDids.Where(d => PlaceOf(d).Seq < place.Seq))
            {
                _ofPeers[did] = place;
            }
        }

        // What was handed over is noted even where the caller is being stopped.
        await _file.UpdateAsync(Write, CancellationToken.None).ConfigureAwait(false);
        _committed = place;
    }

    /// <summary>Notes that everything that was seen is done with, others' messages among it.</summary>
    public Task CommitSeenAsync() => CommitAsync(_seen);

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _turn.Dispose();
    }

    private ConsumerPlace PlaceOf(string did) => _ofPeers.TryGetValue(did, out var place) && place.Seq > _ofAll.Seq ? place : _ofAll;

    /// <summary>Where a place is now: an index that was begun anew, or put back from a backup, is another file.</summary>
    private ConsumerPlace Found(ConsumerPlace place)
    {
        if (place.Offset <= _received.Length && _received.IsBoundary(place.Offset, place.Id))
        {
            return place;
        }

        foreach (var (entry, next) in _received.Read(0))
        {
            if (entry.Seq == place.Seq && entry.Id == place.Id)
            {
                return new ConsumerPlace(next, entry.Seq, entry.Id);
            }
        }

        // The entry is not there any more: what is there is new.
        _ofAll = default;
        _ofPeers.Clear();
        return default;
    }

    private static (ConsumerPlace OfAll, Dictionary<string, ConsumerPlace> OfPeers) Read(JsonObject? tree) => (
        tree is null ? default : PlaceIn(tree),
        (tree?["peers"]?.AsObject() ?? []).ToDictionary(static p => p.Key, static p => PlaceIn(p.Value?.AsObject() ?? throw new FormatException("A place is an object.")), StringComparer.Ordinal));

    private static ConsumerPlace PlaceIn(JsonObject node) => new((long?)node["offset"] ?? 0, (long?)node["seq"] ?? 0, (string?)node["id"]);

    private bool Write(JsonObject tree)
    {
        tree["version"] ??= 1;
        Write(tree, _ofAll);
        tree["peers"] = new JsonObject(_ofPeers.Select(static p => KeyValuePair.Create<string, JsonNode?>(p.Key, Write([], p.Value))));
        return true;
    }

    private static JsonObject Write(JsonObject node, ConsumerPlace place)
    {
        node["offset"] = place.Offset;
        node["seq"] = place.Seq;
        node["id"] = place.Id;
        return node;
    }
}
