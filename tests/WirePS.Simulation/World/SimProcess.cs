using WirePS.Tests.Support;
using WirePS.Identity;

namespace WirePS.Simulation.World;

/// <summary>One process of a side: an engine made from what is on the disk. It may die at any write or send; then it is thrown away.</summary>
internal sealed class SimProcess : IMortal
{
    private readonly SimSide _side;
    private int _pointsLeft;
    private readonly int _how;

    public SimProcess(SimSide side, int? diesAt)
    {
        _side = side;
        _pointsLeft = diesAt ?? int.MaxValue;
        _how = diesAt is null ? 0 : side.World.Dice.Below(3);
        Engine = new WireEngine(side.Home, new WireSurroundings
        {
            Files = side.Disk.For(this),
            Time = side.Time,
            Random = side.Random,
            Stretcher = QuickStretcher.Instance,
            Group = side.World.Group,
            Relays = new SimNetwork(side, this),
        });
    }

    public WireEngine Engine { get; }

    public bool IsDead { get; private set; }

    public void Kill() => IsDead = true;

    /// <inheritdoc/>
    public void RequireAlive()
    {
        if (IsDead)
        {
            throw new DiedException("It is dead.");
        }
    }

    /// <inheritdoc/>
    public Action AtPoint(Action leaveHalf)
    {
        RequireAlive();
        if (--_pointsLeft != 0)
        {
            return static () => { };
        }

        if (_how == 2)
        {
            return () => Die("after");
        }

        if (_how == 1)
        {
            leaveHalf();
        }

        Die(_how == 1 ? "in the middle of" : "before");
        return static () => { };
    }

    private void Die(string when)
    {
        IsDead = true;
        _side.World.Note(_side.Name, $"dies {when} a write or send");
        throw new DiedException();
    }
}
