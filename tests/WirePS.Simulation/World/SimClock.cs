namespace WirePS.Simulation.World;

/// <summary>Virtual time, and everything that is going to happen in it. Nothing ever waits.</summary>
internal sealed class SimClock
{
    public static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly PriorityQueue<Action, (DateTimeOffset Time, long Order)> _coming = new();
    private long _order;

    public DateTimeOffset Now { get; private set; } = Start;

    public DateTimeOffset? Next => _coming.TryPeek(out _, out var at) ? at.Time : null;

    public void In(TimeSpan delay, Action what) => _coming.Enqueue(what, (Now + delay, ++_order));

    /// <summary>Does what comes next; false where nothing does before the end given.</summary>
    public bool Step(DateTimeOffset until)
    {
        if (!_coming.TryPeek(out _, out var at) || at.Time > until)
        {
            return false;
        }

        Now = at.Time > Now ? at.Time : Now;
        _coming.Dequeue()();
        return true;
    }

    public void JumpTo(DateTimeOffset time) => Now = time > Now ? time : Now;

    /// <summary>A clock of somebody that goes wrong by a constant.</summary>
    public TimeProvider SkewedBy(TimeSpan skew) => new Skewed(this, skew);

    private sealed class Skewed(SimClock clock, TimeSpan skew) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => clock.Now + skew;

        public override long GetTimestamp() => clock.Now.UtcTicks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            period == Timeout.InfiniteTimeSpan ? new OneShot(clock, callback, state, dueTime) : throw new NotSupportedException("Nothing here happens at intervals.");
    }

    private sealed class OneShot : ITimer
    {
        private readonly SimClock _clock;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private int _version;

        public OneShot(SimClock clock, TimerCallback callback, object? state, TimeSpan dueTime)
        {
            (_clock, _callback, _state) = (clock, callback, state);
            Change(dueTime, Timeout.InfiniteTimeSpan);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var version = ++_version;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                _clock.In(dueTime, () =>
                {
                    if (version == _version)
                    {
                        _callback(_state);
                    }
                });
            }

            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
