using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Waits until pairings have come to a point.</summary>
[Cmdlet(VerbsLifecycle.Wait, "WirePair", DefaultParameterSetName = ById)]
[OutputType(typeof(WirePendingPair), typeof(WireInvite))]
public sealed class WaitWirePairCommand : PairActionCmdlet
{
    private readonly List<(WireEngine Engine, string Key, string Id)> _pairs = [];

    private readonly List<(WireEngine Engine, string Id)> _invites = [];

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

    /// <summary>An invite that this home has issued: waited for until all that it was made for are paired.</summary>
    protected override bool ActOnOther(string id)
    {
        if (Engine.Invites.List().All(invite => invite.InviteId != id))
        {
            return false;
        }

        _invites.Add((Engine, id));
        return true;
    }

    /// <inheritdoc/>
    protected override Task EndAsync()
    {
        foreach (var engine in _pairs.Select(static p => p.Engine).Concat(_invites.Select(static i => i.Engine)).Distinct())
        {
            WarnWithoutDaemon(engine);
        }

        var pairs = _pairs.Select(pair => TryAsync(async () =>
            WriteObject(Show(await pair.Engine.Pairing.WaitAsync(pair.Key, pair.Id, For, Timeout, Cancellation), pair.Engine))));
        var invites = _invites.Select(invite => TryAsync(async () =>
            WriteObject(WireInvite.Of(await invite.Engine.Invites.WaitAsync(invite.Id, Timeout, Cancellation), invite.Engine))));
        return Task.WhenAll([.. pairs, .. invites]);
    }
}
