using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the pair tokens of this home that have not expired.</summary>
[Cmdlet(VerbsCommon.Get, "WirePairToken")]
[OutputType(typeof(WirePairToken))]
public sealed class GetWirePairTokenCommand : PairTokenCmdlet
{
    /// <summary>Ids, labels, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Label")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PairTokenCompleter))]
    public string[]? Id { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Id ?? ["*"])
        {
            await TryAsync(async () => WriteObject((await RequireAsync(name)).Select(info => WirePairToken.Of(info, Engine)), enumerateCollection: true));
        }
    }
}
