namespace WirePS.Relay.Waiting;

/// <summary>
/// Where requests wait for news of one thing. Nothing is handed over here: who is woken reads the store again, so a wake-up that comes twice or for
/// nothing does no harm, and one that is sent between the read and the wait is not lost (<see cref="Watch.Next"/> is taken before the read).
/// </summary>
internal sealed class NewsBoard : INewsSink
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Topic> topics = new(StringComparer.Ordinal);

    /// <summary>Topics that somebody waits for.</summary>
    public int TopicCount
    {
        get
        {
            lock (gate)
            {
                return topics.Count;
            }
        }
    }

    public void Announce(string key)
    {
        TaskCompletionSource signal;
        lock (gate)
        {
            if (!topics.TryGetValue(key, out var topic))
            {
                return;
            }

            signal = topic.Signal;
            topic.Signal = NewSignal();
        }

        signal.SetResult();
    }

    /// <summary>Starts to listen for a key; dispose it to stop.</summary>
    public Watch Listen(string key)
    {
        lock (gate)
        {
            if (!topics.TryGetValue(key, out var topic))
            {
                topic = new Topic();
                topics.Add(key, topic);
            }

            topic.Listeners++;
            return new Watch(this, key, topic);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Leave(string key, Topic topic)
    {
        lock (gate)
        {
            if (--topic.Listeners == 0)
            {
                topics.Remove(key);
            }
        }
    }

    internal sealed class Topic
    {
        public int Listeners { get; set; }

        public TaskCompletionSource Signal { get; set; } = NewSignal();
    }

    internal sealed class Watch(NewsBoard board, string key, Topic topic) : IDisposable
    {
        private bool left;

        /// <summary>Completes with the next announcement. Take it before reading, await it after.</summary>
        public Task Next()
        {
            lock (board.gate)
            {
                return topic.Signal.Task;
            }
        }

        public void Dispose()
        {
            if (!left)
            {
                left = true;
                board.Leave(key, topic);
            }
        }
    }
}
