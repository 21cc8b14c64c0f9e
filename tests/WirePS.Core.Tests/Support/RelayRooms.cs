using System.Text.Json;
using WirePS.Pairing;
using WirePS.Relay;

namespace WirePS.Tests.Support;

/// <summary>
/// The rendezvous of a relay in memory, with exactly the states and refusals of relay-v2.md. It waits for nobody: who
/// waits asks again when something has changed. A copy of it is a backup.
/// </summary>
internal sealed class RelayRooms
{
    private const int Abort = 9;
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(24);
    private static readonly TimeSpan KeepEnded = TimeSpan.FromDays(7);
    private static readonly TimeSpan KeepDecided = TimeSpan.FromDays(30);

    private readonly Dictionary<string, Room> _rooms = new(StringComparer.Ordinal);

    public RelayRooms()
    {
    }

    private RelayRooms(RelayRooms other)
    {
        foreach (var (lookup, room) in other._rooms)
        {
            _rooms.Add(lookup, new Room(room));
        }
    }

    public int Count => _rooms.Count;

    /// <summary>The lookups that there are.</summary>
    public IReadOnlyCollection<string> Lookups => _rooms.Keys;

    /// <summary>All as it is now.</summary>
    public RelayRooms Copy() => new(this);

    /// <summary>The state of one; null where there is none.</summary>
    public V2State? StateOf(string lookup) => _rooms.TryGetValue(lookup, out var room) ? room.State : null;

    /// <summary>A message of a side, as it is held; null where it is not.</summary>
    public string? MessageOf(string lookup, PairRole role, int phase) =>
        _rooms.TryGetValue(lookup, out var room) ? room.Of(role).Messages.GetValueOrDefault(phase) : null;

    /// <summary>PUT.</summary>
    public V2PutReply Put(V2PairSide side, int phase, string body, TimeSpan? expiresIn, DateTimeOffset now)
    {
        if (Find(side.Lookup, now) is not { } room)
        {
            if (side.Role == PairRole.Guest || phase != 0)
            {
                return new V2PutReply(side.Role == PairRole.Guest ? V2Refusal.NoRendezvous : V2Refusal.PhaseOrder, null, null);
            }

            var lifetime = TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling((expiresIn ?? DefaultLifetime).TotalSeconds), 1, TimeSpan.FromDays(7).TotalSeconds));
            room = new Room(now + lifetime);
            _rooms.Add(side.Lookup, room);
        }

        var own = room.Of(side.Role);
        if (own.Token is { } bound && bound != side.Token)
        {
            room.Crowded |= phase == 0;
            return Refused(V2Refusal.RoleTaken, room);
        }

        if (own.Messages.TryGetValue(phase, out var present))
        {
            return present == body ? new V2PutReply(null, room.State, room.ExpiresAt) : Refused(V2Refusal.PhaseConflict, room);
        }

        switch (room.State)
        {
            case V2State.Ended:
                return Refused(V2Refusal.Ended, room);
            case V2State.Expired:
                return Refused(V2Refusal.Expired, room);
            case V2State.Decided when phase == Abort:
                return Refused(V2Refusal.Decided, room);
            default:
                break;
        }

        if (phase != 0 && !own.Messages.ContainsKey(phase == Abort ? 0 : phase - 1))
        {
            return Refused(V2Refusal.PhaseOrder, room);
        }

        own.Token = side.Token;
        own.Messages.Add(phase, body);
        if (phase == Abort)
        {
            room.End(V2State.Ended, ReasonOf(body), now + KeepEnded);
        }
        else if (room.State == V2State.Open && room.Host.Messages.ContainsKey(2) && room.Guest.Messages.ContainsKey(2))
        {
            room.End(V2State.Decided, null, now + KeepDecided);
        }

        return new V2PutReply(null, room.State, room.ExpiresAt);
    }

    /// <summary>GET: what one side may read.</summary>
    public V2View Read(V2PairSide side, int after, DateTimeOffset now)
    {
        if (Find(side.Lookup, now) is not { } room)
        {
            return V2View.Refused(V2Refusal.NoRendezvous);
        }

        var own = room.Of(side.Role);
        return own.Token is { } bound && bound != side.Token
            ? V2View.Refused(V2Refusal.RoleTaken)
            : new V2View(
                null,
                room.State,
                room.Reason,
                room.ExpiresAt,
                room.Crowded,
                [.. own.Messages.Keys],
                [.. room.Of(side.Role == PairRole.Host ? PairRole.Guest : PairRole.Host).Messages.Where(m => m.Key > after).Select(static m => new V2Message(m.Key, m.Value))]);
    }

    /// <summary>Whether what a side would read is more than it knows; what a long poll waits for.</summary>
    public static bool IsNews(V2PairSide side, V2View view, V2Known known) => view.Refusal is { } refusal
        ? refusal != V2Refusal.NoRendezvous || side.Role == PairRole.Host
        : view.Messages.Count > 0 || view.OwnContiguous < known.Own || (view.Crowded && !known.Crowded) || view.State is V2State.Ended or V2State.Expired;

    /// <summary>DELETE.</summary>
    public V2Refusal? Leave(V2PairSide side, string reason, DateTimeOffset now)
    {
        if (Find(side.Lookup, now) is not { } room || room.Of(side.Role).Token is not { } bound)
        {
            return null;
        }

        if (bound != side.Token)
        {
            return V2Refusal.RoleTaken;
        }

        var isDone = reason == "done";
        switch (room.State)
        {
            case V2State.Open when isDone:
                return V2Refusal.Open;
            case V2State.Open:
                room.End(V2State.Ended, reason, now + KeepEnded);
                return null;
            case V2State.Decided when !isDone:
                return V2Refusal.Decided;
            case V2State.Decided:
                room.Of(side.Role).IsDone = true;
                if (room.Host.IsDone && room.Guest.IsDone)
                {
                    _rooms.Remove(side.Lookup);
                }

                return null;
            default:
                return null;
        }
    }

    private static V2PutReply Refused(V2Refusal refusal, Room room) => new(refusal, room.State, room.ExpiresAt);

    private static string? ReasonOf(string body)
    {
        using var document = JsonDocument.Parse(body);
        return document.RootElement.TryGetProperty("reason", out var reason) ? reason.GetString() : null;
    }

    private Room? Find(string lookup, DateTimeOffset now)
    {
        if (!_rooms.TryGetValue(lookup, out var room))
        {
            return null;
        }

        if (now >= room.RemoveAt)
        {
            _rooms.Remove(lookup);
            return null;
        }

        if (room.State == V2State.Open && now >= room.ExpiresAt)
        {
            room.End(V2State.Expired, null, room.ExpiresAt + KeepEnded);
        }

        return room;
    }

    private sealed class Half
    {
        public string? Token { get; set; }

        public bool IsDone { get; set; }

        public SortedDictionary<int, string> Messages { get; } = [];

        public void CopyFrom(Half other)
        {
            Token = other.Token;
            IsDone = other.IsDone;
            foreach (var (phase, body) in other.Messages)
            {
                Messages.Add(phase, body);
            }
        }
    }

    private sealed class Room(DateTimeOffset expiresAt)
    {
        public Room(Room other)
            : this(other.ExpiresAt)
        {
            Host.CopyFrom(other.Host);
            Guest.CopyFrom(other.Guest);
            (State, Reason, Crowded, RemoveAt) = (other.State, other.Reason, other.Crowded, other.RemoveAt);
        }

        public Half Host { get; } = new();

        public Half Guest { get; } = new();

        public V2State State { get; private set; }

        public string? Reason { get; private set; }

        public bool Crowded { get; set; }

        public DateTimeOffset ExpiresAt { get; } = expiresAt;

        public DateTimeOffset RemoveAt { get; private set; } = expiresAt + KeepEnded;

        public Half Of(PairRole role) => role == PairRole.Host ? Host : Guest;

        public void End(V2State state, string? reason, DateTimeOffset removeAt) => (State, Reason, RemoveAt) = (state, reason, removeAt);
    }
}
