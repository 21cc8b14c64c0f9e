using System.Text;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>An identity, machines that want to be devices of it, and their relay, on one clock.</summary>
internal sealed class DeviceScene : IDisposable
{
    private readonly List<Party> _parties = [];

    public DeviceScene(IFileSystem? rootFiles = null)
    {
        Relay = new FakeRelay(Time);
        Root = new Party("root", Relay, Time, files: rootFiles);
        _parties.Add(Root);
    }

    public FakeTime Time { get; } = new();

    public FakeRelay Relay { get; }

    public Party Root { get; }

    private static CancellationToken None => CancellationToken.None;

    public Party Add(string name, int seed = 0, IFileSystem? files = null)
    {
        var party = new Party(name, Relay, Time, seed, files);
        _parties.Add(party);
        return party;
    }

    public Task<MintedDeviceUrl> MintAsync(PairTokenWish? wish = null) => Root.Engine.DeviceOperations.MintAsync(wish ?? new PairTokenWish(""), Relay.Url, false, None);

    /// <summary>A machine asks, up to the request that lies at the relay.</summary>
    public static async Task<PendingPair> AskAsync(Party machine, string url, string? label = null)
    {
        var (key, _) = await machine.Engine.DeviceOperations.RegisterAsync(url, label, false, None);
        await machine.TickAsync();
        return machine.Engine.Pairs.Load(key)!;
    }

    /// <summary>The root takes what has come and answers; those who wait take the answers.</summary>
    public async Task SettleAsync(params Party[] machines)
    {
        await Root.TickAsync();
        foreach (var machine in machines)
        {
            await machine.TickAsync();
        }
    }

    /// <summary>A machine becomes a device, from the token to both pins.</summary>
    public async Task<Party> AdmitAsync(string name, DeviceRights rights = DeviceRights.All)
    {
        var machine = Add(name);
        await AskAsync(machine, (await MintAsync(new PairTokenWish("") { Rights = rights, Label = name })).Url);
        await SettleAsync(machine);
        AssertAdmitted(machine);
        return machine;
    }

    public static PendingPair PairOf(Party party) => Assert.Single(party.Engine.Pairs.List()).Pair!;

    public static AgentCard CardOf(Party party) => party.Engine.Identity.Find()!.Card;

    public static string SlotOf(Party party) => Assert.Single(party.Engine.Mailboxes.List()).SlotId;

    public static TrustEntry? Trusts(Party one, Party other) => one.Engine.Trust.Find(CardOf(other).Did);

    /// <summary>The events in a machine's mailbox.</summary>
    public IReadOnlyList<SignedEvent> At(Party party) => [.. Relay.Mail.TextsOf(SlotOf(party)).Select(static t => SignedEvent.Parse(Encoding.UTF8.GetBytes(t)))];

    /// <summary>The answers in a machine's mailbox.</summary>
    public IReadOnlyList<SignedEvent> AnswersAt(Party party) => [.. At(party).Where(static e => e.Type == "device_redeemed")];

    /// <summary>An event lies in a machine's mailbox, whoever has put it there.</summary>
    public void PutAt(Party party, SignedEvent item) => Relay.Mail.Repeat(SlotOf(party), item.Json.ToCompactBytes());

    /// <summary>Devices on the root's card.</summary>
    public IReadOnlyList<ListedDevice> Devices => Root.Engine.Devices.List();

    /// <summary>The machine is on the card, both have pinned each other with an address of their own, and it knows.</summary>
    public void AssertAdmitted(Party machine)
    {
        var pair = PairOf(machine);
        Assert.True(pair.Status == PairStatus.Paired, $"{machine.Name} is {pair.Status} ({pair.Reason}; {pair.LastError})");
        Assert.Contains(Devices, d => d.Device.HasKey(CardOf(machine).PublicKey));
        Assert.Contains(machine.Engine.DeviceOperations.Memberships(), m => m.Principal.Did == CardOf(Root).Did && m.Device.Did == CardOf(machine).Did);
        foreach (var (one, other) in new[] { (Root, machine), (machine, Root) })
        {
            var peer = Trusts(one, other);
            Assert.NotNull(peer);
            Assert.Equal((TrustTier.Verified, "device", "person"), (peer.Tier, peer.Ceremony, peer.ApprovedBy));
            Assert.Equal(CardOf(other).PublicKey, peer.PublicKey);
            var route = one.Engine.Mailboxes.FindRoute(peer.Handle);
            Assert.NotNull(route);
            Assert.Equal(SlotOf(other), route.SlotId);
            Assert.True(Relay.TakesMessage(route.SlotId, route.SlotToken));
            Assert.DoesNotContain(route.SlotToken, Relay.SlotTokens);
        }

        Assert.True(Trusts(machine, Root)!.PeerAcked);
    }

    public void Dispose() => _parties.ForEach(static p => p.Dispose());
}
