using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Tests.Handshakes;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Support.Mail;

namespace WirePS.Tests.Messaging;

/// <summary>Nobody's key, and no event, keeps what comes after it from being taken, or others from what they are to be sent.</summary>
public sealed class HostileKeyTests
{
    // Sorted before the others.
    private const string Mallory = "aaa-mallory";

    private static readonly byte[] Seed = Machine.Bytes(90);

    private static CancellationToken None => CancellationToken.None;

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080")]
    public void A_key_of_low_order_is_on_no_card_and_no_device(string hex)
    {
        var low = Convert.FromHexString(hex);
        Assert.False(X25519.IsUsable(low));
        Assert.True(X25519.IsUsable(X25519.DhPublicKey(Seed)));
        var card = CardWith(low);
        Assert.False(card.CanBeSealedTo);
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => card.Verify()).Reason);
        Assert.True(AgentCard.Create(Seed, Mallory).Verify().CanBeSealedTo);
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => DeviceEntry.ListOf(Listing(Device(Mallory) with { DhPublicKey = low }))).Reason);
        Assert.Single(DeviceEntry.ListOf(Listing(Device(Mallory))));
    }

    [Fact]
    public void The_name_of_a_device_has_an_end()
    {
        var most = 256 - WireDid.ForSession("", Ed25519.PublicKey(Seed)).Length;
        Assert.Single(DeviceEntry.ListOf(Listing(Device(new string('a', most)))));
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => DeviceEntry.ListOf(Listing(Device(new string('a', most + 1))))).Reason);
    }

    [Fact]
    public async Task A_peer_that_nothing_can_be_sealed_to_asks_for_a_card_and_the_mailbox_is_read_on()
    {
        using var couple = await WithMalloryAsync();
        await couple.Guest.Engine.OwnCard.ChangeAsync(static c => c.With("name", "Renamed"), None);
        LeaveOfMallory(couple, EventTypes.AgentCard, EventKinds.AgentCard, WireJson.EmptyObject.With(CardTaker.AskMember, 1));
        await SendAsync(couple.Host, "behind it");
        await couple.Guest.TickAsync();
        Assert.Equal(["behind it"], Received(couple.Guest));
        Assert.Empty(Unread(couple, couple.Guest));
    }

    [Fact]
    public async Task Such_a_peer_asks_for_trust_and_is_refused_while_the_mailbox_is_read_on()
    {
        using var couple = await WithMalloryAsync();
        var members = new TrustRequestTests.Stranger(Seed, Mallory).Sign(WirePS.Handshakes.TrustMessageType.Request, couple.Guest, null, couple.Relay, 1);
        LeaveOfMallory(couple, EventTypes.TrustRequest, EventKinds.Claim, members.With("relay_url", couple.Relay.Url).With("slot_id", Machine.Slot).With("slot_token", Machine.Token));
        await SendAsync(couple.Host, "behind it");
        await couple.Guest.TickAsync();
        Assert.Equal(["behind it"], Received(couple.Guest));
        Assert.Equal([EventRefusal.InvalidCard], Refusals(couple.Guest));
        Assert.Empty(couple.Guest.Engine.Requests.Pending());
        Assert.Empty(Unread(couple, couple.Guest));
    }

    [Fact]
    public async Task Such_a_peer_keeps_no_other_from_a_new_card_and_gets_it_itself_with_a_key_that_may_be_used()
    {
        using var couple = await WithMalloryAsync();
        await couple.Guest.Engine.OwnCard.ChangeAsync(static c => c.With("name", "Renamed"), None);
        await couple.Guest.TickAsync();
        await couple.Host.TickAsync();
        Assert.Equal("Renamed", PeerOf(couple.Host).Card!.Name);
        Assert.Equal(0, couple.Guest.Engine.Trust.FindKey(Ed25519.PublicKey(Seed))!.CardSeqSent);

        var peer = couple.Guest.Engine.Trust.FindKey(Ed25519.PublicKey(Seed))!;
        await couple.Guest.Engine.Trust.UpdateCardAsync(peer, CardChain.Next(Seed, peer.Card!, static c => c).Verify(), None);
        await couple.Guest.Engine.OwnCard.SendDueAsync(None);
        Assert.Equal(1, couple.Guest.Engine.Trust.FindKey(Ed25519.PublicKey(Seed))!.CardSeqSent);
    }

    [Fact]
    public async Task A_device_is_revoked_everywhere_whatever_key_another_peer_has()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = (scene.Add("alice"), scene.Add("bob"));
        await PrincipalScene.PairAsync(alice, bob);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        Assert.NotEmpty(PrincipalScene.Known(bob, alice).Devices);
        await PinMalloryAsync(alice);
        await PrincipalScene.RevokeAsync(alice, laptop);
        await scene.SettleAsync();
        Assert.Empty(PrincipalScene.Known(bob, alice).Devices);
        Assert.Empty(laptop.Engine.Trust.List());
    }

    [Fact]
    public async Task Such_a_peer_is_revoked_like_any_other()
    {
        using var couple = await WithMalloryAsync();
        var peer = couple.Guest.Engine.Trust.FindKey(Ed25519.PublicKey(Seed))!;
        await couple.Guest.Engine.PeerRevocation.RevokeAsync(peer, null, None);
        Assert.NotNull(couple.Guest.Engine.Trust.FindKey(Ed25519.PublicKey(Seed))!.RevokedAt);
        Assert.Null(couple.Guest.Engine.Mailboxes.FindRoute(Mallory));
    }

    [Fact]
    public async Task A_machine_that_nothing_can_be_sealed_to_is_not_admitted_and_uses_up_no_token()
    {
        using var scene = new DeviceScene();
        var text = (await scene.MintAsync()).Url;
        var url = DeviceUrl.Parse(text, scene.Time.GetUtcNow());
        using var own = new OwnIdentity(AgentCard.Create(Seed, Mallory), SecretBytes.CopyOf(Seed));
        var endpoint = new DeviceEndpoint(scene.Relay.Url, Machine.Slot, Machine.Token);
        var body = RedeemRequest.Create(own, url.Token, url.IssuerCard.PublicKey, url.Principal, null, [endpoint]).ToBody(url.Token).With("card", CardWith(new byte[32]).Json);
        scene.PutAt(scene.Root, own.CreateEphemeralEvent(url.IssuerCard.Did, EventTypes.DeviceRedeem, EventTypes.KindOf(EventTypes.DeviceRedeem), body, scene.Time.GetUtcNow(), url.IssuerCard.DhPublicKey!, new PinnedRandom(3)));
        await scene.Root.TickAsync();
        Assert.Equal([EventRefusal.InvalidCard], Refusals(scene.Root));
        Assert.Empty(scene.At(scene.Root));
        Assert.Empty(scene.Devices);

        var machine = scene.Add("machine");
        await DeviceScene.AskAsync(machine, text);
        await scene.SettleAsync(machine);
        scene.AssertAdmitted(machine);
    }

    [Theory]
    [InlineData(EventTypes.MachineAddress)]
    [InlineData(EventTypes.PeerShared)]
    [InlineData(EventTypes.PeerDropped)]
    [InlineData(EventTypes.DeviceRedeem)]
    [InlineData(EventTypes.DeviceRedeemed)]
    public async Task What_holds_a_secret_is_never_sent_open(string type)
    {
        using var couple = await PairedAsync();
        var open = AgentCard.From(AgentCard.Sign(Seed, AgentCard.Create(Seed, Mallory).Json.Without("dh_pubkey"), publishDhKey: false)).Verify();
        await PinAsync(couple.Guest, open);
        var (post, peer) = (couple.Guest.Engine.Post, couple.Guest.Engine.Trust.FindKey(open.PublicKey)!);
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => post.ToPeer(peer, type, WireJson.EmptyObject)).Reason);
        Assert.False(post.TryToPeer(peer, type, WireJson.EmptyObject));
        Assert.False(post.TryToStranger(open, new OutboxRoute(couple.Relay.Url, Machine.Slot, Machine.Token), type, WireJson.EmptyObject));
        Assert.Equal(0, couple.Guest.Engine.Outbox.Count());
        Assert.True(post.TryToPeer(couple.Guest.Engine.Trust.List().Single(p => p.Did != peer.Did), type, WireJson.EmptyObject));
        Assert.True(Assert.Single(couple.Guest.Engine.Outbox.List()).Signed().IsSealed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_event_that_its_handler_fails_over_is_recorded_and_those_around_it_are_taken_once(bool isUnforeseen)
    {
        using var couple = await PairedAsync();
        var taker = new FragileTaker(isUnforeseen ? new InvalidOperationException("bug") : new WireException(WireReason.InvalidCard));
        couple.Guest.Engine.Intake.With(taker);
        foreach (var text in (string[])["one", FragileTaker.Bad, "two"])
        {
            Leave(couple, couple.Guest, Signed(couple.Host, Content(couple, couple.Host, couple.Guest, text).With("type", FragileTaker.Type)));
        }

        await SendAsync(couple.Host, "behind them");
        Assert.Empty((await couple.Guest.Engine.Tick.RunAsync(None)).Failures);
        Assert.Equal(["behind them"], Received(couple.Guest));
        Assert.Equal([isUnforeseen ? EventRefusal.Malformed : EventRefusal.InvalidCard], Refusals(couple.Guest));
        Assert.Equal(["one", "two"], taker.Taken);
        Assert.Empty(Unread(couple, couple.Guest));
    }

    [Fact]
    public async Task A_full_disk_costs_no_event()
    {
        using var couple = await PairedAsync();
        var taker = new FragileTaker(new WireException(WireReason.StorageFull));
        couple.Guest.Engine.Intake.With(taker);
        Leave(couple, couple.Guest, Signed(couple.Host, Content(couple, couple.Host, couple.Guest, FragileTaker.Bad).With("type", FragileTaker.Type)));
        Assert.Equal(WireReason.StorageFull, Assert.Single((await couple.Guest.Engine.Tick.RunAsync(None)).Failures).Error.Reason);
        Assert.Empty(Refusals(couple.Guest));
        taker.Failure = null;
        Assert.Empty((await couple.Guest.Engine.Tick.RunAsync(None)).Failures);
        Assert.Equal([FragileTaker.Bad], taker.Taken);
    }

    private static AgentCard CardWith(byte[] dhPublicKey) =>
        AgentCard.From(AgentCard.Sign(Seed, AgentCard.Create(Seed, Mallory).Json.With("dh_pubkey", StrictBase64.Encode(dhPublicKey)), publishDhKey: false));

    private static DeviceEntry Device(string handle) => new(
        WireDid.ForSession(handle, Ed25519.PublicKey(Seed)), Ed25519.PublicKey(Seed), X25519.DhPublicKey(Seed), DeviceRights.All, FakeTime.Start, []);

    private static AgentCard Listing(DeviceEntry device) =>
        AgentCard.From(AgentCard.Sign(Machine.Bytes(91), DeviceEntry.With(AgentCard.Create(Machine.Bytes(91), "peer-name").Json, [device])));

    /// <summary>Two that have paired; the guest has pinned one more before cards with such keys were refused.</summary>
    private static async Task<Couple> WithMalloryAsync()
    {
        var couple = await PairedAsync();
        await PinMalloryAsync(couple.Guest);
        return couple;
    }

    private static async Task PinMalloryAsync(Party party)
    {
        var route = PeerRoute.TryCreate(party.Relay.Url, Machine.Slot, Machine.Token, party.Relay.Url);
        Assert.NotNull(route);
        await party.Engine.Trust.PinAsync(new PinRequest(CardWith(new byte[32]), TrustTier.Verified, "sas-v1", "person", "sas", route, null), static (_, _) => Task.CompletedTask, None);
        Assert.NotNull(party.Engine.Mailboxes.FindRoute(Mallory));
        Assert.Equal(Mallory, party.Engine.Trust.List()[0].Handle);
    }

    private static void LeaveOfMallory(Couple couple, string type, uint kind, WireJson body) =>
        Leave(couple, couple.Guest, SignedEvent.Create(Seed, CardWith(new byte[32]), couple.Guest.Engine.Identity.Find()!.Did, type, kind, body, couple.Time.GetUtcNow()).Json);

    /// <summary>Fails over one text as long as it has a reason to.</summary>
    private sealed class FragileTaker(Exception failure) : IEventTaker
    {
        public const string Type = "fragile";
        public const string Bad = "bad";

        public Exception? Failure { get; set; } = failure;

        /// <summary>What had its effect in a call that did not fail.</summary>
        public List<string?> Taken { get; } = [];

        public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventKinds.Message, Type)];

        public Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
        {
            var texts = events.Select(static e => e.Body?.AsString()).ToList();
            if (Failure is not null && texts.Contains(Bad))
            {
                throw Failure;
            }

            Taken.AddRange(texts);
            return Task.FromResult<IReadOnlyList<EventOutcome>>([.. events.Select(static _ => EventOutcome.Done)]);
        }
    }
}
