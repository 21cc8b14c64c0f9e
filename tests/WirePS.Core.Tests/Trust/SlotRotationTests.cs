using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;
using static WirePS.Tests.Support.Mail;

namespace WirePS.Tests.Trust;

/// <summary>Who ever held the own token of a mailbox goes, and the mailbox moves: nothing of the new one reaches who has gone, and nobody else loses anything.</summary>
public sealed class SlotRotationTests
{
    private static CancellationToken None => CancellationToken.None;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_mailbox_moves_without_the_peer_that_goes(bool isRevoked)
    {
        using var scene = await Scene.CreateAsync();
        var (host, guest, relay) = (scene.Host, scene.Guest, scene.Couple.Relay);
        var old = MailboxOf(host);
        var held = scene.HeldByGone;
        Assert.Equal((old.SlotId, old.SlotToken), (held.SlotId, held.SlotToken));

        await scene.PartAsync(isRevoked);
        var noted = Assert.Single(host.Engine.Rotations.List());
        Assert.Equal(PeerOf(guest).Did, host.Engine.Identity.Find()!.Did);
        Assert.Equal([PeerOf(host).Did], host.Engine.Rotation.PeersToTell(noted).Select(static p => p.Did));
        await SendAsync(guest, "before the notice");
        await host.TickAsync();
        var fresh = host.Engine.Mailboxes.List()[^1];
        Assert.NotEqual(old, fresh);
        Assert.Equal([old, fresh], host.Engine.Mailboxes.List());

        // What has gone to the peer that stays shows nobody what to write with.
        Assert.Contains(relay.Mail.TextsOf(SlotOf(guest)), static t => t.Contains("\"kind\":1201", StringComparison.Ordinal));
        Assert.DoesNotContain(relay.Mail.TextsOf(SlotOf(guest)), t => t.Contains(fresh.SlotToken, StringComparison.Ordinal));
        Assert.DoesNotContain(relay.Mail.TextsOf(SlotOf(scene.Gone)), static t => t.Contains("wire_close", StringComparison.Ordinal) || t.Contains("\"kind\":1201", StringComparison.Ordinal));

        await SendAsync(guest, "still to the old one");
        await guest.TickAsync();
        Assert.Equal((fresh.SlotId, fresh.SlotToken), scene.RouteOf(guest));
        await SendAsync(guest, "to the new one");
        Assert.Single(relay.Mail.TextsOf(fresh.SlotId));
        await host.TickAsync();
        Assert.Equal(["before the notice", "still to the old one", "to the new one"], Received(host));
        Assert.False(relay.TakesMessage(fresh.SlotId, held.SlotToken));
        await scene.Gone.TickAsync();
        Assert.NotEqual((fresh.SlotId, fresh.SlotToken), scene.RouteOf(scene.Gone));

        // It is read for a while, a last time at the end, and then no more.
        scene.Couple.Time.Advance(SlotRotation.Grace - TimeSpan.FromMinutes(1));
        await host.TickAsync();
        Assert.Equal([old, fresh], host.Engine.Mailboxes.List());
        Leave(old, "at the end");
        scene.Couple.Time.Advance(TimeSpan.FromMinutes(1));
        await host.TickAsync();
        Assert.Equal("at the end", Received(host)[^1]);
        Assert.Equal(fresh, MailboxOf(host));
        Assert.Empty(host.Engine.Rotations.List());
        Leave(old, "too late");
        await host.TickAsync();
        Assert.DoesNotContain("too late", Received(host));
        Assert.Equal(["moved", "retired"], host.Engine.Journal.Read(0).Where(static e => e.Kind == "mailbox").Select(static e => e.To));

        void Leave(Mailbox mailbox, string text)
        {
            var item = Signed(guest, Content(scene.Couple, guest, host, text));
            relay.Mail.Post(mailbox.SlotId, null, item.ToCompactBytes(), item.GetString("event_id"));
        }
    }

    [Fact]
    public async Task A_crash_between_any_two_steps_delays_the_move_and_loses_nothing()
    {
        var faults = 0;
        for (var at = 0; faults == at; at++)
        {
            var files = new FaultyFiles(DiskFileSystem.Instance);
            using var scene = await Scene.CreateAsync(name => name == "host" ? files : DiskFileSystem.Instance);
            var (host, guest) = (scene.Host, scene.Guest);
            var old = MailboxOf(host);
            await SendAsync(guest, "before");
            var (left, isDead) = (at, false);
            files.Weather = (work, _) =>
            {
                isDead |= work is FileWork.Write or FileWork.Append or FileWork.Delete or FileWork.Rename && left-- == 0;
                return isDead ? FileFault.Failed : FileFault.None;
            };

            try
            {
                await scene.PartAsync(isRevoked: true);
                await host.TryTickAsync();
                host.Restart();
                await guest.TickAsync();
                await host.TryTickAsync();
            }
            catch (WireException error) when (error.Reason == WireReason.StorageFailed)
            {
                // The process dies; what it has not done is done by the next one.
            }

            files.Weather = null;
            faults += isDead ? 1 : 0;
            host.Restart();
            await scene.PartAsync(isRevoked: true);
            for (var i = 0; i < 3; i++)
            {
                await host.TickAsync();
                await guest.TickAsync();
            }

            await SendAsync(guest, "after");
            await host.TickAsync();
            var fresh = host.Engine.Mailboxes.List()[^1];
            Assert.NotEqual(old, fresh);
            Assert.Equal((fresh.SlotId, fresh.SlotToken), scene.RouteOf(guest));
            Assert.Equal(["before", "after"], Received(host));
            Assert.DoesNotContain(scene.Couple.Relay.Mail.TextsOf(SlotOf(scene.Gone)), static t => t.Contains("\"kind\":1201", StringComparison.Ordinal));
            Assert.False(scene.Couple.Relay.TakesMessage(fresh.SlotId, scene.HeldByGone.SlotToken));
            Assert.True(host.Engine.Journal.Verify().Valid);

            scene.Couple.Time.Advance(SlotRotation.Grace);
            await host.TickAsync();
            Assert.Equal(fresh, MailboxOf(host));
            Assert.Empty(host.Engine.Rotations.List());
        }

        Assert.True(faults > 8, $"Only {faults} steps.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_relay_in_trouble_delays_the_move(bool arrives)
    {
        using var scene = await Scene.CreateAsync();
        var old = MailboxOf(scene.Host);
        await scene.PartAsync(isRevoked: false);
        scene.Couple.Relay.Weather = call => call.Action != RelayAction.Allocate ? null : arrives ? new RelayFault.DropAfter() : new RelayFault.DropBefore();
        Assert.NotEmpty((await scene.Host.TryTickAsync()).Failures);
        Assert.Equal([old], scene.Host.Engine.Mailboxes.List());
        scene.Couple.Relay.Weather = null;
        await scene.Host.TickAsync();
        await scene.Guest.TickAsync();
        Assert.Equal(scene.Host.Engine.Mailboxes.List()[^1].SlotId, scene.RouteOf(scene.Guest).SlotId);
        Assert.NotEqual(old.SlotId, scene.RouteOf(scene.Guest).SlotId);
    }

    [Fact]
    public async Task Who_goes_while_the_mailbox_moves_has_nothing_of_the_last_one()
    {
        using var scene = await Scene.CreateAsync();
        var host = scene.Host;
        await scene.PartAsync(isRevoked: false);
        await host.TickAsync();
        await scene.Guest.TickAsync();
        var second = scene.RouteOf(scene.Guest);
        Assert.Equal(host.Engine.Mailboxes.List()[^1].SlotId, second.SlotId);

        await host.Engine.Peers.RemoveAsync(PeerOf(host).Did, None);
        Assert.Equal(2, host.Engine.Rotations.List().Count);
        await host.TickAsync();
        var third = host.Engine.Mailboxes.List()[^1];
        Assert.NotEqual(second.SlotId, third.SlotId);
        await scene.Guest.TickAsync();
        Assert.Equal(second, scene.RouteOf(scene.Guest));
        Assert.False(scene.Couple.Relay.TakesMessage(third.SlotId, second.SlotToken));
    }

    [Fact]
    public async Task I10_a_notice_is_taken_for_the_sender_s_own_address_only_and_an_older_one_never_undoes_a_newer_one()
    {
        using var couple = await PairedAsync(isOurs: false);
        var (host, guest) = (couple.Host, couple.Guest);
        couple.Time.Advance(TimeSpan.FromHours(1));
        var first = Notice('1', TimeSpan.FromMinutes(-30));
        var second = Notice('2', TimeSpan.FromMinutes(-20));
        Leave(couple, guest, second);
        await guest.TickAsync();
        Assert.Equal(new string('2', 32), Route());
        Leave(couple, guest, first);
        couple.Relay.Mail.Repeat(SlotOf(guest), second.ToCompactBytes());
        await guest.TickAsync();
        Assert.Equal(new string('2', 32), Route());
        Assert.Equal([EventRefusal.Expired], Refusals(guest));

        // From before the pairing, for an address that is none of a peer's, without what to write with, by a stranger.
        Leave(couple, guest, Notice('3', TimeSpan.FromMinutes(-70)));
        Leave(couple, guest, Notice('4', TimeSpan.FromMinutes(-10), url: "http://127.0.0.1:1"));
        Leave(couple, guest, Notice('5', TimeSpan.FromMinutes(-9), hasToken: false));
        Leave(couple, guest, Notice('6', TimeSpan.FromMinutes(-8), token: "short"));
        var (card, seed) = Stranger("stranger", 7);
        Leave(couple, guest, SignedEvent.Sign(seed, card.Handle, Notice('7', TimeSpan.FromMinutes(-7)).With("from", card.Did)).Json);
        Leave(couple, guest, SignedEvent.Sign(seed, host.Engine.Identity.Find()!.Handle, Notice('8', TimeSpan.FromMinutes(-6))).Json);
        await guest.TickAsync();
        Assert.Equal(new string('2', 32), Route());
        Assert.Equal([EventRefusal.UnknownKey, EventRefusal.Malformed, EventRefusal.NotExpected, EventRefusal.Malformed], Refusals(guest).Where(static r => r != EventRefusal.Expired));

        string Route() => guest.Engine.Mailboxes.FindRoute(PeerOf(guest).Handle)!.SlotId;

        WireJson Notice(char slot, TimeSpan ago, string? url = null, bool hasToken = true, string? token = null)
        {
            var body = WireJson.EmptyObject.With("reason", "moved").With("new_relay_url", url ?? couple.Relay.Url).With("new_slot_id", new string(slot, 32));
            return Signed(host, Content(couple, host, guest, "")
                .With("type", "wire_close")
                .With("kind", 1201L)
                .With("timestamp", Timestamps.Format(couple.Time.GetUtcNow() + ago))
                .With("body", hasToken ? body.With("new_slot_token", token ?? Machine.Token) : body));
        }
    }

    [Fact]
    public async Task Over_a_relay_with_grants_nothing_moves()
    {
        using var couple = await PairedAsync();
        var mailbox = MailboxOf(couple.Host);
        Assert.False(PeerOf(couple.Host).HoldsMailbox);
        await couple.Host.Engine.Peers.RemoveAsync(PeerOf(couple.Host).Did, None);
        await couple.Host.TickAsync();
        Assert.Empty(couple.Host.Engine.Rotations.List());
        Assert.Equal(mailbox, MailboxOf(couple.Host));
        Assert.Empty(couple.Relay.LiveGrants.Intersect([couple.Guest.Engine.Mailboxes.FindRoute(PeerOf(couple.Guest).Handle)!.SlotToken]));
    }

    [Fact]
    public async Task A_peer_that_was_given_the_token_once_holds_it_also_with_a_grant()
    {
        using var couple = await PairedAsync(isOurs: false);
        var peer = PeerOf(couple.Host);
        Assert.True(peer.HoldsMailbox);
        await couple.Host.Engine.Trust.RenewAsync(peer, null, new GivenGrant("https://other.example", Machine.Slot, Machine.Slot), static (_, _) => Task.CompletedTask, None);
        peer = PeerOf(couple.Host);
        Assert.True(peer is { HoldsMailbox: true, Grant: not null });
        await couple.Host.Engine.Peers.RemoveAsync(peer.Did, None);
        Assert.Single(couple.Host.Engine.Rotations.List());
    }

    [Fact]
    public async Task A_peer_that_revokes_this_home_goes_too()
    {
        using var scene = await Scene.CreateAsync();
        var old = MailboxOf(scene.Host);
        await scene.Gone.Engine.PeerRevocation.RevokeAsync(PeerOf(scene.Gone), null, None);
        await scene.Gone.TickAsync();
        await scene.Host.TickAsync();
        await scene.Host.TickAsync();
        await scene.Guest.TickAsync();
        Assert.NotEqual(old.SlotId, scene.RouteOf(scene.Guest).SlotId);
        Assert.Equal(scene.Host.Engine.Mailboxes.List()[^1].SlotId, scene.RouteOf(scene.Guest).SlotId);
    }

    [Fact]
    public async Task For_a_peer_without_a_key_for_seals_the_notice_has_no_token()
    {
        using var scene = await Scene.CreateAsync();
        var host = scene.Host;
        var (stranger, seed) = Stranger("plain", 9);
        var card = AgentCard.From(AgentCard.Sign(seed, stranger.Json.Without("dh_pubkey"), publishDhKey: false));
        Assert.Null(card.DhPublicKey);
        scene.Couple.Relay.Hold(new string('9', 32), Machine.Token);
        var route = PeerRoute.TryCreate(scene.Couple.Relay.Url, new string('9', 32), Machine.Token, scene.Couple.Relay.Url);
        Assert.Null(await host.Engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "sas-v1", "person", "sas", route, null), static (_, _) => Task.CompletedTask, None));
        await scene.PartAsync(isRevoked: false);
        await host.TickAsync();
        var fresh = host.Engine.Mailboxes.List()[^1];
        var notice = Assert.Single(scene.Couple.Relay.Mail.TextsOf(new string('9', 32)), static t => t.Contains("wire_close", StringComparison.Ordinal));
        Assert.Contains(fresh.SlotId, notice, StringComparison.Ordinal);
        Assert.DoesNotContain(fresh.SlotToken, notice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_directory_leads_to_the_new_mailbox()
    {
        using var scene = await Scene.CreateAsync();
        var own = await scene.Host.Engine.Directory.RegisterAsync(scene.Couple.Relay.Url, null, None);
        var handle = own.Card.Handle;
        Assert.Equal(SlotOf(scene.Host), scene.Couple.Relay.Directory.SlotOf(handle));
        await scene.PartAsync(isRevoked: false);
        await scene.Host.TickAsync();
        Assert.Equal(scene.Host.Engine.Mailboxes.List()[^1].SlotId, scene.Couple.Relay.Directory.SlotOf(handle));
    }

    /// <summary>A home with two peers over a relay without grants: one that stays, one that goes.</summary>
    private sealed class Scene : IDisposable
    {
        private Scene(Couple couple)
        {
            Couple = couple;
            Gone = new Party("gone", couple.Relay, couple.Time);
        }

        public Couple Couple { get; }

        public Party Host => Couple.Host;

        public Party Guest => Couple.Guest;

        public Party Gone { get; }

        /// <summary>What the one that goes knew of the home, also after it was told that it is not trusted.</summary>
        public PeerRoute HeldByGone { get; private set; } = null!;

        public static async Task<Scene> CreateAsync(Func<string, IFileSystem>? files = null)
        {
            var scene = new Scene(await PairedAsync(isOurs: false, files));
            await scene.Gone.JoinAsync(await scene.Host.HostAsync());
            await scene.Host.TickAsync();
            await scene.Gone.TickAsync();
            await scene.Host.TickAsync();
            var digits = scene.Host.Pair.Sas!;
            await scene.Host.ConfirmAsync(digits);
            await scene.Gone.ConfirmAsync(digits);
            for (var i = 0; i < 4; i++)
            {
                await scene.Host.TickAsync();
                await scene.Gone.TickAsync();
            }

            scene.HeldByGone = scene.Gone.Engine.Mailboxes.FindRoute(PeerOf(scene.Gone).Handle)!;
            return scene;
        }

        /// <summary>The home parts with the one that goes; may be repeated.</summary>
        public async Task PartAsync(bool isRevoked)
        {
            var did = Gone.Engine.Identity.Find()!.Did;
            if (isRevoked)
            {
                await Host.Engine.PeerRevocation.RevokeAsync(Host.Engine.Trust.ListAll().Single(p => p.Did == did), null, None);
            }
            else
            {
                await Host.Engine.Peers.RemoveAsync(did, None);
            }
        }

        /// <summary>Where a peer of the home writes to.</summary>
        public (string SlotId, string SlotToken) RouteOf(Party peer) =>
            peer.Engine.Mailboxes.FindRoute(Host.Engine.Identity.Find()!.Handle) is { } route ? (route.SlotId, route.SlotToken) : ("", "");

        public void Dispose()
        {
            Gone.Dispose();
            Couple.Dispose();
        }
    }
}
