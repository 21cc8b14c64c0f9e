using System.Management.Automation;
using WirePS.Devices;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Removes pair tokens: nobody can use them any more.</summary>
[Cmdlet(VerbsCommon.Remove, "WirePairToken", SupportsShouldProcess = true)]
[OutputType(typeof(WirePairToken))]
public sealed class RemoveWirePairTokenCommand : PairTokenCmdlet
{
    /// <summary>Ids, labels, or wildcards for them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Label")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PairTokenCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Gives the tokens out that were removed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Id!)
        {
            await TryAsync(async () =>
            {
                foreach (var info in await RequireAsync(name))
                {
                    if (ShouldProcess($"{info.Label ?? info.TokenHash}", "Remove pair token"))
                    {
                        await TryAsync(() => RemoveAsync(info));
                    }
                }
            });
        }
    }

    private async Task RemoveAsync(PairTokenInfo info)
    {
        var removed = await Engine.DeviceOperations.RemoveTokenAsync(info.TokenHash, Cancellation);
        if (removed is { State: PairTokenState.Reserved or PairTokenState.Used, DeviceDid: { } did })
        {
            WriteWarning(DeviceWords.StaysAdded(did));
        }

        if (PassThru)
        {
            WriteObject(WirePairToken.Of(removed, Engine));
        }
    }
}
