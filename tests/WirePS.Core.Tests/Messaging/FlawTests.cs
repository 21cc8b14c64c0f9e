using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Golden;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Support.Mail;

namespace WirePS.Tests.Messaging;

/// <summary>The named flaws of wire.md §11.4 and §11.6 that apply to messages: one test each, which fails on the flawed behaviour. FlawCoverage.md says where the others are.</summary>
public sealed class FlawTests
{
    [Fact]
    public async Task I5_a_stranger_s_drop_that_nobody_accepts_is_handled_once_and_holds_up_nothing()
    {
        using var couple = await PairedAsync();
        var (card, seed) = Stranger("stranger", 7);
        var drop = Content(couple, couple.Host, couple.Guest, "").With("from", card.Did).With("type", "pair_drop").With("kind", 1100L).With("body", WireJson.ObjectOf(("card", WireJson.Parse(card.JsonText))));
        Leave(couple, couple.Guest, SignedEvent.Sign(seed, card.Handle, drop).Json);
        await SendAsync(couple.Host, "behind it");
        await couple.Guest.TickAsync();
        Assert.Equal(["behind it"], Received(couple.Guest));
        Assert.Empty(Unread(couple, couple.Guest));
        Assert.Equal(IntakeReport.Nothing with { Refused = 0 }, (await couple.Guest.TickAsync()).Mail.Taken);
        Assert.Single(couple.Guest.Engine.Trust.List());
    }

    [Fact]
    public async Task I11_an_event_of_an_unknown_kind_or_schema_is_passed_over_and_does_not_come_again()
    {
        using var couple = await PairedAsync();
        Leave(couple, couple.Guest, Signed(couple.Host, Content(couple, couple.Host, couple.Guest, "kind").With("kind", 9999L)));
        Leave(couple, couple.Guest, Signed(couple.Host, Content(couple, couple.Host, couple.Guest, "schema").With("schema_version", "v4.0")));
        await SendAsync(couple.Host, "behind them");
        await couple.Guest.TickAsync();
        Assert.Equal(["behind them"], Received(couple.Guest));
        Assert.Equal([EventRefusal.UnknownKind, EventRefusal.SchemaUnsupported], Refusals(couple.Guest));
        Assert.Empty(Unread(couple, couple.Guest));
    }

    [Fact]
    public async Task I13_an_event_without_an_id_is_no_place_to_begin_anew_from()
    {
        var texts = new List<string> { """{"event_id":"a1"}""", """{"no_id":1}""" };
        var asked = new List<string>();
        await using var server = new TestServer(request =>
        {
            if (request.Path.StartsWith("/v2/", StringComparison.Ordinal))
            {
                return TestServer.Reply(404, "not found", "text/plain");
            }

            asked.Add(request.Query);
            var since = Regex.Match(request.Query, "since=([a-z0-9]+)").Groups[1].Value;
            var from = texts.FindIndex(t => since.Length > 0 && t.Contains($"\"{since}\"", StringComparison.Ordinal)) + 1;
            return TestServer.Reply(200, "[" + string.Join(',', texts[from..]) + "]");
        });
        var mail = new HttpRelayConnections(TimeProvider.System).To(server.Url).Mail;
        var mailbox = new Mailbox(server.Url, new string('5', 32), new string('7', 64));
        var page = await mail.ReadAsync(mailbox, default, 100, TimeSpan.Zero, CancellationToken.None);
        Assert.Equal((2, "a1"), (page.Items.Count, page.Next.EventId));
        texts.Add("""{"event_id":"b2"}""");
        page = await mail.ReadAsync(mailbox, page.Next, 100, TimeSpan.Zero, CancellationToken.None);
        Assert.Equal("b2", page.Next.EventId);
        Assert.DoesNotContain(asked, static q => q.EndsWith("since=", StringComparison.Ordinal));
        Assert.Contains("since=a1", asked[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task I17_tier_recipient_and_age_are_checked()
    {
        using var couple = await PairedAsync();
        var (host, guest) = (couple.Host, couple.Guest);
        Leave(couple, guest, Signed(host, Content(couple, host, guest, "for another").With("to", "did:wire:another-00000000")));
        Leave(couple, guest, Signed(host, Content(couple, host, guest, "old").With("timestamp", Timestamps.Format(couple.Time.GetUtcNow() - TimeSpan.FromDays(40)))));
        await guest.TickAsync();
        SetTier(guest, "UNTRUSTED");
        Leave(couple, guest, Signed(host, Content(couple, host, guest, "untrusted")));
        await guest.TickAsync();
        Assert.Empty(Received(guest));
        Assert.Equal([EventRefusal.WrongRecipient, EventRefusal.TooOld, EventRefusal.TierTooLow], Refusals(guest));
        SetTier(guest, "VERIFIED");
        Leave(couple, guest, Signed(host, Content(couple, host, guest, "good")));
        await guest.TickAsync();
        Assert.Equal(["good"], Received(guest));
    }

    [Fact]
    public async Task I19_a_page_costs_the_same_reads_however_much_was_received_before()
    {
        var reads = 0;
        using var couple = await PairedAsync(files: name =>
        {
            var files = new FaultyFiles(DiskFileSystem.Instance);
            files.Weather = (work, path) =>
            {
                reads += name == "guest" && work == FileWork.Read && (path.Contains("inbox", StringComparison.Ordinal) || path.EndsWith("received.jsonl", StringComparison.Ordinal)) ? 1 : 0;
                return FileFault.None;
            };
            return files;
        });
        var counts = new List<int>();
        for (var round = 0; round < 4; round++)
        {
            for (var i = 0; i < 40; i++)
            {
                couple.Time.Advance(TimeSpan.FromSeconds(1));
                Leave(couple, couple.Guest, Signed(couple.Host, Content(couple, couple.Host, couple.Guest, $"{round}.{i}")));
            }

            // One process goes on, as a daemon does.
            reads = 0;
            await couple.Guest.Engine.Mail.ReadAsync(static e => throw e, CancellationToken.None);
            counts.Add(reads);
        }

        Assert.Equal(160, Received(couple.Guest).Count);
        Assert.All(counts, static c => Assert.InRange(c, 1, 8));
    }

    [Fact]
    public async Task I20_whoever_reads_the_mailbox_goes_on_where_the_other_stopped()
    {
        using var couple = await PairedAsync();
        await SendAsync(couple.Host, "one");
        using var daemon = new WireEngine(couple.Guest.Home, new WireSurroundings { Time = couple.Time, Relays = couple.Relay.ConnectionsOf("daemon") });
        Assert.Equal(1, (await daemon.Mail.ReadAsync(static e => throw e, CancellationToken.None)).Messages);
        await SendAsync(couple.Host, "two");
        Assert.Equal(1, (await couple.Guest.Engine.Mail.ReadAsync(static e => throw e, CancellationToken.None)).Messages);
        Assert.Equal(IntakeReport.Nothing, await daemon.Mail.ReadAsync(static e => throw e, CancellationToken.None));
        Assert.Equal(["one", "two"], Received(couple.Guest));
    }

    [Fact]
    public async Task I21_a_sender_whose_name_cannot_be_a_file_s_stops_nothing()
    {
        using var couple = await PairedAsync();
        var (card, seed) = Stranger("stranger", 7);
        foreach (var handle in (string[])["a/b", "..", "con", "nul\0"])
        {
            var did = $"did:wire:{handle}-{card.Did[^8..]}";

            // The trust store of another program may have let it in.
            ChangeTrust(couple.Guest, agents => agents[handle] = new JsonObject
            {
                ["tier"] = "VERIFIED",
                ["did"] = did,
                ["public_keys"] = new JsonArray(new JsonObject { ["key_id"] = $"{handle}:{card.Did[^8..]}", ["key"] = StrictBase64.Encode(card.PublicKey), ["active"] = true }),
            });
            Leave(couple, couple.Guest, SignedEvent.Sign(seed, handle, Content(couple, couple.Host, couple.Guest, "x").With("from", did)).Json);
        }

        await SendAsync(couple.Host, "behind them");
        await couple.Guest.TickAsync();
        Assert.Equal(["behind them"], Received(couple.Guest));
        Assert.Equal(4, Refusals(couple.Guest).Count);
        Assert.Single(Directory.GetFileSystemEntries(couple.Guest.Home.InboxFolder));
    }

    [Fact]
    public async Task I21_the_golden_batches_of_strangers_never_stop_what_follows()
    {
        using var couple = await PairedAsync();
        foreach (var name in (string[])["vectors-golden-wire-H.json", "vectors-golden-wire-T.json"])
        {
            using var golden = GoldenFile.Load(Path.Combine(GoldenFolders.Own, name));
            foreach (var text in golden.Cases("events_pipeline").SelectMany(static c => c.Data.GetProperty("events").EnumerateArray()).Select(static e => e.GetString()!))
            {
                couple.Relay.Mail.Repeat(SlotOf(couple.Guest), Encoding.UTF8.GetBytes(text));
            }
        }

        await SendAsync(couple.Host, "behind them");
        await couple.Guest.TickAsync();
        Assert.Equal(["behind them"], Received(couple.Guest));
        Assert.Empty(Unread(couple, couple.Guest));
    }

    [Fact]
    public async Task I23_what_a_revoked_peer_sends_is_refused_and_holds_up_nothing()
    {
        using var couple = await PairedAsync();
        var (card, seed) = Stranger("other-peer", 5);
        await PinAsync(couple.Guest, card);
        ChangeTrust(couple.Guest, agents => agents["other-peer"]!["revoked_at"] = Timestamps.Format(couple.Time.GetUtcNow()));
        Leave(couple, couple.Guest, SignedEvent.Sign(seed, card.Handle, Content(couple, couple.Host, couple.Guest, "revoked").With("from", card.Did)).Json);
        await SendAsync(couple.Host, "behind it");
        await couple.Guest.TickAsync();
        Assert.Equal(["behind it"], Received(couple.Guest));
        Assert.Equal([EventRefusal.Revoked], Refusals(couple.Guest));
        Assert.Empty(Unread(couple, couple.Guest));
    }

    [Fact]
    public async Task M1_what_was_delivered_is_not_posted_again()
    {
        using var couple = await PairedAsync();
        Send(couple.Host, "once");
        await couple.Host.TickAsync();
        couple.Relay.Calls.Clear();
        await couple.Host.TickAsync();
        Assert.DoesNotContain(couple.Relay.Calls, static c => c.Action == RelayAction.PostEvent);
    }

    [Fact]
    public async Task M2_a_message_takes_the_same_way_whoever_delivers_it()
    {
        using var couple = await PairedAsync();

        // The flat members are those of an older address; the list counts for everybody.
        var tree = JsonNode.Parse(await File.ReadAllTextAsync(couple.Host.Home.RelayFile))!;
        foreach (var (_, peer) in tree["peers"]!.AsObject())
        {
            peer!["slot_id"] = new string('e', 32);
        }

        await File.WriteAllTextAsync(couple.Host.Home.RelayFile, tree.ToJsonString());
        Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(couple.Host, "sent")).Status);
        await SendAsync(couple.Host, "queued", onlyQueue: true);
        Assert.Equal(DeliveryStatus.Delivered, Assert.Single((await couple.Host.TickAsync()).Mail.Deliveries).Status);
        await couple.Guest.TickAsync();
        Assert.Equal(["sent", "queued"], Received(couple.Guest));
    }

    [Fact]
    public async Task M3_a_new_mailbox_leaves_the_places_of_the_others()
    {
        using var couple = await PairedAsync();
        await SendAsync(couple.Host, "one");
        await couple.Guest.TickAsync();
        var before = await File.ReadAllTextAsync(couple.Guest.Home.MailPlacesFile);
        var other = new FakeRelay(couple.Time, url: "https://other.example.net");
        await couple.Guest.Engine.Mailboxes.EnsureAsync(other.ConnectionsOf("guest").To(other.Url), other.RelayId, CancellationToken.None);
        Assert.Equal(2, couple.Guest.Engine.Mailboxes.List().Count);
        Assert.Equal(before, await File.ReadAllTextAsync(couple.Guest.Home.MailPlacesFile));
    }

    [Fact]
    public async Task M4_addresses_that_two_processes_note_at_once_are_both_there()
    {
        using var couple = await PairedAsync();
        using var other = new WireEngine(couple.Host.Home);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? other : couple.Host.Engine).Mailboxes.SetRouteAsync($"peer-{i}", new PeerRoute("https://relay.example.net", new string('1', 32), new string('2', 64)), CancellationToken.None)));
        Assert.All(Enumerable.Range(0, 20), i => Assert.NotNull(couple.Host.Engine.Mailboxes.FindRoute($"peer-{i}")));
    }

    [Fact]
    public async Task M5_nothing_that_is_shown_or_written_to_the_log_has_a_token()
    {
        using var couple = await PairedAsync();
        var route = couple.Host.Engine.Mailboxes.FindRoute(PeerOf(couple.Host).Handle)!;
        couple.Relay.Weather = static _ => new RelayFault.ServerError();
        var delivery = await SendAsync(couple.Host, "secret words");
        var shown = string.Join(' ', [delivery.ToString(), delivery.Item.ToString(), OutboxRoute.Of(route).ToString(), route.ToString(), delivery.ToMessage().ToString(), delivery.Trouble!.ToString()]);
        Assert.DoesNotContain(route.SlotToken, shown, StringComparison.Ordinal);
        Assert.DoesNotContain(MailboxOf(couple.Host).SlotToken, shown, StringComparison.Ordinal);
        Assert.DoesNotContain("secret words", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task M6_a_type_is_a_name_and_changes_no_kind()
    {
        using var couple = await PairedAsync();
        var delivery = await couple.Host.Engine.Messenger.SendAsync(PeerOf(couple.Host), new MessageWish(WireJson.From("x")) { Type = "decision", Kind = EventKinds.Decision }, CancellationToken.None);
        Assert.Equal(("decision", 1000u), (delivery.ToMessage().Type, delivery.ToMessage().Kind));
        Assert.Equal(("no-such-type", 1u), (await OfTypeAsync("no-such-type")));
        Assert.Equal(("decision", 1u), (await OfTypeAsync("decision")));

        async Task<(string?, uint)> OfTypeAsync(string type)
        {
            var message = (await couple.Host.Engine.Messenger.SendAsync(PeerOf(couple.Host), new MessageWish(WireJson.From("x")) { Type = type }, CancellationToken.None)).ToMessage();
            return (message.Type, message.Kind);
        }
    }

    [Fact]
    public async Task M7_messages_stand_in_the_order_of_times_and_not_of_their_texts()
    {
        using var couple = await PairedAsync();
        var second = couple.Time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);

        // As texts these sort the other way round.
        foreach (var time in (string[])[$"{second}Z", $"{second}.5Z", $"{second}.75Z"])
        {
            Leave(couple, couple.Guest, Signed(couple.Host, Content(couple, couple.Host, couple.Guest, time).With("timestamp", time)));
            await couple.Guest.TickAsync();
            couple.Time.Advance(TimeSpan.FromMilliseconds(250));
        }

        var messages = couple.Guest.Engine.History.Read(new HistoryQuery(), static e => throw e).ToList();
        Assert.Equal([$"{second}Z", $"{second}.5Z", $"{second}.75Z"], messages.Select(static m => m.Body!.AsString()));
        Assert.Equal(messages.Select(static m => m.Timestamp).Order(), messages.Select(static m => m.Timestamp));
    }

    [Fact]
    public async Task M8_a_full_mailbox_is_read_to_its_end_in_one_pass()
    {
        using var couple = await PairedAsync();
        for (var i = 0; i < 1200; i++)
        {
            couple.Relay.Mail.Repeat(SlotOf(couple.Guest), Encoding.UTF8.GetBytes($$"""{"event_id":"{{i}}"}"""));
        }

        await SendAsync(couple.Host, "at the end");
        await couple.Guest.TickAsync();
        Assert.Equal(["at the end"], Received(couple.Guest));
    }

    [Fact]
    public void M10_nothing_that_is_signed_has_a_number_that_programs_write_in_different_ways()
    {
        var (card, seed) = Stranger("stranger", 7);
        foreach (var number in (string[])["1e16", "0.1", "-0", "18446744073709551616"])
        {
            Assert.Equal(WireReason.InvalidEvent, Assert.Throws<WireException>(() => SignedEvent.Create(seed, card, card.Did, "note", 1, WireJson.Parse($"[{number}]"), DateTimeOffset.UnixEpoch)).Reason);
        }
    }

    private static void SetTier(Party party, string tier) => ChangeTrust(party, agents => agents[PeerOf(party).Handle]!["tier"] = tier);

    private static void ChangeTrust(Party party, Action<JsonObject> change)
    {
        var tree = JsonNode.Parse(File.ReadAllText(party.Home.TrustFile))!;
        change(tree["agents"]!.AsObject());
        File.WriteAllText(party.Home.TrustFile, tree.ToJsonString(new JsonSerializerOptions()));
    }
}
