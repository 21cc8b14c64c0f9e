using System.Data.Common;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Storage.Operations;

/// <summary>
/// The rendezvous of /v1/pair. <c>remove_at</c> is the one deadline: the expiry while it is open, 30 days after it was decided, 7 days after
/// both sides were done. A row past it does not exist any more for anybody.
/// </summary>
internal static class PairOperations
{
    public static OpenPairResult Open(SqlSession session, OpenPair open)
    {
        var now = session.Now;
        var expiresAt = now + (long)open.Lifetime.TotalMilliseconds;
        var row = session.First(RelaySql.FindPairByCode, Map, ("@code_hash", open.CodeHash.ToArray()));
        if (row is not null && row.RemoveAt <= now)
        {
            Delete(session, row.PairId);
            row = null;
        }

        if (row is null)
        {
            if (!open.MayCreate)
            {
                return new OpenPairResult(OpenPairOutcome.Refused, "", default);
            }

            session.Execute(
                RelaySql.InsertPair,
                ("@pair_id", open.NewPairId),
                ("@code_hash", open.CodeHash.ToArray()),
                ("@now", now),
                ("@expires_at", expiresAt),
                ("@host_msg", open.Role == PairRole.Host ? open.Message : null),
                ("@guest_msg", open.Role == PairRole.Guest ? open.Message : null));
            return Result(OpenPairOutcome.Created, open.NewPairId, expiresAt);
        }

        var present = open.Role == PairRole.Host ? row.HostMessage : row.GuestMessage;
        if (present is not null)
        {
            var outcome = present.AsSpan().SequenceEqual(open.Message) ? OpenPairOutcome.Repeated : OpenPairOutcome.Conflict;
            return Result(outcome, row.PairId, row.ExpiresAt);
        }

        if (open.Role == PairRole.Host)
        {
            // the host decides the lifetime; a guest that came first has only lent one
            session.Execute(
                RelaySql.SetHostMessage,
                ("@msg", open.Message),
                ("@expires_at", expiresAt),
                ("@remove_at", row.DecidedAt is null ? expiresAt : row.RemoveAt),
                ("@pair_id", row.PairId));
        }
        else
        {
            expiresAt = row.ExpiresAt;
            session.Execute(RelaySql.SetGuestMessage, ("@msg", open.Message), ("@pair_id", row.PairId));
        }

        session.Announce(NewsKey.Pair(row.PairId));
        return Result(OpenPairOutcome.Joined, row.PairId, expiresAt);
    }

    public static PairView? Read(SqlSession session, string pairId, PairRole role)
    {
        var row = Find(session, pairId);
        if (row is null)
        {
            return null;
        }

        var isHost = role == PairRole.Host;
        return new PairView(
            isHost ? row.GuestMessage : row.HostMessage,
            isHost ? row.GuestBootstrap : row.HostBootstrap,
            isHost ? row.GuestDone : row.HostDone,
            DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt),
            DateTimeOffset.FromUnixTimeMilliseconds(row.RemoveAt));
    }

    public static BootstrapOutcome PostBootstrap(SqlSession session, string pairId, PairRole role, byte[] value)
    {
        var row = Find(session, pairId);
        if (row is null)
        {
            return BootstrapOutcome.UnknownPair;
        }

        var isHost = role == PairRole.Host;
        var present = isHost ? row.HostBootstrap : row.GuestBootstrap;
        if (present is not null)
        {
            return present.AsSpan().SequenceEqual(value) ? BootstrapOutcome.Stored : BootstrapOutcome.Conflict;
        }

        if (row.EndedAt is not null)
        {
            return BootstrapOutcome.Conflict;
        }

        session.Execute(isHost ? RelaySql.SetHostBootstrap : RelaySql.SetGuestBootstrap, ("@value", value), ("@pair_id", pairId));
        if ((isHost ? row.GuestBootstrap : row.HostBootstrap) is not null)
        {
            var now = session.Now;
            session.Execute(
                RelaySql.DecidePair,
                ("@now", now),
                ("@remove_at", now + (long)Retention.DecidedPair.TotalMilliseconds),
                ("@pair_id", pairId));
        }

        session.Announce(NewsKey.Pair(pairId));
        return BootstrapOutcome.Stored;
    }

    /// <summary>Once it is decided, one side may have what the other has not read yet: then leaving deletes nothing.</summary>
    public static bool Abandon(SqlSession session, TokenHash codeHash)
    {
        var row = session.First(RelaySql.FindPairByCode, Map, ("@code_hash", codeHash.ToArray()));
        if (row is null || (row.DecidedAt is not null && row.RemoveAt > session.Now))
        {
            return false;
        }

        Delete(session, row.PairId);
        return true;
    }

    public static bool Finish(SqlSession session, TokenHash codeHash, string pairId, PairRole role)
    {
        var row = Find(session, pairId);
        if (row?.DecidedAt is null || row.EndedAt is not null || row.CodeHash != codeHash)
        {
            return false;
        }

        var isHost = role == PairRole.Host;
        if (isHost ? row.HostDone : row.GuestDone)
        {
            return false;
        }

        session.Execute(isHost ? RelaySql.SetHostDone : RelaySql.SetGuestDone, ("@pair_id", pairId));
        if (isHost ? row.GuestDone : row.HostDone)
        {
            var now = session.Now;
            session.Execute(
                RelaySql.EndPair,
                ("@now", now),
                ("@remove_at", now + (long)Retention.EndedPair.TotalMilliseconds),
                ("@pair_id", pairId));
        }

        session.Announce(NewsKey.Pair(pairId));
        return true;
    }

    public static int RemoveExpired(SqlSession session, int limit)
    {
        var expired = session.List(
            RelaySql.ExpiredPairs,
            static reader => reader.GetString(0),
            ("@now", session.Now),
            ("@limit", (long)limit));
        foreach (var pairId in expired)
        {
            Delete(session, pairId);
        }

        return expired.Count;
    }

    private static void Delete(SqlSession session, string pairId)
    {
        session.Execute(RelaySql.DeletePair, ("@pair_id", pairId));
        session.Announce(NewsKey.Pair(pairId));
    }

    private static Row? Find(SqlSession session, string pairId) =>
        session.First(RelaySql.FindPair, Map, ("@pair_id", pairId), ("@now", session.Now));

    private static OpenPairResult Result(OpenPairOutcome outcome, string pairId, long expiresAt) =>
        new(outcome, pairId, DateTimeOffset.FromUnixTimeMilliseconds(expiresAt));

    private static Row Map(DbDataReader reader) => new(
        reader.GetString(0),
        reader.GetInt64(1),
        reader.GetInt64(2),
        reader.BytesOrNull(3),
        reader.BytesOrNull(4),
        reader.BytesOrNull(5),
        reader.BytesOrNull(6),
        reader.GetInt64(7) != 0,
        reader.GetInt64(8) != 0,
        reader.LongOrNull(9),
        reader.LongOrNull(10),
        TokenHash.FromStored(reader.GetFieldValue<byte[]>(11)));

    private sealed record Row(
        string PairId,
        long ExpiresAt,
        long RemoveAt,
        byte[]? HostMessage,
        byte[]? GuestMessage,
        byte[]? HostBootstrap,
        byte[]? GuestBootstrap,
        bool HostDone,
        bool GuestDone,
        long? DecidedAt,
        long? EndedAt,
        TokenHash CodeHash);
}
