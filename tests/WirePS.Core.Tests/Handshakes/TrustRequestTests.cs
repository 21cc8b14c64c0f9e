using System.Buffers.Binary;
using System.Text;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>Trust without a code: one asks over a directory, a person on the other side decides, and a relay between them can do nothing about it.</summary>
public sealed class TrustRequestTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task A_stranger_asks_a_person_approves_and_both_trust_the_key_of_the_other()
    {
        using var pair = await StrangersAsync();
        var asked = await pair.AskAsync("We build together.");
        await pair.SettleAsync();
        var request = Assert.Single(pair.Two.Engine.Requests.Pending());
        Assert.Equal((asked.Id, "We build together.", pair.One.Engine.Identity.Find()!.Did, false), (request.Id, request.Justification, request.Did, request.IsOfKnownKey));
        Assert.Empty(pair.Two.Engine.Trust.List());
        Assert.Empty(pair.One.Engine.Trust.List());

        await pair.Two.Engine.Requests.ApproveAsync(request.Id, None);
        await pair.SettleAsync();
        AssertTrusts(pair.One, pair.Two, "directory", asked.Id);
        AssertTrusts(pair.Two, pair.One, "request", asked.Id);
        Assert.True(Assert.Single(pair.One.Engine.Trust.List()).PeerAcked);
        Assert.Empty(pair.One.Engine.Requests.Outgoing());
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        await AssertHearEachOtherAsync(pair);
    }

    [Fact]
    public async Task A_refusal_is_told_and_takes_back_what_was_offered()
    {
        using var pair = await StrangersAsync();
        await pair.AskAsync(null);
        await pair.SettleAsync();
        Assert.Single(pair.Relay.LiveGrants);
        await pair.Two.Engine.Requests.DenyAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, "Not you.", None);
        await pair.SettleAsync();
        var ended = Assert.Single(pair.One.Engine.Requests.Outgoing());
        Assert.Equal((OutgoingStatus.Rejected, "Not you."), (ended.Status, ended.Reason));
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        Assert.Empty(pair.Relay.LiveGrants);
        AssertNobodyTrusted(pair);
        await pair.SettleAsync();
        AssertNobodyTrusted(pair);
    }

    [Fact]
    public async Task I5_a_request_that_was_refused_does_not_come_back_when_the_relay_repeats_it()
    {
        using var pair = await StrangersAsync();
        await pair.AskAsync(null);
        await pair.One.TickAsync();
        var text = Encoding.UTF8.GetBytes(Assert.Single(pair.Relay.Mail.TextsOf(SlotOf(pair.Two))));
        await pair.Two.TickAsync();
        await pair.Two.Engine.Requests.DenyAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, null, None);
        pair.Relay.Mail.Repeat(SlotOf(pair.Two), text);

        // Nor when its sender wraps the same request into another event.
        var wrapped = SignedEvent.Parse(text);
        pair.Relay.Mail.Repeat(SlotOf(pair.Two), Resign(pair.One, wrapped.Json.With("extra", 1)));
        await pair.Two.TickAsync();
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        Assert.Equal(EventRefusal.NotExpected, Assert.Single(pair.Two.Engine.Refused.List()).Reason);
    }

    [Fact]
    public async Task Two_who_have_asked_each_other_trust_each_other()
    {
        using var pair = await StrangersAsync();
        await pair.AskAsync(null);
        await pair.Two.Engine.Requests.AskAsync((await pair.Two.Engine.Directory.FindAsync(pair.Relay.Url, "one", None))!, null, None);
        await pair.SettleAsync();
        await pair.SettleAsync();
        foreach (var (one, other) in new[] { (pair.One, pair.Two), (pair.Two, pair.One) })
        {
            var peer = Assert.Single(one.Engine.Trust.List());
            Assert.Equal((other.Engine.Identity.Find()!.Did, "directory", true), (peer.Did, peer.KeySource, peer.PeerAcked));
            Assert.Empty(one.Engine.Requests.Outgoing());
            Assert.Empty(one.Engine.Requests.Pending());
        }

        Assert.Equal(2, pair.Relay.LiveGrants.Count);
        await AssertHearEachOtherAsync(pair);
    }

    [Fact]
    public async Task M9_an_impostor_with_the_name_that_was_asked_for_is_not_trusted_by_itself()
    {
        using var pair = await StrangersAsync();
        await pair.AskAsync(null);
        var impostor = new Stranger(Machine.Bytes(77), "two");
        pair.Relay.Mail.Repeat(SlotOf(pair.One), impostor.Ask(pair.One, pair.Relay));
        await pair.One.TickAsync();
        Assert.Empty(pair.One.Engine.Trust.List());
        Assert.Equal(impostor.Card.Did, Assert.Single(pair.One.Engine.Requests.Pending()).Did);
    }

    [Fact]
    public async Task A_directory_that_names_another_key_gains_that_key_and_no_other_and_it_is_noted()
    {
        using var pair = await StrangersAsync();
        var impostor = new Stranger(Machine.Bytes(77), "two");
        pair.Relay.LieOfDirectory = (handle, record) => handle == "two" ? new DirectoryRecord(impostor.Card, null) : record;
        var asked = await pair.AskAsync(null);
        pair.Relay.Mail.Repeat(SlotOf(pair.One), impostor.Answer(TrustMessageType.Accept, asked.Id, pair.One, pair.Relay));
        await pair.SettleAsync();
        var peer = Assert.Single(pair.One.Engine.Trust.List());
        Assert.Equal((impostor.Card.Did, "directory", "request"), (peer.Did, peer.KeySource, peer.Ceremony));
        Assert.Empty(pair.Two.Engine.Requests.Pending());
    }

    [Fact]
    public async Task Only_the_key_that_was_asked_answers_and_only_once()
    {
        using var pair = await StrangersAsync();
        var asked = await pair.AskAsync(null);
        var stranger = new Stranger(Machine.Bytes(78), "two");
        var slot = SlotOf(pair.One);
        pair.Relay.Mail.Repeat(slot, stranger.Answer(TrustMessageType.Accept, asked.Id, pair.One, pair.Relay));
        pair.Relay.Mail.Repeat(slot, stranger.Answer(TrustMessageType.Reject, asked.Id, pair.One, pair.Relay));
        await pair.One.TickAsync();
        AssertNobodyTrusted(pair);
        Assert.Equal(OutgoingStatus.Waiting, Assert.Single(pair.One.Engine.Requests.Outgoing()).Status);

        await pair.Two.TickAsync();
        await pair.Two.Engine.Requests.ApproveAsync(asked.Id, None);
        await pair.Two.TickAsync();
        var accept = Encoding.UTF8.GetBytes(pair.Relay.Mail.TextsOf(slot)[^1]);
        await pair.One.TickAsync();
        Assert.Single(pair.One.Engine.Trust.List());

        // The same answer does not bring the peer back when it was removed, nor does it fit another request.
        await pair.One.Engine.Peers.RemoveAsync(pair.Two.Engine.Identity.Find()!.Did, None);
        await pair.AskAsync(null);
        pair.Relay.Mail.Repeat(slot, accept);
        await pair.One.TickAsync();
        Assert.Empty(pair.One.Engine.Trust.List());
    }

    [Fact]
    public async Task What_is_decided_is_one_request_of_one_key()
    {
        using var pair = await StrangersAsync();
        await pair.AskAsync("first");
        await pair.SettleAsync();
        var first = Assert.Single(pair.Two.Engine.Requests.Pending());
        var impostor = new Stranger(Machine.Bytes(79), "one");
        pair.Relay.Mail.Repeat(SlotOf(pair.Two), impostor.Ask(pair.Two, pair.Relay));

        // Asking again while nobody has answered is the same request.
        Assert.Equal(first.Id, (await pair.AskAsync("second")).Id);
        await pair.SettleAsync();
        Assert.Equal(2, pair.Two.Engine.Requests.Pending().Count);
        Assert.Equal((first.Id, "first"), (pair.Two.Engine.Requests.Pending()[0].Id, pair.Two.Engine.Requests.Pending()[0].Justification));

        await pair.Two.Engine.Requests.ApproveAsync(first.Id, None);
        Assert.Equal(pair.One.Engine.Identity.Find()!.Did, Assert.Single(pair.Two.Engine.Trust.List()).Did);

        // The other key has the name of a peer now: it cannot take it.
        var other = pair.Two.Engine.Requests.Pending().Single(p => p.Did == impostor.Card.Did);
        Assert.Equal(WireReason.IdentityConflict, (await Assert.ThrowsAsync<WireException>(() => pair.Two.Engine.Requests.ApproveAsync(other.Id, None))).Reason);
        Assert.Equal(WireReason.TrustRequestNotFound, (await Assert.ThrowsAsync<WireException>(() => pair.Two.Engine.Requests.ApproveAsync(first.Id, None))).Reason);
    }

    [Fact]
    public async Task A_peer_that_is_trusted_already_is_answered_and_stays_what_it_is()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        var before = Assert.Single(couple.Guest.Engine.Trust.List());
        await couple.Host.Engine.Requests.AskAsync(Assert.Single(couple.Host.Engine.Trust.List()), "again", None);
        await couple.SettleAsync();
        Assert.Empty(couple.Host.Engine.Requests.Outgoing());
        Assert.Empty(couple.Guest.Engine.Requests.Pending());
        var after = Assert.Single(couple.Guest.Engine.Trust.List());
        Assert.Equal((before.Ceremony, before.KeySource, before.PinnedAt), (after.Ceremony, after.KeySource, after.PinnedAt));
        Assert.NotEqual(before.Grant, after.Grant);
        Assert.Equal(2, couple.Relay.LiveGrants.Count);
    }

    [Fact]
    public async Task A_request_in_many_events_of_one_page_is_answered_once()
    {
        using var pair = await StrangersAsync();
        var known = new Stranger(Machine.Bytes(96), "known");
        await pair.Two.Engine.Trust.PinAsync(new PinRequest(known.Card, TrustTier.Verified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, None);
        foreach (var item in known.AskOften(pair.Two, pair.Relay, 20))
        {
            pair.Relay.Mail.Repeat(SlotOf(pair.Two), item);
        }

        await pair.Two.TickAsync();
        Assert.Single(pair.Relay.Calls, static c => c.Action == RelayAction.PutGrant);
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        Assert.Empty(pair.Two.Engine.Refused.List());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ten_thousand_hostile_requests_displace_no_honest_one(bool isOneSource)
    {
        using var pair = await StrangersAsync();
        await pair.AskAsync("before");
        await pair.SettleAsync();
        var slot = SlotOf(pair.Two);
        var stranger = new Stranger(Machine.Bytes(99), "flood");
        var seed = new byte[32];
        for (var i = 0; i < 10_000; i++)
        {
            if (!isOneSource)
            {
                BinaryPrimitives.WriteInt32BigEndian(seed, i + 1);
                stranger = new Stranger(seed, "flood");
            }

            pair.Relay.Mail.Repeat(slot, stranger.Ask(pair.Two, pair.Relay, i));
        }

        while ((await pair.Two.TickAsync()).Mail.Taken != IntakeReport.Nothing)
        {
        }

        // A stranger that comes after the flood, and a peer.
        var late = new Stranger(Machine.Bytes(98), "late");
        pair.Relay.Mail.Repeat(slot, late.Ask(pair.Two, pair.Relay));
        var known = new Stranger(Machine.Bytes(97), "known");
        await pair.Two.Engine.Trust.PinAsync(new PinRequest(known.Card, TrustTier.OrgVerified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, None);
        pair.Relay.Mail.Repeat(slot, known.Ask(pair.Two, pair.Relay));
        await pair.Two.TickAsync();

        var pending = pair.Two.Engine.Requests.Pending();
        Assert.True(pending.Count <= HandshakeState.MostOfStrangers + HandshakeState.MostOfKnown);
        Assert.True(new FileInfo(pair.Two.Home.HandshakeFile).Length < 2 * 1024 * 1024);
        Assert.Single(pending, p => p.Did == late.Card.Did);
        Assert.Single(pending, p => p.Did == known.Card.Did && p.IsOfKnownKey);
        var honest = Assert.Single(pending, p => p.Did == pair.One.Engine.Identity.Find()!.Did);
        await pair.Two.Engine.Requests.ApproveAsync(honest.Id, None);
        await pair.SettleAsync();
        AssertTrusts(pair.One, pair.Two, "directory", honest.Id);
    }

    [Fact]
    public async Task A_relay_without_grants_gets_no_address_for_strangers()
    {
        using var pair = await StrangersAsync(isOurs: false);
        Assert.Equal(WireReason.RelayWithoutGrants, (await Assert.ThrowsAsync<WireException>(() => pair.AskAsync(null))).Reason);
        Assert.Empty(pair.One.Engine.Requests.Outgoing());
    }

    [Fact]
    public async Task What_nobody_answers_ends_and_takes_its_grant_with_it()
    {
        using var pair = await StrangersAsync();
        await pair.AskAsync(null);
        await pair.SettleAsync();
        Assert.Single(pair.Relay.LiveGrants);
        pair.Time.Advance(TimeSpan.FromDays(30));
        Assert.Equal(OutgoingStatus.NoAnswer, Assert.Single(pair.One.Engine.Requests.Outgoing()).Status);
        await pair.One.TickAsync();
        Assert.Empty(pair.Relay.LiveGrants);
        Assert.Empty(pair.Two.Engine.Requests.Pending());
        await pair.AskAsync(null);
        await pair.One.TickAsync();
        Assert.Equal([OutgoingStatus.NoAnswer, OutgoingStatus.Waiting], pair.One.Engine.Requests.Outgoing().Select(static o => o.Status));
        Assert.Single(pair.Relay.LiveGrants);
        pair.Time.Advance(TimeSpan.FromDays(8));
        await pair.One.TickAsync();
        Assert.Equal(OutgoingStatus.Waiting, Assert.Single(pair.One.Engine.Requests.Outgoing()).Status);
    }

    [Fact]
    public async Task A_home_does_not_ask_itself_nor_programs_that_do_not_know_the_question()
    {
        using var pair = await StrangersAsync();
        var self = (await pair.One.Engine.Directory.FindAsync(pair.Relay.Url, "one", None))!;
        Assert.Equal(WireReason.SelfPairing, (await Assert.ThrowsAsync<WireException>(() => pair.One.Engine.Requests.AskAsync(self, null, None))).Reason);
        var seed = Machine.Bytes(5);
        var old = AgentCard.From(AgentCard.Sign(seed, AgentCard.Create(seed, "older").Json.With("capabilities", WireJson.ArrayOf(["wire/v3.2"]))));
        var found = new FoundPeer(pair.Relay.Url, old, null, PeerKeyFamiliarity.New);
        Assert.Equal(WireReason.PeerNotWirePS, (await Assert.ThrowsAsync<WireException>(() => pair.One.Engine.Requests.AskAsync(found, null, None))).Reason);
    }

    internal static async Task<Strangers> StrangersAsync(bool isOurs = true)
    {
        var pair = new Strangers(isOurs);
        await pair.One.Engine.Identity.EnsureAsync("one", None);
        await pair.Two.Engine.Identity.EnsureAsync("two", None);
        await pair.One.Engine.Directory.RegisterAsync(pair.Relay.Url, null, None);
        await pair.Two.Engine.Directory.RegisterAsync(pair.Relay.Url, null, None);
        return pair;
    }

    internal static string SlotOf(Party party) => Assert.Single(party.Engine.Mailboxes.List()).SlotId;

    private static byte[] Resign(Party party, WireJson content) =>
        SignedEvent.Sign(party.Engine.Files.ReadPrivate(party.Home.PrivateKeyFile, 64)!, party.Engine.Identity.Find()!.Handle, content).Json.ToCompactBytes();

    private static void AssertTrusts(Party one, Party other, string keySource, string request)
    {
        var peer = Assert.Single(one.Engine.Trust.List(), p => p.Did == other.Engine.Identity.Find()!.Did);
        Assert.Equal(
            (other.Engine.Identity.Find()!.Fingerprint, TrustTier.Verified, "request", "person", keySource, request),
            (peer.Fingerprint, peer.Tier, peer.Ceremony, peer.ApprovedBy, peer.KeySource, peer.RequestId));
    }

    private static void AssertNobodyTrusted(Strangers pair)
    {
        Assert.Empty(pair.One.Engine.Trust.List());
        Assert.Empty(pair.Two.Engine.Trust.List());
    }

    internal static async Task AssertHearEachOtherAsync(Strangers pair)
    {
        foreach (var party in (Party[])[pair.One, pair.Two])
        {
            party.Engine.Outbox.Add(party.Engine.Post.MakeMessage(Assert.Single(party.Engine.Trust.List()), "note", EventKinds.Message, WireJson.From("hello")));
        }

        var before = (pair.One.Engine.Received.Read(0).Count(static r => r.Entry.IsMessage), pair.Two.Engine.Received.Read(0).Count(static r => r.Entry.IsMessage));
        await pair.SettleAsync();
        Assert.Equal((before.Item1 + 1, before.Item2 + 1), (pair.One.Engine.Received.Read(0).Count(static r => r.Entry.IsMessage), pair.Two.Engine.Received.Read(0).Count(static r => r.Entry.IsMessage)));
    }

    /// <summary>Two homes that do not know each other, in the directory of one relay.</summary>
    internal sealed class Strangers : IDisposable
    {
        public Strangers(bool isOurs)
        {
            Relay = new FakeRelay(Time, isOurs);
            One = new Party("one", Relay, Time);
            Two = new Party("two", Relay, Time);
        }

        public FakeTime Time { get; } = new();

        public FakeRelay Relay { get; }

        public Party One { get; }

        public Party Two { get; }

        public async Task<OutgoingRequest> AskAsync(string? justification) =>
            await One.Engine.Requests.AskAsync((await One.Engine.Directory.FindAsync(Relay.Url, "two", None))!, justification, None);

        public async Task SettleAsync()
        {
            for (var i = 0; i < 2; i++)
            {
                await One.TickAsync();
                await Two.TickAsync();
            }
        }

        public void Dispose()
        {
            One.Dispose();
            Two.Dispose();
        }
    }

    /// <summary>Somebody with a key and nothing to lose.</summary>
    internal sealed class Stranger(byte[] seed, string handle)
    {
        private readonly byte[] _seed = [.. seed];

        public AgentCard Card { get; } = AgentCard.Create(seed, handle);

        public byte[] Ask(Party target, FakeRelay relay, int number = 0)
        {
            var members = Sign(TrustMessageType.Request, target, null, relay, number);
            var body = Address(WireJson.ObjectOf(("card", Card.Json), ("trust_request", members)), relay);
            return Event(target, EventTypes.PairDrop, EventKinds.AgentCard, body, relay);
        }

        /// <summary>One signed request in several events.</summary>
        public IReadOnlyList<byte[]> AskOften(Party target, FakeRelay relay, int times)
        {
            var body = Address(WireJson.ObjectOf(("card", Card.Json), ("trust_request", Sign(TrustMessageType.Request, target, null, relay, 0))), relay);
            return [.. Enumerable.Range(0, times).Select(i => Event(target, EventTypes.PairDrop, EventKinds.AgentCard, body.With("copy", i), relay))];
        }

        public byte[] Answer(TrustMessageType type, string request, Party target, FakeRelay relay) =>
            Event(target, type == TrustMessageType.Accept ? EventTypes.TrustAccept : EventTypes.TrustReject, EventKinds.Claim, Address(Sign(type, target, request, relay, 0), relay), relay);

        public byte[] Event(Party target, string type, uint kind, WireJson body, FakeRelay relay) =>
            SignedEvent.Create(_seed, Card, target.Engine.Identity.Find()!.Did, type, kind, body, relay.Time.GetUtcNow()).Json.ToCompactBytes();

        public WireJson Sign(TrustMessageType type, Party target, string? request, FakeRelay relay, int number)
        {
            using var own = new OwnIdentity(Card, SecretBytes.CopyOf(_seed));
            return TrustMessage.Create(type, Card, target.Engine.Identity.Find()!.Card, request, $"number {number}", relay.Time.GetUtcNow(), new PinnedRandom(number)).Sign(own);
        }

        /// <summary>The same as it goes over a connection of its own.</summary>
        public HandshakeMessage Direct(TrustMessageType type, Party target, string? request, FakeRelay relay, int number, int? answerPort = null)
        {
            using var own = new OwnIdentity(Card, SecretBytes.CopyOf(_seed));
            var message = TrustMessage.Create(type, Card, target.Engine.Identity.Find()!.Card, request, $"number {number}", relay.Time.GetUtcNow(), new PinnedRandom(number));
            return DirectMessage.Write(message, own, answerPort, null, null);
        }

        private static WireJson Address(WireJson body, FakeRelay relay) =>
            body.With("relay_url", relay.Url).With("slot_id", Machine.Slot).With("slot_token", Machine.Token);
    }
}
