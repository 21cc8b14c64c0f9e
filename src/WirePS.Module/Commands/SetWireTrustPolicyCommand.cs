using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Sets what a home does with requests for trust without a person; with -WhatIf, says what that would do to the requests that wait.</summary>
[Cmdlet(VerbsCommon.Set, "WireTrustPolicy", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(WireTrustPreview))]
public sealed class SetWireTrustPolicyCommand : WireCmdlet
{
    /// <summary>True: everybody who asks and whose request holds is trusted without a person.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true)]
    public bool AutoApprove { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var policy = engine.TrustPolicies.Policy() with { AutoApprove = AutoApprove };
        var action = AutoApprove ? "Trust everybody who asks" : "Leave requests for trust to a person";
        if (ShouldProcess($"{action} ({engine.Home.Root})", $"{action} in {engine.Home.Root}?", "Trust policy", out var why))
        {
            await engine.TrustPolicies.SetAsync(policy, Cancellation);
        }
        else if (why == ShouldProcessReason.WhatIf)
        {
            WriteObject(engine.Requests.Preview(policy).Select(p => WireTrustPreview.Of(p.Request, p.Decision, engine)), enumerateCollection: true);
        }
    }
}
