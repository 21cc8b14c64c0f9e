using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Lists what waits in a home: pairings, and requests for trust.</summary>
[Cmdlet(VerbsCommon.Get, "WirePendingPair", DefaultParameterSetName = PairActionCmdlet.ByCode)]
[OutputType(typeof(WirePendingPair), typeof(WireTrustRequest))]
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

    /// <summary>Only entries of these kinds.</summary>
    [Parameter]
    [ValidateSet("pair", "request")]
    public string[]? Kind { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        if (Code is null && Id is null)
        {
            Write(Find(null, null));
            WriteRequests("*");
        }

        foreach (var name in Code ?? Id ?? [])
        {
            await TryAsync(async () =>
            {
                // An id of 64 digits is that of a request; a wildcard may fit both.
                if (Code is not null || !WriteRequests(name) || WildcardPattern.ContainsWildcardCharacters(name))
                {
                    Write(await RequireAsync(Code is null ? null : name, Code is null ? name : null));
                }
            });
        }
    }

    private bool WriteRequests(string id)
    {
        var pattern = new WildcardPattern(id, WildcardOptions.IgnoreCase);
        var found = Status is null && IsWanted("request") ? Engine.Requests.Pending().Where(r => pattern.IsMatch(r.Id)).ToList() : [];
        WriteObject(found.Select(r => WireTrustRequest.Of(r, Engine)), enumerateCollection: true);
        return found.Count > 0;
    }

    private bool IsWanted(string kind) => Kind?.Contains(kind, StringComparer.OrdinalIgnoreCase) != false;

    private void Write(IEnumerable<PairFile> files)
    {
        foreach (var file in files)
        {
            if (file.Error is { } error)
            {
                WriteError(error);
            }
            else if (file.Pair is { } pair && IsWanted(pair.Kind) && Status?.Contains(pair.Status) != false)
            {
                WriteObject(Show(pair));
            }
        }
    }
}
