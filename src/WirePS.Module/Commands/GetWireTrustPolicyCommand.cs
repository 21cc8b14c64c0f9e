using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Shows what a home does with requests for trust without a person.</summary>
[Cmdlet(VerbsCommon.Get, "WireTrustPolicy")]
[OutputType(typeof(WireTrustPolicy))]
public sealed class GetWireTrustPolicyCommand : WireCmdlet
{
    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        WriteObject(WireTrustPolicy.Of(Engine));
        return Task.CompletedTask;
    }
}
