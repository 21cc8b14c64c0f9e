using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>A daemon, as its pid file tells (wire.md §6.3).</summary>
/// <param name="Pid">The process.</param>
/// <param name="IsOurs">False where another program wrote the file.</param>
/// <param name="BinPath">The program.</param>
/// <param name="Version">Its version.</param>
/// <param name="StartedAt">When it started.</param>
public sealed record DaemonRecord(int Pid, bool IsOurs, string? BinPath, string? Version, DateTimeOffset? StartedAt)
{
    /// <summary>Where it takes messages of the handshake as connections of their own, as <c>address:port</c>; null for nowhere.</summary>
    public string? Listen { get; init; }

    /// <summary>Why it does not, where it should; null where nothing is wrong.</summary>
    public string? ListenTrouble { get; init; }

    /// <summary>The port of <see cref="Listen"/>.</summary>
    public int? ListenPort => IPEndPoint.TryParse(Listen ?? "", out var place) ? place.Port : null;
}

/// <summary>
/// What the daemon of a home and those who ask about it know of each other: a lock that lives as long as the daemon,
/// the pid file, and a file that asks it to stop.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="time">The clock.</param>
public sealed class DaemonFiles(WireHome home, IFileSystem files, TimeProvider time)
{
    private const string Schema = "wire-daemon-pid-v1";
    private const string Program = "WirePS";
    private const int MaxBytes = 64 * 1024;
    private const int ClaimAttempts = 20;
    private static readonly TimeSpan ClaimGap = TimeSpan.FromMilliseconds(10);

    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    /// <summary>Asks the daemon to stop by being there.</summary>
    public string StopFile => Path.Combine(home.StateFolder, "daemon.stop");

    /// <summary>Takes the place of this home's daemon; null where somebody has it. The place is free when its holder dies, however it dies.</summary>
    public IDisposable? TryClaim() => files.TryLock(home.DaemonLockFile);

    /// <summary>
    /// Takes the place of this home's daemon; null where a daemon has it. Somebody who only looks (<see cref="IsRunning"/>)
    /// holds it for a moment, so one refusal says nothing.
    /// </summary>
    public async Task<IDisposable?> ClaimAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < ClaimAttempts; i++)
        {
            if (TryClaim() is { } place)
            {
                return place;
            }

            await Task.Delay(ClaimGap, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>True where a daemon runs for this home.</summary>
    public bool IsRunning()
    {
        if (!files.Exists(home.DaemonLockFile))
        {
            return false;
        }

        using var free = TryClaim();
        return free is null;
    }

    /// <summary>Tells who the daemon is. Its presence says that the daemon is ready.</summary>
    /// <param name="did">The home's DID.</param>
    /// <param name="relayUrl">The home's relay.</param>
    /// <param name="listen">Where it takes messages of the handshake; null for nowhere.</param>
    /// <param name="listenTrouble">Why not; null where nothing is wrong.</param>
    public void Announce(string? did, string? relayUrl, string? listen = null, string? listenTrouble = null)
    {
        var record = new JsonObject
        {
            ["schema"] = Schema,
            ["pid"] = Environment.ProcessId,
            ["bin_path"] = Environment.ProcessPath,
            ["version"] = typeof(DaemonFiles).Assembly.GetName().Version?.ToString(3),
            ["started_at"] = Timestamps.Format(_startedAt),
            ["did"] = did,
            ["relay_url"] = relayUrl,
            ["program"] = Program,
        };
        if (listen is not null)
        {
            record["listen"] = listen;
        }

        if (listenTrouble is not null)
        {
            record["listen_trouble"] = listenTrouble;
        }

        files.WritePrivate(home.DaemonPidFile, JsonSerializer.SerializeToUtf8Bytes(record, JsonTreeJson.Default.JsonObject));
    }

    /// <summary>Takes the announcement back.</summary>
    public void Retract()
    {
        if (Read() is { IsOurs: true } record && record.Pid == Environment.ProcessId)
        {
            files.Delete(home.DaemonPidFile);
        }

        files.Delete(StopFile);
    }

    /// <summary>Asks the daemon to stop.</summary>
    public void RequestStop() => files.WritePrivate(StopFile, []);

    /// <summary>True where the daemon has been asked to stop.</summary>
    public bool IsStopRequested() => files.Exists(StopFile);

    /// <summary>
    /// True where the file that the daemon's place stands for was removed, with the whole home or by hand: another daemon
    /// could take the place, so the one that had it must end.
    /// </summary>
    public bool HasLostPlace() => !files.Exists(home.DaemonLockFile);

    /// <summary>Forgets an earlier wish to stop.</summary>
    public void ClearStop() => files.Delete(StopFile);

    /// <summary>What the pid file says; null where there is none or it says nothing usable.</summary>
    public DaemonRecord? Read()
    {
        // It holds no secret, and the other program leaves it as open as its umask says.
        if (files.ReadOpen(home.DaemonPidFile, MaxBytes) is not { } text)
        {
            return null;
        }

        try
        {
            // Before its version 0.5.11 the other program wrote a bare number.
            return JsonNode.Parse(text) switch
            {
                JsonObject record when record["pid"] is JsonValue pid => new DaemonRecord(
                    pid.GetValue<int>(),
                    (string?)record["program"] == Program,
                    (string?)record["bin_path"],
                    (string?)record["version"],
                    Timestamps.TryParse((string?)record["started_at"], out var started) ? started : null)
                {
                    Listen = (string?)record["listen"],
                    ListenTrouble = (string?)record["listen_trouble"],
                },
                JsonValue bare => new DaemonRecord(bare.GetValue<int>(), false, null, null, null),
                _ => null,
            };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary><see cref="WireReason.HomeInUse"/> where the pid file names another program that is alive.</summary>
    public void RequireNoForeignDaemon()
    {
        if (Read() is { IsOurs: false } record && IsAlive(record.Pid))
        {
            throw new WireException(WireReason.HomeInUse, $"This home is used by '{record.BinPath ?? "wire"}' (process {record.Pid}).", home.DaemonPidFile);
        }
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return !process.HasExited;
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }
}
