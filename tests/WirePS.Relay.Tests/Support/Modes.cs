namespace WirePS.Relay.Tests.Support;

/// <summary>File rights, as the octal number that people know; where there are none, what is expected counts as there.</summary>
internal static class Modes
{
    public const int PrivateFile = 384; // 0600
    public const int PrivateFolder = 448; // 0700

    public static int Of(string path, int expected) => OperatingSystem.IsWindows() ? expected : (int)File.GetUnixFileMode(path);
}
