using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Stops the relay that runs from a home.</summary>
[Cmdlet(VerbsLifecycle.Stop, "WireRelay", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopWireRelayCommand : WireCmdlet
{
    /// <summary>How long the relay may take to stop by itself; then its process is ended.</summary>
    [Parameter]
    [Duration(NumbersAreSeconds = true)]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        DurationAttribute.Require(Timeout);
        await TryAsync(async () =>
        {
            if (ShouldProcess(Engine.Home.Root, "Stop the relay"))
            {
                var (relay, wasKilled) = await Engine.LocalRelay.StopAsync(Timeout, Cancellation);
                WriteVerbose($"The relay at {relay.Url} has {(wasKilled ? "been ended" : "stopped")}.");
            }
        });
    }
}
