namespace WirePS.Build;

/// <summary>Two homes pair through a relay, to watch.</summary>
internal static class Demo
{
    public static async Task<int> ShowAsync(CancellationToken cancellationToken)
    {
        await Libraries.RequireAsync(cancellationToken);
        await Solution.CompileAsync(cancellationToken);
        if (await PowerShell.FindAsync("The same ceremony runs through the engine, with a relay and two daemons as processes of their own.", cancellationToken) is { } pwsh)
        {
            await Publication.AssembleAsync(cancellationToken);
            Console.WriteLine();
            return await Programs.RunAsync(pwsh, PowerShell.Script(Source.At("samples", "pairing.ps1"), "-Module", Source.Manifest), cancellationToken);
        }

        return await Programs.RunAsync(
            Programs.DotNet,
            [Source.Built("samples", "EngineHost"), "demo", "--relay", Source.RelayProgram],
            cancellationToken);
    }
}
