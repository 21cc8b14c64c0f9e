using System.Globalization;

namespace WirePS.Relay.Storage;

/// <summary>
/// Every statement of the relay, in the SQL that SQLite and PostgreSQL share. The tables are in the engine's schema, as the types differ.
/// Times are milliseconds of Unix time; messages and events are bytes, as they may hold what a text column refuses (U+0000).
/// </summary>
internal static class RelaySql
{
    public const string InsertSlot =
        "INSERT INTO slot (slot_id, token_hash, created_at) VALUES (@slot_id, @token_hash, @now)";

    public const string FindSlot = "SELECT slot, token_hash FROM slot WHERE slot_id = @slot_id";

    public const string FindGrantByToken =
        "SELECT grant_id, token_hash FROM slot_grant WHERE slot = @slot AND token_hash = @token_hash AND revoked_at IS NULL "
        + "AND (expires_at IS NULL OR expires_at > @now)";

    public const string SlotState =
        "SELECT event_count, last_pull_at, responder_health, last_seq FROM slot WHERE slot = @slot";

    public const string SetResponderHealth = "UPDATE slot SET responder_health = @health WHERE slot = @slot";

    public const string SetLastPull =
        "UPDATE slot SET last_pull_at = @at WHERE slot = @slot AND (last_pull_at IS NULL OR last_pull_at < @at)";

    /// <summary>Of several events with the id the first: who goes on after it may read some twice, and misses none.</summary>
    public const string FindEventById = "SELECT seq FROM event WHERE slot = @slot AND id_hash = @id_hash ORDER BY seq LIMIT 1";

    /// <summary>Events from before the keys of duplicates have the hash of their id there.</summary>
    public const string FindDuplicate = "SELECT 1 FROM event WHERE slot = @slot AND dup_key IN (@dup_key, @id_hash)";

    public const string SlotUse = "SELECT last_seq, event_bytes, intro_bytes FROM slot WHERE slot = @slot";

    public const string SlotSequences = "SELECT last_seq, acked_seq FROM slot WHERE slot = @slot";

    public const string InsertEvent =
        "INSERT INTO event (slot, seq, id_hash, dup_key, grant_id, body, bytes, stored_at) "
        + "VALUES (@slot, @seq, @id_hash, @dup_key, @grant_id, @body, @bytes, @now)";

    public const string CountEvent =
        "UPDATE slot SET last_seq = @seq, event_count = event_count + 1, event_bytes = event_bytes + @bytes, intro_bytes = intro_bytes + @intro_bytes "
        + "WHERE slot = @slot";

    public const string ReadEvents =
        "SELECT seq, grant_id, body FROM event WHERE slot = @slot AND seq > @after ORDER BY seq LIMIT @limit";

    public const string FirstEvent = "SELECT seq FROM event WHERE slot = @slot AND seq > @after ORDER BY seq LIMIT 1";

    public const string EventsToAck =
        "SELECT seq, bytes, grant_id, CASE WHEN id_hash IS NULL THEN 0 ELSE 1 END FROM event WHERE slot = @slot AND seq > @after AND seq <= @upto "
        + "ORDER BY seq LIMIT @limit";

    /// <summary>Keeps the row for its id alone; its age counts from now.</summary>
    public const string EmptyEvent = "UPDATE event SET body = @empty, bytes = 0, stored_at = @now WHERE slot = @slot AND seq = @seq";

    public const string SetAcked = "UPDATE slot SET acked_seq = @acked_seq WHERE slot = @slot";

    public const string GrantUse =
        "SELECT per_hour, hour_started_at, hour_events FROM slot_grant WHERE slot = @slot AND grant_id = @grant_id AND revoked_at IS NULL "
        + "AND (expires_at IS NULL OR expires_at > @now)";

    public const string CountGrantUse =
        "UPDATE slot_grant SET events = events + 1, last_used_at = @now, hour_started_at = @hour_started_at, hour_events = @hour_events "
        + "WHERE slot = @slot AND grant_id = @grant_id";

    public const string FindGrant =
        "SELECT token_hash, created_at, expires_at, per_hour, events, last_used_at, revoked_at FROM slot_grant WHERE slot = @slot AND grant_id = @grant_id";

    public const string GrantTokenTaken =
        "SELECT 1 FROM slot_grant WHERE slot = @slot AND token_hash = @token_hash UNION ALL SELECT 1 FROM slot WHERE slot = @slot AND token_hash = @token_hash";

    public const string CountGrants =
        "SELECT COUNT(*), COUNT(CASE WHEN revoked_at IS NULL AND (expires_at IS NULL OR expires_at > @now) THEN 1 END) FROM slot_grant WHERE slot = @slot";

    public const string InsertGrant =
        "INSERT INTO slot_grant (slot, grant_id, token_hash, created_at, expires_at, per_hour) VALUES (@slot, @grant_id, @token_hash, @now, @expires_at, @per_hour)";

    public const string RevokeGrant =
        "UPDATE slot_grant SET revoked_at = @now WHERE slot = @slot AND grant_id = @grant_id AND revoked_at IS NULL";

    public const string ListGrants =
        "SELECT grant_id, created_at, expires_at, per_hour, events, last_used_at FROM slot_grant WHERE slot = @slot AND grant_id > @after AND revoked_at IS NULL "
        + "ORDER BY grant_id LIMIT @limit";

    private const string PairColumns =
        "pair_id, expires_at, remove_at, host_msg, guest_msg, host_bootstrap, guest_bootstrap, host_done, guest_done, decided_at, ended_at, code_hash";

    public const string FindPairByCode = "SELECT " + PairColumns + " FROM rendezvous WHERE code_hash = @code_hash AND ended_at IS NULL";

    public const string FindPair = "SELECT " + PairColumns + " FROM rendezvous WHERE pair_id = @pair_id AND remove_at > @now";

    public const string InsertPair =
        "INSERT INTO rendezvous (pair_id, code_hash, created_at, expires_at, remove_at, host_msg, guest_msg) "
        + "VALUES (@pair_id, @code_hash, @now, @expires_at, @expires_at, @host_msg, @guest_msg)";

    public const string SetHostMessage =
        "UPDATE rendezvous SET host_msg = @msg, expires_at = @expires_at, remove_at = @remove_at WHERE pair_id = @pair_id";

    public const string SetGuestMessage = "UPDATE rendezvous SET guest_msg = @msg WHERE pair_id = @pair_id";

    public const string SetHostBootstrap = "UPDATE rendezvous SET host_bootstrap = @value WHERE pair_id = @pair_id";

    public const string SetGuestBootstrap = "UPDATE rendezvous SET guest_bootstrap = @value WHERE pair_id = @pair_id";

    public const string DecidePair = "UPDATE rendezvous SET decided_at = @now, remove_at = @remove_at WHERE pair_id = @pair_id";

    public const string SetHostDone = "UPDATE rendezvous SET host_done = 1 WHERE pair_id = @pair_id";

    public const string SetGuestDone = "UPDATE rendezvous SET guest_done = 1 WHERE pair_id = @pair_id";

    public const string EndPair =
        "UPDATE rendezvous SET ended_at = @now, remove_at = @remove_at, host_msg = NULL, guest_msg = NULL, host_bootstrap = NULL, guest_bootstrap = NULL "
        + "WHERE pair_id = @pair_id";

    public const string DeletePair = "DELETE FROM rendezvous WHERE pair_id = @pair_id";

    public const string ExpiredPairs = "SELECT pair_id FROM rendezvous WHERE remove_at <= @now ORDER BY remove_at LIMIT @limit";

    public const string ExpiredEvents = "SELECT slot, seq, bytes, grant_id FROM event WHERE stored_at <= @before ORDER BY stored_at LIMIT @limit";

    public const string DeleteEvent = "DELETE FROM event WHERE slot = @slot AND seq = @seq";

    public const string UncountEvents =
        "UPDATE slot SET event_count = event_count - @count, event_bytes = event_bytes - @bytes, intro_bytes = intro_bytes - @intro_bytes "
        + "WHERE slot = @slot";

    /// <summary>How many lookups <see cref="FindPairsV2"/> takes; unused ones are null and find nothing.</summary>
    public const int PairsV2AtOnce = 64;

    private const string PairV2Columns =
        "pair, lookup, state, reason, crowded, expires_at, remove_at, host_token, guest_token, host_phases, guest_phases, host_done, guest_done";

    public const string FindPairV2 = "SELECT " + PairV2Columns + " FROM pair_v2 WHERE lookup = @lookup";

    /// <summary>The parameters of <see cref="FindPairsV2"/>.</summary>
    public static readonly string[] FindPairsV2Names =
        [.. Enumerable.Range(0, PairsV2AtOnce).Select(static i => string.Create(CultureInfo.InvariantCulture, $"@lookup{i}"))];

    public static readonly string FindPairsV2 =
        "SELECT " + PairV2Columns + " FROM pair_v2 WHERE lookup IN (" + string.Join(", ", FindPairsV2Names) + ")";

    public const string InsertPairV2 =
        "INSERT INTO pair_v2 (lookup, created_at, expires_at, remove_at, host_token, host_phases) "
        + "VALUES (@lookup, @now, @expires_at, @remove_at, @host_token, @host_phases) RETURNING pair";

    public const string UpdatePairV2 =
        "UPDATE pair_v2 SET state = @state, reason = @reason, remove_at = @remove_at, guest_token = @guest_token, host_phases = @host_phases, "
        + "guest_phases = @guest_phases WHERE pair = @pair";

    public const string EndPairV2 = "UPDATE pair_v2 SET state = @state, reason = @reason, remove_at = @remove_at WHERE pair = @pair";

    public const string SetPairV2Crowded = "UPDATE pair_v2 SET crowded = 1 WHERE pair = @pair";

    public const string SetPairV2HostDone = "UPDATE pair_v2 SET host_done = 1 WHERE pair = @pair";

    public const string SetPairV2GuestDone = "UPDATE pair_v2 SET guest_done = 1 WHERE pair = @pair";

    public const string DeletePairV2 = "DELETE FROM pair_v2 WHERE pair = @pair";

    public const string ExpiredPairsV2 = "SELECT pair, lookup FROM pair_v2 WHERE remove_at <= @now ORDER BY remove_at LIMIT @limit";

    public const string InsertPairV2Message = "INSERT INTO pair_v2_message (message, body) VALUES (@message, @body)";

    public const string FindPairV2Message = "SELECT body FROM pair_v2_message WHERE message = @message";

    public const string ReadPairV2Messages =
        "SELECT message, body FROM pair_v2_message WHERE message > @after AND message <= @last ORDER BY message";

    public const string DeletePairV2Messages = "DELETE FROM pair_v2_message WHERE message >= @first AND message <= @last";

    public const string FindHandleHolder =
        "SELECT did, public_key, handle.slot, discoverable, claimed_at, last_pull_at FROM handle JOIN slot ON slot.slot = handle.slot WHERE nick = @nick";

    public const string FindHandle =
        "SELECT did, card, slot_id, handle.slot, relay_url, claimed_at FROM handle JOIN slot ON slot.slot = handle.slot WHERE nick = @nick";

    public const string CountHandles = "SELECT COUNT(*) FROM handle";

    public const string InsertHandle =
        "INSERT INTO handle (nick, did, public_key, slot, relay_url, discoverable, listed, claimed_at, profile, card) "
        + "VALUES (@nick, @did, @public_key, @slot, @relay_url, @discoverable, @listed, @now, @profile, @card)";

    public const string DeleteHandle = "DELETE FROM handle WHERE nick = @nick";

    public const string InsertVibe = "INSERT INTO handle_vibe (vibe, nick) VALUES (@vibe, @nick)";

    public const string DeleteVibes = "DELETE FROM handle_vibe WHERE nick = @nick";

    public const string ListHandles =
        "SELECT nick, did, profile, claimed_at FROM handle WHERE listed = 1 AND nick > @after ORDER BY nick LIMIT @limit";

    public const string ListHandlesByVibe =
        "SELECT handle.nick, did, profile, claimed_at FROM handle_vibe JOIN handle ON handle.nick = handle_vibe.nick "
        + "WHERE handle_vibe.vibe = @vibe AND handle_vibe.nick > @after ORDER BY handle_vibe.nick LIMIT @limit";

    public const string InsertInvite =
        "INSERT INTO invite (token_hash, expires_at, remove_at, uses_left, url) VALUES (@token_hash, @expires_at, @remove_at, @uses_left, @url)";

    public const string FindInvite = "SELECT expires_at, remove_at, uses_left, url FROM invite WHERE token_hash = @token_hash";

    public const string UseInvite = "UPDATE invite SET uses_left = @uses_left, url = @url WHERE token_hash = @token_hash";

    public const string ExpiredInvites = "SELECT token_hash FROM invite WHERE remove_at <= @now ORDER BY remove_at LIMIT @limit";

    public const string DeleteInvite = "DELETE FROM invite WHERE token_hash = @token_hash";

    /// <summary>Counts whole tables: not for every request.</summary>
    public const string Counts =
        "SELECT (SELECT COUNT(*) FROM handle), (SELECT COUNT(*) FROM slot), "
        + "(SELECT COUNT(*) FROM rendezvous WHERE remove_at > @now AND ended_at IS NULL) + (SELECT COUNT(*) FROM pair_v2 WHERE remove_at > @now AND state = 0)";

    public const string ReadMeta = "SELECT value FROM meta WHERE name = @name";

    public const string InsertMeta = "INSERT INTO meta (name, value) VALUES (@name, @value)";

    public const string UpdateMeta = "UPDATE meta SET value = @value WHERE name = @name";
}
