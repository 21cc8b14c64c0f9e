using System.Xml.Linq;

namespace WirePS.Build;

/// <summary>Puts the published module where Import-Module finds it.</summary>
internal static class Installation
{
    public static async Task<int> MakeAsync(string? destination, CancellationToken cancellationToken)
    {
        await Publication.MakeAsync(cancellationToken);
        var version = XDocument.Load(Source.At("Directory.Build.props")).Descendants("Version").Single().Value;
        var folder = Path.Combine(Path.GetFullPath(destination ?? ModulesOfUser()), "WirePS", version);
        Folders.Empty(folder);
        Folders.Copy(Source.ModuleFolder, folder);
        if (await PowerShell.FindAsync("The module is copied, but it was not loaded to see that it works.", cancellationToken) is { } pwsh)
        {
            await Programs.RequireAsync(pwsh, PowerShell.Script(Source.At("build", "Test-Module.ps1"), "-Folder", folder), cancellationToken);
        }

        Console.WriteLine($"Installed in {folder}");
        return 0;
    }

    private static string ModulesOfUser()
    {
        if (OperatingSystem.IsWindows())
        {
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.MyDocuments), "PowerShell", "Modules");
        }

        var data = Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share");
        return Path.Combine(data, "powershell", "Modules");
    }
}
