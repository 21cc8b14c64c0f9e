using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>Which messages are asked for.</summary>
public sealed record HistoryQuery
{
    /// <summary>The DIDs of the peers; null for all.</summary>
    public IReadOnlyCollection<string>? PeerDids { get; init; }

    /// <summary>How many at most, the newest; null for all.</summary>
    public int? Last { get; init; }

    /// <summary>Only those that came to be known after this time.</summary>
    public DateTimeOffset? After { get; init; }
}

/// <summary>
/// The messages of a home in both directions, in the order in which this home came to know them. Read from the end in
/// blocks, so the newest ones cost the same however many there are.
/// </summary>
public sealed class MessageHistory
{
    private readonly WireHome _home;
    private readonly IFileSystem _files;
    private readonly TrustStore _trust;
    private readonly IdentityStore _identity;
    private readonly ReceivedIndex _received;
    private readonly SentMessages _sent;
    private readonly Outbox _outbox;

    internal MessageHistory(WireHome home, IFileSystem files, TrustStore trust, IdentityStore identity, ReceivedIndex received, SentMessages sent, Outbox outbox)
    {
        _home = home;
        _files = files;
        _trust = trust;
        _identity = identity;
        _received = received;
        _sent = sent;
        _outbox = outbox;
    }

    /// <summary>The messages, newest at the end. One that cannot be opened, or whose file is damaged, is shown as such and stops nothing.</summary>
    /// <param name="query">Which.</param>
    /// <param name="trouble">Takes the trouble with each file that cannot be read.</param>
    public IEnumerable<Message> Read(HistoryQuery query, Action<WireException> trouble)
    {
        var found = Find(query, trouble);
        if (found.Count == 0)
        {
            yield break;
        }

        using var reader = new MessageReader(_home, _files, _trust, _identity);
        for (var i = found.Count - 1; i >= 0; i--)
        {
            yield return found[i].Open(reader);
        }
    }

    /// <summary>The entry of an event that was received as a message; null where there is none with this id.</summary>
    public ReceivedEntry? FindReceived(string eventId) => _received.ReadBackward().FirstOrDefault(e => e.Id == eventId && e.IsMessage);

    /// <summary>The event that an entry points to; null where what stands in the inbox is not what came.</summary>
    public SignedEvent? EventOf(ReceivedEntry entry) => MessageReader.EventOf(_home, _files, entry);

    /// <summary>The signed event of a message that is still on its way; null where there is none with this id.</summary>
    public SignedEvent? FindWaiting(string eventId) => _outbox.List(static _ => { }).FirstOrDefault(i => i.EventId == eventId && i.Body is not null)?.Signed();

    /// <summary>What became of a message that was sent; null where there is none with this id. Its signature is not kept.</summary>
    public SentEntry? FindSent(string eventId) => _sent.Peers().SelectMany(_sent.ReadBackward).LastOrDefault(e => e.Id == eventId);

    /// <summary>Newest first; nothing is opened yet.</summary>
    private List<Found> Find(HistoryQuery query, Action<WireException> trouble)
    {
        var found = new List<Found>();
        var places = new Dictionary<string, Found>(StringComparer.Ordinal);
        var left = query.Last ?? int.MaxValue;
        var outbox = _outbox.List(trouble);
        var waiting = outbox.SelectMany(static i => (OutboxItem[])[i, .. i.Copies ?? []])
            .Where(static i => i.CopyOf is not null)
            .GroupBy(static i => i.CopyOf!, static i => i.To, StringComparer.Ordinal)
            .ToDictionary(static g => g.Key, static g => (IReadOnlyList<string>)[.. g.Distinct()], StringComparer.Ordinal);
        using var sources = new Sources([Received(query), Waiting(query, outbox, waiting), .. _sent.Peers().Select(name => SentTo(name, query, waiting))], trouble);
        while (left > 0 && sources.TakeNewest() is { } next && !(next.At <= query.After))
        {
            // A crash can make what became of a message known twice: the first answer counts, and comes last here.
            if (places.Remove(next.Key, out var again))
            {
                found.Remove(again);
                left++;
            }

            places[next.Key] = next;
            found.Add(next);
            left--;
        }

        return found;
    }

    private IEnumerable<Found> Received(HistoryQuery query) =>
        from entry in _received.ReadBackward()
        where entry.IsMessage && Fits(query, entry.From)
        select new Found($"received {entry.Id}", entry.At, reader => reader.Open(entry));

    private static IEnumerable<Found> Waiting(HistoryQuery query, IReadOnlyList<OutboxItem> outbox, Dictionary<string, IReadOnlyList<string>> waiting) =>
        from item in outbox.Reverse()
        where item.Body is not null && Fits(query, item.To)
        select new Found($"sent {item.EventId}", item.CreatedAt, _ => MessageOf(item, DeliveryStatus.Queued, waiting.GetValueOrDefault(item.EventId, [])));

    private IEnumerable<Found> SentTo(string name, HistoryQuery query, Dictionary<string, IReadOnlyList<string>> waiting) =>
        from entry in _sent.ReadBackward(name)
        where Fits(query, entry.To)
        select new Found($"sent {entry.Id}", entry.At, _ => MessageOf(entry, waiting.GetValueOrDefault(entry.Id, [])));

    private static bool Fits(HistoryQuery query, string did) => query.PeerDids?.Contains(did) != false;

    private static Message MessageOf(SentEntry entry, IReadOnlyList<string> waitingFor)
    {
        var body = BodyOf(entry.Body);
        return new Message(MessageDirection.Sent, entry.Id, entry.Peer, entry.To, entry.At, entry.Timestamp, entry.Type, entry.Kind, entry.Sealed, body, body is null ? MessageProblem.Damaged : null, StatusOf(entry.Status, waitingFor)) { WaitingFor = waitingFor };
    }

    /// <summary>A message on its way, or what became of it, as one of the history.</summary>
    internal static Message MessageOf(OutboxItem item, DeliveryStatus status, IReadOnlyList<string> waitingFor)
    {
        var signed = item.Signed();
        var body = BodyOf(item.Body!);
        return new Message(MessageDirection.Sent, item.EventId, item.Peer ?? "", item.To, item.CreatedAt, item.CreatedAt, signed.Type, signed.Kind, signed.Enc is not null, body, body is null ? MessageProblem.Damaged : null, StatusOf(status, waitingFor), item.LastError) { WaitingFor = waitingFor };
    }

    // Delivered is what all of its recipient's machines have.
    private static DeliveryStatus StatusOf(DeliveryStatus ofRoot, IReadOnlyList<string> waitingFor) =>
        waitingFor.Count > 0 && ofRoot is (DeliveryStatus.Delivered or DeliveryStatus.Duplicate) ? DeliveryStatus.Queued : ofRoot;

    private static WireJson? BodyOf(string text) => WireJson.TryParse(System.Text.Encoding.UTF8.GetBytes(text), out var body) ? body : null;

    /// <summary>A message that was found, and how to open it.</summary>
    private sealed record Found(string Key, DateTimeOffset At, Func<MessageReader, Message> Open);

    /// <summary>Several sources, each newest first, as one.</summary>
    private sealed class Sources : IDisposable
    {
        private readonly List<IEnumerator<Found>> _open = [];
        private readonly Action<WireException> _trouble;

        public Sources(IEnumerable<IEnumerable<Found>> sources, Action<WireException> trouble)
        {
            _trouble = trouble;
            foreach (var source in sources)
            {
                Advance(source.GetEnumerator());
            }
        }

        /// <summary>The newest that is left; null where there is none.</summary>
        public Found? TakeNewest()
        {
            if (_open.MaxBy(static s => s.Current.At) is not { } newest)
            {
                return null;
            }

            var taken = newest.Current;
            _open.Remove(newest);
            Advance(newest);
            return taken;
        }

        public void Dispose() => _open.ForEach(static s => s.Dispose());

        private void Advance(IEnumerator<Found> source)
        {
            try
            {
                if (source.MoveNext())
                {
                    _open.Add(source);
                    return;
                }
            }
            catch (WireException error)
            {
                _trouble(error);
            }

            source.Dispose();
        }
    }
}
