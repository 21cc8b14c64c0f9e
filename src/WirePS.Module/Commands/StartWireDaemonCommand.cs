using System.Management.Automation;
using System.Runtime.InteropServices;
using WirePS.Daemon;
using WirePS.Module.Binding;
using WirePS.Module.Ceremony;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Starts the daemon of a home, and returns when it is ready.</summary>
[Cmdlet(VerbsLifecycle.Start, "WireDaemon", SupportsShouldProcess = true, DefaultParameterSetName = "Detached")]
[OutputType(typeof(WireDaemon))]
public sealed class StartWireDaemonCommand : WireCmdlet
{
    /// <summary>How long the daemon may take to become ready.</summary>
    [Parameter(ParameterSetName = "Detached")]
    [Duration(NumbersAreSeconds = true)]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gives the daemon out.</summary>
    [Parameter(ParameterSetName = "Detached")]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Runs it in this process until it is stopped, for systemd and containers.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Foreground")]
    public SwitchParameter Foreground { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        if (!ShouldProcess(engine.Home.Root, "Start the daemon"))
        {
            return;
        }

        if (Foreground)
        {
            DetachedLauncher.EnterOwnSession();
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => End(signal, ending));
            await Task.Run(() => new DaemonLoop(engine).RunAsync(ending.Token), CancellationToken.None);
            return;
        }

        if (SessionState.PSVariable.GetValue("PSSenderInfo") is not null)
        {
            throw new WireException(WireReason.DaemonInRemoting, null, engine.Home.Root);
        }

        DurationAttribute.Require(Timeout);
        var (daemon, isNew) = await engine.DaemonControl.StartAsync(ModulePlaces.Daemon(engine.Home, (string)SessionState.PSVariable.GetValue("PSHOME")), Timeout, Cancellation);
        WriteVerbose(isNew ? $"The daemon is ready, process {daemon.Pid}." : $"A daemon runs already, process {daemon.Pid}.");
        if (PassThru)
        {
            WriteObject(WireDaemon.Of(daemon, engine));
        }
    }

    private static void End(PosixSignalContext signal, CancellationTokenSource ending)
    {
        signal.Cancel = true;
        ending.Cancel();
    }
}
