using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Says yes to a request for trust: its key is trusted, and no other one.</summary>
[Cmdlet(VerbsLifecycle.Approve, "WireTrust", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(WirePeer))]
public sealed class ApproveWireTrustCommand : TrustDecisionCmdlet
{
    /// <inheritdoc/>
    protected override async Task DecideAsync(PendingRequest request)
    {
        var engine = Engine;
        var fingerprint = Identity.Fingerprint.Display(request.PublicKey);
        if (ShouldProcess($"'{Printable.Of(request.Handle)}' with the key {fingerprint}{(request.IsWeak ? ", shown by the older signature alone" : "")}", "Trust"))
        {
            var peer = await engine.Requests.ApproveAsync(request.Id, Cancellation);
            WarnWithoutDaemon(engine);
            WriteObject(WirePeer.Of(peer, engine));
        }
    }
}
