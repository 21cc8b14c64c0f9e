namespace WirePS.Relay.Storage.Operations;

/// <summary>Short URLs of invites (wire.md §4.11). A use is on disk before it is answered: a single-use invite stays used (R14).</summary>
internal static class InviteOperations
{
    public static int Register(SqlSession session, NewInvite invite) => session.Execute(
        RelaySql.InsertInvite,
        ("@token_hash", invite.Token.ToArray()),
        ("@expires_at", invite.ExpiresAt.ToUnixTimeMilliseconds()),
        ("@remove_at", (invite.ExpiresAt + Retention.EndedInvite).ToUnixTimeMilliseconds()),
        ("@uses_left", invite.Uses),
        ("@url", invite.SealedUrl));

    public static InviteUse Use(SqlSession session, TokenHash token)
    {
        var (use, usesLeft) = Find(session, token);
        if (use.Outcome == InviteOutcome.Given && usesLeft is { } left)
        {
            // with the last use the relay forgets what it stood for
            session.Execute(
                RelaySql.UseInvite, ("@uses_left", left - 1), ("@url", left > 1 ? use.SealedUrl : []), ("@token_hash", token.ToArray()));
        }

        return use;
    }

    /// <summary>Looks without using it.</summary>
    public static InviteUse Peek(SqlSession session, TokenHash token) => Find(session, token).Use;

    public static int RemoveExpired(SqlSession session, int limit)
    {
        var expired = session.List(
            RelaySql.ExpiredInvites,
            static reader => reader.GetFieldValue<byte[]>(0),
            ("@now", session.Now),
            ("@limit", (long)limit));
        foreach (var token in expired)
        {
            session.Execute(RelaySql.DeleteInvite, ("@token_hash", token));
        }

        return expired.Count;
    }

    private static (InviteUse Use, long? UsesLeft) Find(SqlSession session, TokenHash token)
    {
        var row = session.First(
            RelaySql.FindInvite,
            static reader => new Row(reader.GetInt64(0), reader.GetInt64(1), reader.LongOrNull(2), reader.GetFieldValue<byte[]>(3)),
            ("@token_hash", token.ToArray()));
        var now = session.Now;
        var outcome = row switch
        {
            null => InviteOutcome.Unknown,
            _ when row.RemoveAt <= now => InviteOutcome.Unknown,
            _ when row.ExpiresAt <= now => InviteOutcome.Expired,
            { UsesLeft: <= 0 } => InviteOutcome.UsedUp,
            _ => InviteOutcome.Given,
        };
        return (new InviteUse(outcome, row?.SealedUrl ?? []), row?.UsesLeft);
    }

    private sealed record Row(long ExpiresAt, long RemoveAt, long? UsesLeft, byte[] SealedUrl);
}
