using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Enters the home's handle in the directory of a relay.</summary>
[Cmdlet(VerbsLifecycle.Register, "WireHandle", SupportsShouldProcess = true)]
[OutputType(typeof(WireFoundPeer))]
public sealed class RegisterWireHandleCommand : RelayCmdlet
{
    /// <summary>Found by those who know the handle, and not listed.</summary>
    [Parameter]
    public SwitchParameter Hidden { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var relay = engine.Settings.ResolveRelay(Relay, AllowInsecureRelay);
        if (ShouldProcess(relay, "Enter the handle of this home in the directory"))
        {
            bool? isListed = MyInvocation.BoundParameters.ContainsKey(nameof(Hidden)) ? !Hidden : null;
            WriteObject(WireFoundPeer.Of(await engine.Directory.RegisterAsync(relay, isListed, Cancellation), engine));
        }
    }
}
