using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Stops the daemon of a home.</summary>
[Cmdlet(VerbsLifecycle.Stop, "WireDaemon", SupportsShouldProcess = true)]
[OutputType(typeof(WireDaemon))]
public sealed class StopWireDaemonCommand : WireCmdlet
{
    /// <summary>How long the daemon may take to stop by itself; then its process is ended.</summary>
    [Parameter]
    [Duration(NumbersAreSeconds = true)]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Gives the daemon out as it is then.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        DurationAttribute.Require(Timeout);
        var engine = Engine;
        await TryAsync(async () =>
        {
            if (!ShouldProcess(engine.Home.Root, "Stop the daemon"))
            {
                return;
            }

            var (daemon, wasKilled) = await engine.DaemonControl.StopAsync(Timeout, Cancellation);
            WriteVerbose($"The daemon, process {daemon.Pid}, has {(wasKilled ? "been ended" : "stopped")}.");
            if (PassThru)
            {
                WriteObject(WireDaemon.Of(engine.DaemonControl.Running(), engine));
            }
        });
    }
}
