namespace WirePS.Build;

/// <summary>Puts the module together: what its project publishes (cmdlets, engine, manifest, views, help), and the relay in a folder of its own.</summary>
internal static class Publication
{
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
        Folders.Empty(Source.ModuleFolder);
        await PublishAsync("WirePS.Module", Source.ModuleFolder);

        // The relay is no site behind IIS, nobody reads its documentation there, and dotnet runs it on any system.
        await PublishAsync(
            "WirePS.Relay",
            Path.Combine(Source.ModuleFolder, "relay"),
            "-p:IsTransformWebConfigDisabled=true",
            "-p:StaticWebAssetsEnabled=false",
            "-p:UseAppHost=false",
            "-p:PublishDocumentationFiles=false");
        File.Copy(Source.At("LICENSE"), Path.Combine(Source.ModuleFolder, "LICENSE"));

        Task PublishAsync(string project, string folder, params string[] properties) => Programs.RequireAsync(
            Programs.DotNet,
            ["publish", Source.At("src", project), "--no-build", "--configuration", Source.Configuration, "--nologo", "--verbosity", "quiet", "--output", folder, .. properties],
            cancellationToken);
    }
}
