using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Tests.Support;

namespace WirePS.Simulation.World;

/// <summary>What became of a schedule.</summary>
internal enum Outcome
{
    Paired,
    EndedAlike,
    Different,
}

/// <summary>One schedule: two sides, their persons, a relay, and everything that happens to them, by one seed and on one thread.</summary>
internal sealed class SimWorld : IDisposable
{
    private const int MostSteps = 60_000;

    private readonly List<string>? _trace;
    private readonly List<RelayRooms> _backups = [];
    private readonly Dictionary<int, Action> _atRequest = [];
    private readonly bool _isReal;
    private readonly bool _areClocksApart;
    private string? _broken;
    private int _steps;
    private int _requests;

    public SimWorld(long seed, int seat, bool isReal, List<string>? trace)
    {
        _trace = trace;
        _isReal = isReal;
        Dice = new Dice(seed);
        var skew = Skew();
        Relay = new FakeRelay(Clock.SkewedBy(skew));
        Weather = Weather.Draw(Dice);
        HasPool = Dice.Chance(0.5);
        LongPoll = Dice.Of(TimeSpan.FromSeconds(55), TimeSpan.FromHours(1));
        IsLossy = Dice.Chance(0.25);
        Lies = Dice.Chance(0.2) ? new Lies(Dice) : null;
        var identity = Dice.Below(Identities.Count);
        var other = Dice.Chance(0.02) ? identity : (identity + 1 + Dice.Below(Identities.Count - 1)) % Identities.Count;
        Host = new SimSide(this, "host", seat, Skew(), identity);
        Guest = new SimSide(this, "guest", seat, Skew(), other);
        TimeSpan[] skews = [skew, Host.Skew, Guest.Skew];
        _areClocksApart = skews.Max() - skews.Min() > TimeSpan.FromMinutes(5);
    }

    public Dice Dice { get; }

    public SimClock Clock { get; } = new();

    public FakeRelay Relay { get; }

    public Weather Weather { get; private set; }

    public Lies? Lies { get; }

    /// <summary>Its processes wait as those of many pairings do, with one request for all.</summary>
    public bool HasPool { get; }

    public bool IsLossy { get; }

    /// <summary>The relay says what is so, and has kept what it acknowledged.</summary>
    public bool IsHonest => !IsLossy && Lies is null;

    public bool IsFine { get; private set; }

    public bool IsTraced => _trace is not null;

    public TimeSpan LongPoll { get; }

    public bool RelayIsDown { get; private set; }

    public SimSide Host { get; }

    public SimSide Guest { get; }

    /// <summary>Reads that wait at the relay.</summary>
    public List<Action> Waiters { get; } = [];

    public IPairingGroup Group => _isReal ? Edwards25519PairingGroup.Instance : DoubleGroup.Instance;

    public void Note(string who, string what) => _trace?.Add($"{Clock.Now - SimClock.Start:d\\.hh\\:mm\\:ss\\.fff} {who}: {what}");

    public void Break(string promise) => _broken ??= promise;

    public IReadOnlyList<SimSide> OthersOf(SimSide side) => side == Host ? [Guest] : [Host];

    /// <summary>Something at the relay is not as it was: who waits there looks again.</summary>
    public void RelayChanged()
    {
        foreach (var waiter in Waiters.ToArray())
        {
            waiter();
        }

        if (_atRequest.Remove(++_requests, out var what))
        {
            what();
        }
    }

    /// <summary>Runs it to its end.</summary>
    public Outcome Run()
    {
        var lifetime = Dice.Of(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1), TimeSpan.FromHours(24), TimeSpan.FromHours(24), TimeSpan.FromHours(24), TimeSpan.FromHours(24), TimeSpan.FromDays(7));
        Clock.In(TimeSpan.Zero, () => BeginHost(lifetime));
        Disturb();
        RunUntil(SimClock.Start + Dice.Of(TimeSpan.FromHours(2), TimeSpan.FromHours(30)));

        // From here on nothing goes wrong any more, and everything comes to its end.
        Note("world", "the weather is fine");
        IsFine = true;
        Weather = Weather.Fine;
        RelayIsDown = false;
        if (Lies is not null)
        {
            Lies.IsHonestNow = true;
        }

        Settle(TimeSpan.Zero);
        if (!AllEnded())
        {
            // Past its lifetime by everybody's clock, while the relay still knows of it.
            var end = ((SimSide[])[Host, Guest]).Select(static side => side.Pair?.ExpiresAt).Max() ?? Clock.Now;
            Settle(end > Clock.Now ? end - Clock.Now + TimeSpan.FromHours(5) : TimeSpan.FromHours(5));
        }

        if (!AllEnded())
        {
            Settle(TimeSpan.FromDays(32));
        }

        // What a process has left to the next one, such as a line of the journal, the next one does.
        Host.Tick();
        Guest.Tick();
        RunUntil(Clock.Now + TimeSpan.FromSeconds(1));
        return Judge();
    }

    public void Dispose()
    {
        Host.Dispose();
        Guest.Dispose();
    }

    private static bool HasEnded(SimSide side) => side.Pair is null or { IsEnded: true, Leaving.IsEmpty: true };

    private TimeSpan Skew() => Dice.Chance(0.6) ? TimeSpan.Zero : Dice.Of(TimeSpan.FromSeconds(40), TimeSpan.FromMinutes(-4), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(-4), TimeSpan.FromMinutes(4), TimeSpan.FromHours(-2), TimeSpan.FromHours(2));

    private bool AllEnded() => HasEnded(Host) && HasEnded(Guest);

    private void BeginHost(TimeSpan lifetime)
    {
        Begin(Host, new PairWish { Relay = FakeRelay.DefaultUrl, Lifetime = lifetime }, () =>
        {
            var code = Host.Pair!.Code;
            if (code.Length == 0)
            {
                // It ended before anybody heard of it.
                return;
            }

            var own = Dice.Chance(0.1) ? TimeSpan.FromMinutes(1) : TimeSpan.FromHours(24);
            Clock.In(Dice.Spread(TimeSpan.FromMinutes(5)), () => Begin(Guest, new PairWish { Code = code, Relay = FakeRelay.DefaultUrl, Lifetime = own }, static () => { }));
        });
    }

    // A person whose command died looks whether it did what it should, and repeats it where not.
    private void Begin(SimSide side, PairWish wish, Action then)
    {
        var other = side == Host ? Guest : Host;
        var isDone = false;
        isDone = side.Command("asks for a pairing", async engine =>
        {
            // The one that died may have got as far as the file.
            if (engine.Pairs.Keys() is [var (key, _), ..])
            {
                side.Promises.MainId = engine.Pairs.Load(key)!.Id;
                return;
            }

            var (_, pair) = await engine.Pairing.RequestAsync(wish, CancellationToken.None).ConfigureAwait(false);
            side.Promises.MainId = pair.Id;
        });
        if (!isDone)
        {
            Clock.In(TimeSpan.FromSeconds(2), () => Begin(side, wish, then));
            return;
        }

        Clock.In(Dice.Spread(TimeSpan.FromMinutes(1)), new SimPerson(side, other).Look);
        then();
    }

    private void Disturb()
    {
        var longest = TimeSpan.FromHours(Dice.Of(1, 1, 24));
        for (var i = Dice.Below(3); i > 0; i--)
        {
            Sometime(longest, () =>
            {
                Note("relay", "is down");
                RelayIsDown = true;
                RelayChanged();
                Clock.In(Dice.Spread(TimeSpan.FromMinutes(20)), () => RelayIsDown = false);
            });
        }

        for (var i = Dice.Below(3); i > 0; i--)
        {
            var side = Dice.Below(2) == 0 ? Host : Guest;
            Sometime(longest, side.Tick);
        }

        for (var i = Dice.Below(3); i > 0 && Weather.Crash > 0; i--)
        {
            var side = Dice.Below(2) == 0 ? Host : Guest;
            Sometime(longest, () =>
            {
                Note(side.Name, "is killed");
                side.Restart(Dice.Spread(TimeSpan.FromMinutes(30)));
            });
        }

        for (var i = IsLossy ? 1 + Dice.Below(4) : 0; i > 0; i--)
        {
            // Between two requests, where it matters most, or at any time.
            var backup = 1 + Dice.Below(40);
            _atRequest[backup] = () => _backups.Add(Relay.Backup());
            _atRequest[backup + 1 + Dice.Below(20)] = Lose;
            if (Dice.Below(2) == 0)
            {
                Sometime(longest, Lose);
            }
        }
    }

    private void Sometime(TimeSpan longest, Action what) => Clock.In(Dice.Spread(longest), () =>
    {
        if (!IsFine)
        {
            what();
        }
    });

    private void Lose()
    {
        if (IsFine)
        {
            return;
        }

        if (_backups.Count > 0 && Dice.Below(2) == 0)
        {
            Note("relay", "is restored from a backup");
            Relay.Restore(_backups[Dice.Below(_backups.Count)]);
        }
        else if (Dice.Below(2) == 0)
        {
            Note("relay", "has lost its data and does not know it");
            Relay.Restore(new RelayRooms());
        }
        else
        {
            Note("relay", "is another one");
            Relay.LoseEverything();
        }

        RelayChanged();
    }

    private void RunUntil(DateTimeOffset end)
    {
        while (_broken is null && Clock.Step(end))
        {
            if (++_steps > MostSteps)
            {
                throw new BrokenPromiseException("It does not come to rest.");
            }
        }

        if (_broken is not null)
        {
            throw new BrokenPromiseException(_broken);
        }
    }

    private void Settle(TimeSpan later)
    {
        Clock.JumpTo(Clock.Now + later);
        var quiet = 0;
        for (var i = 0; i < 60 && quiet < 2 && !AllEnded(); i++)
        {
            var before = (Host.Pair?.Version, Guest.Pair?.Version);
            Host.Wake();
            Guest.Wake();
            RunUntil(Clock.Now + TimeSpan.FromSeconds(i == 0 ? 35 : 6));
            quiet = before == (Host.Pair?.Version, Guest.Pair?.Version) ? quiet + 1 : 0;
        }
    }

    private Outcome Judge()
    {
        foreach (var side in (SimSide[])[Host, Guest])
        {
            side.Promises.AtEnd();
        }

        var (host, guest) = (Host.Pair, Guest.Pair);
        if (host is null || guest is null)
        {
            return Outcome.EndedAlike;
        }

        var isSame = host.Status == guest.Status;
        Require(host.Status != PairStatus.Paired || guest.Status != PairStatus.Paired || !IsHonest || (host.PeerAcked && guest.PeerAcked), "both are paired and one does not know it");
        if (!isSame)
        {
            var (paired, ended) = host.Status == PairStatus.Paired ? (host, guest) : (guest, host);
            Require(!IsHonest, $"the relay kept everything, and the {paired.Role} is paired, the {ended.Role} ended ({ended.Reason})");
            Require(!paired.PeerAcked, "one side ended, and the other one believes that it has pinned");
            return Outcome.Different;
        }

        if (IsHonest)
        {
            Require(((PendingPair[])[host, guest]).All(p => !p.OutcomeUnknown || (_areClocksApart && IsAboutClocks(p))), "the relay kept everything, and an outcome is unknown");
            RequireReason(Host, Guest);
            RequireReason(Guest, Host);
        }

        return host.Status == PairStatus.Paired ? Outcome.Paired : Outcome.EndedAlike;
    }

    // With an honest relay every reason is somebody's deed, or the time's.
    private void RequireReason(SimSide side, SimSide other)
    {
        var pair = side.Pair!;
        if (pair.Status != PairStatus.Aborted)
        {
            return;
        }

        var isTold = pair.Reason switch
        {
            WireReason.Expired => true,
            WireReason.Cancelled => side.Deeds.Contains(WireReason.Cancelled) || other.Deeds.Contains(WireReason.Cancelled),
            WireReason.SasMismatch => side.Deeds.Contains(WireReason.SasMismatch) || other.Deeds.Contains(WireReason.SasMismatch),
            WireReason.SelfPairing => side.Card.Did == other.Card.Did,

            // An unsealed word after the proof: of one who left before it had ours, or of a relay whose clock is far from ours.
            WireReason.RelayInterference => pair.LastError == "The relay claims: cancelled." && other.Deeds.Contains(WireReason.Cancelled)
                || (_areClocksApart && IsAboutClocks(pair)),
            _ => false,
        };
        Require(isTold, $"the {side.Name} ended with {pair.Reason} ({pair.LastError}), which nobody brought about");
    }

    private static bool IsAboutClocks(PendingPair pair) => pair.LastError?.EndsWith("One of the clocks may be wrong.", StringComparison.Ordinal) == true;

    private static void Require(bool holds, string promise)
    {
        if (!holds)
        {
            throw new BrokenPromiseException(promise);
        }
    }
}
