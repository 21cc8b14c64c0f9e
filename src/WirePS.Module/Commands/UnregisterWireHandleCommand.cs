using System.Management.Automation;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Takes the home's handle out of the directory of a relay.</summary>
[Cmdlet(VerbsLifecycle.Unregister, "WireHandle", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class UnregisterWireHandleCommand : RelayCmdlet
{
    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var relay = engine.Settings.ResolveRelay(Relay, AllowInsecureRelay);
        if (ShouldProcess(relay, "Take the handle of this home out of the directory") && !await engine.Directory.UnregisterAsync(relay, Cancellation))
        {
            throw new WireException(WireReason.HandleNotFound, "The relay's directory does not have this home's handle.", relay);
        }
    }
}
