using System.Management.Automation;
using WirePS.Handshakes;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that names agents of the allowlist.</summary>
public abstract class TrustedAgentCmdlet : WireCmdlet
{
    /// <summary>The agents that one name stands for. <see cref="WireReason.TrustedAgentNotFound"/> where it is no wildcard and names none.</summary>
    internal IReadOnlyList<TrustedAgent> Require(string name)
    {
        var agents = Engine.TrustPolicies.Allowlist().Agents;

        // A name may have what else would be a wildcard.
        TrustedAgent[] found = [.. agents.Where(agent => agent.Name == name)];
        if (found.Length > 0)
        {
            return found;
        }

        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        found = [.. agents.Where(agent => pattern.IsMatch(agent.Name))];
        return found.Length > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : throw Missing.Of(WireReason.TrustedAgentNotFound, "The allowlist of this home has no agent {0}.", name);
    }
}
