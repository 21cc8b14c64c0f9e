namespace WirePS.Build;

/// <summary>Measures what there are targets for.</summary>
internal static class Benchmark
{
    public static async Task<int> RunAsync(string? rounds, string? only, CancellationToken cancellationToken)
    {
        await Libraries.RequireAsync(cancellationToken);
        await Solution.CompileAsync(cancellationToken);
        Console.WriteLine();
        return await Programs.RunAsync(
            Programs.DotNet,
            [
                Source.Built("benchmarks", "WirePS.Benchmarks"), "--relay", Source.RelayProgram,
                .. rounds is null ? (string[])[] : ["--rounds", rounds],
                .. only is null ? (string[])[] : ["--only", only],
            ],
            cancellationToken);
    }
}
