using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Relay;

/// <summary>The relay that runs from a home.</summary>
/// <param name="Url">Where it listens.</param>
/// <param name="RelayId">The id of its data.</param>
/// <param name="Process">Its process.</param>
/// <param name="DataFolder">Its data.</param>
public sealed record LocalRelayRecord(string Url, string RelayId, ProcessMark Process, string DataFolder);

/// <summary>Starts and stops a relay that runs from a home, as another process, and remembers where it listens.</summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="launcher">Starts the process.</param>
/// <param name="time">The clock.</param>
public sealed class LocalRelay(WireHome home, IFileSystem files, IDetachedLauncher launcher, TimeProvider time)
{
    private const int MaxBytes = 64 * 1024;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    /// <summary>Where a relay listens if nothing else is said, and none has run here.</summary>
    public const string DefaultUrl = "http://127.0.0.1:8770";

    /// <summary>What the relay writes to its standard output and error.</summary>
    public string LogFile => Path.Combine(home.RelayStateFolder, "relay.log");

    /// <summary>Its data, where nothing else is said.</summary>
    public string DefaultDataFolder => Path.Combine(home.RelayStateFolder, "data");

    private string RecordFile => Path.Combine(home.RelayStateFolder, "relay.json");

    private string ReadyFile => Path.Combine(home.RelayStateFolder, "ready.json");

    /// <summary>The relay that was started last, running or not; null for none.</summary>
    public LocalRelayRecord? Last()
    {
        if (files.ReadPrivate(RecordFile, MaxBytes) is not { } text)
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(text) is JsonObject record && Timestamps.TryParse((string?)record["started_at"], out var started)
                ? new LocalRelayRecord((string)record["url"]!, (string)record["relay_id"]!, new ProcessMark((int)record["pid"]!, started), (string)record["data"]!)
                : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or ArgumentNullException)
        {
            throw new WireException(WireReason.FileCorrupt, null, RecordFile, error);
        }
    }

    /// <summary>The relay that runs; null where none does.</summary>
    public LocalRelayRecord? Running() => Last() is { } last && last.Process.IsAlive() ? last : null;

    /// <summary>
    /// Starts a relay and returns when it listens. Where one runs already, that one is it.
    /// <see cref="WireReason.RelayStartFailed"/>, with what the process had to say.
    /// </summary>
    /// <param name="program">Runs the relay; takes its options after the arguments given here.</param>
    /// <param name="url">Where to listen; null for where the last one did.</param>
    /// <param name="dataFolder">Its data; null for where the last one had them.</param>
    /// <param name="timeout">How long it may take to listen.</param>
    /// <param name="cancellationToken">Ends the wait, and the process.</param>
    /// <returns>The relay, and whether it is a new one.</returns>
    public async Task<(LocalRelayRecord Relay, bool IsNew)> StartAsync(
        (string FileName, IReadOnlyList<string> Arguments) program, string? url, string? dataFolder, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var alone = await files.LockAsync(home.LockFile("local-relay"), cancellationToken).ConfigureAwait(false);
        var last = Last();
        if (last is not null && last.Process.IsAlive())
        {
            return (last, false);
        }

        url ??= last?.Url ?? DefaultUrl;
        dataFolder ??= last?.DataFolder ?? DefaultDataFolder;
        files.EnsurePrivateFolder(home.RelayStateFolder);
        files.Delete(ReadyFile);
        string[] options = ["--urls", url, "--data", dataFolder, "--ready-file", ReadyFile];
        using var process = launcher.Start(new DetachedProgram(program.FileName, [.. program.Arguments, .. options], home.RelayStateFolder, LogFile));
        try
        {
            var ready = await ReadyAsync(process, timeout, cancellationToken).ConfigureAwait(false);
            var mark = ProcessMark.Of(process.Id) ?? throw await FailedAsync(process, "ended as soon as it was ready").ConfigureAwait(false);
            var relay = new LocalRelayRecord(ready.Url, ready.RelayId, mark, dataFolder);
            Write(relay);
            return (relay, true);
        }
        catch
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            throw;
        }
    }

    /// <summary>Stops the relay: asks it to, and ends it where it does not within the time. <see cref="WireReason.RelayNotRunning"/>.</summary>
    /// <param name="timeout">How long it may take to stop by itself.</param>
    /// <param name="cancellationToken">Ends the wait; the relay stops all the same.</param>
    /// <returns>The relay, and whether it had to be ended.</returns>
    public async Task<(LocalRelayRecord Relay, bool WasKilled)> StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var alone = await files.LockAsync(home.LockFile("local-relay"), cancellationToken).ConfigureAwait(false);
        var relay = Running() ?? throw new WireException(WireReason.RelayNotRunning, null, home.Root);

        relay.Process.RequestStop();
        if (await IsGoneAsync(relay, timeout, cancellationToken).ConfigureAwait(false))
        {
            return (relay, false);
        }

        relay.Process.Kill();
        await IsGoneAsync(relay, timeout, cancellationToken).ConfigureAwait(false);
        return (relay, true);
    }

    private async Task<(string Url, string RelayId)> ReadyAsync(IDetachedProcess process, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            if (files.ReadPrivate(ReadyFile, MaxBytes) is { } text
                && JsonNode.Parse(text) is JsonObject ready && (string?)ready["url"] is { } url && (string?)ready["relay_id"] is { } id)
            {
                return (url, id);
            }

            if (process.HasExited)
            {
                throw await FailedAsync(process, "ended before it listened").ConfigureAwait(false);
            }

            if (time.GetElapsedTime(begun) > timeout)
            {
                throw await FailedAsync(process, $"did not listen after {timeout.TotalSeconds:0} seconds").ConfigureAwait(false);
            }

            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<bool> IsGoneAsync(LocalRelayRecord relay, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var begun = System.Diagnostics.Stopwatch.GetTimestamp();
        while (relay.Process.IsAlive())
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(begun) > timeout)
            {
                return false;
            }

            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private void Write(LocalRelayRecord relay)
    {
        var record = new JsonObject
        {
            ["version"] = 1,
            ["url"] = relay.Url,
            ["pid"] = relay.Process.Pid,
            ["started_at"] = Timestamps.Format(relay.Process.StartedAt),
            ["relay_id"] = relay.RelayId,
            ["data"] = relay.DataFolder,
        };
        files.WritePrivate(RecordFile, JsonSerializer.SerializeToUtf8Bytes(record, JsonTreeJson.Default.JsonObject));
    }

    private async Task<WireException> FailedAsync(IDetachedProcess process, string what)
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        var words = await process.LastWordsAsync().ConfigureAwait(false);
        return new WireException(WireReason.RelayStartFailed, $"The relay {what}.{(words.Length > 0 ? " It said: " + words : "")}", LogFile);
    }
}
