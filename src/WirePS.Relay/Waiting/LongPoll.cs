namespace WirePS.Relay.Waiting;

/// <summary>What a look at the store showed.</summary>
/// <param name="Value">What was read.</param>
/// <param name="IsNews">Whether it is worth an answer now.</param>
/// <param name="LookAgainAt">When time alone may change it; null for never.</param>
internal readonly record struct Look<T>(T Value, bool IsNews, DateTimeOffset? LookAgainAt);

/// <summary>Holds a request until there is news or its time is over.</summary>
internal sealed class LongPoll(NewsBoard board, TimeProvider time)
{
    /// <summary>The longest wait that a request may ask for.</summary>
    public const int MaxSeconds = 55;

    /// <summary>
    /// Looks, and looks again after each announcement of <paramref name="key"/>, until there is news or <paramref name="wait"/> is over. What
    /// was seen last is the answer. Never ends early without news.
    /// </summary>
    public async Task<T> RunAsync<T>(string key, TimeSpan wait, Func<CancellationToken, Task<Look<T>>> look, CancellationToken cancellationToken)
    {
        if (wait <= TimeSpan.Zero)
        {
            return (await look(cancellationToken)).Value;
        }

        var started = time.GetTimestamp();
        using var watch = board.Listen(key);
        while (true)
        {
            var next = watch.Next();
            var seen = await look(cancellationToken);
            var rest = wait - time.GetElapsedTime(started);
            if (seen.IsNews || rest <= TimeSpan.Zero)
            {
                return seen.Value;
            }

            await WaitAsync(next, rest, seen.LookAgainAt, cancellationToken);
        }
    }

    /// <summary>
    /// The same for many keys with one registration. The first look is told all numbers of <paramref name="keys"/>, each one after it only those
    /// that were announced; what time alone changes, it has to find itself.
    /// </summary>
    public async Task<T> RunAsync<T>(
        IReadOnlyList<string> keys, TimeSpan wait, Func<IReadOnlyList<int>, CancellationToken, Task<Look<T>>> look, CancellationToken cancellationToken)
    {
        IReadOnlyList<int> changed = [.. Enumerable.Range(0, keys.Count)];
        if (wait <= TimeSpan.Zero)
        {
            return (await look(changed, cancellationToken)).Value;
        }

        var started = time.GetTimestamp();
        using var gathering = board.Gather(keys);
        while (true)
        {
            var seen = await look(changed, cancellationToken);
            var rest = wait - time.GetElapsedTime(started);
            if (seen.IsNews || rest <= TimeSpan.Zero)
            {
                return seen.Value;
            }

            await WaitAsync(gathering.Changed, rest, seen.LookAgainAt, cancellationToken);
            changed = gathering.Take();
        }
    }

    private async Task WaitAsync(Task news, TimeSpan rest, DateTimeOffset? lookAgainAt, CancellationToken cancellationToken)
    {
        if (lookAgainAt is { } at)
        {
            var until = at - time.GetUtcNow();
            rest = until < rest ? TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(until.TotalMilliseconds))) : rest;
        }

        // a timer counts whole milliseconds and may fire within the last one
        rest = TimeSpan.FromMilliseconds(Math.Ceiling(rest.TotalMilliseconds));
        try
        {
            await news.WaitAsync(rest, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // time for another look, perhaps the last
        }
    }
}
