using System.Management.Automation;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Takes pairings that have ended off the list.</summary>
[Cmdlet(VerbsCommon.Remove, "WirePendingPair", SupportsShouldProcess = true, DefaultParameterSetName = ById)]
[OutputType(typeof(void))]
public sealed class RemoveWirePendingPairCommand : PairActionCmdlet
{
    /// <inheritdoc/>
    protected override async Task ActAsync(PairFile file, PendingPair pair)
    {
        if (ShouldProcess(pair.ToString(), "Remove from the list"))
        {
            await Engine.Pairing.RemoveAsync(file.Key, Cancellation);
        }
    }
}
