using System.Globalization;
using System.Text;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>The daemon's log: a line for each thing that happened, without secrets; kept small.</summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="time">The clock.</param>
public sealed class DaemonLog(WireHome home, IFileSystem files, TimeProvider time)
{
    private const long MaxBytes = 1024 * 1024;
    private readonly Lock _gate = new();

    /// <summary>Adds a line. A log that cannot be written stops nothing.</summary>
    public void Write(FormattableString text)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{Timestamps.Format(time.GetUtcNow())} {FormattableString.Invariant(text)}\n");
        lock (_gate)
        {
            try
            {
                if (files.Length(home.DaemonLogFile) > MaxBytes)
                {
                    files.Delete(home.DaemonLogFile + ".1");
                    files.Rename(home.DaemonLogFile, home.DaemonLogFile + ".1");
                }

                files.AppendLoosely(home.DaemonLogFile, Encoding.UTF8.GetBytes(line));
            }
            catch (WireException)
            {
                // A full disk is told by what needed it.
            }
        }
    }
}
