namespace WirePS.Relay.Limits;

/// <summary>
/// A token bucket for each source, or whatever else is counted by: as many as a period gives may come at once, then at that rate. The number of
/// buckets is bounded; the one unused for longest goes first, as it has refilled most.
/// </summary>
/// <typeparam name="TKey">What is counted by.</typeparam>
internal sealed class TokenBuckets<TKey>(int count, TimeSpan period, int maxBuckets, TimeProvider time)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, LinkedListNode<Bucket>> _bySource = [];
    private readonly LinkedList<Bucket> _byUse = new();

    /// <summary>Buckets that are held in memory.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _bySource.Count;
            }
        }
    }

    /// <summary>Takes a token.</summary>
    /// <param name="source">Who pays.</param>
    /// <param name="retryAfter">When there is none: seconds until there is one.</param>
    public bool TryTake(TKey source, out int retryAfter)
    {
        retryAfter = 0;
        lock (_gate)
        {
            var bucket = Refill(source);
            if (bucket.Tokens >= 1)
            {
                bucket.Tokens -= 1;
                return true;
            }

            retryAfter = (int)Math.Clamp(Math.Ceiling((1 - bucket.Tokens) * period.TotalSeconds / Math.Max(count, 1)), 1, 3600);
            return false;
        }
    }

    /// <summary>Gives a token back that was not needed.</summary>
    public void Return(TKey source)
    {
        lock (_gate)
        {
            var bucket = Refill(source);
            bucket.Tokens = Math.Min(count, bucket.Tokens + 1);
        }
    }

    private Bucket Refill(TKey source)
    {
        var now = time.GetTimestamp();
        if (_bySource.TryGetValue(source, out var node))
        {
            _byUse.Remove(node);
            var gained = time.GetElapsedTime(node.Value.At, now) / period * count;
            node.Value.Tokens = Math.Min(count, node.Value.Tokens + gained);
            node.Value.At = now;
        }
        else
        {
            if (_bySource.Count >= maxBuckets && _byUse.First is { } oldest)
            {
                _byUse.RemoveFirst();
                _bySource.Remove(oldest.Value.Source);
            }

            node = new LinkedListNode<Bucket>(new Bucket(source) { Tokens = count, At = now });
            _bySource.Add(source, node);
        }

        _byUse.AddLast(node);
        return node.Value;
    }

    private sealed class Bucket(TKey source)
    {
        public TKey Source { get; } = source;

        public double Tokens { get; set; }

        public long At { get; set; }
    }
}
