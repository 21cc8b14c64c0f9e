using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Waits until pairings have come to a point.</summary>
[Cmdlet(VerbsLifecycle.Wait, "WirePair", DefaultParameterSetName = ById)]
[OutputType(typeof(WirePendingPair))]
public sealed class WaitWirePairCommand : PairActionCmdlet
{
    private readonly List<(WireEngine Engine, string Key, string Id)> _pairs = [];

    /// <summary>The point.</summary>
    [Parameter]
    public PairMilestone For { get; set; } = PairMilestone.Paired;

    /// <summary>How long, for all of them together; nothing for as long as it lives.</summary>
    [Parameter]
    [Duration(NumbersAreSeconds = true)]
    public TimeSpan? Timeout { get; set; }

    /// <inheritdoc/>
    protected override Task BeginAsync()
    {
        DurationAttribute.Require(Timeout);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task ActAsync(PairFile file, PendingPair pair)
    {
        _pairs.Add((Engine, file.Key, pair.Id));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task EndAsync()
    {
        foreach (var engine in _pairs.Select(static p => p.Engine).Distinct())
        {
            WarnWithoutDaemon(engine);
        }

        return Task.WhenAll(_pairs.Select(pair => TryAsync(async () =>
            WriteObject(Show(await pair.Engine.Pairing.WaitAsync(pair.Key, pair.Id, For, Timeout, Cancellation), pair.Engine)))));
    }
}
