using System.Management.Automation;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that asks a relay.</summary>
public abstract class RelayCmdlet : WireCmdlet
{
    /// <summary>The relay; the home's own where none is given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Url")]
    [ValidateNotNullOrEmpty]
    public string? Relay { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter]
    public SwitchParameter AllowInsecureRelay { get; set; }
}
