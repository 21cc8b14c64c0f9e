namespace WirePS.Build;

/// <summary>Where things stand in the source tree.</summary>
internal static class Source
{
    public const string Configuration = "Release";

    public static string Root { get; } = FindRoot();

    public static string Solution => At("WirePS.sln");

    public static string ModuleFolder => At("out", "module", "WirePS");

    public static string Manifest => Path.Combine(ModuleFolder, "WirePS.psd1");

    public static string ToolFolder => At("out", "tools");

    public static string TestResults => At("out", "test-results");

    /// <summary>The relay, as the solution builds it.</summary>
    public static string RelayProgram => Built("src", "WirePS.Relay");

    public static string At(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>The program that a project of the solution makes.</summary>
    public static string Built(string folder, string project) =>
        At(folder, project, "bin", Configuration, "net10.0", project + ".dll");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "WirePS.sln")))
            {
                return folder.FullName;
            }
        }

        throw new BuildException("WirePS.sln is not above this program");
    }
}
