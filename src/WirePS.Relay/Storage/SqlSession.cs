using System.Data.Common;

namespace WirePS.Relay.Storage;

/// <summary>
/// One connection with its prepared statements. The operations are written against it, so an engine only has to say how connections are made
/// and how transactions are run. Not thread-safe.
/// </summary>
internal sealed class SqlSession(DbConnection connection, TimeProvider time) : IDisposable
{
    private readonly Dictionary<string, DbCommand> _commands = new(StringComparer.Ordinal);
    private readonly List<string> _news = [];

    /// <summary>The time of the operation, in milliseconds of Unix time: what is stored and compared.</summary>
    public long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What the operations of the current transaction want announced once it is committed.</summary>
    public IReadOnlyList<string> News => _news;

    public void Announce(string key) => _news.Add(key);

    /// <summary>Forgets the announcements behind the first <paramref name="count"/>, as their operation was rolled back.</summary>
    public void KeepNews(int count) => _news.RemoveRange(count, _news.Count - count);

    public int Execute(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters) =>
        Prepare(sql, parameters).ExecuteNonQuery();

    public T? First<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var reader = Prepare(sql, parameters).ExecuteReader();
        return reader.Read() ? map(reader) : default;
    }

    public List<T> List<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> parameters) =>
        ListWhile(sql, map, static _ => true, parameters);

    /// <summary>Reads rows up to and including the first for which <paramref name="wantsMore"/> says no.</summary>
    public List<T> ListWhile<T>(string sql, Func<DbDataReader, T> map, Func<T, bool> wantsMore, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var rows = new List<T>();
        using var reader = Prepare(sql, parameters).ExecuteReader();
        while (reader.Read())
        {
            var row = map(reader);
            rows.Add(row);
            if (!wantsMore(row))
            {
                break;
            }
        }

        return rows;
    }

    public void Dispose()
    {
        foreach (var command in _commands.Values)
        {
            command.Dispose();
        }

        connection.Dispose();
    }

    private DbCommand Prepare(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        if (!_commands.TryGetValue(sql, out var command))
        {
            command = connection.CreateCommand();
#pragma warning disable CA2100 // every text is a constant of RelaySql or of an engine; values travel as parameters
            command.CommandText = sql;
#pragma warning restore CA2100
            foreach (var (name, _) in parameters)
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = name;
                command.Parameters.Add(parameter);
            }

            _commands.Add(sql, command);
        }

        for (var i = 0; i < parameters.Length; i++)
        {
            command.Parameters[i].Value = parameters[i].Value ?? DBNull.Value;
        }

        return command;
    }
}

/// <summary>Reads columns that may be null.</summary>
internal static class DbDataReaderExtensions
{
    public static byte[]? BytesOrNull(this DbDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetFieldValue<byte[]>(column);

    public static long? LongOrNull(this DbDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetInt64(column);

    public static string? StringOrNull(this DbDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetString(column);

    public static DateTimeOffset Time(this DbDataReader reader, int column) =>
        DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(column));

    public static DateTimeOffset? TimeOrNull(this DbDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.Time(column);
}
