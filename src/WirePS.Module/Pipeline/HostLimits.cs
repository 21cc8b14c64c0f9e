using System.Management.Automation.Host;

namespace WirePS.Module.Pipeline;

/// <summary>What a PowerShell host does not have: a person who answers, or a window.</summary>
internal static class HostLimits
{
    /// <summary>
    /// True for the ways in which hosts say that they cannot do something. Hosts have to throw <see cref="NotImplementedException"/>
    /// where they have no person or no window; others throw what comes to hand.
    /// </summary>
    internal static bool IsUnable(Exception error) => error is HostException or NotImplementedException or InvalidOperationException;

    /// <summary>The columns of a host's window; 0 where it has none, or does not say.</summary>
    internal static int WindowWidth(PSHost? host)
    {
        try
        {
            return host?.UI?.RawUI?.WindowSize.Width ?? 0;
        }
        catch (Exception error) when (IsUnable(error) || error is IOException)
        {
            return 0;
        }
    }
}
