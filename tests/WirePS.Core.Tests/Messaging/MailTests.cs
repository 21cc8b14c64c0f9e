using System.Text;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Tests.Support;
using static WirePS.Tests.Support.Mail;
using Xunit;

namespace WirePS.Tests.Messaging;

/// <summary>Events from one home's outbox to another one's inbox, over a relay that loses, repeats and lies.</summary>
public sealed class MailTests
{
    private static readonly string[] Texts = ["one", "two", "three"];

    [Fact]
    public async Task Messages_arrive_sealed_in_order_and_once()
    {
        using var couple = await PairedAsync();
        foreach (var text in Texts)
        {
            Send(couple.Host, text);
        }

        var report = await couple.Host.TickAsync();
        Assert.All(report.Mail.Deliveries, static d => Assert.Equal(DeliveryStatus.Delivered, d.Status));
        var onTheRelay = couple.Relay.Mail.TextsOf(SlotOf(couple.Guest));
        Assert.Equal(3, onTheRelay.Count);
        Assert.All(onTheRelay, text => Assert.DoesNotContain(Texts, word => text.Contains($"\"{word}\"", StringComparison.Ordinal)));

        Assert.Equal(3, (await couple.Guest.TickAsync()).Mail.Taken.Messages);
        Assert.Equal(0, (await couple.Guest.TickAsync()).Mail.Taken.Messages);
        Assert.Empty(couple.Relay.Mail.TextsOf(SlotOf(couple.Guest)));
        Assert.Equal(Texts, Inbox(couple.Guest));
        Assert.Equal(Texts, couple.Host.Engine.Sent.ReadBackward(PeerOf(couple.Host).Handle).Reverse().Select(static s => WireJson.Parse(s.Body).AsString()));
        Assert.Empty(couple.Host.Engine.Outbox.List());
    }

    [Fact]
    public async Task Nothing_is_lost_or_taken_twice_when_any_request_fails()
    {
        for (var victim = 0; victim < 8; victim++)
        {
            using var couple = await PairedAsync();
            Send(couple.Host, "kept");
            foreach (var fault in (RelayFault[])[new RelayFault.DropBefore(), new RelayFault.DropAfter(), new RelayFault.ServerError()])
            {
                var number = 0;
                couple.Relay.Weather = _ => Interlocked.Increment(ref number) - 1 == victim ? fault : null;
                await couple.Host.TryTickAsync();
                await couple.Guest.TryTickAsync();
            }

            couple.Relay.Weather = null;
            await couple.Host.TickAsync();
            await couple.Guest.TickAsync();
            Assert.Equal(["kept"], Inbox(couple.Guest));
        }
    }

    [Fact]
    public async Task A_message_from_a_peer_that_has_pinned_us_first_waits_for_our_pin()
    {
        using var couple = await PairedAsync();
        var host = PeerOf(couple.Guest);
        await couple.Guest.Engine.Trust.RemoveAsync(host, CancellationToken.None);
        Send(couple.Host, "early");
        await couple.Host.TickAsync();
        Assert.Equal(IntakeReport.Nothing, (await couple.Guest.TickAsync()).Mail.Taken);
        Assert.Empty(Inbox(couple.Guest));

        await PinAsync(couple.Guest, host.Card!);
        Assert.False(PeerOf(couple.Guest).PeerAcked);
        Assert.Equal(1, (await couple.Guest.TickAsync()).Mail.Taken.Messages);
        Assert.Equal(["early"], Inbox(couple.Guest));
        Assert.True(PeerOf(couple.Guest).PeerAcked);
    }

    [Fact]
    public async Task A_sender_that_stays_unknown_is_refused_after_a_day()
    {
        using var couple = await PairedAsync();
        await couple.Guest.Engine.Trust.RemoveAsync(PeerOf(couple.Guest), CancellationToken.None);
        Send(couple.Host, "never");
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        couple.Time.Advance(TimeSpan.FromHours(25));
        Assert.Equal(1, (await couple.Guest.TickAsync()).Mail.Taken.Refused);
        Assert.Equal(EventRefusal.UnknownSender, Assert.Single(couple.Guest.Engine.Refused.List()).Reason);
        Assert.Equal(IntakeReport.Nothing, (await couple.Guest.TickAsync()).Mail.Taken);
    }

    [Fact]
    public async Task A_relay_restored_from_an_old_backup_is_read_from_the_beginning()
    {
        using var couple = await PairedAsync();
        Send(couple.Host, "long before");
        Send(couple.Host, "before");
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        couple.Relay.Mail.Clear();
        Send(couple.Host, "after");
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        Assert.Equal(["long before", "before", "after"], Inbox(couple.Guest));
    }

    [Fact]
    public async Task Events_that_the_relay_dropped_are_reported()
    {
        using var couple = await PairedAsync();
        foreach (var text in Texts)
        {
            Send(couple.Host, text);
        }

        await couple.Host.TickAsync();
        couple.Relay.Mail.Drop(SlotOf(couple.Guest), 2);
        var failure = Assert.Single((await couple.Guest.TryTickAsync()).Failures);
        Assert.Equal(WireReason.EventsDropped, failure.Error.Reason);
        Assert.Contains(" 2 ", failure.Error.Message, StringComparison.Ordinal);
        Assert.Equal(["three"], Inbox(couple.Guest));
    }

    [Fact]
    public async Task What_a_relay_repeats_is_taken_once()
    {
        using var couple = await PairedAsync();
        Send(couple.Host, "once");
        await couple.Host.TickAsync();
        var text = Assert.Single(couple.Relay.Mail.TextsOf(SlotOf(couple.Guest)));
        for (var i = 0; i < 3; i++)
        {
            couple.Relay.Mail.Repeat(SlotOf(couple.Guest), Encoding.UTF8.GetBytes(text));
            await couple.Guest.TickAsync();
        }

        Assert.Equal(["once"], Inbox(couple.Guest));
    }

    [Fact]
    public async Task A_relay_that_speaks_v1_only_is_read_by_the_id_of_the_last_event()
    {
        using var couple = await PairedAsync(isOurs: false);
        Send(couple.Host, "one");
        Send(couple.Host, "two");
        await couple.Host.TickAsync();
        Assert.Equal(2, (await couple.Guest.TickAsync()).Mail.Taken.Messages);

        // An event without an id is no place to go on from; those behind it are.
        couple.Relay.Mail.Repeat(SlotOf(couple.Guest), "{}"u8.ToArray());
        await couple.Guest.TickAsync();
        await couple.Guest.TickAsync();
        Send(couple.Host, "three");
        await couple.Host.TickAsync();
        Assert.Equal(new IntakeReport(1, 0, 1), (await couple.Guest.TickAsync()).Mail.Taken);
        Assert.Equal(IntakeReport.Nothing, (await couple.Guest.TickAsync()).Mail.Taken);
        Assert.Equal(["one", "two", "three"], Inbox(couple.Guest));
    }

    [Fact]
    public async Task Two_machines_talk_by_ticks_alone()
    {
        using var couple = await PairedAsync();
        for (var round = 0; round < 3; round++)
        {
            await SendAsync(couple.Host, $"host {round}", onlyQueue: true);
            await SendAsync(couple.Guest, $"guest {round}", onlyQueue: true);
            await couple.SettleAsync(1);
        }

        await couple.SettleAsync(1);
        Assert.Equal(["host 0", "host 1", "host 2"], await TakeAsync(couple.Guest));
        Assert.Equal(["guest 0", "guest 1", "guest 2"], await TakeAsync(couple.Host));
    }

    [Fact]
    public async Task An_event_with_the_id_of_another_does_not_hide_it()
    {
        using var couple = await PairedAsync();
        Send(couple.Host, "real");
        await couple.Host.TickAsync();
        var slot = SlotOf(couple.Guest);
        var real = Encoding.UTF8.GetBytes(Assert.Single(couple.Relay.Mail.TextsOf(slot)));
        var forged = SignedEvent.Parse(real).Json.With("signature", new string('A', 86) + "==");
        couple.Relay.LieOfMail = (_, page) => page with { Items = [new MailItem(null, forged.ToCompactBytes()), .. page.Items] };
        await couple.Guest.TickAsync();
        Assert.Equal(["real"], Inbox(couple.Guest));
        Assert.Equal(EventRefusal.BadSignature, couple.Guest.Engine.Refused.List()[0].Reason);
    }

    private static List<string?> Inbox(Party party)
    {
        using var own = party.Engine.Identity.Open();
        var texts = new List<string?>();
        foreach (var (entry, _) in party.Engine.Received.Read(0))
        {
            var line = party.Engine.Files.ReadPrivateRange(Path.Combine(party.Home.InboxFolder, entry.Peer + ".jsonl"), entry.Start, entry.Length);
            var signed = SignedEvent.Parse(line);
            Assert.True(own.TryOpenBody(signed, party.Engine.Trust.Find(entry.From)!.DhPublicKey!, out var body));
            texts.Add(body.AsString());
        }

        return texts;
    }
}
