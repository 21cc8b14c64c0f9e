using System.Data.Common;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Storage.Operations;

/// <summary>
/// The rendezvous of /v2/pair (relay-v2.md, Pair rendezvous), each method one transaction or one consistent read. The state is stored, never
/// worked out: a rendezvous whose time is over is written as expired before anybody hears that it is, so a clock that is set back cannot
/// open it again. <c>remove_at</c> is the end of everything: a row past it does not exist any more for anybody.
/// </summary>
internal static class PairV2Operations
{
    /// <summary>A message's key is its rendezvous' number times this, plus the side's part, plus the phase.</summary>
    private const int KeysPerPair = 32;

    private const int KeysPerRole = 16;

    private static readonly PairReading Unreadable = new(PairAccess.NoRendezvous, true, false, default, null, default, false, 0, []);

    /// <summary>A guest without a rendezvous waits for the host's phase 0: that there is none yet tells it nothing.</summary>
    private static readonly PairReading NotYet = Unreadable with { IsNews = false };

    private static readonly PairReading Taken = Unreadable with { Access = PairAccess.RoleTaken };

    public static PutMessageResult Put(SqlSession session, NewPairMessage message)
    {
        var now = session.Now;
        var (side, phase) = (message.Side, message.Phase);
        if (FindLive(session, side.Lookup, now) is not { } row)
        {
            return PutFirst(session, message, now);
        }

        if (row.TokenOf(side.Role) is { } bound && bound != side.Token)
        {
            if (phase == 0 && !row.Crowded)
            {
                session.Execute(RelaySql.SetPairV2Crowded, ("@pair", row.Pair));
                session.Announce(NewsKey.PairV2(side.Lookup));
            }

            return Result(PutMessageOutcome.RoleTaken, row);
        }

        var phases = row.PhasesOf(side.Role);
        if (PairPhases.Has(phases, phase))
        {
            var present = session.First(RelaySql.FindPairV2Message, static reader => reader.GetFieldValue<byte[]>(0), ("@message", Key(row.Pair, side.Role, phase)));
            return Result(message.Body.AsSpan().SequenceEqual(present) ? PutMessageOutcome.Repeated : PutMessageOutcome.PhaseConflict, row);
        }

        switch (row.State)
        {
            case PairState.Ended:
                return Result(PutMessageOutcome.Ended, row);
            case PairState.Expired:
                return Result(PutMessageOutcome.Expired, row);
            case PairState.Decided when phase == PairPhases.Abort:
                return Result(PutMessageOutcome.Decided, row);
        }

        if (!PairPhases.HasPredecessor(phases, phase))
        {
            return Result(PutMessageOutcome.PhaseOrder, row);
        }

        row = row.With(side, PairPhases.With(phases, phase));
        if (phase == PairPhases.Abort)
        {
            row = row with { State = PairState.Ended, Reason = message.Reason, RemoveAt = now + Milliseconds(Retention.EndedPair) };
        }
        else if (row.State == PairState.Open && PairPhases.Has(row.HostPhases & row.GuestPhases, PairPhases.Accept))
        {
            row = row with { State = PairState.Decided, RemoveAt = now + Milliseconds(Retention.DecidedPair) };
        }

        InsertMessage(session, row.Pair, message);
        session.Execute(
            RelaySql.UpdatePairV2,
            ("@state", (long)row.State),
            ("@reason", row.Reason),
            ("@remove_at", row.RemoveAt),
            ("@guest_token", row.GuestToken?.ToArray()),
            ("@host_phases", (long)row.HostPhases),
            ("@guest_phases", (long)row.GuestPhases),
            ("@pair", row.Pair));
        session.Announce(NewsKey.PairV2(side.Lookup));
        return Result(PutMessageOutcome.Stored, row);
    }

    /// <summary>What several readers see, and which of their rendezvous have to be written as expired before this may be told.</summary>
    public static (PairReadings Readings, IReadOnlyList<string> Overdue) Read(SqlSession session, IReadOnlyList<PairInterest> interests, long maxBytes)
    {
        var now = session.Now;
        var rows = Find(session, interests);
        var readings = new PairReading[interests.Count];
        var overdue = new List<string>();
        var room = maxBytes;
        var more = false;
        for (var i = 0; i < readings.Length; i++)
        {
            var interest = interests[i];
            if (!rows.TryGetValue(interest.Side.Lookup, out var row) || row.RemoveAt <= now)
            {
                readings[i] = interest.Side.Role == PairRole.Guest ? NotYet : Unreadable;
                continue;
            }

            if (row.IsOverdue(now))
            {
                overdue.Add(row.Lookup);
            }

            var reading = Read(row, interest);
            if (reading.IsNews && room <= 0)
            {
                reading = reading with { IsNews = false };
                more = true;
            }
            else if (reading.Access == PairAccess.Readable && PairPhases.HasAbove(row.PhasesOf(Other(interest.Side.Role)), interest.After))
            {
                reading = reading with { Messages = ReadMessages(session, row.Pair, Other(interest.Side.Role), interest.After) };
                foreach (var message in reading.Messages)
                {
                    room -= message.Body.Length;
                }
            }

            readings[i] = reading;
        }

        return (new PairReadings(readings, more), overdue);
    }

    /// <summary>Writes down that the time of these is over, where it is.</summary>
    public static int Expire(SqlSession session, IReadOnlyList<string> lookups)
    {
        var now = session.Now;
        foreach (var lookup in lookups)
        {
            FindLive(session, lookup, now);
        }

        return lookups.Count;
    }

    public static LeaveOutcome Leave(SqlSession session, PairSide side, string reason)
    {
        var now = session.Now;
        if (FindLive(session, side.Lookup, now) is not { } row || row.TokenOf(side.Role) is not { } bound)
        {
            return LeaveOutcome.NotBound;
        }

        if (bound != side.Token)
        {
            return LeaveOutcome.RoleTaken;
        }

        var isDone = reason == PairReasons.Done;
        switch (row.State)
        {
            case PairState.Open when isDone:
                return LeaveOutcome.Open;
            case PairState.Open:
                session.Execute(
                    RelaySql.EndPairV2,
                    ("@state", (long)PairState.Ended),
                    ("@reason", reason),
                    ("@remove_at", now + Milliseconds(Retention.EndedPair)),
                    ("@pair", row.Pair));
                session.Announce(NewsKey.PairV2(side.Lookup));
                return LeaveOutcome.Left;
            case PairState.Decided when !isDone:
                return LeaveOutcome.Decided;
            case PairState.Decided when side.Role == PairRole.Host ? row.GuestDone : row.HostDone:
                Delete(session, row.Pair, row.Lookup);
                return LeaveOutcome.Left;
            case PairState.Decided:
                session.Execute(side.Role == PairRole.Host ? RelaySql.SetPairV2HostDone : RelaySql.SetPairV2GuestDone, ("@pair", row.Pair));
                return LeaveOutcome.Left;
            default:
                return LeaveOutcome.Left;
        }
    }

    public static int RemoveExpired(SqlSession session, int limit)
    {
        var expired = session.List(
            RelaySql.ExpiredPairsV2,
            static reader => (Pair: reader.GetInt64(0), Lookup: reader.GetString(1)),
            ("@now", session.Now),
            ("@limit", (long)limit));
        foreach (var (pair, lookup) in expired)
        {
            Delete(session, pair, lookup);
        }

        return expired.Count;
    }

    private static PutMessageResult PutFirst(SqlSession session, NewPairMessage message, long now)
    {
        var side = message.Side;
        if (side.Role == PairRole.Guest || message.Phase != 0)
        {
            return new PutMessageResult(side.Role == PairRole.Guest ? PutMessageOutcome.NoRendezvous : PutMessageOutcome.PhaseOrder, default, default);
        }

        if (!message.MayCreate)
        {
            return new PutMessageResult(PutMessageOutcome.Refused, default, default);
        }

        var expiresAt = now + Milliseconds(message.Lifetime);
        var pair = session.First(
            RelaySql.InsertPairV2,
            static reader => reader.GetInt64(0),
            ("@lookup", side.Lookup),
            ("@now", now),
            ("@expires_at", expiresAt),
            ("@remove_at", expiresAt + Milliseconds(Retention.EndedPair)),
            ("@host_token", side.Token.ToArray()),
            ("@host_phases", (long)PairPhases.With(0, 0)));
        InsertMessage(session, pair, message);
        session.Announce(NewsKey.PairV2(side.Lookup));
        return new PutMessageResult(PutMessageOutcome.Created, PairState.Open, DateTimeOffset.FromUnixTimeMilliseconds(expiresAt));
    }

    /// <summary>Finds a rendezvous to write to: removed where it is past its end, written as expired where its time is over.</summary>
    private static Row? FindLive(SqlSession session, string lookup, long now)
    {
        var row = session.First(RelaySql.FindPairV2, Map, ("@lookup", lookup));
        if (row is null)
        {
            return null;
        }

        if (row.RemoveAt <= now)
        {
            Delete(session, row.Pair, lookup);
            return null;
        }

        if (row.IsOverdue(now))
        {
            row = row with { State = PairState.Expired };
            session.Execute(
                RelaySql.EndPairV2,
                ("@state", (long)row.State),
                ("@reason", row.Reason),
                ("@remove_at", row.RemoveAt),
                ("@pair", row.Pair));
            session.Announce(NewsKey.PairV2(lookup));
        }

        return row;
    }

    private static Dictionary<string, Row> Find(SqlSession session, IReadOnlyList<PairInterest> interests)
    {
        var rows = new Dictionary<string, Row>(interests.Count, StringComparer.Ordinal);
        if (interests.Count == 1)
        {
            if (session.First(RelaySql.FindPairV2, Map, ("@lookup", interests[0].Side.Lookup)) is { } row)
            {
                rows.Add(row.Lookup, row);
            }

            return rows;
        }

        Span<(string Name, object? Value)> parameters = new (string Name, object? Value)[RelaySql.PairsV2AtOnce];
        for (var first = 0; first < interests.Count; first += parameters.Length)
        {
            for (var i = 0; i < parameters.Length; i++)
            {
                parameters[i] = (RelaySql.FindPairsV2Names[i], first + i < interests.Count ? interests[first + i].Side.Lookup : null);
            }

            foreach (var row in session.List(RelaySql.FindPairsV2, Map, parameters))
            {
                // one lookup may be asked for as host and as guest
                rows.TryAdd(row.Lookup, row);
            }
        }

        return rows;
    }

    private static PairReading Read(Row row, PairInterest interest)
    {
        var role = interest.Side.Role;
        var bound = row.TokenOf(role);
        if (bound is { } token && token != interest.Side.Token)
        {
            return Taken;
        }

        var own = row.PhasesOf(role);
        var isNews = PairPhases.HasAbove(row.PhasesOf(Other(role)), interest.After)
            || PairPhases.LacksUpTo(own, interest.Own)
            || (row.Crowded && !interest.KnowsCrowded)
            || row.State is PairState.Ended or PairState.Expired;
        return new PairReading(
            PairAccess.Readable,
            isNews,
            bound is not null,
            row.State,
            row.Reason,
            DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt),
            row.Crowded,
            own,
            []);
    }

    private static List<PairMessage> ReadMessages(SqlSession session, long pair, PairRole role, int after) => session.List(
        RelaySql.ReadPairV2Messages,
        static reader => new PairMessage((int)(reader.GetInt64(0) % KeysPerRole), reader.GetFieldValue<byte[]>(1)),
        ("@after", Key(pair, role, after)),
        ("@last", Key(pair, role, KeysPerRole - 1)));

    private static void InsertMessage(SqlSession session, long pair, NewPairMessage message) =>
        session.Execute(RelaySql.InsertPairV2Message, ("@message", Key(pair, message.Side.Role, message.Phase)), ("@body", message.Body));

    private static void Delete(SqlSession session, long pair, string lookup)
    {
        session.Execute(RelaySql.DeletePairV2Messages, ("@first", pair * KeysPerPair), ("@last", (pair * KeysPerPair) + KeysPerPair - 1));
        session.Execute(RelaySql.DeletePairV2, ("@pair", pair));
        session.Announce(NewsKey.PairV2(lookup));
    }

    private static long Key(long pair, PairRole role, int phase) => (pair * KeysPerPair) + (role == PairRole.Host ? 0 : KeysPerRole) + phase;

    private static PairRole Other(PairRole role) => role == PairRole.Host ? PairRole.Guest : PairRole.Host;

    private static long Milliseconds(TimeSpan span) => (long)span.TotalMilliseconds;

    private static PutMessageResult Result(PutMessageOutcome outcome, Row row) =>
        new(outcome, row.State, DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt));

    private static Row Map(DbDataReader reader) => new(
        reader.GetInt64(0),
        reader.GetString(1),
        (PairState)reader.GetInt64(2),
        reader.StringOrNull(3),
        reader.GetInt64(4) != 0,
        reader.GetInt64(5),
        reader.GetInt64(6),
        TokenHash.FromStored(reader.GetFieldValue<byte[]>(7)),
        reader.BytesOrNull(8) is { } guest ? TokenHash.FromStored(guest) : null,
        (int)reader.GetInt64(9),
        (int)reader.GetInt64(10),
        reader.GetInt64(11) != 0,
        reader.GetInt64(12) != 0);

    private sealed record Row(
        long Pair,
        string Lookup,
        PairState State,
        string? Reason,
        bool Crowded,
        long ExpiresAt,
        long RemoveAt,
        TokenHash HostToken,
        TokenHash? GuestToken,
        int HostPhases,
        int GuestPhases,
        bool HostDone,
        bool GuestDone)
    {
        public bool IsOverdue(long now) => State == PairState.Open && ExpiresAt <= now;

        /// <summary>The token that the role is bound to; the host's always is, as its phase 0 made the row.</summary>
        public TokenHash? TokenOf(PairRole role) => role == PairRole.Host ? HostToken : GuestToken;

        public int PhasesOf(PairRole role) => role == PairRole.Host ? HostPhases : GuestPhases;

        public Row With(PairSide side, int phases) => side.Role == PairRole.Host
            ? this with { HostPhases = phases }
            : this with { GuestPhases = phases, GuestToken = side.Token };
    }
}
