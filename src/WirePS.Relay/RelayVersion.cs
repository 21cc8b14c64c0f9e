using System.Reflection;

namespace WirePS.Relay;

/// <summary>The version of this program.</summary>
internal static class RelayVersion
{
    public static string Text { get; } =
        typeof(RelayVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
