using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using WirePS.Identity;

namespace WirePS.Module.Binding;

/// <summary>Offers the names under which messages have been received in the home.</summary>
public sealed class ConsumerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, static engine => engine.Files.List(engine.Home.ConsumersFolder)
            .Select(static file => Path.GetFileNameWithoutExtension(file.Path))
            .Where(HandleRules.IsSafeFileName)
            .Select(static name => (name, "has received messages here")));

}
