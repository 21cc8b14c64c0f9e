using System.Text;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>An issuer, those that accept its invites, and their relay, on one clock.</summary>
internal sealed class InviteScene : IDisposable
{
    private readonly List<Party> _parties = [];

    public InviteScene(bool isOurs = true)
    {
        Relay = new FakeRelay(Time, isOurs);
        Issuer = Add("issuer");
    }

    public FakeTime Time { get; } = new();

    public FakeRelay Relay { get; }

    public Party Issuer { get; }

    private static CancellationToken None => CancellationToken.None;

    public Party Add(string name, int seed = 0)
    {
        var party = new Party(name, Relay, Time, seed);
        _parties.Add(party);
        return party;
    }

    /// <summary>An invite of the issuer.</summary>
    public Task<(IssuedInvite Invite, InviteUrl Url)> MintAsync(int uses = 1, int protocol = 2, TimeSpan? lifetime = null, string? label = null) =>
        Issuer.Engine.Invites.MintAsync(new InviteWish { Relay = Relay.Url, Uses = uses, Protocol = protocol, Lifetime = lifetime, Label = label }, None);

    /// <summary>Somebody accepts, up to the answer that lies at the relay.</summary>
    public static async Task<PendingPair> AcceptAsync(Party acceptor, InviteUrl url)
    {
        var (key, _) = await acceptor.Engine.Invites.AcceptAsync(url.Text, false, None);
        await acceptor.TickAsync();
        return acceptor.Engine.Pairs.Load(key)!;
    }

    /// <summary>The issuer takes what has come and answers; those who wait take the answers.</summary>
    public async Task SettleAsync(params Party[] acceptors)
    {
        await Issuer.TickAsync();
        foreach (var acceptor in acceptors)
        {
            await acceptor.TickAsync();
        }
    }

    public static PendingPair PairOf(Party party) => Assert.Single(party.Engine.Pairs.List()).Pair!;

    public static AgentCard CardOf(Party party) => party.Engine.Identity.Find()!.Card;

    public static string SlotOf(Party party) => Assert.Single(party.Engine.Mailboxes.List()).SlotId;

    public static TrustEntry? Trusts(Party one, Party other) => one.Engine.Trust.Find(CardOf(other).Did);

    /// <summary>The issuer's invite as its file has it.</summary>
    public IssuedInvite InviteOf(string id) => Assert.Single(Issuer.Engine.Invites.List(), i => i.InviteId == id);

    /// <summary>The events in the issuer's mailbox.</summary>
    public IReadOnlyList<SignedEvent> AtIssuer => [.. Relay.Mail.TextsOf(SlotOf(Issuer)).Select(static t => SignedEvent.Parse(Encoding.UTF8.GetBytes(t)))];

    /// <summary>An event lies in the issuer's mailbox, whoever has put it there.</summary>
    public void PutAtIssuer(SignedEvent item) => Relay.Mail.Repeat(SlotOf(Issuer), item.Json.ToCompactBytes());

    /// <summary>An answer to an invite, made by hand.</summary>
    /// <param name="from">Who signs it.</param>
    /// <param name="body">Its body.</param>
    public SignedEvent DropOf(Party from, WireJson body)
    {
        using var own = from.Engine.Identity.Open();
        return own.CreateEvent(CardOf(Issuer).Did, "pair_drop", EventKinds.AgentCard, body, Time.GetUtcNow(), null, from.Random);
    }

    /// <summary>The body of an answer, without anything that lets one in.</summary>
    public static WireJson BodyOf(Party from, int slot = 1) => WireJson.EmptyObject
        .With("card", CardOf(from).Json)
        .With("relay_url", FakeRelay.DefaultUrl)
        .With("slot_id", slot.ToString("x32", System.Globalization.CultureInfo.InvariantCulture))
        .With("slot_token", new string('7', 64));

    /// <summary>A proof for an answer made by hand.</summary>
    public static WireJson Proven(WireJson body, InviteUrl url, Party from) => InviteProof.Attach(body, url.Payload, CardOf(from).PublicKey);

    /// <summary>Both have pinned each other, with an address, and the acceptor knows it.</summary>
    public void AssertPaired(Party acceptor)
    {
        var pair = PairOf(acceptor);
        Assert.True(pair.Status == PairStatus.Paired, $"{acceptor.Name} is {pair.Status} ({pair.Reason}; {pair.LastError})");
        foreach (var (one, other) in new[] { (Issuer, acceptor), (acceptor, Issuer) })
        {
            var peer = Trusts(one, other);
            Assert.NotNull(peer);
            Assert.Equal((TrustTier.Verified, "invite", "invite", "person"), (peer.Tier, peer.Ceremony, peer.KeySource, peer.ApprovedBy));
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
