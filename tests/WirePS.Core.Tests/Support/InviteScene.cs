using WirePS.Identity;
using WirePS.Invites;
using WirePS.Pairing;
using Xunit;

namespace WirePS.Tests.Support;

/// <summary>An issuer, those that accept its invites, and their relay, on one clock.</summary>
internal sealed class InviteScene(bool isOurs = true) : PartyScene("issuer", isOurs)
{
    public Party Issuer => Maker;

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

    /// <summary>A guest has answered an invite, and waits.</summary>
    public async Task<(Party Guest, IssuedInvite Invite, InviteUrl Url)> AnsweredAsync()
    {
        var guest = Add("guest");
        var (invite, url) = await MintAsync();
        await AcceptAsync(guest, url);
        return (guest, invite, url);
    }

    /// <summary>The issuer's invite as its file has it.</summary>
    public IssuedInvite InviteOf(string id) => Assert.Single(Issuer.Engine.Invites.List(), i => i.InviteId == id);

    /// <summary>The events in the issuer's mailbox.</summary>
    public IReadOnlyList<SignedEvent> AtIssuer => At(Issuer);

    /// <summary>An event lies in the issuer's mailbox, whoever has put it there.</summary>
    public void PutAtIssuer(SignedEvent item) => PutAt(Issuer, item);

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

    /// <summary>Both have pinned each other, with an address, by the invite.</summary>
    public void AssertPaired(Party acceptor)
    {
        AssertPinned(acceptor, "invite");
        Assert.Equal("invite", Trusts(Issuer, acceptor)!.KeySource);
        Assert.Equal("invite", Trusts(acceptor, Issuer)!.KeySource);
    }
}
