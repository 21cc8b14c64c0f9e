using System.Buffers.Binary;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Handshakes.TrustRequestTests;

namespace WirePS.Tests.Handshakes;

/// <summary>Trust requests as connections of their own (wireps.md §8): who reads along or in between, or floods, gains nothing.</summary>
public sealed class DirectTransportTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task A_home_asks_at_an_address_a_person_approves_and_both_hear_each_other()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two);
        var asked = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, null, "Directly.", None);
        await two.NextAsync();
        var request = Assert.Single(pair.Two.Engine.Requests.Pending());
        Assert.Equal((asked.Id, "Directly.", "127.0.0.1", one.Address, false), (request.Id, request.Justification, request.Source, request.Answer, request.IsAddressed));
        Assert.Equal(pair.One.Engine.Identity.Find()!.Did, request.Did);

        await pair.Two.Engine.Requests.ApproveAsync(request.Id, None);
        await pair.Two.TickAsync();
        await one.NextAsync();
        await pair.SettleAsync();
        await pair.SettleAsync();
        var (there, here) = (Assert.Single(pair.Two.Engine.Trust.List()), Assert.Single(pair.One.Engine.Trust.List()));
        Assert.Equal((TrustTier.Verified, "request", "person"), (there.Tier, there.KeySource, there.ApprovedBy));

        // Whoever sat at the address has this key: that is less than a key that was compared.
        Assert.Equal((TrustTier.OrgVerified, "address", "request", true), (here.Tier, here.KeySource, here.Ceremony, here.PeerAcked));
        Assert.Equal(two.Address.ToString(), here.Address);
        Assert.Empty(pair.One.Engine.Requests.Outgoing());
        Assert.Equal(2, pair.Relay.LiveGrants.Count);
        await AssertHearEachOtherAsync(pair);
    }

    [Fact]
    public async Task Nothing_on_a_connection_can_be_written_with_by_who_reads_along()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two);
        await ReachTrustAsync(pair, one, two);
        List<string> tokens =
        [
            pair.One.Engine.Mailboxes.FindRoute("two")!.SlotToken, pair.Two.Engine.Mailboxes.FindRoute("one")!.SlotToken,
            .. pair.One.Engine.Mailboxes.List().Concat(pair.Two.Engine.Mailboxes.List()).Select(static m => m.SlotToken),
        ];
        Assert.Equal(4, tokens.Distinct().Count());
        foreach (var arrival in one.Arrivals.Concat(two.Arrivals))
        {
            var text = Encoding.UTF8.GetString(arrival.Bytes);
            Assert.DoesNotContain(tokens, token => text.Contains(token, StringComparison.OrdinalIgnoreCase));
            Assert.DoesNotContain("slot_", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_fingerprint_that_was_told_is_the_only_one_that_answers()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two);
        var wrong = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, Fingerprint.Display(Ed25519.PublicKey(Machine.Bytes(7))), null, None);
        await two.NextAsync();
        await pair.Two.Engine.Requests.ApproveAsync(wrong.Id, None);
        await pair.Two.TickAsync();
        await one.NextAsync();
        Assert.Empty(pair.One.Engine.Trust.List());
        Assert.Equal(OutgoingStatus.Waiting, Assert.Single(pair.One.Engine.Requests.Outgoing()).Status);

        var right = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, pair.Two.Engine.Identity.Find()!.Fingerprint, null, None);
        await two.NextAsync();
        await pair.Two.TickAsync();
        await one.NextAsync();
        var peer = Assert.Single(pair.One.Engine.Trust.List());
        Assert.Equal((TrustTier.Verified, "fingerprint"), (peer.Tier, peer.KeySource));
        Assert.NotEqual(wrong.Id, right.Id);
    }

    [Fact]
    public async Task A_refusal_comes_as_a_connection_and_so_does_a_revocation()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two);
        var asked = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, null, null, None);
        await two.NextAsync();
        await pair.Two.Engine.Requests.DenyAsync(asked.Id, "Not you.", None);
        await pair.Two.TickAsync();
        await one.NextAsync();
        var ended = Assert.Single(pair.One.Engine.Requests.Outgoing());
        Assert.Equal((OutgoingStatus.Rejected, "Not you."), (ended.Status, ended.Reason));

        await ReachTrustAsync(pair, one, two);
        await pair.One.Engine.PeerRevocation.RevokeAsync(Assert.Single(pair.One.Engine.Trust.List()), "Lost.", None);
        await pair.One.TickAsync();
        await two.NextAsync();
        var gone = Assert.Single(pair.Two.Engine.Trust.List());
        Assert.Equal((false, "Lost."), (gone.IsTrusted, gone.RevokedReason));
    }

    [Fact]
    public async Task Where_no_connection_leads_back_the_answer_is_left_with_the_handle()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two);
        var asked = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, null, null, None);
        await two.NextAsync();
        Assert.Null(Assert.Single(pair.Two.Engine.Requests.Pending()).Answer);
        await pair.Two.Engine.Requests.ApproveAsync(asked.Id, None);
        for (var i = 0; i < 3; i++)
        {
            await pair.SettleAsync();
        }

        Assert.Equal("address", Assert.Single(pair.One.Engine.Trust.List()).KeySource);
        await AssertHearEachOtherAsync(pair);
    }

    [Fact]
    public async Task A_connection_that_fails_leaves_no_request_behind()
    {
        using var pair = await StrangersAsync();
        DirectAddress gone;
        await using (var two = new Door(pair.Two))
        {
            gone = two.Address;
        }

        Assert.Equal(WireReason.PeerUnreachable, (await Assert.ThrowsAsync<WireException>(() => pair.One.Engine.Requests.AskAtAsync(gone, null, null, null, null, None))).Reason);
        Assert.Empty(pair.One.Engine.Requests.Outgoing());
    }

    [Fact]
    public async Task Two_requests_to_an_address_never_meet()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two);
        await pair.One.Engine.Requests.AskAtAsync(two.Address, pair.Two.Engine.Identity.Find()!.Card, "directory", null, null, None);
        await two.NextAsync();

        // The one that names no key says nothing of whom it was meant for: somebody may have handed it on.
        await pair.Two.Engine.Requests.AskAtAsync(one.Address, null, null, null, null, None);
        await one.NextAsync();
        Assert.Empty(pair.One.Engine.Trust.List());
        Assert.Single(pair.One.Engine.Requests.Pending());
    }

    [Fact]
    public async Task Two_that_asked_the_key_of_each_other_trust_each_other()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two);
        await pair.One.Engine.Requests.AskAtAsync(two.Address, pair.Two.Engine.Identity.Find()!.Card, "directory", null, null, None);
        await two.NextAsync();
        await pair.Two.Engine.Requests.AskAtAsync(one.Address, pair.One.Engine.Identity.Find()!.Card, "directory", null, null, None);
        await one.NextAsync();
        Assert.Equal("directory", Assert.Single(pair.One.Engine.Trust.List()).KeySource);
        await pair.One.TickAsync();
        await two.NextAsync();
        await pair.SettleAsync();
        Assert.True(Assert.Single(pair.Two.Engine.Trust.List()).IsTrusted);
    }

    [Fact]
    public async Task The_answer_goes_to_where_the_request_came_from_and_to_nobody_that_it_names()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two, address: IPAddress.Any);
        var stranger = new Stranger(Machine.Bytes(60), "stranger");
        await two.SendAsync(Direct(stranger, pair, 1, message => message with { Ours = With(message.Ours, "v2_answer", "25") }), IPAddress.Parse("127.0.0.9"));
        var request = Assert.Single(pair.Two.Engine.Requests.Pending());
        Assert.Equal(("127.0.0.9", new DirectAddress("127.0.0.9", 25)), (request.Source, request.Answer));
        foreach (var hostile in (string[])["0", "65536", "-1", "10.0.0.1:25", "example.org:25", "", " 25"])
        {
            var other = new Stranger(Machine.Bytes((byte)(61 + hostile.Length)), "other");
            await two.SendAsync(Direct(other, pair, 2, message => message with { Ours = With(message.Ours, "v2_answer", hostile) }));
            Assert.Null(pair.Two.Engine.Requests.Pending()[^1].Answer);
        }

        // Before somebody has decided, nothing goes out.
        Assert.Equal(0, pair.Two.Engine.Outbox.Count());
    }

    [Fact]
    public async Task Every_type_needs_the_signature_of_the_key_that_it_is_about()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two);
        await ReachTrustAsync(pair, one, two);
        var stranger = new Stranger(Machine.Bytes(50), "one");
        var own = pair.One.Engine.Identity.Find()!.Card;
        foreach (var type in Enum.GetValues<TrustMessageType>().Where(static t => t != TrustMessageType.Request))
        {
            var honest = HandshakeMessage.TryParse(Direct(stranger, pair, 1, type: type, request: new string('a', 64)))!;
            foreach (var hostile in (HandshakeMessage[])[honest, honest with { PublicKey = StrictBase64.Encode(own.PublicKey), NodeId = NodeId.Of(own.PublicKey) }, honest with { Ours = With(honest.Ours, "v2_card", own.JsonText) }, honest with { Ours = new Dictionary<string, string>() }, honest with { PublicKey = "", Signature = "", Ours = new Dictionary<string, string>() }])
            {
                await two.SendAsync(hostile.ToBytes());
            }
        }

        Assert.True(Assert.Single(pair.Two.Engine.Trust.List()).IsTrusted);
        Assert.Empty(pair.Two.Engine.Requests.Pending());
    }

    [Fact]
    public async Task Nothing_in_a_message_on_a_connection_can_be_changed()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two, Generous);
        var stranger = new Stranger(Machine.Bytes(51), "stranger");
        var good = JsonNode.Parse(Direct(stranger, pair, 3))!.AsObject();
        foreach (var name in good.Select(static m => m.Key).Where(static n => n is not ("signature" or "reason" or "v2_answer")).ToList())
        {
            var changed = good.DeepClone().AsObject();
            changed[name] = changed[name]!.GetValueKind() == System.Text.Json.JsonValueKind.Number ? (changed[name]!.GetValue<long>() - 1) : name == "type" ? HandshakeMessage.RevokeType : changed[name]!.GetValue<string>() + "A";
            await two.SendAsync(Encoding.UTF8.GetBytes(changed.ToJsonString()));
            changed.Remove(name);
            await two.SendAsync(Encoding.UTF8.GetBytes(changed.ToJsonString()));
        }

        Assert.Empty(pair.Two.Engine.Requests.Pending());
        await two.SendAsync(Encoding.UTF8.GetBytes(good.ToJsonString()));
        Assert.Single(pair.Two.Engine.Requests.Pending());
    }

    [Theory]
    [InlineData(300, true)]
    [InlineData(301, false)]
    [InlineData(-30, true)]
    [InlineData(-31, false)]
    public async Task A_message_is_good_for_five_minutes(int age, bool holds)
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two);
        var bytes = Direct(new Stranger(Machine.Bytes(52), "stranger"), pair, 1);
        pair.Time.Advance(TimeSpan.FromSeconds(age));
        await two.SendAsync(bytes);
        Assert.Equal(holds ? 1 : 0, pair.Two.Engine.Requests.Pending().Count);
    }

    [Fact]
    public async Task What_was_decided_does_not_come_back_when_somebody_repeats_it()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two);
        var bytes = Direct(new Stranger(Machine.Bytes(53), "stranger"), pair, 1);
        await two.SendAsync(bytes);
        await two.SendAsync(bytes);
        await pair.Two.Engine.Requests.DenyAsync(Assert.Single(pair.Two.Engine.Requests.Pending()).Id, null, None);
        await two.SendAsync(bytes);
        Assert.Empty(pair.Two.Engine.Requests.Pending());
    }

    [Fact]
    public async Task Copies_of_a_request_that_come_together_are_answered_once()
    {
        using var pair = await StrangersAsync();
        var known = new Stranger(Machine.Bytes(58), "known");
        await pair.Two.Engine.Trust.PinAsync(new PinRequest(known.Card, TrustTier.Verified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, None);
        var before = pair.Two.Engine.Outbox.Count();
        var copy = new DirectArrival(Direct(known, pair, 1), "127.0.0.1");
        Assert.Equal(1, await pair.Two.Engine.DirectIntake.TakeAsync([copy, copy, copy], None));
        Assert.Equal(before + 1, pair.Two.Engine.Outbox.Count());
    }

    [Fact]
    public async Task A_source_that_takes_no_answers_gets_no_more_of_them_and_another_one_does()
    {
        using var pair = await StrangersAsync();
        for (var i = 0; i < TrustRequestTaker.MostAnswersToOneSource + 2; i++)
        {
            await AskAsKnownAsync(i, "127.0.0.1");
        }

        Assert.Equal(TrustRequestTaker.MostAnswersToOneSource, pair.Two.Engine.Outbox.List().Count(static o => o.Direct?.Host == "127.0.0.1"));
        Assert.Equal(2, pair.Two.Engine.Requests.Pending().Count);
        await AskAsKnownAsync(100, "127.0.0.2");
        Assert.Equal(2, pair.Two.Engine.Requests.Pending().Count);
        Assert.Single(pair.Two.Engine.Outbox.List(), static o => o.Direct?.Host == "127.0.0.2");

        async Task AskAsKnownAsync(int number, string source)
        {
            var known = new Stranger(Machine.Bytes((byte)(100 + number)), $"known{number}");
            await pair.Two.Engine.Trust.PinAsync(new PinRequest(known.Card, TrustTier.Verified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, None);
            Assert.Equal(1, await pair.Two.Engine.DirectIntake.TakeAsync([new DirectArrival(Direct(known, pair, number, answerPort: 9), source)], None));
        }
    }

    [Fact]
    public async Task A_message_may_come_in_pieces_and_a_hostile_one_is_no_trouble()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two, Generous);
        var bytes = Direct(new Stranger(Machine.Bytes(54), "stranger"), pair, 1);
        byte[][] hostile =
        [
            [], "{"u8.ToArray(), "null"u8.ToArray(), "[]"u8.ToArray(), "17"u8.ToArray(), "}"u8.ToArray(), "\"text\""u8.ToArray(), [0xEF, 0xBB, 0xBF, .. bytes], [.. bytes, .. bytes], [.. bytes, (byte)'x'],
            Encoding.UTF8.GetBytes(new string('[', 60_000)), Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 30_000)), Encoding.UTF8.GetBytes("{\"a\":\"" + new string('a', HandshakeMessage.MaxBytes) + "\"}"),
            Encoding.UTF8.GetBytes(new string(' ', HandshakeMessage.MaxBytes + 1)), [.. Enumerable.Range(0, 65_536).Select(static i => (byte)(i * 31))], "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
        ];
        foreach (var message in hostile)
        {
            await two.SendAsync(message);
        }

        Assert.Empty(pair.Two.Engine.Requests.Pending());

        // Whole without a close: the last byte is enough.
        await two.SendAsync([.. bytes.Chunk(97)], isHeldOpen: true);
        Assert.Single(pair.Two.Engine.Requests.Pending());
    }

    [Fact]
    public async Task The_older_signature_counts_only_where_policy_allows_it_and_is_shown_as_weak()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two);
        await using var answers = new Door(pair.One);
        var seed = Machine.Bytes(55);
        var bytes = Older(seed, 77, pair);
        await two.SendAsync(bytes);
        Assert.Empty(pair.Two.Engine.Requests.Pending());

        await pair.Two.Engine.TrustPolicies.SetAsync(new TrustPolicy { AllowOlderSignature = true, AutoApprove = true }, None);
        await two.SendAsync(bytes);
        var request = Assert.Single(pair.Two.Engine.Requests.Pending());
        Assert.Equal((true, 77u, "node-77", DirectAddress.DefaultPort), (request.IsWeak, request.NodeId, request.Handle, request.Answer!.Port));

        // Nobody's word but its own stands for the key: not even a policy that lets everybody in.
        Assert.Empty(pair.Two.Engine.Trust.List());
        var peer = await pair.Two.Engine.Requests.ApproveAsync(request.Id, None);
        Assert.Equal((TrustTier.OrgVerified, "handshake", "older_signature"), (peer.Tier, peer.Ceremony, peer.KeySource));
        await two.SendAsync(bytes);
        Assert.Empty(pair.Two.Engine.Requests.Pending());

        // A key that has shown our signature is not held by the older one.
        var stranger = new Stranger(Machine.Bytes(56), "newer");
        await pair.Two.Engine.Trust.PinAsync(new PinRequest(stranger.Card, TrustTier.Verified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, None);
        await two.SendAsync(Older(Machine.Bytes(56), NodeId.Of(stranger.Card.PublicKey), pair, HandshakeMessage.RevokeType));
        Assert.True(pair.Two.Engine.Trust.FindKey(stranger.Card.PublicKey)!.IsTrusted);
    }

    [Theory]
    [InlineData("xyz")]
    [InlineData("0000 0000")]
    [InlineData("")]
    public async Task What_is_no_fingerprint_is_refused_before_anybody_is_asked(string fingerprint)
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two);
        Assert.Equal(WireReason.InvalidFingerprint, (await Assert.ThrowsAsync<WireException>(() => pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, fingerprint, null, None))).Reason);
        Assert.Empty(pair.One.Engine.Requests.Outgoing());
    }

    [Fact]
    public async Task A_request_waits_once_however_its_fingerprint_is_written_and_is_sent_anew_where_that_is_wanted()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two);
        var fingerprint = pair.Two.Engine.Identity.Find()!.Fingerprint;
        var asked = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, fingerprint, null, None);
        var same = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, fingerprint.Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant(), null, None);
        var anew = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, fingerprint, null, None, isAnew: true);
        Assert.Equal(asked.Id, same.Id);
        Assert.NotEqual(asked.Id, anew.Id);
    }

    [Fact]
    public async Task Only_so_many_connections_are_open_in_all_and_of_one_source()
    {
        using var pair = await StrangersAsync();
        await using var two = new Door(pair.Two, new ListenerLimits { Connections = 6, OfOneSource = 2, Burst = 1000 }, IPAddress.Any);
        var silent = new List<System.Net.Sockets.Socket>();
        for (var i = 0; i < 60; i++)
        {
            var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)(i % 20)]), 0));
            silent.Add(socket);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, two.Address.Port);
            }
            catch (System.Net.Sockets.SocketException error) when (error.SocketErrorCode == System.Net.Sockets.SocketError.ConnectionReset)
            {
                // turned away at once
            }

            Assert.True(two.Listener.OpenConnections <= 6);
        }

        // Those who only hold the door open make room for one that has something to say.
        await two.SendAsync(Direct(new Stranger(Machine.Bytes(57), "stranger"), pair, 1));
        Assert.Single(pair.Two.Engine.Requests.Pending());
        silent.ForEach(static s => s.Dispose());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ten_thousand_hostile_connections_displace_no_honest_one(bool isOneSource)
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        await using var two = new Door(pair.Two, address: IPAddress.Any);
        var asked = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, null, "before", None);
        await two.NextAsync();
        await pair.AskAsync("over the relay");
        await pair.SettleAsync();

        // Made by few, sent by many: what is bounded does not depend on whose keys these are.
        var rates = new SourceRates(16, TimeSpan.FromSeconds(2), TimeProvider.System);
        var seed = new byte[32];
        var messages = Enumerable.Range(0, 512).Select(i =>
        {
            BinaryPrimitives.WriteInt32BigEndian(seed, i + 1);
            return Direct(new Stranger(seed, "flood"), pair, i);
        }).ToList();
        var let = 0;
        var batch = new List<DirectArrival>();
        for (var i = 0; i < 10_000; i++)
        {
            var source = isOneSource ? IPAddress.Parse("127.9.9.9") : new IPAddress([127, 1, (byte)(i >> 8), (byte)i]);
            if (i < 600)
            {
                // Through the door itself, and those after it straight to where its line ends.
                await two.SendAsync(messages[i % messages.Count], source);
            }

            if (rates.TryTake(HandshakeListener.SourceOf(source)))
            {
                let++;
                batch.Add(new DirectArrival(messages[i % messages.Count], source.ToString()));
            }

            if (batch.Count == 256)
            {
                await pair.Two.Engine.DirectIntake.TakeAsync(batch, None);
                batch.Clear();
            }
        }

        await pair.Two.Engine.DirectIntake.TakeAsync(batch, None);
        Assert.True(isOneSource ? let < 1000 : let == 10_000);
        Assert.True(rates.Count <= SourceRates.MostSources);
        Assert.True(two.Listener.RememberedSources <= SourceRates.MostSources);

        var late = new Stranger(Machine.Bytes(98), "late");
        await two.SendAsync(Direct(late, pair, 1));
        var known = new Stranger(Machine.Bytes(97), "known");
        await pair.Two.Engine.TrustPolicies.AddAsync(new TrustedAgent { Name = "known", Key = known.Card.PublicKey, Did = "did:wire:another" }, None);
        await two.SendAsync(Direct(known, pair, 1));
        var pending = pair.Two.Engine.Requests.Pending();
        Assert.True(pending.Count <= HandshakeState.MostOfStrangers + HandshakeState.MostOfKnown);
        Assert.All(pending.GroupBy(static p => p.Source).Where(static g => g.Key is not null), static g => Assert.True(g.Count() <= HandshakeState.MostOfOneSource + 1));
        Assert.True(new FileInfo(pair.Two.Home.HandshakeFile).Length < 2 * 1024 * 1024);
        Assert.Single(pending, p => p.Did == late.Card.Did);
        Assert.Single(pending, p => p.Did == known.Card.Did && p.IsOfKnownKey);
        Assert.Equal(2, pending.Count(p => p.Did == pair.One.Engine.Identity.Find()!.Did));
        Assert.Equal(0, pair.Two.Engine.Outbox.Count());

        await pair.Two.Engine.Requests.ApproveAsync(asked.Id, None);
        await pair.Two.TickAsync();
        await one.NextAsync();
        Assert.Equal(pair.Two.Engine.Identity.Find()!.Did, Assert.Single(pair.One.Engine.Trust.List()).Did);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_message_that_cannot_be_taken_costs_none_of_those_that_came_with_it(bool isAutoApproved)
    {
        using var pair = await StrangersAsync();
        await pair.Two.Engine.TrustPolicies.SetAsync(new TrustPolicy { AutoApprove = isAutoApproved }, None);
        var deep = WireJson.EmptyObject;
        for (var i = 0; i < 100; i++)
        {
            deep = WireJson.ArrayOf((WireJson[])[deep]);
        }

        // Neither the trust store nor what waits for a person can hold such a card; one with such a key can be told nothing.
        var honest = new Stranger(Machine.Bytes(70), "honest");
        var batch = new List<DirectArrival>();
        foreach (var (name, value) in ((string, WireJson)[])[("deep", deep), ("dh_pubkey", WireJson.From(StrictBase64.Encode(new byte[32])))])
        {
            var seed = Machine.Bytes((byte)(71 + batch.Count));
            var card = AgentCard.From(AgentCard.Sign(seed, AgentCard.Create(seed, "hostile").Json.With(name, value), publishDhKey: false));
            using var own = new OwnIdentity(card, SecretBytes.CopyOf(seed));
            var asked = TrustMessage.Create(TrustMessageType.Request, card, pair.Two.Engine.Identity.Find()!.Card, null, "hostile", pair.Time.GetUtcNow(), new PinnedRandom(batch.Count));
            batch.Add(new DirectArrival(DirectMessage.Write(asked, own, null, null, null).ToBytes(), "127.0.0.9"));
        }

        batch.Add(new DirectArrival(Direct(honest, pair, 1), "127.0.0.8"));
        Assert.Equal(1, await pair.Two.Engine.DirectIntake.TakeAsync(batch, None));
        Assert.Equal(isAutoApproved ? [honest.Card.Did] : [], pair.Two.Engine.Trust.List().Select(static p => p.Did));
        Assert.Equal(isAutoApproved ? [] : [honest.Card.Did], pair.Two.Engine.Requests.Pending().Select(static p => p.Did));
    }

    [Fact]
    public async Task An_answer_that_fails_halfway_is_told_and_costs_none_of_those_that_came_with_it()
    {
        using var pair = await StrangersAsync();
        await using var one = new Door(pair.One);
        var seed = Machine.Bytes(76);
        var first = AgentCard.Create(seed, "hostile");

        // Pinned before such keys were refused, and newer than the card that it answers with: that one does not take its place.
        var pinned = AgentCard.From(AgentCard.Sign(seed, CardChain.Next(seed, first, static c => c).Json.With("dh_pubkey", StrictBase64.Encode(new byte[32])), publishDhKey: false));
        await pair.Two.Engine.Trust.PinAsync(new PinRequest(pinned, TrustTier.Verified, "manual", "person", "file", null, null), static (_, _) => Task.CompletedTask, None);
        var asked = await pair.Two.Engine.Requests.AskAtAsync(one.Address, null, null, null, null, None);
        await one.NextAsync();
        var two = pair.Two.Engine.Identity.Find()!.Card;
        using var own = new OwnIdentity(first, SecretBytes.CopyOf(seed));
        var address = WireJson.ObjectOf(("request", WireJson.From(asked.Id)), ("relay_url", WireJson.From(pair.Relay.Url)), ("slot_id", WireJson.From(Machine.Slot)), ("slot_token", WireJson.From(Machine.Token)));
        var accept = TrustMessage.Create(TrustMessageType.Accept, first, two, asked.Id, "", pair.Time.GetUtcNow(), new PinnedRandom(1));
        var bytes = DirectMessage.Write(accept, own, null, own.SealBody(address, two.Did, two.DhPublicKey!, new PinnedRandom(2)).GetString("ct"), null).ToBytes();
        var honest = new Stranger(Machine.Bytes(77), "honest");
        var failures = new List<Exception>();
        await pair.Two.Engine.DirectIntake.TakeAsync([new DirectArrival(bytes, "127.0.0.9"), new DirectArrival(Direct(honest, pair, 1), "127.0.0.8")], None, failures.Add);
        Assert.Equal(WireReason.InvalidCard, Assert.IsType<WireException>(Assert.Single(failures)).Reason);
        Assert.Equal(honest.Card.Did, Assert.Single(pair.Two.Engine.Requests.Pending()).Did);
    }

    [Fact]
    public async Task An_answer_that_cannot_be_made_is_given_up_at_once_and_holds_up_nothing()
    {
        using var pair = await StrangersAsync();
        var seed = Machine.Bytes(75);
        var card = AgentCard.From(AgentCard.Sign(seed, AgentCard.Create(seed, "hostile").Json.With("dh_pubkey", StrictBase64.Encode(new byte[32])), publishDhKey: false));
        var mailbox = Assert.Single(pair.Two.Engine.Mailboxes.List());
        var grant = new OutboxGrant(mailbox.RelayUrl, mailbox.SlotId, Machine.Grant, Machine.Token);
        var direct = new OutboxDirect("127.0.0.1", 9, "accept", new string('a', 32), "", card.JsonText, null);
        pair.Two.Engine.Post.Directly(card.Did, direct, null, null, EventTypes.PairDrop, WireJson.EmptyObject, grant);
        Assert.Equal(DeliveryStatus.Stale, Assert.Single(await pair.Two.Engine.Sender.RunAsync(static _ => true, static e => throw e, None)).Status);
        Assert.Equal(0, pair.Two.Engine.Outbox.Count());
    }

    [Fact]
    public void Who_has_a_network_of_its_own_is_one_source()
    {
        Assert.Equal(HandshakeListener.SourceOf(IPAddress.Parse("2001:db8:1:2::1")), HandshakeListener.SourceOf(IPAddress.Parse("2001:db8:1:2:ffff::9")));
        Assert.NotEqual(HandshakeListener.SourceOf(IPAddress.Parse("2001:db8:1:2::1")), HandshakeListener.SourceOf(IPAddress.Parse("2001:db8:1:3::1")));
        Assert.Equal("10.1.2.3", HandshakeListener.SourceOf(IPAddress.Parse("::ffff:10.1.2.3")));
    }

    [Fact]
    public void A_source_that_rests_may_come_again()
    {
        var time = new FakeTime();
        var rates = new SourceRates(2, TimeSpan.FromSeconds(10), time);
        Assert.True(rates.TryTake("a") && rates.TryTake("a") && !rates.TryTake("a") && rates.TryTake("b"));
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(rates.TryTake("a"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(rates.TryTake("a") && !rates.TryTake("a"));
    }

    [Theory]
    [InlineData("build.example.org", "build.example.org:444")]
    [InlineData("Build.Example.org:8444", "build.example.org:8444")]
    [InlineData("10.0.0.1:1", "10.0.0.1:1")]
    [InlineData("[2001:db8::1]:8444", "[2001:db8::1]:8444")]
    [InlineData("[::1]", "[::1]:444")]
    [InlineData("host:0", null)]
    [InlineData("host:65536", null)]
    [InlineData("host:", null)]
    [InlineData("::1", null)]
    [InlineData("[::1", null)]
    [InlineData("[10.0.0.1]:4", null)]
    [InlineData("http://host:80", null)]
    [InlineData("host:80/path", null)]
    [InlineData("a b:80", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Addresses_are_read_as_people_write_them(string? text, string? expected) => Assert.Equal(expected, DirectAddress.TryParse(text)?.ToString());

    [Fact]
    public void A_port_that_is_taken_is_told_as_such()
    {
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        Assert.Equal(WireReason.PortInUse, Assert.Throws<WireException>(() => HandshakeListener.Probe((IPEndPoint)taken.LocalEndpoint)).Reason);
    }

    private static ListenerLimits Generous => new() { Burst = 1000 };

    private static async Task ReachTrustAsync(Strangers pair, Door one, Door two)
    {
        var asked = await pair.One.Engine.Requests.AskAtAsync(two.Address, null, null, null, null, None);
        await two.NextAsync();
        await pair.Two.Engine.Requests.ApproveAsync(asked.Id, None);
        await pair.Two.TickAsync();
        await one.NextAsync();
        await pair.SettleAsync();
        await pair.SettleAsync();
        Assert.True(Assert.Single(pair.One.Engine.Trust.List()).IsTrusted);
    }

    private static byte[] Direct(Stranger stranger, Strangers pair, int number, Func<HandshakeMessage, HandshakeMessage>? change = null, TrustMessageType type = TrustMessageType.Request, string? request = null, int? answerPort = null)
    {
        var message = stranger.Direct(type, pair.Two, request, pair.Relay, number, answerPort);
        return (change is null ? message : change(message)).ToBytes();
    }

    private static byte[] Older(byte[] seed, uint node, Strangers pair, string type = HandshakeMessage.RequestType) => new HandshakeMessage
    {
        Type = type,
        NodeId = node,
        PublicKey = StrictBase64.Encode(Ed25519.PublicKey(seed)),
        Signature = StrictBase64.Encode(Ed25519.Sign(seed, HandshakeMessage.SignedText(node, NodeId.Of(pair.Two.Engine.Identity.Find()!.Card.PublicKey)))),
        Timestamp = pair.Time.GetUtcNow().ToUnixTimeSeconds(),
    }.ToBytes();

    private static Dictionary<string, string> With(IReadOnlyDictionary<string, string> members, string name, string value) => new(members, StringComparer.Ordinal) { [name] = value };
}
