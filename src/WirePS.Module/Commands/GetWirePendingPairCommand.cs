using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Lists the pairings of a home.</summary>
[Cmdlet(VerbsCommon.Get, "WirePendingPair", DefaultParameterSetName = PairActionCmdlet.ByCode)]
[OutputType(typeof(WirePendingPair))]
public sealed class GetWirePendingPairCommand : PairCmdlet
{
    /// <summary>The pairings, by code.</summary>
    [Parameter(Position = 0, ParameterSetName = PairActionCmdlet.ByCode, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PairCodeCompleter))]
    public string[]? Code { get; set; }

    /// <summary>The pairings, by id.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PairActionCmdlet.ById, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PairCodeCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Only those that stand there.</summary>
    [Parameter]
    public PairStatus[]? Status { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        if (Code is null && Id is null)
        {
            Write(Find(null, null));
        }

        foreach (var name in Code ?? Id ?? [])
        {
            await TryAsync(async () => Write(await RequireAsync(Code is null ? null : name, Code is null ? name : null)));
        }
    }

    private void Write(IEnumerable<PairFile> files)
    {
        foreach (var file in files)
        {
            if (file.Error is { } error)
            {
                WriteError(error);
            }
            else if (file.Pair is { } pair && Status?.Contains(pair.Status) != false)
            {
                WriteObject(Show(pair));
            }
        }
    }
}
