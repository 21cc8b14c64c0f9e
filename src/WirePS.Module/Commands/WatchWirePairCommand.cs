using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;
using WirePS.Storage;

namespace WirePS.Module.Commands;

/// <summary>Shows pairings as they are, and again at every change, until all have ended.</summary>
[Cmdlet(VerbsCommon.Watch, "WirePair", DefaultParameterSetName = PairActionCmdlet.ByCode)]
[OutputType(typeof(WirePendingPair))]
public sealed class WatchWirePairCommand : PairCmdlet
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private readonly Dictionary<(string Home, string Id), long> _versions = [];

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
    protected override bool LooksOnly => true;

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Code ?? Id ?? [])
        {
            await RequireAsync(Code is null ? null : name, Code is null ? name : null);
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

        // What was shown is shown to its end, though its file may have forgotten the code by then.
        var shown = _versions.Keys.Where(k => k.Home == Engine.Home.Root).Select(static k => k.Id).ToArray();
        foreach (var pair in Find(Code, Id).Concat(shown.Length > 0 ? Find(null, shown) : []).Select(static f => f.Pair).OfType<PendingPair>().DistinctBy(static p => p.Id))
        {
            isOpen |= !pair.IsEnded;
            if (_versions.GetValueOrDefault((Engine.Home.Root, pair.Id), -1) < pair.Version)
            {
                _versions[(Engine.Home.Root, pair.Id)] = pair.Version;
                WriteObject(Show(pair));
            }
        }

        return isOpen;
    }
}
