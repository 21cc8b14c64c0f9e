using System.Data.Common;

namespace WirePS.Relay.Storage.Operations;

/// <summary>Grants: write-only, revocable keys to a slot (relay-v2.md, Grants).</summary>
internal static class GrantOperations
{
    /// <summary>Grants of a slot that can be used.</summary>
    public const int MaxUsable = 10_000;

    /// <summary>Grants of a slot that are remembered, with revoked and expired ones: an owner cannot fill the disk by revoking.</summary>
    public const int MaxKnown = 100_000;

    public static PutGrantResult Put(SqlSession session, SlotAccess access, NewGrant grant)
    {
        var now = session.Now;
        var present = session.First(
            RelaySql.FindGrant,
            reader => new Row(
                TokenHash.FromStored(reader.GetFieldValue<byte[]>(0)),
                new GrantView(grant.GrantId, reader.Time(1), reader.TimeOrNull(2), reader.LongOrNull(3), reader.GetInt64(4), reader.TimeOrNull(5)),
                !reader.IsDBNull(6)),
            ("@slot", access.Slot),
            ("@grant_id", grant.GrantId));
        if (present is not null)
        {
            if (present.Revoked)
            {
                return new PutGrantResult(PutGrantOutcome.Revoked, null);
            }

            var same = present.Token == grant.Token && present.View.ExpiresAt == grant.ExpiresAt && present.View.PerHour == grant.PerHour;
            return same ? new PutGrantResult(PutGrantOutcome.Repeated, present.View) : new PutGrantResult(PutGrantOutcome.Conflict, null);
        }

        if (session.First(RelaySql.GrantTokenTaken, static _ => true, ("@slot", access.Slot), ("@token_hash", grant.Token.ToArray())))
        {
            return new PutGrantResult(PutGrantOutcome.Conflict, null);
        }

        var (known, usable) = session.First(
            RelaySql.CountGrants,
            static reader => (reader.GetInt64(0), reader.GetInt64(1)),
            ("@now", now),
            ("@slot", access.Slot));
        if (known >= MaxKnown || usable >= MaxUsable)
        {
            return new PutGrantResult(PutGrantOutcome.TooMany, null);
        }

        session.Execute(
            RelaySql.InsertGrant,
            ("@slot", access.Slot),
            ("@grant_id", grant.GrantId),
            ("@token_hash", grant.Token.ToArray()),
            ("@now", now),
            ("@expires_at", grant.ExpiresAt?.ToUnixTimeMilliseconds()),
            ("@per_hour", grant.PerHour));
        return new PutGrantResult(
            PutGrantOutcome.Created,
            new GrantView(grant.GrantId, DateTimeOffset.FromUnixTimeMilliseconds(now), grant.ExpiresAt, grant.PerHour, 0, null));
    }

    public static int Revoke(SqlSession session, SlotAccess access, string grantId) =>
        session.Execute(RelaySql.RevokeGrant, ("@now", session.Now), ("@slot", access.Slot), ("@grant_id", grantId));

    public static GrantPage List(SqlSession session, SlotAccess access, string? after, int limit)
    {
        var rows = session.List(
            RelaySql.ListGrants,
            Map,
            ("@slot", access.Slot),
            ("@after", after ?? ""),
            ("@limit", (long)limit + 1));
        var more = rows.Count > limit;
        if (more)
        {
            rows.RemoveAt(limit);
        }

        return new GrantPage(rows, more);
    }

    private static GrantView Map(DbDataReader reader) =>
        new(reader.GetString(0), reader.Time(1), reader.TimeOrNull(2), reader.LongOrNull(3), reader.GetInt64(4), reader.TimeOrNull(5));

    private sealed record Row(TokenHash Token, GrantView View, bool Revoked);
}
