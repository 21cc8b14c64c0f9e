using System.Data.Common;
using WirePS.Relay.Limits;

namespace WirePS.Relay.Storage.Operations;

/// <summary>The directory of handles (wire.md §4.9).</summary>
internal static class HandleOperations
{
    /// <summary>
    /// A handle is bound to the key of its card, not to the text of the DID, whose 32 bits of hash can be met by trying (R11). A card is public,
    /// so it alone does not move a handle to another slot either: as long as the owner of the slot comes for its events, the slot's own token
    /// has to release it first.
    /// </summary>
    public static ClaimResult Claim(SqlSession session, SlotAccess access, NewHandle handle)
    {
        var now = session.Now;
        var holder = session.First(
            RelaySql.FindHandleHolder,
            static reader => new Holder(
                reader.GetString(0), reader.GetFieldValue<byte[]>(1), reader.GetInt64(2), reader.GetInt64(3) != 0, reader.GetInt64(4), reader.LongOrNull(5)),
            ("@nick", handle.Nick));
        if (holder is null)
        {
            if (session.First(RelaySql.CountHandles, static reader => reader.GetInt64(0)) >= WireLimits.Handles)
            {
                return new ClaimResult(ClaimOutcome.Full, "");
            }
        }
        else if (!holder.PublicKey.AsSpan().SequenceEqual(handle.PublicKey))
        {
            return new ClaimResult(ClaimOutcome.HeldByAnother, holder.Did);
        }
        else if (holder.Slot != access.Slot
            && Math.Max(holder.ClaimedAt, holder.LastPullAt ?? 0) > now - (long)Retention.IdleSlotOfHandle.TotalMilliseconds)
        {
            return new ClaimResult(ClaimOutcome.HeldThroughAnotherSlot, holder.Did);
        }

        Delete(session, handle.Nick);
        var isDiscoverable = handle.IsDiscoverable ?? holder?.IsDiscoverable ?? true;
        var isListed = isDiscoverable && handle.IsListable;
        session.Execute(
            RelaySql.InsertHandle,
            ("@nick", handle.Nick),
            ("@did", handle.Did),
            ("@public_key", handle.PublicKey),
            ("@slot", access.Slot),
            ("@relay_url", handle.RelayUrl),
            ("@discoverable", isDiscoverable ? 1L : 0L),
            ("@listed", isListed ? 1L : 0L),
            ("@now", now),
            ("@profile", handle.Profile),
            ("@card", handle.Card));
        foreach (var vibe in isListed ? handle.Vibes : [])
        {
            session.Execute(RelaySql.InsertVibe, ("@vibe", vibe), ("@nick", handle.Nick));
        }

        return new ClaimResult(holder is null ? ClaimOutcome.Claimed : ClaimOutcome.Reclaimed, handle.Did);
    }

    public static HandleView? Find(SqlSession session, string nick) =>
        session.First(
            RelaySql.FindHandle,
            reader => new HandleView(
                nick, reader.GetString(0), reader.GetFieldValue<byte[]>(1), reader.GetString(2), reader.GetInt64(3), reader.StringOrNull(4), reader.Time(5)),
            ("@nick", nick));

    /// <summary>Only as long as it is held through this slot.</summary>
    public static bool Release(SqlSession session, SlotAccess access, string nick)
    {
        var isHeld = session.First(RelaySql.FindHandle, static reader => reader.GetInt64(3), ("@nick", nick)) == access.Slot;
        if (isHeld)
        {
            Delete(session, nick);
        }

        return isHeld;
    }

    public static HandlePage List(SqlSession session, string after, string? vibe, int limit)
    {
        var rows = vibe is null
            ? session.List(RelaySql.ListHandles, Map, ("@after", after), ("@limit", (long)limit + 1))
            : session.List(RelaySql.ListHandlesByVibe, Map, ("@vibe", vibe), ("@after", after), ("@limit", (long)limit + 1));
        var more = rows.Count > limit;
        if (more)
        {
            rows.RemoveAt(limit);
        }

        return new HandlePage(rows, more);

        static HandleItem Map(DbDataReader reader) => new(reader.GetString(0), reader.GetString(1), reader.GetFieldValue<byte[]>(2), reader.Time(3));
    }

    private static void Delete(SqlSession session, string nick)
    {
        session.Execute(RelaySql.DeleteVibes, ("@nick", nick));
        session.Execute(RelaySql.DeleteHandle, ("@nick", nick));
    }

    private sealed record Holder(string Did, byte[] PublicKey, long Slot, bool IsDiscoverable, long ClaimedAt, long? LastPullAt);
}
