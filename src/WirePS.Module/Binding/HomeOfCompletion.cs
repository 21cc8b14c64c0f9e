using System.Collections;
using System.Management.Automation;
using Home = WirePS.Identity.WireHome;

namespace WirePS.Module.Binding;

/// <summary>What completers share: the home that the command line names, and results that never fail.</summary>
internal static class HomeOfCompletion
{
    /// <summary>
    /// Results for what has been typed. A completion that cannot be made offers nothing: no error, no question, nothing
    /// written or asked over the network.
    /// </summary>
    internal static IEnumerable<CompletionResult> Complete(string typed, IDictionary bound, Func<WireEngine, IEnumerable<(string Text, string Tip)>> offers)
    {
        try
        {
            var home = Home.Resolve(bound["WireHome"] is { } folder ? Resolved(folder.ToString()!) : null);
            if (!Directory.Exists(home.Root))
            {
                return [];
            }

            using var engine = new WireEngine(home);
            var start = typed.Trim('\'', '"');
            return
            [
                .. offers(engine)
                    .Where(o => o.Text.StartsWith(start, StringComparison.OrdinalIgnoreCase))
                    .Select(static o => new CompletionResult(Quoted(o.Text), o.Text, CompletionResultType.ParameterValue, o.Tip)),
            ];
        }
        catch (Exception error) when (error is WireException or RuntimeException or ArgumentException or TypeInitializationException or InvalidOperationException or OperationCanceledException)
        {
            return [];
        }
    }

    // The session's own current folder and drives count; a completer gets to them only through a nested pipeline.
    private static string? Resolved(string folder)
    {
        using var nested = PowerShell.Create(RunspaceMode.CurrentRunspace);
        nested.AddScript("param($folder) $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($folder)").AddArgument(folder);
        return nested.Invoke<string>().FirstOrDefault();
    }

    private static string Quoted(string text) => text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or ':') && !text.StartsWith('-') ? text : $"'{text}'";
}
