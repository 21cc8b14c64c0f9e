using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Tests.Support;

namespace WirePS.Simulation.World;

/// <summary>One side: a disk, the process that serves it as a daemon does, the short-lived processes of its person's commands, and that person.</summary>
internal sealed class SimSide : IDisposable
{
    private SimProcess? _daemon;
    private bool _isRunning;
    private bool _isFirst = true;
    private CancellationTokenSource _wake = new();
    private TimeSpan _pause = TimeSpan.FromSeconds(1);
    private bool _passIsComing;

    public SimSide(SimWorld world, string name, int seat, TimeSpan skew, int identity)
    {
        World = world;
        Name = name;
        Home = WireHome.Resolve($"/simulation{seat}/{name}");
        Time = world.Clock.SkewedBy(skew);
        Skew = skew;
        Random = new PinnedRandom((int)world.Dice.Next());
        Card = Identities.CardOf(identity);
        AtRelay = world.Relay.ConnectionsOf(name).To(FakeRelay.DefaultUrl);
        Identities.Place(Disk, Home, identity);
        Promises = new Promises(this);
        Disk.Written = Promises.OnWritten;
    }

    public SimWorld World { get; }

    public string Name { get; }

    public WireHome Home { get; }

    public TimeProvider Time { get; }

    public TimeSpan Skew { get; }

    public IRandomSource Random { get; }

    public AgentCard Card { get; }

    public IRelay AtRelay { get; }

    public SimDisk Disk { get; } = new();

    public Promises Promises { get; }

    /// <summary>The pairing as it stands on disk; null before it is asked for.</summary>
    public PendingPair? Pair => Promises.Pair;

    /// <summary>The name of its file.</summary>
    public string Key => Pair is null ? "" : Pair.Code.Length > 0 ? Pair.Code : Pair.Id;

    /// <summary>What the person of this side has done that ends a pairing.</summary>
    public HashSet<WireReason> Deeds { get; } = [];

    /// <summary>A command of the person: a process of its own, that needs no network. False where it died.</summary>
    public bool Command(string what, Func<WireEngine, Task> act)
    {
        var process = NewProcess(World.Weather.Crash / 3);
        try
        {
            var done = act(process.Engine);
            if (!done.IsCompleted)
            {
                throw new BrokenPromiseException($"The command '{what}' waits for something.");
            }

            done.GetAwaiter().GetResult();
            World.Note(Name, what);
            return true;
        }
        catch (DiedException)
        {
            return false;
        }
        finally
        {
            process.Kill();
            Wake();
        }
    }

    /// <summary>The file has changed, and the daemon watches; mostly it notices at once.</summary>
    public void Wake()
    {
        _pause = TimeSpan.FromSeconds(1);
        if (World.Dice.Chance(0.9) || World.IsFine)
        {
            var wake = _wake;
            _wake = new CancellationTokenSource();
            wake.Cancel();
            PassIn(TimeSpan.FromMilliseconds(5));
        }
    }

    /// <summary>A pass after a while; one that comes sooner takes its place.</summary>
    public void PassIn(TimeSpan delay)
    {
        if (_passIsComing && delay > TimeSpan.FromSeconds(1))
        {
            return;
        }

        _passIsComing = true;
        World.Clock.In(delay, Pass);
    }

    /// <summary>A tick in a process of its own, beside the daemon.</summary>
    public void Tick()
    {
        var process = NewProcess(World.Weather.Crash / 3);
        World.Note(Name, "ticks in a second process");
        _ = DriveAsync(process, isFirst: true, TimeSpan.Zero, CancellationToken.None);
    }

    /// <summary>The process is killed from outside, or by itself, and another one takes over.</summary>
    public void Restart(TimeSpan after)
    {
        _daemon?.Kill();
        _daemon = null;
        _isRunning = false;
        _isFirst = true;
        World.Clock.In(after, () =>
        {
            if (_daemon is null)
            {
                Pass();
            }
        });
    }

    public void Dispose() => _wake.Dispose();

    private void Pass()
    {
        _passIsComing = false;
        if (_isRunning)
        {
            return;
        }

        _daemon ??= NewProcess(World.Weather.Crash);
        _isRunning = true;
        _ = ServeAsync(_daemon);
    }

    private async Task ServeAsync(SimProcess process)
    {
        var wait = World.IsFine ? TimeSpan.Zero : World.Dice.Of(TimeSpan.Zero, TimeSpan.FromSeconds(55), World.LongPoll);
        var isFirst = _isFirst;
        _isFirst = false;
        var before = Progress();
        var next = await DriveAsync(process, isFirst, wait, _wake.Token).ConfigureAwait(false);
        if (process != _daemon)
        {
            return;
        }

        if (process.IsDead)
        {
            Restart(World.Dice.Spread(TimeSpan.FromMinutes(10)));
            return;
        }

        _isRunning = false;

        // Nothing new: a while, and longer each time; whatever changes the file wakes it.
        _pause = Progress() != before ? TimeSpan.FromSeconds(1) : TimeSpan.FromTicks(Math.Min(_pause.Ticks * 3, TimeSpan.FromHours(12).Ticks));
        var pause = next is { } at && at - Time.GetUtcNow() is var left && left < _pause && left > TimeSpan.Zero ? left : _pause;
        PassIn(pause);
    }

    // A trouble that comes and goes is no progress.
    private (PairStatus?, int?, int?, int?) Progress() => (Pair?.Status, Pair?.Messages.Received.Count, Pair?.Posted, Pair?.Leaving.Length);

    /// <summary>One pass over all pairings of the home; when to go on.</summary>
    private async Task<DateTimeOffset?> DriveAsync(SimProcess process, bool isFirst, TimeSpan wait, CancellationToken wake)
    {
        DateTimeOffset? next = null;
        try
        {
            var engine = process.Engine;
            if (isFirst)
            {
                engine.RemoveLeftovers();
            }

            foreach (var (key, _) in engine.Pairs.Keys())
            {
                var pass = await engine.Runner.RunAsync(key, new PairPassOptions(isFirst, wait, Wake: wake), CancellationToken.None).ConfigureAwait(false);
                if (pass.ResumeAt is { } at && (next is null || at < next))
                {
                    next = at;
                }
            }

            await MailAsync(engine).ConfigureAwait(false);
            if (engine.Revocations.List().Count > 0)
            {
                await engine.Revocations.RunAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception) when (process.IsDead)
        {
            // Whatever it made of that; it is over.
        }
        catch (Exception error)
        {
            World.Break((error as BrokenPromiseException ?? error.InnerException as BrokenPromiseException)?.Message ?? $"{Name}: a pass ended in {error.GetType().Name}: {error.Message}");
        }

        return next;
    }

    /// <summary>What a pass does with mailboxes and outbox; one after the other, so that a seed replays.</summary>
    private static async Task MailAsync(WireEngine engine)
    {
        foreach (var mailbox in engine.Mailboxes.List())
        {
            try
            {
                await engine.Reader.ReadAsync(mailbox, isFirst: true, TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
            }
            catch (RelayException)
            {
                // The next pass tries again; a mailbox that is lost is noted.
            }
        }

        foreach (var item in engine.Outbox.List())
        {
            await engine.Sender.TryAsync(item, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private SimProcess NewProcess(double crash) => new(this, World.Dice.Chance(crash) ? 1 + World.Dice.Below(12) : null);
}
