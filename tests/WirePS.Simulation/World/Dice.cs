namespace WirePS.Simulation.World;

/// <summary>The chance of one schedule: everything that is not fixed comes from here, so a seed replays exactly.</summary>
internal sealed class Dice(long seed)
{
    private ulong _state = (ulong)seed * 0x9E3779B97F4A7C15UL;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15UL;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    public int Below(int count) => (int)(Next() % (ulong)count);

    public bool Chance(double probability) => (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public TimeSpan Between(TimeSpan from, TimeSpan to) => from + TimeSpan.FromTicks((long)(Next() % (ulong)(to - from).Ticks));

    /// <summary>From milliseconds to the longest, each order of magnitude equally likely.</summary>
    public TimeSpan Spread(TimeSpan longest) => TimeSpan.FromMilliseconds(Math.Pow(longest.TotalMilliseconds, (Next() >> 11) * (1.0 / (1UL << 53))));

    public T Of<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];
}
