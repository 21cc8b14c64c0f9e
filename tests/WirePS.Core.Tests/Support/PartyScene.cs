using System.Text;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>Machines and their relay, on one clock: one that has made a URL, and those that ask by it.</summary>
internal abstract class PartyScene : IDisposable
{
    private readonly List<Party> _parties = [];

    protected PartyScene(string name, bool isOurs = true, IFileSystem? files = null)
    {
        Relay = new FakeRelay(Time, isOurs);
        Maker = Add(name, files: files);
    }

    public FakeTime Time { get; } = new();

    public FakeRelay Relay { get; }

    /// <summary>Who makes the URLs.</summary>
    protected Party Maker { get; }

    protected static CancellationToken None => CancellationToken.None;

    public Party Add(string name, int seed = 0, IFileSystem? files = null)
    {
        var party = new Party(name, Relay, Time, seed, files);
        _parties.Add(party);
        return party;
    }

    /// <summary>Somebody that has an identity, and nothing else.</summary>
    public async Task<Party> AddStrangerAsync(string name = "stranger")
    {
        var party = Add(name);
        await party.Engine.Identity.EnsureAsync(null, None);
        return party;
    }

    /// <summary>The maker takes what has come and answers; those who wait take the answers.</summary>
    public async Task SettleAsync(params Party[] others)
    {
        await Maker.TickAsync();
        foreach (var other in others)
        {
            await other.TickAsync();
        }
    }

    public static PendingPair PairOf(Party party) => Assert.Single(party.Engine.Pairs.List()).Pair!;

    public static AgentCard CardOf(Party party) => party.Engine.Identity.Find()!.Card;

    public static string SlotOf(Party party) => Assert.Single(party.Engine.Mailboxes.List()).SlotId;

    public static TrustEntry? Trusts(Party one, Party other) => one.Engine.Trust.Find(CardOf(other).Did);

    /// <summary>The events in a machine's mailbox.</summary>
    public IReadOnlyList<SignedEvent> At(Party party) => [.. Relay.Mail.TextsOf(SlotOf(party)).Select(static t => SignedEvent.Parse(Encoding.UTF8.GetBytes(t)))];

    /// <summary>An event lies in a machine's mailbox, whoever has put it there.</summary>
    public void PutAt(Party party, SignedEvent item) => Relay.Mail.Repeat(SlotOf(party), item.Json.ToCompactBytes());

    /// <summary>Both have pinned each other by a ceremony, with an address of their own that works.</summary>
    public void AssertPinned(Party machine, string ceremony) => AssertPinned(Maker, machine, ceremony);

    /// <inheritdoc cref="AssertPinned(Party, string)"/>
    protected void AssertPinned(Party left, Party right, string ceremony)
    {
        var pair = PairOf(right);
        Assert.True(pair.Status == PairStatus.Paired, $"{right.Name} is {pair.Status} ({pair.Reason}; {pair.LastError})");
        foreach (var (one, other) in new[] { (left, right), (right, left) })
        {
            var peer = Trusts(one, other);
            Assert.NotNull(peer);
            Assert.Equal((TrustTier.Verified, ceremony, "person"), (peer.Tier, peer.Ceremony, peer.ApprovedBy));
            Assert.Equal(CardOf(other).PublicKey, peer.PublicKey);
            var route = one.Engine.Mailboxes.FindRoute(peer.Handle);
            Assert.NotNull(route);
            Assert.Equal(SlotOf(other), route.SlotId);
            Assert.True(Relay.TakesMessage(route.SlotId, route.SlotToken));
            Assert.DoesNotContain(route.SlotToken, Relay.SlotTokens);
        }
    }

    public void Dispose() => _parties.ForEach(static p => p.Dispose());
}
