using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Says no to a request for trust, and tells who asked.</summary>
[Cmdlet(VerbsLifecycle.Deny, "WireTrust", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class DenyWireTrustCommand : TrustDecisionCmdlet
{
    /// <summary>Why, for who asked.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Reason { get; set; }

    /// <inheritdoc/>
    protected override async Task DecideAsync(PendingRequest request)
    {
        if (ShouldProcess($"'{Printable.Of(request.Handle)}' with the key {Identity.Fingerprint.Display(request.PublicKey)}", "Deny trust"))
        {
            await Engine.Requests.DenyAsync(request.Id, Reason, Cancellation);
            WarnWithoutDaemon(Engine);
        }
    }
}
