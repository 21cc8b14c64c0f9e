using System.Globalization;
using System.Text;

namespace WirePS.Relay;

/// <summary>Counters in the text form of Prometheus. They name no slot, no rendezvous and no source.</summary>
internal sealed class RelayMetrics
{
    private readonly long[] responses = new long[6];
    private long eventsStored;
    private long slotsAllocated;
    private long pairsOpened;
    private long rateLimited;
    private long waiting;
    private long streams;
    private long commits;
    private long committedOperations;
    private long commitMicroseconds;
    private long removed;

    public void Responded(int status)
    {
        Interlocked.Increment(ref responses[Math.Clamp(status / 100, 0, 5)]);
        if (status == StatusCodes.Status429TooManyRequests)
        {
            Interlocked.Increment(ref rateLimited);
        }
    }

    public void EventStored() => Interlocked.Increment(ref eventsStored);

    public void SlotAllocated() => Interlocked.Increment(ref slotsAllocated);

    public void PairOpened() => Interlocked.Increment(ref pairsOpened);

    public void WaitingChanged(int by) => Interlocked.Add(ref waiting, by);

    public void StreamsChanged(int by) => Interlocked.Add(ref streams, by);

    public void Removed(int rows) => Interlocked.Add(ref removed, rows);

    public void Committed(int operations, TimeSpan took)
    {
        Interlocked.Increment(ref commits);
        Interlocked.Add(ref committedOperations, operations);
        Interlocked.Add(ref commitMicroseconds, (long)took.TotalMicroseconds);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append("# HELP wireps_relay_responses_total Answers by class of status.\n# TYPE wireps_relay_responses_total counter\n");
        for (var i = 1; i < responses.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"wireps_relay_responses_total{{class=\"{i}xx\"}} {Interlocked.Read(ref responses[i])}\n");
        }

        Write("events_stored_total", "counter", "Events stored.", Interlocked.Read(ref eventsStored));
        Write("slots_allocated_total", "counter", "Slots allocated.", Interlocked.Read(ref slotsAllocated));
        Write("pairs_opened_total", "counter", "Rendezvous created.", Interlocked.Read(ref pairsOpened));
        Write("rate_limited_total", "counter", "Requests answered 429.", Interlocked.Read(ref rateLimited));
        Write("waiting", "gauge", "Long polls that are open.", Interlocked.Read(ref waiting));
        Write("streams", "gauge", "Event streams that are open.", Interlocked.Read(ref streams));
        Write("commits_total", "counter", "Transactions written to disk.", Interlocked.Read(ref commits));
        Write("committed_operations_total", "counter", "Operations in those transactions.", Interlocked.Read(ref committedOperations));
        Write("expired_rows_removed_total", "counter", "Rows removed after their time.", Interlocked.Read(ref removed));
        text.Append("# HELP wireps_relay_commit_seconds_total Time spent in transactions.\n# TYPE wireps_relay_commit_seconds_total counter\n");
        text.Append(CultureInfo.InvariantCulture, $"wireps_relay_commit_seconds_total {Interlocked.Read(ref commitMicroseconds) / 1e6}\n");
        return text.ToString();

        void Write(string name, string type, string help, long value) =>
            text.Append(CultureInfo.InvariantCulture, $"# HELP wireps_relay_{name} {help}\n# TYPE wireps_relay_{name} {type}\nwireps_relay_{name} {value}\n");
    }
}
