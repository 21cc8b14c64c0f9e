using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Storage;

namespace WirePS.Module.Commands;

/// <summary>Shows pairings as they are, and again at every change, until all have ended.</summary>
[Cmdlet(VerbsCommon.Watch, "WirePair", DefaultParameterSetName = PairActionCmdlet.ByCode)]
[OutputType(typeof(WirePendingPair))]
public sealed class WatchWirePairCommand : PairCmdlet
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private readonly Dictionary<(string Home, string Key), long> _versions = [];

    /// <summary>The pairings, by code.</summary>
    [Parameter(Position = 0, ParameterSetName = PairActionCmdlet.ByCode)]
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

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Code ?? Id ?? [])
        {
            Require(Code is null ? null : name, Code is null ? name : null);
        }

        WarnWithoutDaemon(Engine);
        using var watch = new FolderWatch(Engine.Home.PendingPairFolder, Look);
        while (ShowChanges())
        {
            await watch.WaitAsync(Cancellation);
        }
    }

    /// <summary>Gives out what is new; false when nothing is left that could change.</summary>
    private bool ShowChanges()
    {
        var isOpen = false;
        foreach (var file in Find(Code, Id))
        {
            if (file.Pair is not { } pair)
            {
                continue;
            }

            isOpen |= !pair.IsEnded;
            if (_versions.GetValueOrDefault((Engine.Home.Root, file.Key), -1) < pair.Version)
            {
                _versions[(Engine.Home.Root, file.Key)] = pair.Version;
                WriteObject(Show(pair));
            }
        }

        return isOpen;
    }
}
