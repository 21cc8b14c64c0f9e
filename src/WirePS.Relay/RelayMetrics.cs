using System.Globalization;
using System.Text;

namespace WirePS.Relay;

/// <summary>Counters in the text form of Prometheus. They name no slot, no rendezvous and no source.</summary>
internal sealed class RelayMetrics
{
    private readonly long[] _responses = new long[6];
    private long _eventsStored;
    private long _slotsAllocated;
    private long _pairsOpened;
    private long _handlesClaimed;
    private long _handlesFirstClaimed;
    private long _rateLimited;
    private long _waiting;
    private long _streams;
    private long _commits;
    private long _committedOperations;
    private long _commitMicroseconds;
    private long _removed;

    public void Responded(int status)
    {
        Interlocked.Increment(ref _responses[Math.Clamp(status / 100, 0, 5)]);
        if (status == StatusCodes.Status429TooManyRequests)
        {
            Interlocked.Increment(ref _rateLimited);
        }
    }

    public void EventStored() => Interlocked.Increment(ref _eventsStored);

    public void SlotAllocated() => Interlocked.Increment(ref _slotsAllocated);

    public void HandleClaimed(bool isFirst)
    {
        Interlocked.Increment(ref _handlesClaimed);
        if (isFirst)
        {
            Interlocked.Increment(ref _handlesFirstClaimed);
        }
    }

    public void PairOpened() => Interlocked.Increment(ref _pairsOpened);

    public void WaitingChanged(int by) => Interlocked.Add(ref _waiting, by);

    public void StreamsChanged(int by) => Interlocked.Add(ref _streams, by);

    public void Removed(int rows) => Interlocked.Add(ref _removed, rows);

    public void Committed(int operations, TimeSpan took)
    {
        Interlocked.Increment(ref _commits);
        Interlocked.Add(ref _committedOperations, operations);
        Interlocked.Add(ref _commitMicroseconds, (long)took.TotalMicroseconds);
    }

    /// <summary>The counters that /stats.json shows, since the relay was started.</summary>
    public RelayTotals Totals() => new(
        Interlocked.Read(ref _eventsStored),
        Interlocked.Read(ref _slotsAllocated),
        Interlocked.Read(ref _pairsOpened),
        Interlocked.Read(ref _handlesClaimed),
        Interlocked.Read(ref _handlesFirstClaimed),
        Interlocked.Read(ref _streams));

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append("# HELP wireps_relay_responses_total Answers by class of status.\n# TYPE wireps_relay_responses_total counter\n");
        for (var i = 1; i < _responses.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"wireps_relay_responses_total{{class=\"{i}xx\"}} {Interlocked.Read(ref _responses[i])}\n");
        }

        Write("events_stored_total", "counter", "Events stored.", Interlocked.Read(ref _eventsStored));
        Write("slots_allocated_total", "counter", "Slots allocated.", Interlocked.Read(ref _slotsAllocated));
        Write("pairs_opened_total", "counter", "Rendezvous created.", Interlocked.Read(ref _pairsOpened));
        Write("handles_claimed_total", "counter", "Claims of handles.", Interlocked.Read(ref _handlesClaimed));
        Write("handles_first_claimed_total", "counter", "Claims of handles that were free.", Interlocked.Read(ref _handlesFirstClaimed));
        Write("rate_limited_total", "counter", "Requests answered 429.", Interlocked.Read(ref _rateLimited));
        Write("waiting", "gauge", "Long polls that are open.", Interlocked.Read(ref _waiting));
        Write("streams", "gauge", "Event streams that are open.", Interlocked.Read(ref _streams));
        Write("commits_total", "counter", "Transactions written to disk.", Interlocked.Read(ref _commits));
        Write("committed_operations_total", "counter", "Operations in those transactions.", Interlocked.Read(ref _committedOperations));
        Write("expired_rows_removed_total", "counter", "Rows removed after their time.", Interlocked.Read(ref _removed));
        text.Append("# HELP wireps_relay_commit_seconds_total Time spent in transactions.\n# TYPE wireps_relay_commit_seconds_total counter\n");
        text.Append(CultureInfo.InvariantCulture, $"wireps_relay_commit_seconds_total {Interlocked.Read(ref _commitMicroseconds) / 1e6}\n");
        return text.ToString();

        void Write(string name, string type, string help, long value) =>
            text.Append(CultureInfo.InvariantCulture, $"# HELP wireps_relay_{name} {help}\n# TYPE wireps_relay_{name} {type}\nwireps_relay_{name} {value}\n");
    }
}

/// <summary>Counters since the relay was started.</summary>
internal readonly record struct RelayTotals(long EventsStored, long SlotsAllocated, long PairOpens, long HandlesClaimed, long HandlesFirstClaimed, long Streams);
