using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Ceremony;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Starts a relay on this machine, and returns when it listens.</summary>
[Cmdlet(VerbsLifecycle.Start, "WireRelay", SupportsShouldProcess = true, DefaultParameterSetName = "Port")]
[OutputType(typeof(WireRelay))]
public sealed class StartWireRelayCommand : WireCmdlet
{
    /// <summary>The port on 127.0.0.1; 0 lets the system pick.</summary>
    [Parameter(Position = 0, ParameterSetName = "Port")]
    [ValidateRange(0, 65535)]
    public int? Port { get; set; }

    /// <summary>Where to listen, in full.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Url")]
    [ValidateNotNullOrEmpty]
    public string? Url { get; set; }

    /// <summary>The folder of its data.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? DataFolder { get; set; }

    /// <summary>How long the relay may take until it listens.</summary>
    [Parameter]
    [Duration(NumbersAreSeconds = true)]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        DurationAttribute.Require(Timeout);
        var engine = Engine;
        var url = Url ?? (Port is null ? null : $"http://127.0.0.1:{Port}");
        if (!ShouldProcess(engine.Home.Root, $"Start a relay{(url is null ? "" : $" at {url}")}"))
        {
            return;
        }

        var folder = DataFolder is null ? null : SessionState.Path.GetUnresolvedProviderPathFromPSPath(DataFolder);
        var (relay, isNew) = await engine.LocalRelay.StartAsync(ModulePlaces.Relay(), url, folder, Timeout, Cancellation);
        WriteVerbose(isNew ? $"The relay listens at {relay.Url}." : $"A relay runs from this home already, at {relay.Url}.");
        WriteObject(WireRelay.Of(relay, engine));
    }
}
