using System.Management.Automation;
using WirePS.Invites;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that names invites of its home.</summary>
public abstract class InviteCmdlet : WireCmdlet
{
    /// <summary>The invites that one name stands for. <see cref="WireReason.InviteNotFound"/> where it is no wildcard and names none.</summary>
    internal IReadOnlyList<IssuedInvite> Require(string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        IssuedInvite[] found = [.. Engine.Invites.List(WriteError).Where(i => pattern.IsMatch(i.InviteId) || (i.Label is { } label && pattern.IsMatch(label)))];
        return found.Length > 0 || Missing.IsPattern(name) ? found : throw Missing.Of(WireReason.InviteNotFound, "This home has issued no invite {0}.", name);
    }
}
