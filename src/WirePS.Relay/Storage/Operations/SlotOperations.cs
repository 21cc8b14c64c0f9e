using WirePS.Relay.Waiting;

namespace WirePS.Relay.Storage.Operations;

/// <summary>Slots and their events, each method one transaction (or one consistent read) on a session.</summary>
internal static class SlotOperations
{
    /// <summary>Stands in place of a grant where an introduction has posted.</summary>
    private const string IntroOrigin = "intro";

    /// <summary>What strangers may fill is one part in so many of the mailbox: they cannot lock out whoever has a token.</summary>
    private const int IntroShare = 4;

    private const long HourMilliseconds = 3_600_000;

    public static int Create(SqlSession session, string slotId, TokenHash token) =>
        session.Execute(RelaySql.InsertSlot, ("@slot_id", slotId), ("@token_hash", token.ToArray()), ("@now", session.Now));

    public static SlotAccess Authorise(SqlSession session, string slotId, TokenHash token)
    {
        var row = session.First(
            RelaySql.FindSlot,
            static reader => new SlotRow(reader.GetInt64(0), TokenHash.FromStored(reader.GetFieldValue<byte[]>(1))),
            ("@slot_id", slotId));
        if (row is null)
        {
            return new SlotAccess(SlotRight.UnknownSlot, slotId, 0, null);
        }

        if (row.Token == token)
        {
            return new SlotAccess(SlotRight.Owner, slotId, row.Slot, null);
        }

        var grant = session.First(
            RelaySql.FindGrantByToken,
            static reader => new GrantRow(reader.GetString(0), TokenHash.FromStored(reader.GetFieldValue<byte[]>(1))),
            ("@slot", row.Slot),
            ("@token_hash", token.ToArray()),
            ("@now", session.Now));
        return grant is not null && grant.Token == token
            ? new SlotAccess(SlotRight.Grant, slotId, row.Slot, grant.GrantId)
            : new SlotAccess(SlotRight.Refused, slotId, row.Slot, null);
    }

    /// <summary>
    /// The duplicate comes before the quota: a client that lost the reply to its last event must learn that the event is there, also where
    /// nothing more fits.
    /// </summary>
    public static PostEventResult Post(SqlSession session, SlotAccess access, NewEvent item)
    {
        var now = session.Now;
        GrantBudget? budget = null;
        if (access.GrantId is not null)
        {
            budget = session.First(
                RelaySql.GrantUse,
                static reader => new GrantBudget(reader.LongOrNull(0), reader.GetInt64(1), reader.GetInt64(2)),
                ("@slot", access.Slot),
                ("@grant_id", access.GrantId),
                ("@now", now));
            if (budget is null)
            {
                return new PostEventResult(PostEventOutcome.GrantRefused, 0, TimeSpan.Zero);
            }
        }

        var isIntro = access.Right == SlotRight.Intro;
        var origin = isIntro ? IntroOrigin : access.GrantId;
        byte[]? duplicateKey = null;
        if (item.IdHash is { } id)
        {
            duplicateKey = TokenHash.Of(string.Join('\n', origin, Convert.ToHexString(id.ToArray()), item.Proof)).ToArray();
            if (session.First(RelaySql.FindDuplicate, static _ => true, ("@slot", access.Slot), ("@dup_key", duplicateKey), ("@id_hash", id.ToArray())))
            {
                return new PostEventResult(PostEventOutcome.Duplicate, 0, TimeSpan.Zero);
            }
        }

        if (!item.MayStore)
        {
            return new PostEventResult(PostEventOutcome.Refused, 0, TimeSpan.Zero);
        }

        var use = session.First(
            RelaySql.SlotUse,
            static reader => new SlotUse(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2)),
            ("@slot", access.Slot))!;
        if (use.Bytes + item.Body.Length > item.SlotBytesLimit || (isIntro && use.IntroBytes + item.Body.Length > item.SlotBytesLimit / IntroShare))
        {
            return new PostEventResult(PostEventOutcome.QuotaExceeded, use.Bytes, TimeSpan.Zero);
        }

        if (budget is not null)
        {
            var sameHour = now - budget.HourStartedAt < HourMilliseconds && now >= budget.HourStartedAt;
            var started = sameHour ? budget.HourStartedAt : now;
            var events = sameHour ? budget.HourEvents : 0;
            if (events >= budget.PerHour)
            {
                return new PostEventResult(PostEventOutcome.GrantRateLimited, 0, TimeSpan.FromMilliseconds(started + HourMilliseconds - now));
            }

            session.Execute(
                RelaySql.CountGrantUse,
                ("@now", now),
                ("@hour_started_at", started),
                ("@hour_events", events + 1),
                ("@slot", access.Slot),
                ("@grant_id", access.GrantId));
        }

        var sequence = use.LastSequence + 1;
        session.Execute(
            RelaySql.InsertEvent,
            ("@slot", access.Slot),
            ("@seq", sequence),
            ("@id_hash", item.IdHash?.ToArray()),
            ("@dup_key", duplicateKey),
            ("@grant_id", origin),
            ("@body", item.Body),
            ("@bytes", (long)item.Body.Length),
            ("@now", now));
        session.Execute(
            RelaySql.CountEvent,
            ("@seq", sequence),
            ("@bytes", (long)item.Body.Length),
            ("@intro_bytes", isIntro ? (long)item.Body.Length : 0),
            ("@slot", access.Slot));
        session.Announce(NewsKey.Slot(access.SlotId));
        return new PostEventResult(PostEventOutcome.Stored, 0, TimeSpan.Zero);
    }

    public static List<StoredEvent> ReadSince(SqlSession session, SlotAccess access, TokenHash? since, int limit, long maxBytes)
    {
        var after = since is { } id ? SequenceOf(session, access.Slot, id) ?? 0 : 0;
        return ReadAfter(session, access, after, limit, maxBytes);
    }

    /// <summary>Stops at <paramref name="maxBytes"/>, after at least one event: a page is held in memory. What was acked is not there.</summary>
    public static List<StoredEvent> ReadAfter(SqlSession session, SlotAccess access, long after, int limit, long maxBytes) =>
        ReadBodies(session, access, Math.Max(after, Sequences(session, access).Acked), limit, maxBytes);

    public static EventPage ReadPage(SqlSession session, SlotAccess access, long after, int limit, long maxBytes)
    {
        var slot = Sequences(session, access);
        var first = session.First<long?>(
            RelaySql.FirstEvent,
            static reader => reader.GetInt64(0),
            ("@slot", access.Slot),
            ("@after", slot.Acked)) ?? slot.Last + 1;
        var events = ReadBodies(session, access, Math.Max(after, first - 1), limit, maxBytes);
        var next = events.Count > 0 ? events[^1].Sequence : Math.Clamp(after, first - 1, slot.Last);
        return new EventPage(events, events.Count > 0 && next < slot.Last, next, first);
    }

    /// <summary>
    /// Acks at most <paramref name="limit"/> events. An event without an id is forgotten; of another one the id stays, so that its sender, who
    /// may not have read the reply, does not post it again.
    /// </summary>
    public static AckOutcome Ack(SqlSession session, SlotAccess access, long upTo, int limit)
    {
        var slot = Sequences(session, access);
        if (upTo > slot.Last)
        {
            return AckOutcome.BeyondLast;
        }

        if (upTo <= slot.Acked)
        {
            return AckOutcome.Acked;
        }

        var rows = session.List(
            RelaySql.EventsToAck,
            static reader => new AckRow(reader.GetInt64(0), reader.GetInt64(1), reader.StringOrNull(2) == IntroOrigin, reader.GetInt64(3) != 0),
            ("@slot", access.Slot),
            ("@after", slot.Acked),
            ("@upto", upTo),
            ("@limit", (long)limit));
        foreach (var row in rows)
        {
            if (row.HasId)
            {
                session.Execute(RelaySql.EmptyEvent, ("@empty", Array.Empty<byte>()), ("@now", session.Now), ("@slot", access.Slot), ("@seq", row.Sequence));
            }
            else
            {
                session.Execute(RelaySql.DeleteEvent, ("@slot", access.Slot), ("@seq", row.Sequence));
            }
        }

        Uncount(session, access.Slot, rows.Count, rows.Sum(static row => row.Bytes), rows.Sum(static row => row.IsIntro ? row.Bytes : 0));
        var isWhole = rows.Count < limit;
        session.Execute(RelaySql.SetAcked, ("@acked_seq", isWhole ? upTo : rows[^1].Sequence), ("@slot", access.Slot));
        return isWhole ? AckOutcome.Acked : AckOutcome.Partly;
    }

    private static List<StoredEvent> ReadBodies(SqlSession session, SlotAccess access, long after, int limit, long maxBytes)
    {
        var room = maxBytes;
        return session.ListWhile(
            RelaySql.ReadEvents,
            static reader => new StoredEvent(
                reader.GetInt64(0), reader.StringOrNull(1) is var origin && origin == IntroOrigin ? null : origin, reader.GetFieldValue<byte[]>(2)),
            item => (room -= item.Body.Length) > 0,
            ("@slot", access.Slot),
            ("@after", after),
            ("@limit", (long)limit));
    }

    public static SlotState ReadState(SqlSession session, SlotAccess access) =>
        session.First(
            RelaySql.SlotState,
            static reader => new SlotState(reader.GetInt64(0), reader.TimeOrNull(1), reader.BytesOrNull(2), reader.GetInt64(3)),
            ("@slot", access.Slot))!;

    public static int SetResponderHealth(SqlSession session, SlotAccess access, byte[] health) =>
        session.Execute(RelaySql.SetResponderHealth, ("@health", health), ("@slot", access.Slot));

    public static int SetLastPull(SqlSession session, long slot, DateTimeOffset at) =>
        session.Execute(RelaySql.SetLastPull, ("@at", at.ToUnixTimeMilliseconds()), ("@slot", slot));

    public static int RemoveExpiredEvents(SqlSession session, int limit)
    {
        var expired = session.List(
            RelaySql.ExpiredEvents,
            static reader => (Slot: reader.GetInt64(0), Sequence: reader.GetInt64(1), Bytes: reader.GetInt64(2), IsIntro: reader.StringOrNull(3) == IntroOrigin),
            ("@before", session.Now - (long)Retention.Event.TotalMilliseconds),
            ("@limit", (long)limit));
        foreach (var item in expired)
        {
            session.Execute(RelaySql.DeleteEvent, ("@slot", item.Slot), ("@seq", item.Sequence));
            if (item.Bytes > 0)
            {
                // an acked one was counted out when it was acked
                Uncount(session, item.Slot, 1, item.Bytes, item.IsIntro ? item.Bytes : 0);
            }
        }

        return expired.Count;
    }

    private static long? SequenceOf(SqlSession session, long slot, TokenHash id) =>
        session.First<long?>(
            RelaySql.FindEventById,
            static reader => reader.GetInt64(0),
            ("@slot", slot),
            ("@id_hash", id.ToArray()));

    private static SlotSequences Sequences(SqlSession session, SlotAccess access) =>
        session.First(
            RelaySql.SlotSequences,
            static reader => new SlotSequences(reader.GetInt64(0), reader.GetInt64(1)),
            ("@slot", access.Slot))!;

    private static void Uncount(SqlSession session, long slot, long count, long bytes, long introBytes) =>
        session.Execute(RelaySql.UncountEvents, ("@count", count), ("@bytes", bytes), ("@intro_bytes", introBytes), ("@slot", slot));

    private sealed record SlotRow(long Slot, TokenHash Token);

    private sealed record GrantRow(string GrantId, TokenHash Token);

    private sealed record GrantBudget(long? PerHour, long HourStartedAt, long HourEvents);

    private sealed record SlotUse(long LastSequence, long Bytes, long IntroBytes);

    private sealed record SlotSequences(long Last, long Acked);

    private sealed record AckRow(long Sequence, long Bytes, bool IsIntro, bool HasId);
}
