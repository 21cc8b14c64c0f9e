using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using WirePS.Module.Output;
using WirePS.Pairing;

namespace WirePS.Module.Binding;

/// <summary>Offers the codes of the pairings that the command can do something with.</summary>
public sealed class PairCodeCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, engine => Offers(engine, commandName, parameterName));

    private static IEnumerable<(string, string)> Offers(WireEngine engine, string command, string parameter) =>
        from file in engine.Pairs.List()
        let pair = file.Pair
        where pair is not null && Suits(pair, command) && (parameter == nameof(pair.Id) || pair.Code.Length > 0)
        select (parameter == nameof(pair.Id) ? pair.Id : PairWords.Code(pair.Code), $"{pair.Role}, {pair.Status}: {PairWords.Next(pair)}");

    private static bool Suits(PendingPair pair, string command) => command switch
    {
        "Confirm-WirePair" => pair.Status == PairStatus.SasReady,
        "Stop-WirePair" or "Wait-WirePair" => !pair.IsEnded,
        "Remove-WirePendingPair" => pair.IsEnded,
        _ => true,
    };
}
