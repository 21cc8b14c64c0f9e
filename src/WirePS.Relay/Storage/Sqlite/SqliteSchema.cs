using System.Globalization;
using System.Security.Cryptography;

namespace WirePS.Relay.Storage.Sqlite;

/// <summary>The tables of the relay in SQLite's types, as the steps that lead from each version to the next.</summary>
internal static class SqliteSchema
{
    /// <summary>The version that this program writes.</summary>
    public const int Version = 3;

    private const string VersionName = "schema_version";
    private const string RelayIdName = "relay_id";

    private const string MetaTable = "CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";

    private static readonly string[] ToVersion1 =
    [
        """
        CREATE TABLE slot (
            slot INTEGER PRIMARY KEY,
            slot_id TEXT NOT NULL UNIQUE,
            token_hash BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            last_seq INTEGER NOT NULL DEFAULT 0,
            event_count INTEGER NOT NULL DEFAULT 0,
            event_bytes INTEGER NOT NULL DEFAULT 0,
            last_pull_at INTEGER,
            responder_health BLOB)
        """,

        """
        CREATE TABLE event (
            slot INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            id_hash BLOB,
            grant_id TEXT,
            bytes INTEGER NOT NULL,
            stored_at INTEGER NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (slot, seq))
        """,
        "CREATE UNIQUE INDEX event_by_id ON event (slot, id_hash) WHERE id_hash IS NOT NULL",
        "CREATE INDEX event_by_age ON event (stored_at)",

        """
        CREATE TABLE slot_grant (
            slot INTEGER NOT NULL,
            grant_id TEXT NOT NULL,
            token_hash BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER,
            per_hour INTEGER,
            events INTEGER NOT NULL DEFAULT 0,
            last_used_at INTEGER,
            hour_started_at INTEGER NOT NULL DEFAULT 0,
            hour_events INTEGER NOT NULL DEFAULT 0,
            revoked_at INTEGER,
            PRIMARY KEY (slot, grant_id)) WITHOUT ROWID
        """,
        "CREATE UNIQUE INDEX slot_grant_by_token ON slot_grant (slot, token_hash)",

        """
        CREATE TABLE rendezvous (
            pair_id TEXT NOT NULL PRIMARY KEY,
            code_hash BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            remove_at INTEGER NOT NULL,
            decided_at INTEGER,
            ended_at INTEGER,
            host_done INTEGER NOT NULL DEFAULT 0,
            guest_done INTEGER NOT NULL DEFAULT 0,
            host_msg BLOB,
            guest_msg BLOB,
            host_bootstrap BLOB,
            guest_bootstrap BLOB)
        """,
        "CREATE UNIQUE INDEX rendezvous_by_code ON rendezvous (code_hash) WHERE ended_at IS NULL",
        "CREATE INDEX rendezvous_by_removal ON rendezvous (remove_at)",
    ];

    /// <summary>
    /// The rendezvous of protocol v2. A message's key holds its rendezvous, side and phase in one number: one B-tree, appended to, with the
    /// messages of a rendezvous beside one another.
    /// </summary>
    private static readonly string[] ToVersion2 =
    [
        """
        CREATE TABLE pair_v2 (
            pair INTEGER PRIMARY KEY,
            lookup TEXT NOT NULL UNIQUE,
            state INTEGER NOT NULL DEFAULT 0,
            reason TEXT,
            crowded INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            remove_at INTEGER NOT NULL,
            host_token BLOB NOT NULL,
            guest_token BLOB,
            host_phases INTEGER NOT NULL,
            guest_phases INTEGER NOT NULL DEFAULT 0,
            host_done INTEGER NOT NULL DEFAULT 0,
            guest_done INTEGER NOT NULL DEFAULT 0)
        """,
        "CREATE INDEX pair_v2_by_removal ON pair_v2 (remove_at)",
        "CREATE TABLE pair_v2_message (message INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    ];

    /// <summary>
    /// Acks; duplicates that are more than the same id, where of older events nothing but the id is known; the directory of handles, whose texts
    /// come after everything that is searched for; short URLs of invites.
    /// </summary>
    private static readonly string[] ToVersion3 =
    [
        "ALTER TABLE slot ADD COLUMN acked_seq INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE slot ADD COLUMN intro_bytes INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE event ADD COLUMN dup_key BLOB",
        "UPDATE event SET dup_key = id_hash WHERE id_hash IS NOT NULL",
        "DROP INDEX event_by_id",
        "CREATE INDEX event_by_id ON event (slot, id_hash, seq) WHERE id_hash IS NOT NULL",
        "CREATE UNIQUE INDEX event_by_dup_key ON event (slot, dup_key) WHERE dup_key IS NOT NULL",

        """
        CREATE TABLE handle (
            nick TEXT NOT NULL PRIMARY KEY,
            did TEXT NOT NULL,
            public_key BLOB NOT NULL,
            slot INTEGER NOT NULL,
            relay_url TEXT,
            discoverable INTEGER NOT NULL,
            listed INTEGER NOT NULL,
            claimed_at INTEGER NOT NULL,
            profile BLOB NOT NULL,
            card BLOB NOT NULL)
        """,
        "CREATE INDEX handle_listed ON handle (nick) WHERE listed = 1",
        "CREATE TABLE handle_vibe (vibe TEXT NOT NULL, nick TEXT NOT NULL, PRIMARY KEY (vibe, nick)) WITHOUT ROWID",
        "CREATE INDEX handle_vibe_by_nick ON handle_vibe (nick)",

        """
        CREATE TABLE invite (
            token_hash BLOB NOT NULL PRIMARY KEY,
            expires_at INTEGER NOT NULL,
            remove_at INTEGER NOT NULL,
            uses_left INTEGER,
            url BLOB NOT NULL)
        """,
        "CREATE INDEX invite_by_removal ON invite (remove_at)",
    ];

    private static readonly string[][] Steps = [ToVersion1, ToVersion2, ToVersion3];

    /// <summary>Creates the tables of a new database, brings those of an older program up to date, and answers the relay's id.</summary>
    /// <exception cref="StoreException">The data was written by a newer program, or is not a relay's.</exception>
    public static string Prepare(SqlSession session, string path)
    {
        session.Execute("BEGIN IMMEDIATE");
        session.Execute(MetaTable);
        if (ReadMeta(session, VersionName) is not { } version)
        {
            Upgrade(session, 0);
            WriteMeta(session, VersionName, CurrentVersion);
            WriteMeta(session, RelayIdName, RandomNumberGenerator.GetHexString(32, lowercase: true));
        }
        else if (!int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > Version)
        {
            session.Execute("ROLLBACK");
            throw new StoreException($"'{path}' has schema version {version}; this program knows versions up to {Version}. Use the newer relay that wrote it, or another --data folder");
        }
        else if (number < Version)
        {
            Upgrade(session, number);
            session.Execute(RelaySql.UpdateMeta, ("@value", CurrentVersion), ("@name", VersionName));
        }

        session.Execute("COMMIT");
        return ReadMeta(session, RelayIdName) ?? throw new StoreException($"'{path}' holds no relay id; restore it from a backup or use another --data folder");
    }

    private static string CurrentVersion => Version.ToString(CultureInfo.InvariantCulture);

    private static void Upgrade(SqlSession session, int from)
    {
        foreach (var statement in Steps.Skip(from).SelectMany(static step => step))
        {
            session.Execute(statement);
        }
    }

    private static string? ReadMeta(SqlSession session, string name) =>
        session.First(RelaySql.ReadMeta, static reader => reader.GetString(0), ("@name", name));

    private static void WriteMeta(SqlSession session, string name, string value) =>
        session.Execute(RelaySql.InsertMeta, ("@name", name), ("@value", value));
}
