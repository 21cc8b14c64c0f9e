using WirePS.Devices;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Storage;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>An identity, machines that want to be devices of it, and their relay, on one clock.</summary>
internal sealed class DeviceScene(IFileSystem? rootFiles = null) : PartyScene("root", files: rootFiles)
{
    public Party Root => Maker;

    public Task<MintedDeviceUrl> MintAsync(PairTokenWish? wish = null) => Root.Engine.DeviceOperations.MintAsync(wish ?? new PairTokenWish(""), Relay.Url, false, None);

    /// <summary>A machine asks, up to the request that lies at the relay.</summary>
    public static async Task<PendingPair> AskAsync(Party machine, string url, string? label = null)
    {
        var (key, _) = await machine.Engine.DeviceOperations.RegisterAsync(url, label, false, None);
        await machine.TickAsync();
        return machine.Engine.Pairs.Load(key)!;
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

    /// <summary>A device of the root makes a token for it.</summary>
    public Task<MintedDeviceUrl> MintAtAsync(Party issuer, DeviceRights? rights = null, TimeSpan? expiresIn = null) => issuer.Engine.DeviceOperations.MintAsync(
        new PairTokenWish(CardOf(Root).Did) { Rights = rights, ExpiresIn = expiresIn ?? TimeSpan.FromHours(1) }, Relay.Url, false, None);

    /// <summary>An issuer that is a device passes on what has come, the root answers, the issuer answers, and those who wait take it.</summary>
    public async Task SettleThroughAsync(Party issuer, params Party[] machines)
    {
        await issuer.TickAsync();
        await Root.TickAsync();
        await issuer.TickAsync();
        foreach (var machine in machines)
        {
            await machine.TickAsync();
        }
    }

    /// <summary>The answers in a machine's mailbox.</summary>
    public IReadOnlyList<SignedEvent> AnswersAt(Party party) => [.. At(party).Where(static e => e.Type == "device_redeemed")];

    /// <summary>Devices on the root's card.</summary>
    public IReadOnlyList<ListedDevice> Devices => Root.Engine.Devices.List();

    /// <summary>The machine is on the card, both have pinned each other with an address of their own, and it knows.</summary>
    public void AssertAdmitted(Party machine)
    {
        AssertPinned(machine, "device");
        Assert.Contains(Devices, d => d.Device.HasKey(CardOf(machine).PublicKey));
        Assert.Contains(machine.Engine.DeviceOperations.Memberships(), m => m.Principal.Did == CardOf(Root).Did && m.Device.Did == CardOf(machine).Did);
        Assert.True(Trusts(machine, Root)!.PeerAcked);
    }
}
