using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Tests.Support;

/// <summary>The events of a relay's mailboxes, as relay-v2.md has them.</summary>
internal sealed class MailRooms
{
    private readonly Dictionary<string, Room> _rooms = new(StringComparer.Ordinal);

    /// <summary>Everything in a mailbox that is not acked, as text.</summary>
    public IReadOnlyList<string> TextsOf(string slotId) => [.. RoomOf(slotId).Events.Select(static e => System.Text.Encoding.UTF8.GetString(e.Utf8))];

    public PostOutcome Post(string slotId, string? grantId, byte[] utf8, string? eventId)
    {
        var room = RoomOf(slotId);
        if (eventId is not null && !room.Ids.Add(eventId))
        {
            return PostOutcome.Duplicate;
        }

        room.Events.Add((++room.Last, grantId, utf8));
        return PostOutcome.Stored;
    }

    public MailPage Read(string slotId, MailPlace after, int limit)
    {
        var room = RoomOf(slotId);
        var found = room.Events.Where(e => e.Sequence > after.Sequence).Take(limit).ToList();
        var next = found.Count == 0 ? Math.Max(after.Sequence, room.First - 1) : found[^1].Sequence;
        return new MailPage([.. found.Select(static e => new MailItem(e.GrantId, e.Utf8))], new MailPlace(next, null), room.Events.Any(e => e.Sequence > next), Math.Max(0, room.First - 1 - after.Sequence));
    }

    /// <summary>As a relay reads that speaks v1 only: by the id of the last event, from the beginning where it does not know that.</summary>
    public MailPage ReadById(string slotId, MailPlace after, int limit)
    {
        var events = RoomOf(slotId).Events;
        var start = events.FindIndex(e => IdOf(e.Utf8) is { } id && id == after.EventId) + 1;
        var found = events.Skip(start).Take(limit).ToList();
        var next = found.Select(static e => IdOf(e.Utf8)).LastOrDefault(static id => id is not null) is { } last ? new MailPlace(0, last) : after;
        return new MailPage([.. found.Select(static e => new MailItem(null, e.Utf8))], next, found.Count == limit && next != after, 0);
    }

    private static string? IdOf(byte[] utf8) => WireJson.Parse(utf8).GetString("event_id");

    public bool Ack(string slotId, long upTo)
    {
        var room = RoomOf(slotId);
        if (upTo > room.Last)
        {
            return false;
        }

        room.Events.RemoveAll(e => e.Sequence <= upTo);
        return true;
    }

    /// <summary>The relay drops the oldest events of a mailbox unread.</summary>
    public void Drop(string slotId, int count)
    {
        var room = RoomOf(slotId);
        room.First = room.Events[count - 1].Sequence + 1;
        room.Events.RemoveRange(0, count);
    }

    /// <summary>A relay that repeats itself: an event stands in the mailbox once more.</summary>
    public void Repeat(string slotId, byte[] utf8) => RoomOf(slotId).Events.Add((++RoomOf(slotId).Last, null, utf8));

    /// <summary>The mailboxes are as they were in the beginning: a relay restored from an old backup.</summary>
    public void Clear() => _rooms.Clear();

    private Room RoomOf(string slotId)
    {
        if (!_rooms.TryGetValue(slotId, out var room))
        {
            _rooms[slotId] = room = new Room();
        }

        return room;
    }

    private sealed class Room
    {
        public List<(long Sequence, string? GrantId, byte[] Utf8)> Events { get; } = [];

        public HashSet<string> Ids { get; } = new(StringComparer.Ordinal);

        public long First { get; set; } = 1;

        public long Last { get; set; }
    }
}
