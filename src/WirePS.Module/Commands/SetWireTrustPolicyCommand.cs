using System.Management.Automation;
using System.Net;
using System.Net.Sockets;
using WirePS.Handshakes;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Sets what a home does with requests for trust without a person, and whether its daemon takes them as connections; with -WhatIf, says what that would do to the requests that wait.</summary>
[Cmdlet(VerbsCommon.Set, "WireTrustPolicy", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(WireTrustPreview))]
public sealed class SetWireTrustPolicyCommand : WireCmdlet
{
    /// <summary>True: everybody who asks and whose request holds is trusted without a person.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public bool? AutoApprove { get; set; }

    /// <summary>True: requests with the older signature alone are taken, and shown as weak.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public bool? AllowOlderSignature { get; set; }

    /// <summary>Where the daemon takes requests as connections: nowhere, from this machine alone, or from any.</summary>
    [Parameter]
    [ValidateSet("Off", "Loopback", "Any")]
    public string? Listen { get; set; }

    /// <summary>The port for -Listen; 0 for one that the system picks, which Get-WireDaemon shows.</summary>
    [Parameter]
    [ValidateRange(0, ushort.MaxValue)]
    public int Port { get; set; } = DirectAddress.DefaultPort;

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var before = engine.TrustPolicies.Policy();
        var policy = before with
        {
            AutoApprove = AutoApprove ?? before.AutoApprove,
            AllowOlderSignature = AllowOlderSignature ?? before.AllowOlderSignature,
            Listen = Listen is null ? before.Listen : Place(),
        };
        var action = Describe(policy);
        if (ShouldProcess($"{action} ({engine.Home.Root})", $"{action} in {engine.Home.Root}?", "Trust policy", out var why))
        {
            RequireFree(policy.Listen, engine);
            await engine.TrustPolicies.SetAsync(policy, Cancellation);
            if (Listen is not null and not "Off")
            {
                WarnWithoutDaemon(engine);
            }
        }
        else if (why == ShouldProcessReason.WhatIf)
        {
            WriteObject(engine.Requests.Preview(policy).Select(p => WireTrustPreview.Of(p.Request, p.Decision, engine)), enumerateCollection: true);
        }
    }

    private static string Describe(TrustPolicy policy) =>
        (policy.AutoApprove ? "Trust everybody who asks" : "Leave requests for trust to a person")
        + (policy.AllowOlderSignature ? ", take the older signature" : "")
        + (policy.Listen is { } place ? $", take them at {place}" : "");

    private IPEndPoint? Place() => Listen switch
    {
        "Loopback" => new IPEndPoint(IPAddress.Loopback, Port),
        "Any" => new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, Port),
        _ => null,
    };

    // Said now, to the person who sets it, and not to a log. Where the daemon of this home listens there already, it is its own.
    private void RequireFree(IPEndPoint? place, WireEngine engine)
    {
        if (Listen is not null && place is not null && engine.DaemonControl.Running()?.Listen != place.ToString())
        {
            HandshakeListener.Probe(place);
        }
    }
}
