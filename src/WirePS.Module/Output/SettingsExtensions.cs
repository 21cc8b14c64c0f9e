using WirePS.Identity;

namespace WirePS.Module.Output;

/// <summary>What the module asks of the settings beside what the engine offers.</summary>
internal static class SettingsExtensions
{
    /// <summary>The relay that a command uses where nobody names one; null where none is set.</summary>
    internal static string? DefaultRelay(this HomeSettings settings)
    {
        try
        {
            return settings.ResolveRelay(null, allowInsecure: true);
        }
        catch (WireException error) when (error.Reason is WireReason.RelayNotConfigured or WireReason.RelayInvalidUrl)
        {
            return null;
        }
    }
}
