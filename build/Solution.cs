namespace WirePS.Build;

/// <summary>Builds the solution.</summary>
internal static class Solution
{
    public static async Task<int> BuildAsync(CancellationToken cancellationToken)
    {
        await Libraries.OfferAsync(cancellationToken);
        await CompileAsync(cancellationToken);
        return 0;
    }

    public static Task CompileAsync(CancellationToken cancellationToken) =>
        Programs.RequireAsync(Programs.DotNet, ["build", Source.Solution, "--configuration", Source.Configuration, "--nologo"], cancellationToken);
}
