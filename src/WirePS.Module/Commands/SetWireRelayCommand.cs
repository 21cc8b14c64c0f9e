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
    [Parameter(Position = 0, ParameterSetName = "Forget")]
    [ValidateNotNullOrEmpty]
    public string? Url { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter(ParameterSetName = "Url")]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <summary>Leaves the home without a relay of its own.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "None")]
    public SwitchParameter None { get; set; }

    /// <summary>Forgets what this home knew of the relay: that it has served protocol 2.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Forget")]
    public SwitchParameter Forget { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        if (Forget)
        {
            var known = Engine.Settings.ResolveRelay(Url, allowInsecure: true);
            if (ShouldProcess(known, "Forget what is known of the relay"))
            {
                await Engine.KnownRelays.ForgetAsync(known, Cancellation);
            }

            return;
        }

        var url = None ? null : RelayUrl.Parse(Url!, AllowInsecureRelay);
        if (ShouldProcess(Engine.Home.Root, url is null ? "Remove the relay" : $"Set relay {url}"))
        {
            await Engine.Settings.SetRelayAsync(url, Cancellation);
        }
    }
}
