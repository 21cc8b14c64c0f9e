namespace WirePS.Relay;

/// <summary>
/// Lets many pairings wait on one relay with few requests: those that wait are gathered into one POST /v2/pair/wait, so
/// that a daemon with a thousand pending pairings holds one request open, not a thousand. Everything else goes straight
/// through.
/// </summary>
/// <param name="inner">The relay's routes.</param>
/// <param name="time">The clock.</param>
/// <param name="answering">How those that wait go on: each by itself, so that none holds up the news of the others; a simulation goes on with them at once.</param>
internal sealed class V2WaitPool(IV2PairRoutes inner, TimeProvider time, TaskCreationOptions answering = TaskCreationOptions.RunContinuationsAsynchronously) : IV2PairRoutes
{
    /// <summary>The most that one request may carry (relay-v2.md).</summary>
    private const int MaxItems = 1000;

    /// <summary>Newcomers get a request of their own; when there are this many, they take the place of the smallest.</summary>
    private const int MaxRequests = 4;

    /// <summary>How long newcomers are gathered before a request goes out: longer where many wait, as each piece of news brings a new one.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(2);

    private static readonly TimeSpan GatheringEach = TimeSpan.FromMilliseconds(0.25);

    private static readonly TimeSpan LongestGathering = TimeSpan.FromMilliseconds(20);

    /// <summary>A relay that answers without news before its time is asked again only after this, growing to <see cref="LastGap"/>.</summary>
    private static readonly TimeSpan FirstGap = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LastGap = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly List<Request> _requests = [];
    private List<Waiter> _newcomers = [];
    private TimeSpan _gap = FirstGap;

    /// <inheritdoc/>
    public Task<V2PutReply> PutAsync(V2PairSide side, int phase, string body, TimeSpan? expiresIn, CancellationToken cancellationToken) =>
        inner.PutAsync(side, phase, body, expiresIn, cancellationToken);

    /// <inheritdoc/>
    public Task<V2Refusal?> LeaveAsync(V2PairSide side, string reason, CancellationToken cancellationToken) =>
        inner.LeaveAsync(side, reason, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<V2News>> WaitAnyAsync(IReadOnlyList<(V2PairSide Side, V2Known Known)> sides, TimeSpan wait, CancellationToken cancellationToken) =>
        inner.WaitAnyAsync(sides, wait, cancellationToken);

    /// <inheritdoc/>
    public async Task<V2View> ReadAsync(V2PairSide side, V2Known known, TimeSpan wait, CancellationToken cancellationToken)
    {
        if (wait <= TimeSpan.Zero)
        {
            return await inner.ReadAsync(side, known, wait, cancellationToken).ConfigureAwait(false);
        }

        var waiter = new Waiter(side, known, answering);
        using var limit = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        Gather([waiter]);

        try
        {
            return await waiter.News.Task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing new in time: what there is, is what was known.
            return new V2View(null, V2State.Open, null, null, known.Crowded, [.. Enumerable.Range(0, known.Own + 1)], []);
        }
        finally
        {
            // Whoever is done is left out of the next request; the one under way costs nothing more.
            waiter.IsDone = true;
        }
    }

    /// <summary>Has waiters asked for with all others that come in the next moment.</summary>
    private void Gather(IReadOnlyCollection<Waiter> waiters)
    {
        TimeSpan moment;
        lock (_gate)
        {
            var isFirst = _newcomers.Count == 0;
            _newcomers.AddRange(waiters);
            if (!isFirst)
            {
                return;
            }

            moment = Gathering + (GatheringEach * (_requests.Sum(static r => r.Waiters.Count) + waiters.Count - 1));
        }

        _ = AskAfterAsync(moment < LongestGathering ? moment : LongestGathering);
    }

    private async Task AskAfterAsync(TimeSpan moment)
    {
        await Task.Delay(moment, time).ConfigureAwait(false);
        Ask();
    }

    private void Ask()
    {
        Request? superseded = null;
        List<Request> requests;
        lock (_gate)
        {
            IEnumerable<Waiter> waiters = _newcomers;
            _newcomers = [];
            if (_requests.Count >= MaxRequests)
            {
                // What the larger ones carry need not be said again.
                superseded = _requests.MinBy(static r => r.Waiters.Count)!;
                _requests.Remove(superseded);
                waiters = waiters.Concat(superseded.Waiters);
            }

            requests = [.. waiters.Where(static w => !w.IsDone).Chunk(MaxItems).Select(static chunk => new Request(chunk))];
            _requests.AddRange(requests);
        }

        foreach (var request in requests)
        {
            request.Answered = AskAsync(request);
        }

        superseded?.Superseded.Cancel();
    }

    private async Task AskAsync(Request request)
    {
        var asked = time.GetTimestamp();
        var gap = TimeSpan.Zero;
        try
        {
            var isNews = false;
            var sides = request.Waiters.Select(static w => (w.Side, w.Known)).ToList();
            var waiters = request.Waiters.ToLookup(static w => w.Side);
            foreach (var (side, view, trouble) in await inner.WaitAnyAsync(sides, HttpRelay.LongestWait, request.Superseded.Token).ConfigureAwait(false))
            {
                foreach (var waiter in waiters[side].Where(w => view is null || IsNews(view, w.Known)))
                {
                    isNews = true;
                    waiter.End(view, trouble);
                }
            }

            if (isNews || time.GetElapsedTime(asked) >= HttpRelay.LongestWait / 2)
            {
                _gap = FirstGap;
            }
            else
            {
                gap = _gap;
                _gap = _gap * 2 < LastGap ? _gap * 2 : LastGap;
            }
        }
        catch (OperationCanceledException)
        {
            // The waiters are in another request now.
            return;
        }
        catch (Exception error)
        {
            foreach (var waiter in request.Waiters)
            {
                waiter.End(null, error);
            }
        }

        if (gap > TimeSpan.Zero)
        {
            await Task.Delay(gap, time).ConfigureAwait(false);
        }

        lock (_gate)
        {
            if (!_requests.Remove(request))
            {
                return;
            }
        }

        if (request.Waiters.Where(static w => !w.IsDone).ToList() is { Count: > 0 } left)
        {
            Gather(left);
        }
    }

    // What relay-v2.md calls news. What is none would be asked for again at once, without end.
    private static bool IsNews(V2View view, V2Known known) =>
        view.Refusal is not null
        || view.State is V2State.Ended or V2State.Expired
        || view.OwnContiguous < known.Own
        || (view.Crowded && !known.Crowded)
        || view.Messages.Any(m => m.Phase > known.After);

    private sealed class Waiter(V2PairSide side, V2Known known, TaskCreationOptions answering)
    {
        private volatile bool _isDone;

        public V2PairSide Side { get; } = side;

        public V2Known Known { get; } = known;

        public TaskCompletionSource<V2View> News { get; } = new(answering);

        public bool IsDone
        {
            get => _isDone;
            set => _isDone = value;
        }

        public void End(V2View? view, Exception? trouble)
        {
            IsDone = true;
            if (view is not null)
            {
                News.TrySetResult(view);
            }
            else
            {
                News.TrySetException(trouble!);
            }
        }
    }

    private sealed class Request(IReadOnlyList<Waiter> waiters)
    {
        public IReadOnlyList<Waiter> Waiters { get; } = waiters;

        public CancellationTokenSource Superseded { get; } = new();

        public Task Answered { get; set; } = Task.CompletedTask;
    }
}
