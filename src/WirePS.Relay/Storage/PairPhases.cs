using System.Numerics;

namespace WirePS.Relay.Storage;

/// <summary>The phases of a side (pairing-v2.md §4), kept as a number whose bit n is phase n.</summary>
internal static class PairPhases
{
    public const int Accept = 2;
    public const int Abort = 9;
    private const int LastInOrder = 3;

    public static bool IsPhase(int phase) => phase is (>= 0 and <= LastInOrder) or Abort;

    public static bool Has(int phases, int phase) => (phases & (1 << phase)) != 0;

    public static int With(int phases, int phase) => phases | (1 << phase);

    /// <summary>Whether the phase before this one is there; an abort only needs a beginning.</summary>
    public static bool HasPredecessor(int phases, int phase) =>
        phase == 0 || Has(phases, phase == Abort ? 0 : phase - 1);

    /// <summary>Whether a side that believes <paramref name="top"/> to be its highest contiguous phase lacks something here.</summary>
    public static bool LacksUpTo(int phases, int top) =>
        top == Abort ? !Has(phases, Abort) : top >= BitOperations.TrailingZeroCount(~phases);

    public static bool HasAbove(int phases, int after) => phases >> (after + 1) != 0;
}
