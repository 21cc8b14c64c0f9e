using System.Collections.Concurrent;

namespace WirePS.Relay.Waiting;

/// <summary>Counts what is open under a key and refuses more than a limit.</summary>
/// <typeparam name="TKey">What is counted by.</typeparam>
internal sealed class OpenCounter<TKey>(int limit)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, int> _counts = new();

    /// <summary>Keys under which something is open.</summary>
    public int KeyCount => _counts.Count;

    /// <summary>Takes places; null where there are not as many. Dispose it to give them back.</summary>
    /// <param name="key">Who asks.</param>
    /// <param name="places">How many. Who needs more than there are in all takes all.</param>
    public Place? TryEnter(TKey key, int places = 1)
    {
        if (limit <= 0)
        {
            return null;
        }

        places = Math.Min(places, limit);
        while (true)
        {
            if (_counts.TryGetValue(key, out var count))
            {
                if (count > limit - places)
                {
                    return null;
                }

                if (_counts.TryUpdate(key, count + places, count))
                {
                    return new Place(this, key, places);
                }
            }
            else if (_counts.TryAdd(key, places))
            {
                return new Place(this, key, places);
            }
        }
    }

    private void Leave(TKey key, int places)
    {
        while (true)
        {
            var count = _counts[key];
            if (count == places ? _counts.TryRemove(new KeyValuePair<TKey, int>(key, count)) : _counts.TryUpdate(key, count - places, count))
            {
                return;
            }
        }
    }

    internal sealed class Place(OpenCounter<TKey> counter, TKey key, int places) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                counter.Leave(key, places);
            }
        }
    }
}
