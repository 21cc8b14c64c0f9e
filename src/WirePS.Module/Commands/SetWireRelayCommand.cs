using System.Management.Automation;
using WirePS.Module.Pipeline;
using WirePS.Relay;

namespace WirePS.Module.Commands;

/// <summary>Sets the relay that a home uses where a command does not say.</summary>
[Cmdlet(VerbsCommon.Set, "WireRelay", SupportsShouldProcess = true, DefaultParameterSetName = "Url")]
[OutputType(typeof(void))]
public sealed class SetWireRelayCommand : WireCmdlet
{
    /// <summary>The relay's address.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Url", ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Url { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter(ParameterSetName = "Url")]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <summary>Leaves the home without a relay of its own.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "None")]
    public SwitchParameter None { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var url = None ? null : RelayUrl.Parse(Url!, AllowInsecureRelay);
        if (ShouldProcess(Engine.Home.Root, url is null ? "Remove the relay" : $"Set relay {url}"))
        {
            await Engine.Settings.SetRelayAsync(url, Cancellation);
        }
    }
}
