namespace WirePS.Relay.Waiting;

/// <summary>
/// Where requests wait for news. Nothing is handed over here: who is woken reads the store again, so a wake-up that comes twice or for
/// nothing does no harm, and one that is sent between the read and the wait is not lost: <see cref="Watch.Next"/> is taken before the read, and
/// a <see cref="Gathering"/> remembers what was announced until it is taken.
/// </summary>
internal sealed class NewsBoard : INewsSink
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Topic> _topics = new(StringComparer.Ordinal);

    /// <summary>Topics that somebody waits for.</summary>
    public int TopicCount
    {
        get
        {
            lock (_gate)
            {
                return _topics.Count;
            }
        }
    }

    public void Announce(string key)
    {
        lock (_gate)
        {
            if (!_topics.TryGetValue(key, out var topic))
            {
                return;
            }

            // whoever waits goes on in the thread pool, not in here
            topic.Signal?.SetResult();
            topic.Signal = null;
            foreach (var (gathering, item) in topic.Gatherings)
            {
                gathering.Mark(item);
            }
        }
    }

    /// <summary>Starts to listen for a key; dispose it to stop.</summary>
    public Watch Listen(string key)
    {
        lock (_gate)
        {
            var topic = Enter(key);
            topic.Watches++;
            return new Watch(this, key, topic);
        }
    }

    /// <summary>Starts to listen for many keys at once; dispose it to stop.</summary>
    public Gathering Gather(IReadOnlyList<string> keys)
    {
        var gathering = new Gathering(this, keys);
        lock (_gate)
        {
            for (var i = 0; i < keys.Count; i++)
            {
                gathering.Entries[i] = Enter(keys[i]).Gatherings.AddLast((gathering, i));
            }
        }

        return gathering;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Topic Enter(string key)
    {
        if (!_topics.TryGetValue(key, out var topic))
        {
            topic = new Topic();
            _topics.Add(key, topic);
        }

        return topic;
    }

    private void RemoveIfUnused(string key, Topic topic)
    {
        if (topic.Watches == 0 && topic.Gatherings.Count == 0)
        {
            _topics.Remove(key);
        }
    }

    internal sealed class Topic
    {
        public int Watches { get; set; }

        /// <summary>Made when somebody asks for it.</summary>
        public TaskCompletionSource? Signal { get; set; }

        public LinkedList<(Gathering Gathering, int Item)> Gatherings { get; } = new();
    }

    internal sealed class Watch(NewsBoard board, string key, Topic topic) : IDisposable
    {
        private bool _left;

        /// <summary>Completes with the next announcement. Take it before reading, await it after.</summary>
        public Task Next()
        {
            lock (board._gate)
            {
                return (topic.Signal ??= NewSignal()).Task;
            }
        }

        public void Dispose()
        {
            if (_left)
            {
                return;
            }

            _left = true;
            lock (board._gate)
            {
                topic.Watches--;
                board.RemoveIfUnused(key, topic);
            }
        }
    }

    /// <summary>One listener for many keys: it is told which of them have changed, so its owner looks at those and at no others.</summary>
    internal sealed class Gathering(NewsBoard board, IReadOnlyList<string> keys) : IDisposable
    {
        private readonly bool[] _isMarked = new bool[keys.Count];
        private List<int> _marked = [];
        private TaskCompletionSource _signal = NewSignal();
        private bool _left;

        /// <summary>Where it stands in the topic of each key.</summary>
        internal LinkedListNode<(Gathering Gathering, int Item)>[] Entries { get; } = new LinkedListNode<(Gathering Gathering, int Item)>[keys.Count];

        /// <summary>Completes when something was announced that has not been taken.</summary>
        public Task Changed
        {
            get
            {
                lock (board._gate)
                {
                    return _signal.Task;
                }
            }
        }

        /// <summary>Takes the numbers of the keys that were announced since the last time, each once.</summary>
        public IReadOnlyList<int> Take()
        {
            lock (board._gate)
            {
                if (_marked.Count == 0)
                {
                    return [];
                }

                var taken = _marked;
                foreach (var item in taken)
                {
                    _isMarked[item] = false;
                }

                _marked = [];
                _signal = NewSignal();
                return taken;
            }
        }

        public void Dispose()
        {
            lock (board._gate)
            {
                if (_left)
                {
                    return;
                }

                _left = true;
                for (var i = 0; i < keys.Count; i++)
                {
                    var topic = board._topics[keys[i]];
                    topic.Gatherings.Remove(Entries[i]);
                    board.RemoveIfUnused(keys[i], topic);
                }
            }
        }

        /// <summary>Called by the board, inside its gate.</summary>
        internal void Mark(int item)
        {
            if (_isMarked[item])
            {
                return;
            }

            _isMarked[item] = true;
            _marked.Add(item);
            _signal.TrySetResult();
        }
    }
}
