using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the agents that are trusted when they ask.</summary>
[Cmdlet(VerbsCommon.Get, "WireTrustedAgent")]
[OutputType(typeof(WireTrustedAgent))]
public sealed class GetWireTrustedAgentCommand : TrustedAgentCmdlet
{
    /// <summary>Names, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TrustedAgentCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name ?? ["*"])
        {
            await TryAsync(() =>
            {
                WriteObject(Require(name).Select(agent => WireTrustedAgent.Of(agent, Engine)), enumerateCollection: true);
                return Task.CompletedTask;
            });
        }
    }
}
