using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Binding;

/// <summary>Offers the pair tokens of the home, by label or id.</summary>
public sealed class PairTokenCompleter : IArgumentCompleter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, Offers);


    private static List<(string, string)> Offers(WireEngine engine)
    {
        // Whoever holds the tokens' lock for long gets no questions from a keystroke.
        using var patience = new CancellationTokenSource(Patience);
        var offers = new List<(string, string)>();
        PipelinePump.Run(async () =>
        {
            foreach (var token in await engine.PairTokens.ListAsync(patience.Token))
            {
                offers.Add((Printable.Of(token.Label) ?? token.TokenHash, $"{token.State}, {token.TokenHash}"));
            }
        });
        return offers;
    }
}
