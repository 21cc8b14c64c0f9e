using System.Collections.Immutable;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Support.PrincipalScene;

namespace WirePS.Tests.Devices;

/// <summary>Messages between identities that have several machines (wireps.md §7), in ticks of new processes.</summary>
public sealed class DeviceMailTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task A_message_reaches_both_machines_and_one_from_the_second_machine_arrives_in_its_identitys_name()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();

        var delivery = await SendAsync(bob, alice, "to both");
        Assert.Equal((DeliveryStatus.Delivered, DeliveryStatus.Delivered), (delivery.Status, Assert.Single(delivery.Copies).Status));
        Assert.All(scene.At(alice).Concat(scene.At(laptop)), static e => Assert.DoesNotContain("to both", e.Json.ToCompactString(), StringComparison.Ordinal));
        await TickAsync(1, alice, laptop);
        Assert.Equal(["to both"], TextsAt(alice));
        Assert.Equal(["to both"], TextsAt(laptop));
        var sent = Assert.Single(Sent(bob));
        Assert.Equal((DeliveryStatus.Delivered, 0), (sent.Status!.Value, sent.WaitingFor.Count));

        await SendAsync(laptop, bob, "from the laptop");
        await bob.TickAsync();
        var came = Assert.Single(Received(bob));
        Assert.Equal(("from the laptop", Did(alice), Did(laptop), true), (came.Body!.AsString(), came.PeerDid, came.Device, came.IsSealed));

        // The answer goes to the identity, and so to all of its machines.
        await bob.Engine.Messenger.SendAsync(bob.Engine.Trust.Find(came.PeerDid)!, new MessageWish(WireJson.From("answer")), None);
        await TickAsync(1, alice, laptop);
        Assert.Equal("answer", TextsAt(alice)[^1]);
        Assert.Equal("answer", TextsAt(laptop)[^1]);
        Assert.Equal(Did(bob), Received(laptop)[^1].PeerDid);
        Assert.Null(Received(laptop)[^1].Device);
        Assert.All((Party[])[alice, bob, laptop], static p => Assert.Empty(p.Engine.Refused.List()));
    }

    [Fact]
    public async Task Identities_with_two_machines_each_reach_each_other_from_every_machine()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        var phone = await scene.AdmitAsync(bob, "phone");
        await scene.SettleAsync();
        foreach (var from in (Party[])[alice, laptop])
        {
            Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(from, bob, from.Name)).Status);
        }

        foreach (var from in (Party[])[bob, phone])
        {
            Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(from, alice, from.Name)).Status);
        }

        await TickAsync(1, alice, laptop, bob, phone);
        Assert.All((Party[])[bob, phone], static p => Assert.Equal(["alice", "laptop"], TextsAt(p)));
        Assert.All((Party[])[alice, laptop], static p => Assert.Equal(["bob", "phone"], TextsAt(p)));
        Assert.Equal([null, Did(phone)], Received(laptop).Select(static m => m.Device));

        // Every machine writes with a grant of its own, and no mailbox' own token has left its machine.
        var tokens = new[] { (bob, Did(laptop), alice), (phone, Did(laptop), alice), (alice, Did(phone), bob), (laptop, Did(phone), bob) }
            .Select(static w => w.Item1.Engine.Machines.Find(new PeerMachine(Did(w.Item3), w.Item2))!.SlotToken).ToList();
        Assert.Equal(4, tokens.Distinct().Count());
        Assert.Empty(tokens.Intersect(scene.Relay.SlotTokens));
    }

    [Fact]
    public async Task The_rights_of_a_device_decide_what_it_may_do()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var reader = await scene.AdmitAsync(alice, "reader", DeviceRights.Receive);
        var writer = await scene.AdmitAsync(alice, "writer", DeviceRights.Send);
        await scene.SettleAsync();
        var delivery = await SendAsync(bob, alice, "news");
        Assert.Equal(Did(reader), Assert.Single(delivery.Copies).Item.To);
        await SendAsync(writer, bob, "report");
        Assert.Equal(WireReason.SendRightMissing, (await Assert.ThrowsAsync<WireException>(() => SendAsync(reader, bob, "no"))).Reason);

        // Nor where its program does not ask.
        scene.PutAt(bob, scene.Forge(reader, Did(reader), bob, new EventPrincipal(Did(alice), Known(bob, alice).CardSeq)));
        await TickAsync(1, reader, writer, bob);
        Assert.Equal(["news"], TextsAt(reader));
        Assert.Empty(TextsAt(writer));
        Assert.Equal(["report"], TextsAt(bob));
        Assert.Equal([EventRefusal.RightMissing], Mail.Refusals(bob));

        // One that only admits devices is told of nobody.
        var clerk = await scene.AdmitAsync(alice, "clerk", DeviceRights.Add);
        await scene.SettleAsync();
        Assert.Equal([Did(alice)], clerk.Engine.Trust.List().Select(static p => p.Did));
    }

    [Fact]
    public async Task A_revoked_device_neither_sends_nor_is_sent_anything_and_its_grants_end()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        await SendAsync(laptop, bob, "before");
        await bob.TickAsync();
        var (route, seq) = (bob.Engine.Mailboxes.FindRoute(Known(bob, alice).Handle), Known(bob, alice).CardSeq);
        var toBob = laptop.Engine.Mailboxes.FindRoute(Known(laptop, bob).Handle)!;
        await RevokeAsync(alice, laptop);

        // What waits for it by then is withdrawn, and what the thief of the machine sends is refused, however it words it.
        await SendAsync(bob, alice, "after", onlyQueue: true);
        await TickAsync(1, alice, bob, bob);
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), seq)));
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), seq + 1)));
        scene.PutAt(bob, scene.Forge(laptop, Did(alice), bob, null));
        await scene.SettleAsync();
        Assert.Equal(["before"], TextsAt(bob));
        Assert.Equal([EventRefusal.RightMissing, EventRefusal.RightMissing], Mail.Refusals(bob).Take(2));
        Assert.Equal(3, Mail.Refusals(bob).Count);
        Assert.Equal(["after"], TextsAt(alice));
        Assert.Empty(TextsAt(laptop));
        Assert.Empty((await SendAsync(bob, alice, "later")).Copies);
        Assert.False(scene.Relay.TakesMessage(toBob.SlotId, toBob.SlotToken));
        Assert.Empty(bob.Engine.Machines.Reachable());
        Assert.Empty(bob.Engine.Machines.Given());
        Assert.Equal(route, bob.Engine.Mailboxes.FindRoute(Known(bob, alice).Handle));

        // The machine forgets the identity and whom it knew by it; what came before stays readable.
        Assert.Empty(laptop.Engine.Trust.List());
        Assert.Equal("before", Received(bob)[0].Body?.AsString());
    }

    [Fact]
    public async Task A_device_that_sees_the_card_without_it_first_still_takes_the_news_and_forgets_all()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();

        // Another process of the root's sends the card while the revocation is under way.
        await alice.Engine.Devices.RemoveAsync(Did(alice), Card(laptop).PublicKey, None);
        await alice.Engine.OwnCard.SendDueAsync(None);
        await alice.Engine.Sender.RunAsync(static _ => true, null, None);
        await laptop.TickAsync();
        Assert.Equal([Did(alice)], laptop.Engine.Trust.List().Select(static p => p.Did));
        await TickAsync(2, alice, laptop);
        Assert.Empty(laptop.Engine.Trust.List());
        Assert.Empty(Mail.Refusals(laptop));
        Assert.Contains(laptop.Notices.Devices, static n => n is { IsAdded: false, IsThisHome: true });
    }

    [Fact]
    public async Task A_peer_that_the_root_revokes_is_dropped_by_the_devices()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        var toLaptop = bob.Engine.Machines.Find(new PeerMachine(Did(alice), Did(laptop)))!;
        Assert.True(scene.Relay.TakesMessage(toLaptop.SlotId, toLaptop.SlotToken));
        await alice.Engine.PeerRevocation.RevokeAsync(Known(alice, bob), "enough", None);
        await TickAsync(2, alice, laptop);
        Assert.Equal([Did(alice)], laptop.Engine.Trust.List().Select(static p => p.Did));
        Assert.False(scene.Relay.TakesMessage(toLaptop.SlotId, toLaptop.SlotToken));
    }

    [Fact]
    public async Task One_machine_that_cannot_be_reached_holds_up_no_other_and_is_named()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        scene.Relay.Weather = call => call.Action == RelayAction.PostEvent && call.Slot == SlotOf(laptop) ? new RelayFault.DropBefore() : null;
        foreach (var text in (string[])["one", "two"])
        {
            var delivery = await SendAsync(bob, alice, text);
            var message = delivery.ToMessage();
            Assert.Equal((DeliveryStatus.Delivered, DeliveryStatus.Queued), (delivery.Status, message.Status!.Value));
            Assert.Equal([Did(laptop)], message.WaitingFor);
        }

        Assert.All(Sent(bob), m => Assert.Equal((DeliveryStatus.Queued, Did(laptop)), (m.Status!.Value, Assert.Single(m.WaitingFor))));
        await TickAsync(1, alice, laptop);
        Assert.Equal(["one", "two"], TextsAt(alice));
        Assert.Empty(TextsAt(laptop));
        scene.Relay.Weather = null;
        await TickAsync(1, bob, laptop);
        Assert.Equal(["one", "two"], TextsAt(laptop));
        Assert.All(Sent(bob), static m => Assert.Equal((DeliveryStatus.Delivered, 0), (m.Status!.Value, m.WaitingFor.Count)));
    }

    [Fact]
    public async Task A_message_to_a_device_whose_address_is_on_its_way_waits_for_it_and_so_does_one_from_it()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await TickAsync(1, alice, bob);
        Assert.Equal(DeliveryStatus.Queued, Assert.Single((await SendAsync(bob, alice, "early")).Copies).Status);
        await laptop.TickAsync();
        Assert.Equal(DeliveryStatus.Queued, (await SendAsync(laptop, bob, "early too")).Status);
        await scene.SettleAsync();
        Assert.Equal(["early"], TextsAt(laptop));
        Assert.Equal(["early"], TextsAt(alice));
        Assert.Equal(["early too"], TextsAt(bob));
        Assert.Equal(0, bob.Engine.Outbox.Count() + laptop.Engine.Outbox.Count());
    }

    [Fact]
    public async Task Nobody_speaks_for_another_machine_or_identity()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var carol = scene.Add("carol");
        await PairAsync(carol, bob);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        var desk = await scene.AdmitAsync(alice, "desk");
        var stranger = await scene.AdmitAsync(carol, "stranger");
        await scene.SettleAsync();
        var ofAlice = new EventPrincipal(Did(alice), Known(bob, alice).CardSeq);

        // By one device in the name of the other; by a device of somebody else, as itself and as one of hers; in the root's own name.
        scene.PutAt(bob, scene.Forge(laptop, Did(desk), bob, ofAlice));
        scene.PutAt(bob, scene.Forge(stranger, Did(stranger), bob, ofAlice));
        scene.PutAt(bob, scene.Forge(stranger, Did(laptop), bob, ofAlice));
        scene.PutAt(bob, scene.Forge(laptop, Did(alice), bob, null));
        scene.PutAt(bob, scene.Forge(laptop, Did(alice), bob, ofAlice));

        // The root speaks for itself, not as a device of its own.
        scene.PutAt(bob, scene.Forge(alice, Did(alice), bob, ofAlice));

        // A device sends messages, and has no other say in what its identity does.
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, ofAlice, "{}", EventTypes.AgentCard, EventKinds.AgentCard));
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, ofAlice, "{}", EventTypes.TrustRevoked, EventKinds.TrustRevokeKey));
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, ofAlice, "{}", EventTypes.WireClose, EventKinds.WireClose));
        await bob.TickAsync();
        Assert.Empty(Received(bob));
        Assert.Equal(
            [
                EventRefusal.UnknownKey, EventRefusal.RightMissing, EventRefusal.UnknownKey, EventRefusal.UnknownKey, EventRefusal.RightMissing,
                EventRefusal.RightMissing, EventRefusal.RightMissing, EventRefusal.RightMissing, EventRefusal.RightMissing,
            ],
            Mail.Refusals(bob));
        Assert.True(Known(bob, alice).IsTrusted);

        // One that names no identity is one of a stranger: it waits, and is nobody's.
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, null));
        await bob.TickAsync();
        scene.Time.Advance(TimeSpan.FromDays(2));
        await bob.TickAsync();
        Assert.Empty(Received(bob));
        Assert.Equal(EventRefusal.UnknownSender, Mail.Refusals(bob)[^1]);
    }

    [Fact]
    public async Task A_device_of_two_identities_speaks_for_the_one_that_it_names()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var carol = scene.Add("carol");
        await PairAsync(carol, bob);
        var shared = await scene.AdmitAsync(alice, "shared");
        await scene.AdmitAsync(carol, shared, DeviceRights.Receive);
        await scene.SettleAsync();
        scene.PutAt(bob, scene.Forge(shared, Did(shared), bob, new EventPrincipal(Did(alice), Known(bob, alice).CardSeq), "for alice"));
        scene.PutAt(bob, scene.Forge(shared, Did(shared), bob, new EventPrincipal(Did(carol), Known(bob, carol).CardSeq), "for carol"));
        await bob.TickAsync();
        Assert.Equal(("for alice", Did(alice), Did(shared)), Received(bob).Select(static m => (m.Body!.AsString()!, m.PeerDid, m.Device!)).Single());
        Assert.Equal([EventRefusal.RightMissing], Mail.Refusals(bob));

        // Its keys are listed by both, and what one of them takes back the other one's message is not.
        await RevokeAsync(alice, shared);
        await TickAsync(2, alice, bob);
        Assert.Equal(Did(shared), Assert.Single((await SendAsync(bob, carol, "still")).Copies).Item.To);
        Assert.Empty((await SendAsync(bob, alice, "no more")).Copies);
    }

    [Fact]
    public async Task A_replayed_card_brings_no_revoked_device_back()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await alice.TickAsync();
        var withLaptop = scene.At(bob).Last(static e => e.Type == EventTypes.AgentCard);
        await scene.SettleAsync();
        await RevokeAsync(alice, laptop);
        await scene.SettleAsync();
        scene.PutAt(bob, withLaptop);
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), Known(bob, alice).CardSeq)));
        await bob.TickAsync();
        Assert.Empty(Known(bob, alice).Devices);
        Assert.Empty(Received(bob));
        Assert.Equal([EventRefusal.RightMissing], Mail.Refusals(bob));
    }

    [Fact]
    public async Task A_relay_that_withholds_the_card_that_drops_a_device_is_noticed_and_asked_round()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        await RevokeAsync(alice, laptop);
        await alice.TickAsync();
        Assert.Contains(scene.At(bob), static e => e.Type == EventTypes.AgentCard);
        scene.Relay.Mail.Drop(SlotOf(bob), scene.At(bob).Count);
        await bob.TryTickAsync();

        // From her next message on: what the device signs rests, and nothing is left for it.
        await SendAsync(alice, bob, "hello");
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), Known(bob, alice).CardSeq)));
        await bob.TickAsync();
        Assert.Equal(["hello"], TextsAt(bob));
        Assert.True(Known(bob, alice).IsCardBehind);
        Assert.Equal(DeliveryStatus.Queued, Assert.Single((await SendAsync(bob, alice, "to her alone")).Copies).Status);
        Assert.DoesNotContain(scene.At(laptop), static e => e.Type == MessageWish.DefaultType);

        // She is asked once, and answers; then the device is none any more.
        await TickAsync(3, alice, bob);
        Assert.False(Known(bob, alice).IsCardBehind);
        Assert.Equal(["hello"], TextsAt(bob));
        Assert.Equal(EventRefusal.RightMissing, Mail.Refusals(bob)[^1]);
        Assert.Equal(0, bob.Engine.Outbox.Count());
        Assert.Contains(bob.Engine.Journal.Read(0), e => e is { Kind: "message", To: "withdrawn" } && e.Peer == Did(laptop));
    }

    [Fact]
    public async Task A_device_may_tell_of_a_newer_card_and_once_dropped_holds_up_nothing()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), 1L << 60), "lie"));
        await bob.TickAsync();
        Assert.True(Known(bob, alice).IsCardBehind);
        await RevokeAsync(alice, laptop);
        await scene.SettleAsync();
        Assert.False(Known(bob, alice).IsCardBehind);
        Assert.Empty(Known(bob, alice).Devices);
    }

    [Fact]
    public async Task A_number_that_a_device_has_made_up_does_not_end_the_asking_for_cards()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), long.MaxValue), "lie"));
        await scene.SettleAsync();
        Assert.Equal(long.MaxValue, Known(bob, alice).CardSeqAsked);

        // A card comes, and the one after it does not.
        await scene.AdmitAsync(alice, "desk");
        await scene.SettleAsync();
        await LoseCardAsync();
        await TickAsync(3, bob, alice);
        Assert.False(Known(bob, alice).IsCardBehind);

        // An answer that is lost is asked for again, but not in every pass.
        await LoseCardAsync();
        var before = PostsToAlice();
        scene.Relay.Weather = call => call.Action == RelayAction.PostEvent && call.Client == "alice" ? new RelayFault.DropBefore() : null;
        for (var i = 0; i < 3; i++)
        {
            await TickAsync(1, bob);
            await alice.TryTickAsync();
        }

        Assert.Equal(before + 1, PostsToAlice());
        scene.Relay.Weather = null;
        foreach (var answer in alice.Engine.Outbox.List())
        {
            await alice.Engine.Outbox.RemoveAsync(answer, static () => { }, None);
        }

        await TickAsync(2, bob, alice);
        Assert.True(Known(bob, alice).IsCardBehind);
        scene.Time.Advance(TimeSpan.FromDays(1));
        await TickAsync(3, bob, alice);
        Assert.False(Known(bob, alice).IsCardBehind);

        int PostsToAlice() => scene.Relay.Calls.Count(c => c is { Client: "bob", Action: RelayAction.PostEvent } && c.Slot == SlotOf(alice));

        async Task LoseCardAsync()
        {
            await alice.Engine.Identity.UpdateCardAsync(static content => content.With("note", content.GetString("note") + "x"), None);
            await alice.TickAsync();
            scene.Relay.Mail.Drop(SlotOf(bob), scene.At(bob).Count);
            await bob.TryTickAsync();
            await SendAsync(alice, bob, "hello");
        }
    }

    [Fact]
    public async Task A_device_that_is_dropped_and_listed_again_with_the_same_time_gets_an_address_that_works()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        var first = Assert.Single(bob.Engine.Machines.Given());
        var listed = DeviceEntry.ListOf(Card(alice));
        foreach (var devices in new[] { [], listed })
        {
            await alice.Engine.Identity.UpdateCardAsync(content => DeviceEntry.With(content, devices), None);
            await alice.Engine.OwnCard.SendDueAsync(None);
            await alice.Engine.Sender.RunAsync(static _ => true, null, None);
            await bob.TickAsync();
            Assert.Equal(devices.Length, Known(bob, alice).Devices.Length);
        }

        await bob.TickAsync();
        var second = Assert.Single(bob.Engine.Machines.Given());
        Assert.Equal(first.To, second.To);
        Assert.DoesNotContain(first.Grant.GrantId, scene.Relay.LiveGrants);
        Assert.Contains(second.Grant.GrantId, scene.Relay.LiveGrants);
        Assert.Equal(0, bob.Engine.Outbox.Count());
    }

    [Fact]
    public async Task An_event_whose_grant_was_revoked_holds_up_nothing_and_costs_no_mailbox()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var mailbox = Assert.Single(bob.Engine.Mailboxes.List());
        var grant = new OutboxGrant(mailbox.RelayUrl, mailbox.SlotId, new string('7', 32), new string('7', 64));
        await bob.Engine.Relays.To(mailbox.RelayUrl).RevokeGrantAsync(mailbox, grant.GrantId, None);
        bob.Engine.Post.ToPeer(Known(bob, alice), EventTypes.AgentCard, WireJson.EmptyObject, grant);
        var deliveries = await bob.Engine.Sender.RunAsync(static _ => true, null, None);
        Assert.Equal(DeliveryStatus.Stale, Assert.Single(deliveries).Status);
        Assert.Equal(0, bob.Engine.Outbox.Count());
        Assert.Equal(mailbox.SlotId, Assert.Single(bob.Engine.Mailboxes.List()).SlotId);
        await SendAsync(bob, alice, "behind it");
        await alice.TickAsync();
        Assert.Equal(["behind it"], TextsAt(alice));
    }

    [Fact]
    public async Task A_peer_that_lists_ever_new_machines_gets_so_many_addresses_in_a_day()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        await scene.SettleAsync();
        var before = GrantsMade();
        for (var round = 0; round < 5; round++)
        {
            ImmutableArray<DeviceEntry> devices = [.. Enumerable.Range(round * DeviceEntry.MaxCount, DeviceEntry.MaxCount).Select(Entry)];
            await alice.Engine.Identity.UpdateCardAsync(content => DeviceEntry.With(content, devices), None);
            await TickAsync(1, alice, bob);
        }

        Assert.Empty(bob.Engine.Machines.Given());
        await bob.TickAsync();
        Assert.Equal(MachineLinks.MostGivenInADay, GrantsMade() - before);
        scene.Time.Advance(TimeSpan.FromDays(1));
        await TickAsync(2, bob);
        Assert.Equal(DeviceEntry.MaxCount, bob.Engine.Machines.Given().Count);
        Assert.Equal(MachineLinks.MostGivenInADay + DeviceEntry.MaxCount, GrantsMade() - before);

        int GrantsMade() => scene.Relay.Calls.Where(static c => c is { Client: "bob", Action: RelayAction.PutGrant }).DistinctBy(static c => c.Subject).Count();

        DeviceEntry Entry(int number)
        {
            using var device = TestDeviceBook.Device(number);
            return new DeviceEntry(device.Card.Did, device.Card.PublicKey, device.Card.DhPublicKey!, DeviceRights.Send, Timestamps.Round(scene.Time.GetUtcNow()), []);
        }
    }

    [Fact]
    public async Task A_message_of_a_device_that_is_faster_than_its_card_waits_for_it()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = scene.Add("laptop");
        await laptop.Engine.Identity.EnsureAsync(null, None);
        var seq = CardChain.PositionOf(Card(alice)).Seq;
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), seq), "too early"));
        scene.PutAt(bob, scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), seq + 1), "early"));
        await bob.TickAsync();
        Assert.Empty(Received(bob));
        Assert.Equal([EventRefusal.RightMissing], Mail.Refusals(bob));
        await scene.AdmitAsync(alice, laptop);
        await scene.SettleAsync();
        Assert.Equal(["early"], TextsAt(bob));
    }

    [Theory]
    [InlineData("http://169.254.169.254")]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("https://10.0.0.1")]
    [InlineData("https://relay.internal")]
    [InlineData("file:///etc/passwd")]
    public async Task An_address_that_nobody_should_be_made_to_call_is_taken_from_no_machine(string url)
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await TickAsync(1, alice, bob);
        var body = MachineLinks.AddressBody(Did(laptop), Did(bob), null).With("relay_url", url).With("slot_id", new string('a', 32)).With("slot_token", new string('b', 64));
        alice.Engine.Post.ToPeer(Known(alice, bob), EventTypes.MachineAddress, body);
        await TickAsync(1, alice, bob);
        Assert.Equal([EventRefusal.Malformed], Mail.Refusals(bob));
        Assert.Null(bob.Engine.Machines.Find(new PeerMachine(Did(alice), Did(laptop))));
    }

    [Fact]
    public async Task Addresses_and_peers_are_taken_only_from_those_who_have_a_say_in_them()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var carol = scene.Add("carol");
        await PairAsync(carol, bob);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        var desk = await scene.AdmitAsync(alice, "desk");
        await scene.SettleAsync();
        var before = bob.Engine.Machines.Find(new PeerMachine(Did(alice), Did(laptop)));
        Assert.NotNull(before);

        // Carol about Alice's device; Alice about Alice herself; a device about another one.
        carol.Engine.Post.ToPeer(Known(carol, bob), EventTypes.MachineAddress, Address(scene, Did(laptop), Did(bob)));
        alice.Engine.Post.ToPeer(Known(alice, bob), EventTypes.MachineAddress, Address(scene, Did(alice), Did(bob)));
        laptop.Engine.Post.ToPeer(Known(laptop, alice), EventTypes.MachineAddress, Address(scene, Did(desk), Did(bob)));

        // Bob shares a peer with who is no device of his.
        bob.Engine.Post.ToPeer(Known(bob, alice), EventTypes.PeerShared, WireJson.ObjectOf(("principal", WireJson.From(Did(bob))), ("card", Card(carol).Json)));
        await scene.SettleAsync();
        Assert.Equal(before, bob.Engine.Machines.Find(new PeerMachine(Did(alice), Did(laptop))));
        Assert.Equal([EventRefusal.RightMissing], Mail.Refusals(bob));
        Assert.Equal([EventRefusal.RightMissing, EventRefusal.RightMissing], Mail.Refusals(alice));
        Assert.Null(alice.Engine.Trust.Find(Did(carol)));
    }

    [Fact]
    public async Task A_card_that_lists_who_never_registered_makes_nobody_its_owners_device()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var carol = scene.Add("carol");
        await PairAsync(carol, bob);
        await ListAsync(bob, alice, carol);
        bob.Engine.Post.ToPeer(Known(bob, alice), EventTypes.PeerShared, WireJson.ObjectOf(("principal", WireJson.From(Did(bob))), ("card", Card(carol).Json)));
        await scene.SettleAsync();
        Assert.Contains(Known(alice, bob).Devices, d => d.Did == Did(alice));
        Assert.Empty(alice.Engine.DeviceOperations.Memberships());
        Assert.Null(alice.Engine.Trust.Find(Did(carol)));
        Assert.Contains(EventRefusal.RightMissing, Mail.Refusals(alice));

        // Nor does she write to herself for it.
        Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(alice, bob, "as before")).Copies.Where(c => c.Item.To == Did(alice)).Select(static c => c.Status).DefaultIfEmpty(DeliveryStatus.Delivered).Single());
        await bob.TickAsync();
        Assert.Contains("as before", TextsAt(bob));
    }

    [Fact]
    public async Task A_peer_that_lists_another_one_as_its_device_moves_none_of_its_addresses()
    {
        using var scene = new PrincipalScene();
        var alice = scene.Add("alice");
        var (victim, zed) = (scene.Add("victim"), scene.Add("zed"));
        await PairAsync(alice, victim);
        await PairAsync(alice, zed);
        await ListAsync(zed, victim);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        var before = laptop.Engine.Mailboxes.FindRoute(Known(laptop, victim).Handle);
        Assert.NotNull(before);
        zed.Engine.Post.ToPeer(Known(zed, alice), EventTypes.MachineAddress, Address(scene, Did(victim), Did(laptop)));
        await scene.SettleAsync();
        Assert.Equal(before, laptop.Engine.Mailboxes.FindRoute(Known(laptop, victim).Handle));
        Assert.Equal(new string('a', 32), laptop.Engine.Machines.Find(new PeerMachine(Did(zed), Did(victim)))?.SlotId);
        await SendAsync(laptop, victim, "to the right one");
        await victim.TickAsync();
        Assert.Contains("to the right one", TextsAt(victim));
    }

    [Fact]
    public async Task A_peer_that_lists_another_one_as_its_device_holds_up_no_mail_to_that_one()
    {
        using var scene = new PrincipalScene();
        var alice = scene.Add("alice");
        var (victim, zed) = (scene.Add("victim"), scene.Add("zed"));
        await PairAsync(alice, victim);
        await PairAsync(alice, zed);
        await ListAsync(zed, victim);
        await scene.SettleAsync();

        // The copy is for a mailbox that never answers; what is for the other one itself is not behind it.
        zed.Engine.Post.ToPeer(Known(zed, alice), EventTypes.MachineAddress, Address(scene, Did(victim), Did(alice)));
        await scene.SettleAsync();
        scene.Relay.Weather = static call => call.Action == RelayAction.PostEvent && call.Slot == new string('a', 32) ? new RelayFault.DropBefore() : null;
        Assert.Equal(DeliveryStatus.Queued, Assert.Single((await SendAsync(alice, zed, "first")).Copies).Status);
        Assert.Equal(DeliveryStatus.Delivered, (await SendAsync(alice, victim, "second")).Status);
    }

    [Fact]
    public async Task What_a_device_trusts_or_has_revoked_itself_its_principal_does_not_change()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var carol = scene.Add("carol");
        await PairAsync(alice, carol);
        var laptop = scene.Add("laptop");
        await PairAsync(laptop, bob);
        await PairAsync(laptop, carol);
        await laptop.Engine.PeerRevocation.RevokeAsync(Known(laptop, carol), null, None);
        await scene.AdmitAsync(alice, laptop);
        await scene.SettleAsync();
        Assert.Null(Known(laptop, bob).SharedBy);
        Assert.Equal("sas-v1", Known(laptop, bob).Ceremony);
        Assert.Null(laptop.Engine.Trust.Find(Did(carol)));

        // It speaks to its own peer in its own name.
        await SendAsync(laptop, bob, "myself");
        await bob.TickAsync();
        Assert.Equal((Did(laptop), null), Received(bob).Select(static m => (m.PeerDid, m.Device)).Single());
    }

    [Fact]
    public async Task Sixteen_devices_all_get_a_message_and_more_there_are_not()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var devices = new List<Party>();
        for (var i = 0; i < DeviceEntry.MaxCount; i++)
        {
            devices.Add(await scene.AdmitAsync(alice, $"machine{i}", DeviceRights.Receive));
        }

        await scene.SettleAsync();
        var delivery = await SendAsync(bob, alice, new string('x', 60_000));
        Assert.Equal(DeviceEntry.MaxCount, delivery.Copies.Count(static c => c.Status == DeliveryStatus.Delivered));
        await TickAsync(1, [.. devices]);
        Assert.All(devices, static d => Assert.Single(Received(d)));
        var tooMany = alice.Engine.Devices.List().Select(static d => d.Device).ToList();
        var extra = AgentCard.Create(Machine.Bytes(77), "extra");
        tooMany.Add(tooMany[0] with { Did = extra.Did, Key = extra.PublicKey, DhPublicKey = extra.DhPublicKey! });
        var seed = File.ReadAllBytes(alice.Home.PrivateKeyFile);
        var card = CardChain.Next(seed, Card(alice), content => DeviceEntry.With(content, tooMany));
        await bob.Engine.Trust.UpdateCardAsync(Known(bob, alice), card, None);
        Assert.Empty(Known(bob, alice).Devices);
    }

    [Fact]
    public async Task A_message_that_was_written_down_when_its_sender_died_goes_once_to_each_machine()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();

        // One file is all there is; each file of its own may be there already, and delivered.
        var item = bob.Engine.Post.MakeMessage(Known(bob, alice), "note", EventKinds.Message, WireJson.From("kept"));
        bob.Engine.Outbox.Add(item);
        Assert.Equal([Did(laptop)], Assert.Single(Sent(bob)).WaitingFor);
        await bob.Engine.Outbox.SpreadAsync(item, None);
        Assert.Equal(2, bob.Engine.Outbox.Count());
        await bob.TickAsync();
        bob.Engine.Outbox.Add(item);
        await bob.TickAsync();
        await TickAsync(1, alice, laptop);
        Assert.Equal(["kept"], TextsAt(alice));
        Assert.Equal(["kept"], TextsAt(laptop));
        Assert.Equal(0, bob.Engine.Outbox.Count());
        Assert.Single(Sent(bob));
    }

    [Fact]
    public async Task Wherever_the_sender_dies_each_machine_gets_the_message_once_or_none_does()
    {
        using var scene = new PrincipalScene();
        var files = new FaultyFiles(DiskFileSystem.Instance);
        var (alice, bob) = (scene.Add("alice"), scene.Add("bob", files));
        await PairAsync(alice, bob);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        var expected = new List<string>();
        for (var point = 1; ; point++)
        {
            // Nothing of a process that has died comes to be on disk.
            var (works, hasDied) = (0, false);
            files.Weather = (work, _) => work is not (FileWork.Write or FileWork.Append or FileWork.Delete) ? FileFault.None
                : !(hasDied |= Interlocked.Increment(ref works) >= point) ? FileFault.None
                : work == FileWork.Append && works == point ? FileFault.Torn : FileFault.Failed;
            var error = await Record.ExceptionAsync(() => SendAsync(bob, alice, $"message {point}"));
            files.Weather = null;
            Assert.Equal(hasDied, error is WireException { Reason: WireReason.StorageFailed or WireReason.StorageFull });
            bob.Restart();
            if (Sent(bob).Any(m => m.Body?.AsString() == $"message {point}"))
            {
                expected.Add($"message {point}");
            }

            scene.Time.Advance(OutboxSender.Claim);
            await TickAsync(1, bob, alice, laptop);
            Assert.Equal(expected, TextsAt(alice));
            Assert.Equal(expected, TextsAt(laptop));
            Assert.Equal(expected, Sent(bob).Select(static m => m.Body!.AsString()));
            Assert.Equal(0, bob.Engine.Outbox.Count());
            if (!hasDied)
            {
                Assert.True(point > 6, $"Only {point} points: not all that is written was counted.");
                Assert.Equal(point - 1, expected.Count);
                return;
            }
        }
    }

    [Fact]
    public async Task What_a_device_has_signed_is_checked_against_the_card_of_its_identity()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        var good = scene.Forge(laptop, Did(laptop), bob, new EventPrincipal(Did(alice), 1));
        var finding = bob.Engine.EventCheck.Check(good);
        Assert.Equal((true, Did(alice), Did(laptop)), (finding.IsValid, finding.Sender!.Did, finding.Device!.Did));
        var stranger = scene.Add("stranger");
        await stranger.Engine.Identity.EnsureAsync(null, None);
        foreach (var forged in (SignedEvent[])[scene.Forge(stranger, Did(stranger), bob, good.Principal), scene.Forge(laptop, Did(alice), bob, good.Principal), scene.Forge(alice, Did(laptop), bob, good.Principal)])
        {
            Assert.Equal((false, EventVerdict.UnknownKey), (bob.Engine.EventCheck.Check(forged).IsValid, bob.Engine.EventCheck.Check(forged).Verdict));
        }
    }

    [Fact]
    public async Task A_consumer_gets_what_the_machines_of_a_peer_send_as_that_peers()
    {
        using var scene = new PrincipalScene();
        var (alice, bob) = await PairedAsync(scene);
        var laptop = await scene.AdmitAsync(alice, "laptop");
        await scene.SettleAsync();
        await SendAsync(alice, bob, "root");
        await SendAsync(laptop, bob, "device");
        await bob.TickAsync();
        Assert.Equal(["root", "device"], await Mail.TakeAsync(bob, peers: [Did(alice)]));
        Assert.Empty(await Mail.TakeAsync(bob));
    }

    /// <summary>A card that lists as devices whom its owner pleases.</summary>
    private static async Task ListAsync(Party owner, params Party[] others)
    {
        var devices = others.Select(other => new DeviceEntry(Did(other), Card(other).PublicKey, Card(other).DhPublicKey!, DeviceRights.All, owner.Engine.Time.GetUtcNow(), [])).ToList();
        await owner.Engine.Identity.UpdateCardAsync(content => DeviceEntry.With(content, devices), None);
    }

    private static WireJson Address(PrincipalScene scene, string of, string recipient) =>
        MachineLinks.AddressBody(of, recipient, null).With("relay_url", scene.Relay.Url).With("slot_id", new string('a', 32)).With("slot_token", new string('b', 64));

    private static async Task<(Party Alice, Party Bob)> PairedAsync(PrincipalScene scene)
    {
        var (alice, bob) = (scene.Add("alice"), scene.Add("bob"));
        await PairAsync(alice, bob);
        return (alice, bob);
    }
}
