using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Changes what the home's card shows, and tells its peers.</summary>
[Cmdlet(VerbsCommon.Set, "WireIdentity", SupportsShouldProcess = true)]
[OutputType(typeof(WireIdentity))]
public sealed class SetWireIdentityCommand : WireCmdlet
{
    /// <summary>The name to show.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    [ValidateLength(1, 100)]
    public string? DisplayName { get; set; }

    /// <summary>Gives the identity out.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        if (!ShouldProcess(engine.Home.Root, $"Show the name '{DisplayName}'"))
        {
            return;
        }

        await engine.OwnCard.ChangeAsync(card => card.GetString("name") == DisplayName ? null : card.With("name", DisplayName!), Cancellation);
        if (engine.Peers.List().Count > 0)
        {
            WarnWithoutDaemon(engine);
        }

        if (PassThru)
        {
            WriteObject(WireIdentity.Of(engine.Identity.Find()!, engine));
        }
    }
}
