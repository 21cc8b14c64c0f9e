using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace WirePS.Module.Binding;

/// <summary>Offers the names of the allowlist.</summary>
public sealed class TrustedAgentCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, static engine =>
            engine.TrustPolicies.Allowlist().Agents.Select(static agent => (Printable.Of(agent.Name)!, agent.Key is null ? "no key" : Identity.Fingerprint.Display(agent.Key))));

}
