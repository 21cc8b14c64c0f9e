using System.Diagnostics;
using WirePS.Identity;

namespace WirePS.Daemon;

/// <summary>Starts and stops the daemon of a home, as another process.</summary>
/// <param name="home">The home.</param>
/// <param name="files">What the daemon tells of itself.</param>
/// <param name="launcher">Starts the process.</param>
/// <param name="time">The clock.</param>
public sealed class DaemonControl(WireHome home, DaemonFiles files, IDetachedLauncher launcher, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    /// <summary>Takes what the daemon's process writes outside its log: why it could not start.</summary>
    public static string OutputFile(WireHome home) => Path.Combine(home.StateFolder, "daemon.out");

    /// <summary>The daemon that runs; null where none does.</summary>
    public DaemonRecord? Running() => files.IsRunning() ? files.Read() ?? new DaemonRecord(0, true, null, null, null) : null;

    /// <summary>
    /// Starts the program as this home's daemon and returns when it is ready. Where one runs already, that one is it.
    /// <see cref="WireReason.DaemonStartFailed"/>, with what the process had to say.
    /// </summary>
    /// <param name="program">Runs <see cref="DaemonLoop"/> on this home.</param>
    /// <param name="timeout">How long it may take to become ready.</param>
    /// <param name="cancellationToken">Ends the wait, and the process.</param>
    /// <returns>The daemon, and whether it is a new one.</returns>
    public async Task<(DaemonRecord Daemon, bool IsNew)> StartAsync(DetachedProgram program, TimeSpan timeout, CancellationToken cancellationToken)
    {
        files.RequireNoForeignDaemon();
        if (Running() is { } other)
        {
            return (other, false);
        }

        using var process = launcher.Start(program);
        try
        {
            var begun = time.GetTimestamp();
            while (true)
            {
                // Only a pid file of this very process is worth a look at the lock: looking takes it for a moment.
                if (files.Read() is { IsOurs: true } record && record.Pid == process.Id && files.IsRunning())
                {
                    return (record, true);
                }

                if (process.HasExited)
                {
                    return Running() is { } faster ? (faster, false) : throw await FailedAsync(process, "ended before it was ready").ConfigureAwait(false);
                }

                if (time.GetElapsedTime(begun) > timeout)
                {
                    throw await FailedAsync(process, $"was not ready after {timeout.TotalSeconds:0} seconds").ConfigureAwait(false);
                }

                await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            // A daemon that nobody was told of would only be in the way.
            if (!process.HasExited)
            {
                process.Kill();
            }

            throw;
        }
    }

    /// <summary>Asks the daemon to stop, and ends it where it does not within the time. <see cref="WireReason.DaemonNotRunning"/>.</summary>
    /// <param name="timeout">How long it may take to stop by itself.</param>
    /// <param name="cancellationToken">Ends the wait; the daemon stops all the same.</param>
    /// <returns>The daemon, and whether it had to be ended.</returns>
    public async Task<(DaemonRecord Daemon, bool WasKilled)> StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var daemon = Running() ?? throw new WireException(WireReason.DaemonNotRunning, null, home.Root);
        files.RequestStop();
        if (await IsGoneAsync(timeout, cancellationToken).ConfigureAwait(false))
        {
            files.ClearStop();
            return (daemon, false);
        }

        if (daemon is { IsOurs: true, Pid: > 0 } && files.Read()?.Pid == daemon.Pid)
        {
            ProcessMark.Of(daemon.Pid)?.Kill();
        }

        if (!await IsGoneAsync(timeout, cancellationToken).ConfigureAwait(false))
        {
            throw new WireException(WireReason.LockTimeout, $"The daemon (process {daemon.Pid}) does not end.", home.DaemonLockFile);
        }

        files.ClearStop();
        return (daemon, true);
    }

    private async Task<bool> IsGoneAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        while (files.IsRunning())
        {
            if (Stopwatch.GetElapsedTime(begun) > timeout)
            {
                return false;
            }

            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private async Task<WireException> FailedAsync(IDetachedProcess process, string what)
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        var words = await process.LastWordsAsync().ConfigureAwait(false);
        return new WireException(WireReason.DaemonStartFailed, $"The daemon {what}.{(words.Length > 0 ? " It said: " + words : "")}", home.DaemonLogFile);
    }
}
