using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Support.Mail;

namespace WirePS.Tests.Messaging;

/// <summary>Sending, taking, and reading what was sent and taken.</summary>
public sealed class MessengerTests
{
    [Fact]
    public async Task A_message_is_delivered_at_once_and_stands_in_the_history_of_both()
    {
        using var couple = await PairedAsync();
        var delivery = await SendAsync(couple.Host, "hello");
        Assert.Equal(DeliveryStatus.Delivered, delivery.Status);
        Assert.Equal("hello", delivery.ToMessage().Body!.AsString());
        Assert.Equal(0, couple.Host.Engine.Outbox.Count());
        await couple.Guest.TickAsync();

        var sent = Assert.Single(couple.Host.Engine.History.Read(new HistoryQuery(), static e => throw e));
        var received = Assert.Single(couple.Guest.Engine.History.Read(new HistoryQuery(), static e => throw e));
        Assert.Equal((MessageDirection.Sent, DeliveryStatus.Delivered, true), (sent.Direction, sent.Status, sent.IsSealed));
        Assert.Equal((MessageDirection.Received, null, true), (received.Direction, received.Status, received.IsSealed));
        Assert.Equal(("hello", "hello", sent.Id), (sent.Body!.AsString(), received.Body!.AsString(), received.Id));
        Assert.Equal((MessageWish.DefaultType, EventKinds.Message), (received.Type, received.Kind));
    }

    [Fact]
    public async Task What_a_relay_in_trouble_holds_up_goes_first_when_it_is_back()
    {
        using var couple = await PairedAsync();
        couple.Relay.Weather = static _ => new RelayFault.DropBefore();
        var first = await SendAsync(couple.Host, "first");
        Assert.Equal((DeliveryStatus.Queued, WireReason.RelayUnreachable), (first.Status, first.Trouble!.Reason));
        Assert.Equal(DeliveryStatus.Queued, (await SendAsync(couple.Host, "second")).Status);
        var waiting = couple.Host.Engine.History.Read(new HistoryQuery(), static e => throw e).ToList();
        Assert.All(waiting, static m => Assert.Equal((DeliveryStatus.Queued, true), (m.Status, m.Trouble is not null)));

        couple.Relay.Weather = null;
        Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(couple.Host, "third")).Status);
        await couple.Guest.TickAsync();
        Assert.Equal(["first", "second", "third"], Received(couple.Guest));
        Assert.Equal(0, couple.Host.Engine.Outbox.Count());
    }

    [Fact]
    public async Task A_message_that_is_only_queued_asks_the_relay_nothing()
    {
        using var couple = await PairedAsync();
        couple.Relay.Calls.Clear();
        Assert.Equal(DeliveryStatus.Queued, (await SendAsync(couple.Host, "later", onlyQueue: true)).Status);
        Assert.Empty(couple.Relay.Calls);
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        Assert.Equal(["later"], Received(couple.Guest));
    }

    [Fact]
    public async Task A_message_that_is_being_sent_is_left_alone_by_others_until_the_claim_is_over()
    {
        using var couple = await PairedAsync();
        var item = couple.Host.Engine.Post.MakeMessage(PeerOf(couple.Host), "note", EventKinds.Message, WireJson.From("mine"));
        couple.Host.Engine.Outbox.Add(item with { ClaimedUntil = couple.Time.GetUtcNow() + OutboxSender.Claim });
        Assert.Empty((await couple.Host.TickAsync()).Mail.Deliveries);
        couple.Time.Advance(OutboxSender.Claim);
        Assert.Equal(DeliveryStatus.Delivered, Assert.Single((await couple.Host.TickAsync()).Mail.Deliveries).Status);
    }

    [Fact]
    public async Task A_sender_that_is_stopped_leaves_the_message_to_whoever_comes_next()
    {
        using var couple = await PairedAsync();
        using var stop = new CancellationTokenSource();
        couple.Relay.Weather = call =>
        {
            stop.Cancel();
            return new RelayFault.Hang(Task.Delay(Timeout.Infinite, CancellationToken.None));
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => couple.Host.Engine.Messenger.SendAsync(PeerOf(couple.Host), new MessageWish(WireJson.From("kept")), stop.Token));
        couple.Relay.Weather = null;
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        Assert.Equal(["kept"], Received(couple.Guest));
    }

    [Fact]
    public async Task A_peer_without_address_and_one_that_no_longer_takes_messages_are_told_apart()
    {
        using var couple = await PairedAsync();
        await couple.Guest.Engine.Peers.RemoveAsync(PeerOf(couple.Guest).Did, CancellationToken.None);
        await couple.Guest.TickAsync();
        Assert.Equal(DeliveryStatus.Stale, (await SendAsync(couple.Host, "to nobody")).Status);
        await couple.Host.Engine.Mailboxes.RemoveRouteAsync(PeerOf(couple.Host).Handle, CancellationToken.None);
        Assert.Equal(DeliveryStatus.NoRoute, (await SendAsync(couple.Host, "to nowhere")).Status);
        Assert.Equal(0, couple.Host.Engine.Outbox.Count());
        Assert.Equal([DeliveryStatus.Stale, DeliveryStatus.NoRoute], couple.Host.Engine.History.Read(new HistoryQuery(), static e => throw e).Select(static m => m.Status!.Value));
    }

    [Theory]
    [InlineData("1.5", "message", 1u)]
    [InlineData("[{\"a\":1e2}]", "message", 1u)]
    [InlineData("1", "trust_revoked", 1u)]
    [InlineData("1", "", 1u)]
    [InlineData("1", "a\nb", 1u)]
    [InlineData("1", "message", 1100u)]
    [InlineData("1", "message", 2u)]
    public async Task What_cannot_be_a_message_is_refused_before_it_is_written_down(string body, string type, uint kind)
    {
        using var couple = await PairedAsync();
        var wish = new MessageWish(WireJson.Parse(body)) { Type = type, Kind = kind };
        var error = await Assert.ThrowsAsync<WireException>(() => couple.Host.Engine.Messenger.SendAsync(PeerOf(couple.Host), wish, CancellationToken.None));
        Assert.Equal(WireReason.InvalidMessage, error.Reason);
        Assert.Equal(0, couple.Host.Engine.Outbox.Count());
    }

    [Fact]
    public async Task A_body_of_the_largest_size_is_sent_and_one_byte_more_is_not()
    {
        using var couple = await PairedAsync();
        var largest = new string('x', EventPost.MaxBodyBytes - 2);
        Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(couple.Host, largest)).Status);
        Assert.Equal(WireReason.MessageTooLarge, (await Assert.ThrowsAsync<WireException>(() => SendAsync(couple.Host, largest + "x"))).Reason);
        await couple.Guest.TickAsync();
        Assert.Equal([largest], Received(couple.Guest));
    }

    [Fact]
    public async Task Every_consumer_gets_every_message_once_whoever_reads_it()
    {
        using var couple = await PairedAsync();
        await SendAsync(couple.Host, "one");
        await SendAsync(couple.Host, "two");
        await couple.Guest.TickAsync();
        Assert.Equal(["one"], await TakeAsync(couple.Guest, most: 1));
        couple.Guest.Restart();
        Assert.Equal(["two"], await TakeAsync(couple.Guest));
        Assert.Empty(await TakeAsync(couple.Guest));
        Assert.Equal(["one", "two"], await TakeAsync(couple.Guest, "other"));
        await SendAsync(couple.Host, "three");
        await couple.Guest.TickAsync();
        Assert.Equal(["three"], await TakeAsync(couple.Guest));
        Assert.Equal(["three"], await TakeAsync(couple.Guest, "other"));
    }

    [Fact]
    public async Task What_was_not_committed_comes_again()
    {
        using var couple = await PairedAsync();
        await SendAsync(couple.Host, "one");
        await couple.Guest.TickAsync();
        using (var turn = couple.Guest.Engine.OpenConsumer("default"))
        {
            Assert.Single(turn.Pending());
        }

        Assert.Equal(["one"], await TakeAsync(couple.Guest));
    }

    [Fact]
    public async Task A_consumer_reads_for_one_at_a_time()
    {
        using var couple = await PairedAsync();
        using (couple.Guest.Engine.OpenConsumer("default"))
        {
            Assert.Equal(WireReason.ConsumerBusy, Assert.Throws<WireException>(() => couple.Guest.Engine.OpenConsumer("default")).Reason);
            couple.Guest.Engine.OpenConsumer("other").Dispose();
        }

        couple.Guest.Engine.OpenConsumer("default").Dispose();
        Assert.Equal(WireReason.InvalidConsumer, Assert.Throws<WireException>(() => couple.Guest.Engine.OpenConsumer("../x")).Reason);
    }

    [Fact]
    public async Task Reading_the_messages_of_one_peer_leaves_those_of_the_others_unread()
    {
        using var trio = await TrioAsync();
        var (a, b) = (trio.Dids[0], trio.Dids[1]);
        trio.Leave(0, "a1");
        trio.Leave(1, "b1");
        trio.Leave(0, "a2");
        trio.Leave(1, "b2");
        await trio.Reader.TickAsync();
        Assert.Equal(["b1"], await TakeAsync(trio.Reader, peers: [b], most: 1));
        Assert.Equal(["a1", "a2"], await TakeAsync(trio.Reader, peers: [a]));
        trio.Leave(0, "a3");
        trio.Leave(1, "b3");
        await trio.Reader.TickAsync();
        Assert.Equal(["a3"], await TakeAsync(trio.Reader, peers: [a]));
        Assert.Equal(["b2"], await TakeAsync(trio.Reader, most: 1));
        Assert.Equal(["b3"], await TakeAsync(trio.Reader, peers: [a, b]));
        Assert.Empty(await TakeAsync(trio.Reader));
        Assert.Equal(["a1", "b1", "a2", "b2", "a3", "b3"], await TakeAsync(trio.Reader, "other"));
    }

    [Fact]
    public async Task A_consumer_finds_its_place_in_an_index_that_was_put_back_or_begun_anew()
    {
        using var couple = await PairedAsync();
        await SendAsync(couple.Host, "one");
        await couple.Guest.TickAsync();
        await TakeAsync(couple.Guest);

        // The same entries at other places.
        var index = couple.Guest.Home.ReceivedFile;
        var text = await File.ReadAllTextAsync(index);
        await File.WriteAllTextAsync(index, text.Replace("{\"seq\"", "{  \"seq\"", StringComparison.Ordinal));
        Assert.Empty(await TakeAsync(couple.Guest));

        File.Delete(index);
        couple.Guest.Restart();
        await SendAsync(couple.Host, "new");
        await couple.Guest.TickAsync();
        Assert.Equal(["new"], await TakeAsync(couple.Guest));
    }

    [Fact]
    public async Task The_newest_messages_of_both_directions_stand_at_the_end()
    {
        using var couple = await PairedAsync();
        for (var i = 0; i < 5; i++)
        {
            await SendAsync(couple.Host, $"h{i}");
            couple.Time.Advance(TimeSpan.FromSeconds(1));
            await couple.Guest.TickAsync();
            await SendAsync(couple.Guest, $"g{i}");
            couple.Time.Advance(TimeSpan.FromSeconds(1));
            await couple.Host.TickAsync();
        }

        var history = couple.Host.Engine.History;
        Assert.Equal(["h0", "g0", "h1", "g1", "h2", "g2", "h3", "g3", "h4", "g4"], Texts(new HistoryQuery()));
        Assert.Equal(["h4", "g4"], Texts(new HistoryQuery { Last = 2 }));
        Assert.Equal(["g3", "h4", "g4"], Texts(new HistoryQuery { After = couple.Time.GetUtcNow() - TimeSpan.FromSeconds(4), PeerDids = [PeerOf(couple.Host).Did] }));
        Assert.Empty(Texts(new HistoryQuery { PeerDids = ["did:wire:nobody-00000000"] }));

        List<string?> Texts(HistoryQuery query) => [.. history.Read(query, static e => throw e).Select(static m => m.Body!.AsString())];
    }

    [Fact]
    public async Task The_newest_of_a_hundred_thousand_messages_cost_a_few_blocks()
    {
        using var couple = await PairedAsync();
        await SendAsync(couple.Host, "last");
        await couple.Guest.TickAsync();
        var index = couple.Guest.Home.ReceivedFile;
        var line = (await File.ReadAllTextAsync(index)).TrimEnd();
        await File.WriteAllLinesAsync(index, Enumerable.Range(0, 100_000).Select(n => line.Replace("\"seq\":1,", $"\"seq\":{n},", StringComparison.Ordinal)).Append(line));
        var files = new FaultyFiles(DiskFileSystem.Instance);
        var reads = 0;
        files.Weather = (work, path) =>
        {
            reads += work == FileWork.Read && path == index ? 1 : 0;
            return FileFault.None;
        };
        using var engine = new WireEngine(couple.Guest.Home, new WireSurroundings { Files = files, Time = couple.Time });

        // The same message stands there again and again; it counts once.
        Assert.Equal("last", engine.History.Read(new HistoryQuery { Last = 10, After = couple.Time.GetUtcNow() - TimeSpan.FromDays(1) }, static e => throw e).First().Body!.AsString());
        reads = 0;
        Assert.NotNull(engine.History.FindReceived(engine.Received.ReadBackward().First().Id));
        Assert.InRange(reads, 1, 4);
    }

    [Fact]
    public async Task A_damaged_message_is_shown_as_such_and_stops_nothing()
    {
        using var couple = await PairedAsync();
        foreach (var text in (string[])["one", "two", "three"])
        {
            await SendAsync(couple.Host, text);
        }

        await couple.Guest.TickAsync();
        var inbox = Path.Combine(couple.Guest.Home.InboxFolder, PeerOf(couple.Guest).Handle + ".jsonl");
        var lines = await File.ReadAllLinesAsync(inbox);
        lines[0] = new string('x', lines[0].Length);
        lines[1] = lines[1].Replace("\"type\":\"message\"", "\"type\":\"massage\"", StringComparison.Ordinal);
        await File.WriteAllTextAsync(inbox, string.Join('\n', lines) + "\n");
        var read = couple.Guest.Engine.History.Read(new HistoryQuery(), static e => throw e).ToList();
        Assert.Equal([MessageProblem.Damaged, MessageProblem.Damaged, null], read.Select(static m => m.Problem));
        Assert.Equal([null, null, "three"], await TakeAsync(couple.Guest));

        await couple.Guest.Engine.Trust.RemoveAsync(PeerOf(couple.Guest), CancellationToken.None);
        Assert.Equal(MessageProblem.PeerUnknown, couple.Guest.Engine.History.Read(new HistoryQuery { Last = 1 }, static e => throw e).Single().Problem);
    }

    [Fact]
    public async Task A_damaged_file_on_its_way_holds_up_no_other()
    {
        using var couple = await PairedAsync();
        Send(couple.Host, "broken");
        var path = Assert.Single(Directory.GetFiles(couple.Host.Home.OutboxFolder));
        await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path)).Replace("\\\"kind\\\":1,", "\\\"kind\\\":1", StringComparison.Ordinal));
        couple.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(couple.Host, "whole")).Status);
        var report = await couple.Host.TryTickAsync();
        Assert.Equal(WireReason.FileCorrupt, Assert.Single(report.Failures).Error.Reason);
        Assert.True(File.Exists(path));
    }

    [Fact]
    public async Task An_event_is_checked_without_being_taken()
    {
        using var couple = await PairedAsync();
        var good = Signed(couple.Host, Content(couple, couple.Host, couple.Guest, "hi"));
        var check = couple.Guest.Engine.EventCheck;
        var found = check.Check(good.ToCompactBytes());
        Assert.True(found is { IsValid: true, Verdict: EventVerdict.Valid, IsForThisHome: true, IsOwn: false, Sender.Tier: TrustTier.Verified });
        Assert.True(couple.Host.Engine.EventCheck.Check(good.ToCompactBytes()) is { IsValid: true, IsOwn: true, IsForThisHome: false });
        Assert.Equal(EventVerdict.IdMismatch, check.Check(good.With("body", "ho").ToCompactBytes()).Verdict);
        Assert.Equal(EventVerdict.SignatureRejected, check.Check(good.With("signature", new string('A', 86) + "==").ToCompactBytes()).Verdict);
        var (_, seed) = Stranger("stranger", 9);
        Assert.Equal(EventVerdict.UnknownKey, check.Check(SignedEvent.Sign(seed, "stranger", Content(couple, couple.Host, couple.Guest, "hi")).Json.ToCompactBytes()).Verdict);
        foreach (var text in (string[])["", "{", "[]", "null", "{}", "{\"from\":1}", new string('[', 1000)])
        {
            Assert.False(check.Check(System.Text.Encoding.UTF8.GetBytes(text)).IsValid);
        }

        Assert.Empty(Received(couple.Guest));
    }

    [Fact]
    public async Task Lines_are_read_from_the_end_as_they_are_from_the_beginning()
    {
        using var home = new TestHome();
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var path = Path.Combine(home.Home.StateFolder, $"{round}.jsonl");
            var lines = Enumerable.Range(0, random.Next(6)).Select(_ => new string((char)random.Next('a', 'z'), random.Next(4) * random.Next(90_000))).ToList();
            var torn = random.Next(3) == 0 ? "torn" : "";
            DiskFileSystem.Instance.WritePrivate(path, System.Text.Encoding.UTF8.GetBytes(string.Concat(lines.Select(static l => l + "\n")) + torn));
            Assert.Equal(lines, BackwardLines.Read(DiskFileSystem.Instance, path).Select(System.Text.Encoding.UTF8.GetString).Reverse());
        }

        await Task.CompletedTask;
    }

    private static async Task<Trio> TrioAsync()
    {
        var couple = await PairedAsync();
        var (card, seed) = Stranger("other-peer", 5);
        await PinAsync(couple.Guest, card);
        return new Trio(couple, card, seed);
    }

    /// <summary>A reader with two peers.</summary>
    private sealed class Trio(Couple couple, AgentCard card, byte[] seed) : IDisposable
    {
        public Party Reader => couple.Guest;

        public string[] Dids => [couple.Host.Engine.Identity.Find()!.Did, card.Did];

        public void Leave(int from, string text)
        {
            couple.Time.Advance(TimeSpan.FromSeconds(1));
            var content = Content(couple, couple.Host, couple.Guest, text).With("from", Dids[from]);
            Mail.Leave(couple, couple.Guest, from == 0 ? Signed(couple.Host, content) : SignedEvent.Sign(seed, card.Handle, content).Json);
        }

        public void Dispose() => couple.Dispose();
    }
}
