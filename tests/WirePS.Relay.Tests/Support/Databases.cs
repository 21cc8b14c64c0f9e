using Microsoft.Data.Sqlite;
using WirePS.Relay.Storage.Sqlite;

namespace WirePS.Relay.Tests.Support;

/// <summary>Looks into the database of a relay from outside.</summary>
internal static class Databases
{
    public static string PathOf(string dataFolder) => System.IO.Path.Combine(dataFolder, "relay.db");

    public static long Count(string dataFolder, string table) => (long)Scalar(dataFolder, $"SELECT COUNT(*) FROM {table}")!;

    public static object? Scalar(string dataFolder, string sql)
    {
        using var connection = Open(dataFolder);
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // texts of these tests
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteScalar();
    }

    /// <summary>Turns the tables into those of an older version of the schema, with the data that fit.</summary>
    public static void MakeOld(string dataFolder, int version)
    {
        string[][] steps =
        [
            ["DROP TABLE pair_v2", "DROP TABLE pair_v2_message"],
            [
                "DROP INDEX event_by_dup_key",
                "DROP INDEX event_by_id",
                "CREATE UNIQUE INDEX event_by_id ON event (slot, id_hash) WHERE id_hash IS NOT NULL",
                "ALTER TABLE event DROP COLUMN dup_key",
                "ALTER TABLE slot DROP COLUMN acked_seq",
                "ALTER TABLE slot DROP COLUMN intro_bytes",
                "DROP TABLE handle_vibe",
                "DROP TABLE handle",
                "DROP TABLE invite",
            ],
        ];
        foreach (var sql in steps.Skip(version - 1).Reverse().SelectMany(static step => step))
        {
            Scalar(dataFolder, sql);
        }

        Scalar(dataFolder, FormattableString.Invariant($"UPDATE meta SET value = '{version}' WHERE name = 'schema_version'"));
    }

    /// <summary>How SQLite would look for the rows of a statement.</summary>
    public static IReadOnlyList<string> Plan(string dataFolder, string sql)
    {
        using var connection = Open(dataFolder);
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // texts of the relay
        command.CommandText = "EXPLAIN QUERY PLAN " + sql;
#pragma warning restore CA2100
        foreach (var name in sql.Split(' ', '(', ')', ',', ';').Where(static word => word.StartsWith('@')).Distinct())
        {
            command.Parameters.AddWithValue(name, 1);
        }

        using var reader = command.ExecuteReader();
        var steps = new List<string>();
        while (reader.Read())
        {
            steps.Add(reader.GetString(3));
        }

        return steps;
    }

    /// <summary>A statement on the database of a new relay finds its rows by an index, in their order.</summary>
    public static async Task AssertByIndexAsync(string sql)
    {
        await using var relay = await TestRelay.StartAsync();
        var plan = Plan(relay.DataFolder, sql);
        Assert.NotEmpty(plan);
        Assert.All(plan, static step => Assert.StartsWith("SEARCH", step));
        Assert.DoesNotContain(plan, static step => step.Contains("TEMP B-TREE", StringComparison.Ordinal));
    }

    private static SqliteConnection Open(string dataFolder)
    {
        SqliteLibrary.EnsureLoaded();
        var connection = new SqliteConnection($"Data Source={PathOf(dataFolder)};Mode=ReadWrite;Pooling=False");
        connection.Open();
        return connection;
    }
}
