using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using WirePS.Trust;

namespace WirePS.Module.Binding;

/// <summary>Offers the peers of the home, by handle or DID; to forget, those that were revoked as well.</summary>
public sealed class PeerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, engine =>
            Offers(commandName == "Remove-WirePeer" ? engine.Peers.ListAll() : engine.Peers.List(), wordToComplete.Trim('\'', '"').StartsWith("did:", StringComparison.OrdinalIgnoreCase)));

    private static IEnumerable<(string, string)> Offers(IEnumerable<TrustEntry> peers, bool byDid) =>
        peers.Select(peer => (Printable.Of(byDid ? peer.Did : peer.Handle)!, $"{(peer.RevokedAt is null ? peer.Tier.ToString() : "revoked")}, {peer.Fingerprint}"));
}
