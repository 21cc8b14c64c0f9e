using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the agents that are trusted when they ask.</summary>
[Cmdlet(VerbsCommon.Get, "WireTrustedAgent")]
[OutputType(typeof(WireTrustedAgent))]
public sealed class GetWireTrustedAgentCommand : WireCmdlet
{
    /// <summary>Names, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var agents = engine.TrustPolicies.Allowlist().Agents;
        foreach (var name in Name)
        {
            await TryAsync(() =>
            {
                var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
                var found = agents.Where(agent => pattern.IsMatch(agent.Name)).ToList();
                if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
                {
                    throw new WireException(WireReason.TrustedAgentNotFound, null, name);
                }

                WriteObject(found.Select(agent => WireTrustedAgent.Of(agent, engine)), enumerateCollection: true);
                return Task.CompletedTask;
            });
        }
    }
}
