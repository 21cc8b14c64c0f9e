using System.Diagnostics;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>Which process was meant: the system uses process ids again, so a start time stands beside it.</summary>
/// <param name="Pid">The process id.</param>
/// <param name="StartedAt">When the process began.</param>
public sealed record ProcessMark(int Pid, DateTimeOffset StartedAt)
{
    // The start is kept relative to the machine's, so a clock that was set moves it.
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(10);
    private const int Terminate = 15;

    /// <summary>The mark of a process that runs now; null where there is none.</summary>
    public static ProcessMark? Of(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return process.HasExited ? null : new ProcessMark(pid, process.StartTime);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    /// <summary>True while that process runs.</summary>
    public bool IsAlive() => Of(Pid) is { } now && (now.StartedAt - StartedAt).Duration() < Tolerance;

    /// <summary>Asks the process to end; where the system has no way to ask, ends it.</summary>
    public void RequestStop()
    {
        if (!IsAlive())
        {
            return;
        }

        if (OperatingSystem.IsWindows())
        {
            Kill();
        }
        else
        {
            _ = UnixNative.Kill(Pid, Terminate);
        }
    }

    /// <summary>Ends the process at once.</summary>
    public void Kill()
    {
        try
        {
            if (IsAlive())
            {
                using var process = Process.GetProcessById(Pid);
                process.Kill();
            }
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException)
        {
            // It ended by itself in between.
        }
    }
}
