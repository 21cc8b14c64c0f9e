using System.Globalization;
using WirePS.Storage;

namespace WirePS.Relay;

/// <summary>
/// How far a relay's clock is from ours (pairing-v2.md §7). Times of pairings are compared between machines, so that a clock
/// that is wrong ends them early or late: it is named then, with both times, as nobody would look for it otherwise.
/// </summary>
public static class ClockSkew
{
    /// <summary>Up to this, clocks may differ without a word.</summary>
    public static readonly TimeSpan Tolerated = TimeSpan.FromMinutes(5);

    /// <summary>Both times in a sentence; null where they differ by no more than is tolerated, or the relay has not told its own.</summary>
    /// <param name="now">Our time.</param>
    /// <param name="skew">By how much the relay's is ahead of it.</param>
    public static string? Describe(DateTimeOffset now, TimeSpan? skew)
    {
        if (skew is not { } ahead || ahead.Duration() <= Tolerated)
        {
            return null;
        }

        // A relay may claim any time.
        var there = ahead > DateTimeOffset.MaxValue - now ? DateTimeOffset.MaxValue : ahead < DateTimeOffset.MinValue - now ? DateTimeOffset.MinValue : now + ahead;
        return string.Create(CultureInfo.InvariantCulture, $"The clocks differ: here it is {Timestamps.Format(now)}, at the relay {Timestamps.Format(there)}. Set the one that is wrong.");
    }
}
