namespace WirePS.Handshakes;

/// <summary>How often each source may come (handshake.md §16, point 14): so many in one go, and one more each time a while has passed. Remembers a bounded number of sources.</summary>
/// <param name="burst">How many in one go.</param>
/// <param name="refill">After how long one more.</param>
/// <param name="time">The clock.</param>
internal sealed class SourceRates(int burst, TimeSpan refill, TimeProvider time)
{
    /// <summary>Most sources that are remembered; the one that has rested longest is forgotten.</summary>
    internal const int MostSources = 1024;

    private readonly Dictionary<string, LinkedListNode<Source>> _bySource = new(StringComparer.Ordinal);
    private readonly LinkedList<Source> _byRest = [];

    /// <summary>How many sources are remembered.</summary>
    internal int Count => _bySource.Count;

    /// <summary>Takes one turn of a source; false where it has none left.</summary>
    internal bool TryTake(string source)
    {
        var now = time.GetTimestamp();
        if (_bySource.TryGetValue(source, out var node))
        {
            _byRest.Remove(node);
        }
        else
        {
            node = new LinkedListNode<Source>(new Source(source, burst, now));
            _bySource[source] = node;
            if (_bySource.Count > MostSources)
            {
                _bySource.Remove(_byRest.First!.Value.Name);
                _byRest.RemoveFirst();
            }
        }

        _byRest.AddLast(node);
        var turns = Math.Min(burst, node.Value.Turns + (time.GetElapsedTime(node.Value.At, now) / refill));
        node.Value = node.Value with { Turns = turns >= 1 ? turns - 1 : turns, At = now };
        return turns >= 1;
    }

    private sealed record Source(string Name, double Turns, long At);
}
