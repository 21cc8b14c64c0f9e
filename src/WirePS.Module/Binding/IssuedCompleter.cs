using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using WirePS.Invites;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Binding;

/// <summary>Offers what the home has issued, by label or id: pair tokens, or invites; to take back, only those invites that can still be accepted.</summary>
public sealed class IssuedCompleter : IArgumentCompleter
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, engine => commandName.EndsWith("-WirePairToken", StringComparison.OrdinalIgnoreCase)
            ? Tokens(engine)
            : Invites(engine, commandName.StartsWith("Remove-", StringComparison.OrdinalIgnoreCase)));

    private static IEnumerable<(string, string)> Invites(WireEngine engine, bool onlyOpen) =>
        from invite in engine.Invites.List()
        let status = invite.StatusAt(engine.Time.GetUtcNow())
        where !onlyOpen || status == InviteStatus.Open
        select (Printable.Of(invite.Label) ?? invite.InviteId, $"{status}, {invite.Uses - invite.UsesLeft} of {invite.Uses} used, {invite.InviteId}");

    private static List<(string, string)> Tokens(WireEngine engine)
    {
        // A keystroke does not wait for whoever holds the tokens' lock.
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
