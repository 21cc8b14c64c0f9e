using System.Collections.Concurrent;

namespace WirePS.Relay.Waiting;

/// <summary>Counts what is open under a key and refuses more than a limit.</summary>
/// <typeparam name="TKey">What is counted by.</typeparam>
internal sealed class OpenCounter<TKey>(int limit)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, int> counts = new();

    /// <summary>Keys under which something is open.</summary>
    public int KeyCount => counts.Count;

    /// <summary>Takes a place; null where the limit is reached. Dispose it to give it back.</summary>
    public Place? TryEnter(TKey key)
    {
        while (true)
        {
            if (counts.TryGetValue(key, out var count))
            {
                if (count >= limit)
                {
                    return null;
                }

                if (counts.TryUpdate(key, count + 1, count))
                {
                    return new Place(this, key);
                }
            }
            else if (limit > 0 && counts.TryAdd(key, 1))
            {
                return new Place(this, key);
            }
            else if (limit <= 0)
            {
                return null;
            }
        }
    }

    private void Leave(TKey key)
    {
        while (true)
        {
            var count = counts[key];
            if (count == 1 ? counts.TryRemove(new KeyValuePair<TKey, int>(key, 1)) : counts.TryUpdate(key, count - 1, count))
            {
                return;
            }
        }
    }

    internal sealed class Place(OpenCounter<TKey> counter, TKey key) : IDisposable
    {
        private int left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref left, 1) == 0)
            {
                counter.Leave(key);
            }
        }
    }
}
