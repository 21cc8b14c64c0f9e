using WirePS.Daemon;
using Home = WirePS.Identity.WireHome;

namespace WirePS.Module.Ceremony;

/// <summary>Where this module and the programs it starts stand.</summary>
internal static class ModulePlaces
{
    private static readonly string Folder = Path.GetDirectoryName(typeof(ModulePlaces).Assembly.Location)!;

    /// <summary>The daemon of a home: the PowerShell that runs here, with this module.</summary>
    /// <param name="home">The home.</param>
    /// <param name="powerShellFolder">$PSHOME.</param>
    internal static DetachedProgram Daemon(Home home, string powerShellFolder)
    {
        var manifest = Path.Combine(Folder, "WirePS.psd1");
        var module = File.Exists(manifest) ? manifest : typeof(ModulePlaces).Assembly.Location;
        var script = $"Import-Module -Name {Quoted(module)}; Start-WireDaemon -Foreground -WireHome {Quoted(home.Root)} -ErrorAction Stop";
        var program = Path.Combine(powerShellFolder, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh");
        string[] arguments = ["-NoProfile", "-NonInteractive", "-NoLogo", "-Command", script];

        // A PowerShell that was installed as a .NET tool has no program of its own, only the library.
        return File.Exists(program)
            ? new DetachedProgram(program, arguments, home.StateFolder, DaemonControl.OutputFile(home))
            : new DetachedProgram(Environment.ProcessPath ?? "dotnet", [Path.Combine(powerShellFolder, "pwsh.dll"), .. arguments], home.StateFolder, DaemonControl.OutputFile(home));
    }

    /// <summary>The relay. <see cref="WireReason.RelayRuntimeMissing"/> where what it needs is not there.</summary>
    internal static (string FileName, IReadOnlyList<string> Arguments) Relay()
    {
        var library = Path.Combine(Folder, "relay", "WirePS.Relay.dll");
        if (!File.Exists(library))
        {
            throw new WireException(WireReason.RelayRuntimeMissing, "This copy of the module was installed without the relay.", library);
        }

        var host = DotnetHosts().FirstOrDefault(HasAspNet) ?? throw new WireException(WireReason.RelayRuntimeMissing);
        return (host, [library]);
    }

    private static IEnumerable<string> DotnetHosts()
    {
        var name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        IEnumerable<string?> folders =
        [
            Path.GetDirectoryName(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH")),
            Environment.GetEnvironmentVariable("DOTNET_ROOT"),
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator),
            .. OperatingSystem.IsWindows()
                ? [Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "dotnet")]
                : (string[])["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/local/share/dotnet", "/opt/homebrew/opt/dotnet/libexec", Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotnet")],
        ];
        return
            from folder in folders
            where Path.IsPathFullyQualified(folder ?? "")
            let file = new FileInfo(Path.Combine(folder, name))
            where file.Exists
            select file.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? file.FullName;
    }

    private static bool HasAspNet(string host)
    {
        var runtimes = new DirectoryInfo(Path.Combine(Path.GetDirectoryName(host)!, "shared", "Microsoft.AspNetCore.App"));
        return runtimes.Exists && runtimes.EnumerateDirectories($"{Environment.Version.Major}.*").Any();
    }

    // PowerShell takes the typographic quotation marks for plain ones.
    private static string Quoted(string text) =>
        "'" + string.Concat(text.Select(static c => c is '\'' or '\u2018' or '\u2019' or '\u201A' or '\u201B' ? $"{c}{c}" : c.ToString())) + "'";
}
