using System.Text;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>Identities with several machines each, that have paired with each other, and their relay, on one clock.</summary>
internal sealed class PrincipalScene : IDisposable
{
    private readonly List<Party> _parties = [];

    public FakeTime Time { get; } = new();

    public FakeRelay Relay { get; }

    public PrincipalScene() => Relay = new FakeRelay(Time);

    private static CancellationToken None => CancellationToken.None;

    public Party Add(string name, IFileSystem? files = null)
    {
        var party = new Party(name, Relay, Time, files: files);
        _parties.Add(party);
        return party;
    }

    /// <summary>Two roots that have compared digits.</summary>
    public static async Task PairAsync(Party one, Party other)
    {
        await other.JoinAsync(await one.HostAsync());
        await TickAsync(2, one, other);
        await one.ConfirmAsync(one.Pair.Sas!);
        await other.ConfirmAsync(other.Pair.Sas!);
        await TickAsync(3, one, other);
        Assert.Equal(PairStatus.Paired, one.Pair.Status);
    }

    /// <summary>A further machine of a root.</summary>
    public async Task<Party> AdmitAsync(Party root, string name, DeviceRights rights = DeviceRights.All, IFileSystem? files = null)
    {
        var machine = Add(name, files);
        await AdmitAsync(root, machine, rights);
        return machine;
    }

    /// <summary>A machine that is there already becomes a device.</summary>
    public async Task AdmitAsync(Party root, Party machine, DeviceRights rights = DeviceRights.All)
    {
        var minted = await root.Engine.DeviceOperations.MintAsync(new PairTokenWish("") { Rights = rights, Label = machine.Name }, Relay.Url, false, None);
        await machine.Engine.DeviceOperations.RegisterAsync(minted.Url, null, false, None);
        await TickAsync(1, machine, root, machine);
        Assert.Contains(machine.Engine.DeviceOperations.Memberships(), m => m.Principal.Did == Did(root));
    }

    /// <summary>Passes of all in turn, as often as an address needs to get from anywhere to anywhere.</summary>
    public Task SettleAsync() => TickAsync(5, [.. _parties]);

    public static async Task TickAsync(int times, params Party[] parties)
    {
        for (var i = 0; i < times; i++)
        {
            foreach (var party in parties)
            {
                await party.TickAsync();
            }
        }
    }

    public static AgentCard Card(Party party) => party.Engine.Identity.Find()!.Card;

    public static string Did(Party party) => Card(party).Did;

    public static string SlotOf(Party party) => Assert.Single(party.Engine.Mailboxes.List()).SlotId;

    /// <summary>One party as another knows it.</summary>
    public static TrustEntry Known(Party by, Party party) => by.Engine.Trust.Find(Did(party)) ?? throw new InvalidOperationException($"{by.Name} does not know {party.Name}.");

    public static Task<Delivery> SendAsync(Party from, Party to, string text, bool onlyQueue = false) =>
        from.Engine.Messenger.SendAsync(Known(from, to), new MessageWish(WireJson.From(text)) { OnlyQueue = onlyQueue }, None);

    public static IReadOnlyList<Message> Received(Party party) => [.. History(party).Where(static m => m.Direction == MessageDirection.Received)];

    public static IReadOnlyList<Message> Sent(Party party) => [.. History(party).Where(static m => m.Direction == MessageDirection.Sent)];

    public static IReadOnlyList<string?> TextsAt(Party party) => [.. Received(party).Select(static m => m.Body?.AsString())];

    public static async Task RevokeAsync(Party root, Party machine) => Assert.NotNull(await root.Engine.DeviceOperations.RevokeAsync(Card(machine).PublicKey, None));

    /// <summary>The events in a machine's mailbox.</summary>
    public IReadOnlyList<SignedEvent> At(Party party) => [.. Relay.Mail.TextsOf(SlotOf(party)).Select(static t => SignedEvent.Parse(Encoding.UTF8.GetBytes(t)))];

    /// <summary>An event lies in a machine's mailbox, whoever has put it there.</summary>
    public void PutAt(Party party, SignedEvent item) => Relay.Mail.Repeat(SlotOf(party), item.Json.ToCompactBytes());

    /// <summary>A message that a machine's key signs, in any name, sealed to nobody.</summary>
    public SignedEvent Forge(Party signer, string from, Party to, EventPrincipal? principal, string text = "forged", string type = "message", uint kind = EventKinds.Message)
    {
        var content = WireJson.ObjectOf(
            ("schema_version", WireJson.From("v3.1")),
            ("timestamp", WireJson.From(Timestamps.Format(Time.GetUtcNow()))),
            ("from", WireJson.From(from)),
            ("to", WireJson.From(Did(to))),
            ("type", WireJson.From(type)),
            ("kind", WireJson.From((ulong)kind)),
            ("body", WireJson.From(text)));
        if (principal is not null)
        {
            content = content.With("principal", principal.Did).With("principal_card_seq", principal.CardSeq);
        }

        return SignedEvent.Sign(File.ReadAllBytes(signer.Home.PrivateKeyFile), WireDid.DisplayHandle(from), content);
    }

    public void Dispose() => _parties.ForEach(static p => p.Dispose());

    private static IEnumerable<Message> History(Party party) => party.Engine.History.Read(new HistoryQuery(), static e => throw e);
}
