using System.Management.Automation;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Takes agents out of those that are trusted when they ask.</summary>
[Cmdlet(VerbsCommon.Remove, "WireTrustedAgent", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemoveWireTrustedAgentCommand : WireCmdlet
{
    /// <summary>The names.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name)
        {
            await TryAsync(async () =>
            {
                if (ShouldProcess(name, "Trust no more without a person") && !await Engine.TrustPolicies.RemoveAsync(name, Cancellation))
                {
                    throw new WireException(WireReason.TrustedAgentNotFound, null, name);
                }
            });
        }
    }
}
