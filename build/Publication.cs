namespace WirePS.Build;

/// <summary>Puts the module together: cmdlets and engine, manifest, help, views, and the relay in a folder of its own.</summary>
internal static class Publication
{
    private static readonly string[] BesideTheManifest = ["*.psd1", "*.format.ps1xml", "*.types.ps1xml", "LICENSE"];

    public static async Task<int> MakeAsync(CancellationToken cancellationToken)
    {
        await Libraries.OfferAsync(cancellationToken);
        await Solution.CompileAsync(cancellationToken);
        await AssembleAsync(cancellationToken);
        Console.WriteLine($"The module is in {Source.ModuleFolder}");
        return 0;
    }

    /// <summary>From what is built.</summary>
    public static async Task AssembleAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(Source.At("WirePS.psd1")) || !Directory.Exists(Source.At("en-US")))
        {
            throw new BuildException("WirePS.psd1 or en-US is missing: this is no complete source tree");
        }

        Folders.Empty(Source.ModuleFolder);
        await PublishAsync("WirePS.Module", Source.ModuleFolder);
        await PublishAsync("WirePS.Relay", Path.Combine(Source.ModuleFolder, "relay"));
        foreach (var file in BesideTheManifest.SelectMany(static pattern => Directory.EnumerateFiles(Source.Root, pattern)))
        {
            File.Copy(file, Path.Combine(Source.ModuleFolder, Path.GetFileName(file)), overwrite: true);
        }

        Folders.Copy(Source.At("en-US"), Path.Combine(Source.ModuleFolder, "en-US"));

        Task PublishAsync(string project, string folder) => Programs.RequireAsync(
            Programs.DotNet,
            ["publish", Source.At("src", project), "--no-build", "--configuration", Source.Configuration, "--nologo", "--verbosity", "quiet", "--output", folder],
            cancellationToken);
    }
}
