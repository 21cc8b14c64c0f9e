using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
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
            var folder = bound[nameof(Home)] ?? bound["WireHome"];
            var path = folder is null ? null : Runspace.DefaultRunspace.SessionStateProxy.Path.GetUnresolvedProviderPathFromPSPath(folder.ToString());
            using var engine = new WireEngine(Home.Resolve(path));
            var start = typed.Trim('\'', '"');
            return
            [
                .. offers(engine)
                    .Where(o => o.Text.StartsWith(start, StringComparison.OrdinalIgnoreCase))
                    .Select(static o => new CompletionResult(Quoted(o.Text), o.Text, CompletionResultType.ParameterValue, o.Tip)),
            ];
        }
        catch (Exception error) when (error is WireException or RuntimeException or ArgumentException or TypeInitializationException or InvalidOperationException)
        {
            return [];
        }
    }

    private static string Quoted(string text) => text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or ':') && !text.StartsWith('-') ? text : $"'{text}'";
}
