using System.Text;
using System.Text.Json.Nodes;
using System.Web;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Golden;

/// <summary>
/// Our client reads what real programs and their relay said, and says it in the same bytes. The counts are those of the
/// recording: a test that no longer finds something in it fails.
/// </summary>
public sealed class RecordedWireTests
{
    private const string RelayAddress = "http://127.0.0.1:8783";

    // Shortly after the last thing that was recorded.
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 21, 21, 0, TimeSpan.Zero);

    private static readonly HttpClient Clients = new();

    private static RecordedWire Recording => RecordedWire.Instance;

    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public void Every_event_is_of_its_content_and_signed_by_the_key_of_its_senders_card()
    {
        var cards = CardsByDid();
        var (posted, answered, streamed, kept) = (
            RecordedWire.EventsIn(Recording.Posted).ToList(),
            RecordedWire.EventsIn(Recording.Answered).ToList(),
            RecordedWire.EventsIn(Recording.Streamed).ToList(),
            RecordedWire.EventsIn(Recording.Kept).ToList());
        foreach (var item in (SignedEvent[])[.. posted, .. answered, .. streamed, .. kept])
        {
            Assert.Equal(item.EventId, Convert.ToHexStringLower(CanonicalJson.Hash(item.Json, CanonicalMode.Event)));
            Assert.Equal(EventVerdict.Valid, item.Verify(cards[item.From!]));
            Assert.All(cards.Values.Where(c => c.Did != item.From), other => Assert.Equal(EventVerdict.UnknownAgent, item.Verify(other)));
            Assert.Equal(EventVerdict.IdMismatch, SignedEvent.FromJson(item.Json.With("timestamp", "2026-11-20T21:18:00Z")).Verify(cards[item.From!]));
        }

        Assert.Equal((11, 13, 14, 11), (posted.Count, answered.Count, streamed.Count, kept.Count));
        var ids = posted.Select(static e => e.EventId).Order().ToList();
        Assert.All([answered, streamed, kept], read => Assert.Empty(read.Select(static e => e.EventId).Except(ids)));
        Assert.Equal(ids, kept.Select(static e => e.EventId).Order());
    }

    [Fact]
    public void Every_card_holds_and_there_is_one_for_each_program()
    {
        var (posted, answered, kept) = (RecordedWire.CardsIn(Recording.Posted).Count(), RecordedWire.CardsIn(Recording.Answered).Count(), RecordedWire.CardsIn(Recording.Kept).Count());
        Assert.Equal((5, 4, 11), (posted, answered, kept));
        var cards = CardsByDid();
        Assert.Equal(["drift-trillium", "quartz-dragonfly", "shimmer-lupin", "sterling-kelp"], cards.Values.Select(static c => c.Handle).Order());
        foreach (var name in new[] { "c", "d", "e", "f" })
        {
            // From its seed and handle our program makes the same card.
            var home = Recording.Home(name);
            Assert.Equal(cards[home.Card.Did].Json.ToCompactString(), home.Card.Json.ToCompactString());
            Assert.Equal(AgentCard.Sign(home.Seed, home.Card.Json.Without("signature").Without("dh_pubkey")).ToCompactString(), home.Card.Json.ToCompactString());
        }
    }

    [Fact]
    public void The_invite_is_read_as_it_was_meant_until_it_ends_and_our_program_makes_the_same_text()
    {
        var issuer = Recording.Home("e");
        var registered = WireJson.Parse(Recording.Single("POST", "/v1/invite/register").RequestBody!);
        var pending = WireJson.Parse(Assert.Single(Recording.Home("e").Texts, static t => t.Contains("uses_remaining", StringComparison.Ordinal)));
        Assert.True(Timestamps.TryParse(pending.GetString("created_at"), out var made));
        var end = DateTimeOffset.FromUnixTimeSeconds(pending.GetInt64("exp")!.Value);
        Assert.Equal(TimeSpan.FromDays(1), end - DateTimeOffset.FromUnixTimeSeconds(made.ToUnixTimeSeconds()));

        var invite = InviteUrl.Parse(registered.GetString("invite_url")!, made);
        Assert.Equal(issuer.Card.Json.ToCompactString(), invite.Payload.Card.Json.ToCompactString());
        var self = WireJson.Parse(issuer["config/wire/relay.json"]).GetObject("self")!;
        Assert.Equal(new PeerRoute(self.GetString("relay_url")!, self.GetString("slot_id")!, self.GetString("slot_token")!), invite.Payload.Route);
        Assert.Equal(pending.GetString("nonce"), invite.Payload.Nonce);
        Assert.Equal(end, invite.Payload.ExpiresAt);
        Assert.False(invite.Payload.AcceptsV2);

        Assert.Equal(invite.Text, InviteUrl.Parse(invite.Text, end).Text);
        Assert.Equal(WireReason.InviteExpired, Assert.Throws<WireException>(() => InviteUrl.Parse(invite.Text, end.AddSeconds(1))).Reason);
        using var identity = Identity(issuer);
        Assert.Equal(invite.Text, InviteUrl.Mint(identity, invite.Payload.Route, Convert.FromHexString(invite.Payload.Nonce), end, inviteId: null).Text);
    }

    /// <summary>
    /// The programs kept of what they had sent only its id, and of what they had received only the sealed event. The texts
    /// here are what another implementation, written from wire.md §2.8 alone, opened with the recorded keys.
    /// </summary>
    [Fact]
    public void Every_sealed_body_opens_for_its_recipient_and_not_for_the_others()
    {
        var cards = CardsByDid();
        var opened = new List<string>();
        foreach (var item in RecordedWire.EventsIn(Recording.Posted).Where(static e => e.IsSealed))
        {
            foreach (var name in new[] { "c", "d", "e", "f" })
            {
                using var reader = Identity(Recording.Home(name));
                var isOpen = reader.TryOpenBody(item, cards[item.From!].DhPublicKey!, out var body);

                // Read as every received event is, by the sender's key, it is closed to the sender too (wire.md §2.8).
                Assert.Equal(reader.Card.Did == item.To, isOpen);
                if (isOpen)
                {
                    opened.Add($"{item.Type} to {reader.Card.Handle}: {body!.AsString()}");
                }
            }

            using var recipient = Identity(HomeOf(item.To!));
            Assert.False(recipient.TryOpenBody(SignedEvent.FromJson(item.Json.With("to", item.From!)), cards[item.From!].DhPublicKey!, out _));
        }

        Assert.Equal(
            [
                """claim to drift-trillium: {"k":[1,2,{"a":null}]}""",
                "decision to sterling-kelp: sealed hello — ünï 🌊",
                """claim to drift-trillium: {"k":[1,2,{"a":null}]}""",
                "decision to shimmer-lupin: after accept",
            ],
            opened);
        var pushed = new[] { "c", "d", "e", "f" }.SelectMany(static name => Recording.Home(name).Lines("state/wire/outbox/")).Select(static line => WireJson.Parse(line).GetString("event_id")).ToList();
        Assert.Equal(6, pushed.Count);
        Assert.Equal(pushed.Order(), RecordedWire.EventsIn(Recording.Posted).Where(static e => e.IsSealed || e.Type == "heartbeat").Select(static e => e.EventId).Order());
    }

    [Fact]
    public async Task Our_client_reads_the_directory_as_it_answered_and_writes_events_in_the_same_bytes()
    {
        await using var server = new TestServer(new Playback().Reply);
        var relay = new HttpRelay(server.Url, Clients, new FakeTime(Now));
        var (e, f) = (Recording.Home("e").Card, Recording.Home("f").Card);
        var (boxOfE, boxOfF) = (MailboxNumber(2), MailboxNumber(3));
        Assert.Equal(HandleClaim.Claimed, await relay.Directory.ClaimAsync(boxOfE, e, null, None));
        Assert.Equal(HandleClaim.Claimed, await relay.Directory.ClaimAsync(boxOfF, f, null, None));
        Assert.Equal(HandleClaim.Claimed, await relay.Directory.ClaimAsync(boxOfF, f, null, None));
        var claims = server.Requests.Zip(Recording.Exchanges.Where(static x => x.Target == "/v1/handle/claim")).ToList();
        Assert.Equal(3, claims.Count);
        foreach (var (ours, theirs) in claims)
        {
            // The real program leaves the relay's address to the relay; ours says where it found it.
            Assert.Equal(WireJson.Parse(theirs.RequestBody!).With("relay_url", server.Url).ToCompactString(), WireJson.Parse(ours.Body).ToCompactString());
        }

        var record = (await relay.Directory.ResolveAsync(f.Handle, None))!;
        Assert.Equal(f.Json.ToCompactString(), record.Card.Json.ToCompactString());
        Assert.Equal(new DateTimeOffset(2026, 11, 20, 21, 18, 29, TimeSpan.Zero), record.ClaimedAt);
        Assert.True(await relay.Directory.UnclaimAsync(boxOfE, e.Handle, None));
        var registered = JsonNode.Parse(Recording.Single("POST", "/v1/invite/register").RequestBody!)!;
        var (url, expires) = await ((IShortInvites)relay).RegisterAsync((string)registered["invite_url"]!, TimeSpan.FromDays(1), 1, None);
        Assert.Equal((server.Url + "/i/5b0758eb25ab06d9", DateTimeOffset.FromUnixTimeSeconds(1795295919)), (url, expires));
        Assert.True(JsonNode.DeepEquals(registered, JsonNode.Parse(server.Requests.Last().Body)));

        var posts = Recording.Exchanges.Where(static x => x.RequestBody?.StartsWith("{\"event\":", StringComparison.Ordinal) == true).ToList();
        Assert.Equal(11, posts.Count);
        foreach (var post in posts)
        {
            var item = SignedEvent.FromJson(WireJson.Parse(post.RequestBody!).GetObject("event")!);
            var last = post.Target.Split('/')[^1];
            var outcome = post.Authorization is { } token
                ? await relay.Mail.PostAsync(last, token["Bearer ".Length..], item, None)
                : await relay.Directory.IntroduceAsync(last, item, None);
            Assert.Equal(PostOutcome.Stored, outcome);
            var sent = server.Requests.Last();
            Assert.Equal((post.Target, post.Authorization, post.RequestBody), (sent.Target, sent.Headers.GetValueOrDefault("Authorization"), sent.Body));
        }
    }

    /// <summary>
    /// Each mailbox, read by our client from the recorded answers into a home with the program's own key, trust and addresses.
    /// Messages are those of the program's inbox, byte for byte. What it keeps there beside them has its effect here, or is
    /// refused on purpose:
    /// <list type="bullet">
    /// <item><c>pair_drop</c> to c: it answers an invite that this home has not issued; nobody is pinned for a nonce that it does not know (flaw I1).
    /// With the invite it is taken: <see cref="The_answer_to_a_counted_invite_is_taken_by_our_issuer"/>.</item>
    /// <item><c>pair_drop</c> to f: it answers no invite and asks for nothing; the real program asks its person, ours takes requests for trust (flaw I5, wireps.md §8).</item>
    /// <item><c>pair_drop_ack</c> to e: it moves the address of a peer. Ours takes one only for an invite that it waits for (flaw I6).</item>
    /// <item><c>wire_close</c> to e: the address that it names comes without anything to write with; it names us without our key, too. The real program does not follow it either.</item>
    /// </list>
    /// </summary>
    [Theory]
    [InlineData("c", 0, 2, 0, "pair_drop NotExpected")]
    [InlineData("d", 1, 1, 0, "")]
    [InlineData("e", 2, 0, 1, "pair_drop_ack NotExpected, pair_drop_ack NotExpected, wire_close WrongRecipient")]
    [InlineData("f", 3, 1, 1, "pair_drop NotExpected")]
    public async Task A_mailbox_gives_its_messages_in_order_and_no_refusal_but_those_on_purpose(string name, int number, int messages, int handled, string refused)
    {
        using var home = new TestHome();
        using var engine = new WireEngine(home.Home, new WireSurroundings { Time = new FakeTime(Now) });
        var theirs = Recording.Home(name);
        WriteFiles(engine, theirs, theirs["config/wire/trust.json"]);
        var peer = Assert.Single(engine.Trust.List());
        Assert.Equal(TrustTier.Verified, peer.Tier);

        var report = await ReadAllAsync(engine, MailboxNumber(number));
        Assert.Equal(new IntakeReport(messages, handled, refused.Length == 0 ? 0 : refused.Split(',').Length), report);
        Assert.Equal(refused, string.Join(", ", engine.Refused.List().Select(static r => $"{r.Type} {r.Reason}")));
        Assert.Empty(new ParkedEvents(home.Home, engine.Files).List());
        AssertMessages(engine, theirs, messages);

        // What the real program does with the notice of a move: nothing.
        var moved = Assert.Single(RecordedWire.EventsIn(Recording.Posted), static e => e.Type == "wire_close");
        Assert.DoesNotContain(moved.Body!.GetString("new_slot_id")!, Recording.Home("e")["config/wire/relay.json"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_answer_to_a_counted_invite_is_taken_by_our_issuer()
    {
        using var home = new TestHome();
        using var engine = new WireEngine(home.Home, new WireSurroundings { Time = new FakeTime(Now) });
        var (issuer, acceptor) = (Recording.Home("c"), Recording.Home("d"));
        WriteFiles(engine, issuer, WithoutPeers(issuer["config/wire/trust.json"]));
        engine.Files.WritePrivate(home.Home.RelayFile, Encoding.UTF8.GetBytes(WithoutPeers(issuer["config/wire/relay.json"])));
        var pending = WireJson.Parse(Recording.PendingInvite);
        Assert.True(Timestamps.TryParse(pending.GetString("created_at"), out var made));
        var store = new InviteStore(home.Home, engine.Files);
        var mailbox = MailboxNumber(0);
        store.Write(new IssuedInvite
        {
            InviteId = new string('1', 32),
            Protocol = 1,
            PublicKey = Convert.ToHexStringLower(InviteProof.PublicKey(Convert.FromHexString(pending.GetString("nonce")!))),
            RelayUrl = mailbox.RelayUrl,
            SlotId = mailbox.SlotId,
            GrantId = new string('2', 32),
            Uses = 2,
            CreatedAt = made,
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds(pending.GetInt64("exp")!.Value),
        });

        Assert.Equal(new IntakeReport(2, 1, 0), await ReadAllAsync(engine, mailbox));
        var invite = Assert.Single(store.List());
        Assert.Equal(pending.GetInt64("uses_remaining"), invite.UsesLeft);
        Assert.Equal(pending.GetArray("accepted_by")!.Items.Select(static d => d.AsString()), invite.Accepted.Select(static a => a.Did));
        var peer = Assert.Single(engine.Trust.List());
        Assert.Equal(acceptor.Card.Json.ToCompactString(), peer.Card!.Json.ToCompactString());
        var answered = MailboxNumber(1);
        Assert.Equal(new PeerRoute(answered.RelayUrl, answered.SlotId, answered.SlotToken), engine.Mailboxes.FindRoute(peer.Handle));
        Assert.Equal([("pair_drop_ack", acceptor.Card.Did)], engine.Outbox.List().Select(static i => (i.Signed().Type!, i.To)));
        AssertMessages(engine, issuer, 2);
    }

    private static void AssertMessages(WireEngine engine, RecordedHome theirs, int count)
    {
        var kept = theirs.Lines("state/wire/inbox/").Where(static line => SignedEvent.FromJson(WireJson.Parse(line)).IsSealed).ToList();
        Assert.Equal(count, kept.Count);
        var messages = engine.History.Read(new HistoryQuery(), static error => throw error).ToList();
        Assert.Equal(kept.Select(static line => WireJson.Parse(line).GetString("event_id")), messages.Select(static m => m.Id));
        Assert.All(messages, static m => Assert.True(m is { IsSealed: true, Problem: null, Body: not null }));
        var written = engine.Files.List(engine.Home.InboxFolder).SelectMany(static f => File.ReadAllLines(f.Path));
        Assert.Equal(kept, written);
    }

    private static async Task<IntakeReport> ReadAllAsync(WireEngine engine, Mailbox mailbox)
    {
        await using var server = new TestServer(new Playback().Reply);
        var relay = new HttpRelay(server.Url, Clients, engine.Time);
        var report = IntakeReport.Nothing;
        var place = default(MailPlace);
        while (await relay.Mail.ReadAsync(mailbox, place, 100, TimeSpan.Zero, None) is { Items.Count: > 0 } page)
        {
            report = report.Plus((await engine.Intake.TakePageAsync(mailbox, place, page, None))!);
            place = page.Next;
        }

        return report;
    }

    private static void WriteFiles(WireEngine engine, RecordedHome theirs, string trust)
    {
        engine.Files.WritePrivate(engine.Home.PrivateKeyFile, theirs.Seed);
        engine.Files.WritePrivate(engine.Home.CardFile, theirs.Card.Utf8.Span);
        engine.Files.WritePrivate(engine.Home.TrustFile, Encoding.UTF8.GetBytes(trust));
        engine.Files.WritePrivate(engine.Home.RelayFile, Encoding.UTF8.GetBytes(theirs["config/wire/relay.json"]));
    }

    /// <summary>A trust store or an address book as it was before there was a peer.</summary>
    private static string WithoutPeers(string text)
    {
        var tree = JsonNode.Parse(text)!.AsObject();
        tree.Remove("peers");
        if (tree["agents"] is JsonObject agents)
        {
            foreach (var pinned in agents.Where(static a => a.Value!["card"] is not null).Select(static a => a.Key).ToList())
            {
                agents.Remove(pinned);
            }
        }

        return tree.ToJsonString();
    }

    /// <summary>The mailboxes as the relay made them: those of c, d, e and f, and the one that f has moved to.</summary>
    private static Mailbox MailboxNumber(int number)
    {
        var made = Recording.Exchanges.Where(static x => x.Target == "/v1/slot/allocate").Select(static x => WireJson.Parse(x.ResponseBody)).ToList();
        Assert.Equal(5, made.Count);
        return new Mailbox(RelayAddress, made[number].GetString("slot_id")!, made[number].GetString("slot_token")!);
    }

    private static Dictionary<string, AgentCard> CardsByDid() =>
        RecordedWire.CardsIn([.. Recording.Posted, .. Recording.Answered, .. Recording.Kept])
            .Select(static json => AgentCard.From(json).Verify().RequireSingleKey())
            .GroupBy(static card => card.Did)
            .ToDictionary(static g => g.Key, static g => Assert.Single(g.DistinctBy(static c => c.Json.ToCompactString())));

    private static RecordedHome HomeOf(string did) => new[] { "c", "d", "e", "f" }.Select(Recording.Home).Single(h => h.Card.Did == did);

    private static OwnIdentity Identity(RecordedHome home) => new(home.Card, SecretBytes.CopyOf(home.Seed));

    /// <summary>Answers as the recorded relay did, to those who show the same token.</summary>
    private sealed class Playback
    {
        private readonly List<RecordedExchange> _left = [.. Recording.Exchanges];

        public string Reply(ServerRequest request)
        {
            var isMail = request.Method == "GET" && request.Path.StartsWith("/v1/events/", StringComparison.Ordinal);
            var found = _left.Where(x => x.Method == request.Method && x.Authorization == request.Headers.GetValueOrDefault("Authorization"))
                .Where(x => isMail ? x.Target.Split('?') is [var path, var query] && path == request.Path && Since(query) == Since(request.Query) : x.Target == request.Target)
                .ToList();

            // The same place was asked for before something came and after: after is what counts.
            if ((isMail ? found.MaxBy(static x => x.ResponseBody.Length) : found.FirstOrDefault()) is not { } exchange)
            {
                return TestServer.Reply(404, "", "text/plain");
            }

            _left.Remove(exchange);
            return exchange.Reply;
        }

        private static string? Since(string query) => HttpUtility.ParseQueryString(query)["since"];
    }
}
