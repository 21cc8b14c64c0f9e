namespace WirePS.Relay.Limits;

/// <summary>
/// A token bucket for each source: as many as a minute gives may come at once, then at that rate. The number of buckets is bounded; the one
/// unused for longest goes first, as it has refilled most.
/// </summary>
internal sealed class TokenBuckets(int perMinute, int maxSources, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<SourceAddress, LinkedListNode<Bucket>> _bySource = [];
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
    public bool TryTake(SourceAddress source, out int retryAfter)
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

            retryAfter = (int)Math.Clamp(Math.Ceiling((1 - bucket.Tokens) * 60 / Math.Max(perMinute, 1)), 1, 3600);
            return false;
        }
    }

    /// <summary>Gives a token back that was not needed.</summary>
    public void Return(SourceAddress source)
    {
        lock (_gate)
        {
            var bucket = Refill(source);
            bucket.Tokens = Math.Min(perMinute, bucket.Tokens + 1);
        }
    }

    private Bucket Refill(SourceAddress source)
    {
        var now = time.GetTimestamp();
        if (_bySource.TryGetValue(source, out var node))
        {
            _byUse.Remove(node);
            var gained = time.GetElapsedTime(node.Value.At, now).TotalMinutes * perMinute;
            node.Value.Tokens = Math.Min(perMinute, node.Value.Tokens + gained);
            node.Value.At = now;
        }
        else
        {
            if (_bySource.Count >= maxSources && _byUse.First is { } oldest)
            {
                _byUse.RemoveFirst();
                _bySource.Remove(oldest.Value.Source);
            }

            node = new LinkedListNode<Bucket>(new Bucket(source) { Tokens = perMinute, At = now });
            _bySource.Add(source, node);
        }

        _byUse.AddLast(node);
        return node.Value;
    }

    private sealed class Bucket(SourceAddress source)
    {
        public SourceAddress Source { get; } = source;

        public double Tokens { get; set; }

        public long At { get; set; }
    }
}
