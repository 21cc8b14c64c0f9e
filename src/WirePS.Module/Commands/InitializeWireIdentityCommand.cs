using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Relay;

namespace WirePS.Module.Commands;

/// <summary>Makes the identity of a home.</summary>
[Cmdlet(VerbsData.Initialize, "WireIdentity", SupportsShouldProcess = true)]
[OutputType(typeof(WireIdentity))]
public sealed class InitializeWireIdentityCommand : WireCmdlet
{
    /// <summary>The name of a new identity.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string? Handle { get; set; }

    /// <summary>The home's own relay.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Relay { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var relay = Relay is null ? null : RelayUrl.Parse(Relay, AllowInsecureRelay);
        if (engine.Identity.Find() is { } known && Handle is not null && known.Handle != Handle)
        {
            throw new WireException(WireReason.IdentityExists, $"This home has the identity '{known.Handle}' already, and an identity keeps its name.", engine.Home.Root);
        }

        if (!ShouldProcess(engine.Home.Root, "Initialize identity"))
        {
            return;
        }

        var (identity, isNew) = await engine.Identity.EnsureAsync(Handle, Cancellation);
        WriteVerbose(isNew ? $"Made the identity {identity.Did}." : $"The home has the identity {identity.Did} already.");
        if (relay is not null)
        {
            await engine.Settings.SetRelayAsync(relay, Cancellation);
        }

        WriteObject(WireIdentity.Of(identity, engine));
    }
}
