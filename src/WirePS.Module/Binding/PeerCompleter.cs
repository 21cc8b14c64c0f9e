using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace WirePS.Module.Binding;

/// <summary>Offers the peers of the home, by handle or DID.</summary>
public sealed class PeerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, engine => Offers(engine, wordToComplete.StartsWith("did:", StringComparison.OrdinalIgnoreCase)));

    private static IEnumerable<(string, string)> Offers(WireEngine engine, bool byDid) =>
        engine.Peers.List().Select(peer => (Printable.Of(byDid ? peer.Did : peer.Handle)!, $"{peer.Tier}, {peer.Fingerprint}"));
}
