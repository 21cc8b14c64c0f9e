using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Ends a pairing that is under way.</summary>
[Cmdlet(VerbsLifecycle.Stop, "WirePair", SupportsShouldProcess = true, DefaultParameterSetName = ById)]
[OutputType(typeof(WirePendingPair))]
public sealed class StopWirePairCommand : PairActionCmdlet
{
    /// <summary>Gives the pairing out.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ActAsync(PairFile file, PendingPair pair)
    {
        if (!ShouldProcess(pair.ToString(), "Stop pairing"))
        {
            return;
        }

        var stopped = await Engine.Pairing.StopAsync(file.Key, Cancellation);
        if (PassThru)
        {
            WriteObject(Show(stopped));
        }
    }
}
