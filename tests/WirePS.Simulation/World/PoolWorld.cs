using WirePS.Pairing;
using WirePS.Relay;

namespace WirePS.Simulation.World;

/// <summary>
/// Many that wait on one relay through the pool: they come, give up, and get news; requests fail, answers are late, empty or
/// bad for some. One schedule, by one seed and on one thread.
/// </summary>
internal sealed class PoolWorld : IV2PairRoutes
{
    private const int MostRequests = 5;
    private static readonly TimeSpan Bad = TimeSpan.FromMinutes(10);

    /// <summary>The longest pause before an idle relay is asked again, and what requests take.</summary>
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(10);

    private readonly SimClock _clock = new();
    private readonly Dice _dice;
    private readonly V2WaitPool _pool;
    private readonly Dictionary<V2PairSide, int> _latest = [];
    private readonly Dictionary<V2PairSide, DateTimeOffset> _newsSince = [];
    private readonly List<Action> _held = [];
    private readonly List<Task> _lives = [];
    private int _underWay;
    private int _waiting;
    private int _asked;
    private bool _isFine;

    public PoolWorld(long seed)
    {
        _dice = new Dice(seed);
        _pool = new V2WaitPool(this, _clock.SkewedBy(TimeSpan.Zero), TaskCreationOptions.None);
        for (var i = 1 + _dice.Below(_dice.Of(1, 8, 60)); i > 0; i--)
        {
            _latest[new V2PairSide($"{i:x64}", PairRole.Host, new string('0', 64))] = -1;
        }
    }

    /// <summary>How many got news.</summary>
    public int Served { get; private set; }

    public void Run()
    {
        foreach (var side in _latest.Keys)
        {
            _clock.In(_dice.Spread(TimeSpan.FromMinutes(1)), () => _lives.Add(LiveAsync(side)));
        }

        RunUntil(SimClock.Start + Bad);
        _isFine = true;
        Announce();
        RunUntil(SimClock.Start + (2 * Bad));

        Require(Served >= _latest.Count, "somebody never got any news");
        Require(_waiting == 0 && _underWay == 0, "somebody still waits, though everybody has got all there is");
        var asked = _asked;
        RunUntil(SimClock.Start + (4 * Bad));
        Require(asked == _asked, "the relay is asked though nobody waits");
    }

    private void RunUntil(DateTimeOffset time)
    {
        while (_clock.Step(time))
        {
        }

        _lives.FirstOrDefault(static life => life.IsFaulted)?.GetAwaiter().GetResult();
    }

    public Task<V2PutReply> PutAsync(V2PairSide side, int phase, string body, TimeSpan? expiresIn, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<V2Refusal?> LeaveAsync(V2PairSide side, string reason, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<V2View> ReadAsync(V2PairSide side, V2Known known, TimeSpan wait, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<V2News>> WaitAnyAsync(IReadOnlyList<(V2PairSide Side, V2Known Known)> sides, TimeSpan wait, CancellationToken cancellationToken)
    {
        _asked++;
        Require(++_underWay <= MostRequests, "too many requests are under way");
        Require(sides.Count > 0, "nothing is asked for");
        var reply = new TaskCompletionSource<IReadOnlyList<V2News>>();
        cancellationToken.Register(() => End(() => reply.TrySetCanceled(cancellationToken)));
        if (!_isFine && _dice.Chance(0.1))
        {
            _clock.In(_dice.Spread(TimeSpan.FromSeconds(30)), () => End(() => reply.TrySetException(new RelayException(WireReason.RelayUnreachable, "No way.", "x"))));
            return reply.Task;
        }

        _held.Add(Look);
        _clock.In(wait, () => Answer([]));
        _clock.In(_dice.Spread(TimeSpan.FromSeconds(1)), !_isFine && _dice.Chance(0.1) ? () => Answer([]) : Look);
        return reply.Task;

        void Look()
        {
            var news = sides.Where(s => _latest[s.Side] > s.Known.After).Select(s => NewsOf(s.Side)).ToList();
            if (news.Count > 0)
            {
                _held.Remove(Look);
                _clock.In(_dice.Spread(TimeSpan.FromSeconds(1)), () => Answer(news));
            }
        }

        void Answer(IReadOnlyList<V2News> news) => End(() => reply.TrySetResult(news));

        void End(Action how)
        {
            if (!reply.Task.IsCompleted)
            {
                _held.Remove(Look);
                _underWay--;
                how();
            }
        }
    }

    /// <summary>One of them: waits for the next news, takes its time, and waits again, until it has all there is.</summary>
    private async Task LiveAsync(V2PairSide side)
    {
        var known = -1;
        while (known < 3)
        {
            if (_latest[side] == known)
            {
                _clock.In(_isFine ? TimeSpan.FromSeconds(1) : _dice.Spread(TimeSpan.FromMinutes(2)), () => Happen(side));
            }

            var wait = _dice.Of(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(50), TimeSpan.FromHours(1));
            using var ending = new CancellationTokenSource();
            if (!_isFine && _dice.Chance(0.2))
            {
                _clock.In(_dice.Spread(wait), () => Quietly(ending.Cancel));
            }

            var began = _clock.Now;
            _waiting++;
            try
            {
                var view = await _pool.ReadAsync(side, new V2Known(known, -1, false), wait, ending.Token).ConfigureAwait(false);
                Require(view.Messages.Count > 0 || _clock.Now - began >= wait, "a wait ended early with nothing");
                if (view.Messages is [.., var last])
                {
                    Require(view.Messages.All(m => m.Body == side.Lookup), "somebody got what is another's");
                    Require(last.Phase > known, "what was known came as news");
                    Require(!_isFine || began < SimClock.Start + Bad || _clock.Now - (_newsSince[side] > began ? _newsSince[side] : began) <= Prompt, "news came late");
                    known = last.Phase;
                    Served++;
                }
            }
            catch (Exception error) when (error is RelayException or OperationCanceledException)
            {
                Require(!_isFine || began < SimClock.Start + Bad, "there is trouble in fine weather");
            }

            _waiting--;
            await Task.Delay(_dice.Spread(TimeSpan.FromSeconds(5)), _clock.SkewedBy(TimeSpan.Zero)).ConfigureAwait(false);
        }
    }

    private void Happen(V2PairSide side)
    {
        _latest[side] = Math.Min(3, _latest[side] + 1);
        _newsSince[side] = _clock.Now;
        Announce();
    }

    private void Announce()
    {
        foreach (var look in _held.ToArray())
        {
            look();
        }
    }

    private V2News NewsOf(V2PairSide side) => !_isFine && _dice.Chance(0.1)
        ? new V2News(side, null, new RelayException(WireReason.RelayBadReply, "Nonsense.", "x"))
        : new V2News(side, new V2View(null, V2State.Open, null, null, false, [], [new V2Message(_latest[side], side.Lookup)]), null);

    private static void Quietly(Action what)
    {
        try
        {
            what();
        }
        catch (ObjectDisposedException)
        {
            // It did not come to that.
        }
    }

    private static void Require(bool isSo, string promise)
    {
        if (!isSo)
        {
            throw new BrokenPromiseException(promise);
        }
    }
}
