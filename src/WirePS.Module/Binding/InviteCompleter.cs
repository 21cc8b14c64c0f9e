using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using WirePS.Invites;

namespace WirePS.Module.Binding;

/// <summary>Offers the invites that the home has issued, by label or id; to take back, only those that can still be accepted.</summary>
public sealed class InviteCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, engine => Offers(engine, commandName == "Remove-WireInvite"));


    private static IEnumerable<(string, string)> Offers(WireEngine engine, bool onlyOpen) =>
        from invite in engine.Invites.List()
        let status = invite.StatusAt(engine.Time.GetUtcNow())
        where !onlyOpen || status == InviteStatus.Open
        select (Printable.Of(invite.Label) ?? invite.InviteId, $"{status}, {invite.Uses - invite.UsesLeft} of {invite.Uses} used, {invite.InviteId}");
}
