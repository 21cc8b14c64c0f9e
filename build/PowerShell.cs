namespace WirePS.Build;

/// <summary>Finds a PowerShell that can load the module.</summary>
internal static class PowerShell
{
    private const string Wanted = "7.6";

    /// <summary>The one on the path, else the .NET tool in out/tools, installed where the package feed holds it.</summary>
    /// <returns>The program; null where there is none, which is then told loudly.</returns>
    public static async Task<string?> FindAsync(string without, CancellationToken cancellationToken)
    {
        var tool = Path.Combine(Source.ToolFolder, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh");
        foreach (var candidate in (string[])["pwsh", tool])
        {
            if (await IsRecentAsync(candidate, cancellationToken))
            {
                return candidate;
            }
        }

        string[] install = ["tool", "install", "PowerShell", "--version", Wanted + ".*", "--tool-path", Source.ToolFolder];
        if (await Programs.SucceedsAsync(Programs.DotNet, install, cancellationToken) && await IsRecentAsync(tool, cancellationToken))
        {
            Console.WriteLine($"build: PowerShell was installed as a .NET tool in {Source.ToolFolder}");
            return tool;
        }

        Console.WriteLine();
        Console.WriteLine($"*** There is no PowerShell {Wanted} or newer on the path, and the package feed does not hold it.");
        Console.WriteLine($"*** {without}");
        Console.WriteLine("*** To have it all: https://learn.microsoft.com/powershell/scripting/install/install-powershell");
        Console.WriteLine();
        return null;
    }

    /// <summary>The arguments that run a script.</summary>
    public static IEnumerable<string> Script(string path, params string[] arguments) =>
        ["-NoLogo", "-NoProfile", "-NonInteractive", "-File", path, .. arguments];

    private static Task<bool> IsRecentAsync(string program, CancellationToken cancellationToken) =>
        Programs.SucceedsAsync(program, ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", $"exit [int]($PSVersionTable.PSVersion -lt [version]'{Wanted}')"], cancellationToken);
}
