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

    private static SqliteConnection Open(string dataFolder)
    {
        SqliteLibrary.EnsureLoaded();
        var connection = new SqliteConnection($"Data Source={PathOf(dataFolder)};Mode=ReadWrite;Pooling=False");
        connection.Open();
        return connection;
    }
}
