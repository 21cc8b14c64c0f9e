using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Takes agents out of those that are trusted when they ask.</summary>
[Cmdlet(VerbsCommon.Remove, "WireTrustedAgent", SupportsShouldProcess = true)]
[OutputType(typeof(WireTrustedAgent))]
public sealed class RemoveWireTrustedAgentCommand : TrustedAgentCmdlet
{
    /// <summary>The names, or wildcards for them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TrustedAgentCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Gives the agents out that were removed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name!)
        {
            await TryAsync(async () =>
            {
                foreach (var agent in Require(name))
                {
                    await RemoveAsync(agent);
                }
            });
        }
    }

    private async Task RemoveAsync(TrustedAgent agent)
    {
        if (ShouldProcess(Printable.Of(agent.Name)!, "Trust no more without a person") && await Engine.TrustPolicies.RemoveAsync(agent.Name, Cancellation) && PassThru)
        {
            WriteObject(WireTrustedAgent.Of(agent, Engine));
        }
    }
}
