using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Relay;

namespace WirePS.Module.Commands;

/// <summary>Takes everything in a home one pass further, in this process.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "WireTick", SupportsShouldProcess = true)]
[OutputType(typeof(WireTransition), typeof(WireMailReport))]
public sealed class InvokeWireTickCommand : WireCmdlet
{
    /// <inheritdoc/>
    protected override bool LooksOnly => true;

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        if (!ShouldProcess(engine.Home.Root, "Take everything further"))
        {
            return;
        }

        // Where there is no home there is nothing to take further, and none is made.
        if (!Directory.Exists(engine.Home.Root))
        {
            return;
        }

        engine.RemoveLeftovers();
        var report = await engine.Tick.RunAsync(Cancellation);
        foreach (var move in report.Moves)
        {
            WriteObject(WireTransition.Of(move, engine));
        }

        if (WireMailReport.Of(report.Mail, engine) is { IsEmpty: false } mail)
        {
            WriteObject(mail);
        }

        foreach (var failure in report.Failures)
        {
            // What may pass is tried again by the next tick; what does not pass by itself is an error.
            if (failure.Error is RelayException trouble)
            {
                WriteWarning($"{(failure.PairId is null ? "Mail, or a grant that is to be revoked," : $"Pairing {failure.PairId}")} waits for the relay: {trouble.Message}");
            }
            else
            {
                WriteError(failure.Error);
            }
        }
    }
}
