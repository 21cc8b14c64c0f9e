using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace WirePS.Module.Binding;

/// <summary>Offers the ids of the requests that wait for a decision.</summary>
public sealed class TrustRequestCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, static engine =>
            engine.Requests.Pending().Select(static r => (r.Id, $"{Printable.Of(r.Handle)}, {Identity.Fingerprint.Display(r.PublicKey)}")));
}
