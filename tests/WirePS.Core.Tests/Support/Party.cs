using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Storage;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>One side: a home, its engine, and what its person does. Every tick is one of a new process: nothing is remembered.</summary>
internal sealed class Party : IDisposable
{
    private readonly TestHome _home = new();
    private readonly WireSurroundings _surroundings;

    public Party(string name, FakeRelay relay, TimeProvider time, int seed = 0, IFileSystem? files = null)
    {
        Name = name;
        Relay = relay;
        Random = new PinnedRandom(seed == 0 ? name.Sum(static c => c) * 7919 : seed);
        _surroundings = new WireSurroundings
        {
            Files = files ?? DiskFileSystem.Instance,
            Time = time,
            Random = Random,
            Stretcher = QuickStretcher.Instance,
            Relays = relay.ConnectionsOf(name),
            Notifier = Notices,
        };
        Engine = new WireEngine(Home, _surroundings);
    }

    public string Name { get; }

    public FakeRelay Relay { get; }

    public PinnedRandom Random { get; }

    public WireHome Home => _home.Home;

    public TestHome Files => _home;

    public WireEngine Engine { get; private set; }

    public Notices Notices { get; } = new();

    /// <summary>The protocol of the codes that this side makes.</summary>
    public int Protocol { get; init; } = 1;

    /// <summary>The name of the file of this side's newest pairing.</summary>
    public string Key { get; private set; } = "";

    /// <summary>The id of this side's newest pairing: the name of its file when its code has gone.</summary>
    public string Id { get; private set; } = "";

    /// <summary>Its pairing as it stands on disk.</summary>
    public PendingPair Pair => Engine.Pairs.Load(Key) ?? Engine.Pairs.Load(Id) ?? throw new InvalidOperationException($"{Name} has no pairing '{Key}'.");

    public async Task<string> HostAsync(TimeSpan? lifetime = null)
    {
        (Key, var pair) = await Engine.Pairing.RequestAsync(new PairWish { Relay = Relay.Url, Lifetime = lifetime, Protocol = Protocol }, CancellationToken.None);
        Id = pair.Id;
        return pair.Code;
    }

    public async Task JoinAsync(string code, TimeSpan? lifetime = null)
    {
        (Key, var pair) = await Engine.Pairing.RequestAsync(new PairWish { Code = code, Relay = Relay.Url, Lifetime = lifetime }, CancellationToken.None);
        Id = pair.Id;
    }

    /// <summary>One pass of a new process; failures are in the report.</summary>
    public Task<TickReport> TryTickAsync()
    {
        Restart();
        return Engine.Tick.RunAsync(CancellationToken.None);
    }

    /// <summary>One pass of a new process that nothing goes wrong in.</summary>
    public async Task<TickReport> TickAsync()
    {
        var report = await TryTickAsync();

        // That a relay has lost a mailbox is told once; the pass goes on.
        Assert.Empty(report.Failures.Where(static f => f.Error.Reason != WireReason.MailboxLost).Select(static f => $"{f.Error.ErrorId}: {f.Error.Message}"));
        return report;
    }

    public Task<PendingPair> ConfirmAsync(string digits) => Engine.Pairing.ConfirmAsync(Key, digits, CancellationToken.None);

    public Task<PendingPair> StopAsync() => Engine.Pairing.StopAsync(Key, CancellationToken.None);

    /// <summary>A new process takes over.</summary>
    public void Restart()
    {
        Engine.Dispose();
        Engine = new WireEngine(Home, _surroundings);
    }

    public void AssertStatus(PairStatus status, WireReason? reason = null)
    {
        var pair = Pair;
        Assert.True(pair.Status == status && pair.Reason == reason, $"{Name} is {pair.Status} ({pair.Reason}; {pair.LastError}), not {status} ({reason})");
    }

    /// <summary>The journal's statuses of the newest pairing, verified.</summary>
    public IReadOnlyList<string> Story()
    {
        var verdict = Engine.Journal.Verify();
        Assert.True(verdict.Valid, $"{verdict.File}:{verdict.Line} {verdict.Problem}");
        return [.. Engine.Journal.Read(0).Where(e => e.Kind == "pair" && (Id.Length == 0 || e.Id == Id)).Select(static e => e.To)];
    }

    public void Dispose()
    {
        Engine.Dispose();
        _home.Dispose();
    }
}

/// <summary>What a person was told.</summary>
internal sealed class Notices : INotifier
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<PairStatus> _told = new();
    private readonly System.Collections.Concurrent.ConcurrentQueue<DeviceNews> _devices = new();

    public IReadOnlyCollection<PairStatus> Told => [.. _told];

    /// <summary>What was said about devices.</summary>
    public IReadOnlyCollection<DeviceNews> Devices => [.. _devices];

    public void PairMoved(PendingPair pair) => _told.Enqueue(pair.Status);

    public void DeviceChanged(DeviceNews news) => _devices.Enqueue(news);
}

/// <summary>Two sides and their relay on one clock.</summary>
internal sealed class Couple : IDisposable
{
    public Couple(bool isOurs = true, Func<string, IFileSystem>? files = null, int protocol = 1)
    {
        Relay = new FakeRelay(Time, isOurs);
        Host = new Party("host", Relay, Time, files: files?.Invoke("host")) { Protocol = protocol };
        Guest = new Party("guest", Relay, Time, files: files?.Invoke("guest"));
    }

    public FakeTime Time { get; } = new();

    public FakeRelay Relay { get; }

    public Party Host { get; }

    public Party Guest { get; }

    public IEnumerable<Party> Both => [Host, Guest];

    /// <summary>Both have asked, nobody has reached the relay.</summary>
    public async Task RequestAsync(TimeSpan? lifetime = null) => await Guest.JoinAsync(await Host.HostAsync(lifetime), lifetime);

    /// <summary>Both have six digits.</summary>
    public async Task ReachSasReadyAsync(TimeSpan? lifetime = null)
    {
        await RequestAsync(lifetime);
        await Host.TickAsync();
        await Guest.TickAsync();
        await Host.TickAsync();
        Host.AssertStatus(PairStatus.SasReady);
        Guest.AssertStatus(PairStatus.SasReady);
        Assert.Equal(Host.Pair.Sas, Guest.Pair.Sas);
    }

    /// <summary>Both have confirmed, and no relay has heard of it.</summary>
    public async Task ConfirmBothAsync()
    {
        var digits = Host.Pair.Sas!;
        await Host.ConfirmAsync(digits);
        await Guest.ConfirmAsync(digits);
    }

    /// <summary>Each side types what the other one shows.</summary>
    public async Task ConfirmEachOtherAsync()
    {
        var (ofHost, ofGuest) = (Host.Pair.Sas!, Guest.Pair.Sas!);
        await Host.ConfirmAsync(ofGuest);
        await Guest.ConfirmAsync(ofHost);
    }

    /// <summary>Goes on until both rest.</summary>
    public async Task SettleAsync(int passes = 4)
    {
        for (var i = 0; i < passes; i++)
        {
            await Host.TickAsync();
            await Guest.TickAsync();
        }
    }

    /// <summary>Both are pinned at the other, know it, and nothing is left behind.</summary>
    public void AssertPaired()
    {
        foreach (var (one, other) in new[] { (Host, Guest), (Guest, Host) })
        {
            one.AssertStatus(PairStatus.Paired);
            var peer = Assert.Single(one.Engine.Trust.List());
            var identity = other.Engine.Identity.Find()!;
            Assert.Equal(identity.Did, peer.Did);
            Assert.Equal(identity.Card.PublicKey, peer.PublicKey);
            Assert.Equal(identity.Did, one.Pair.PeerDid);
            Assert.Equal(identity.Fingerprint, one.Pair.PeerFingerprint);
        }
    }

    public void Dispose()
    {
        Host.Dispose();
        Guest.Dispose();
    }
}
