using System.Text;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>Trust that was taken back: at once, for good, told to the peer, and undone by nobody but a person.</summary>
public sealed class RevocationTests
{
    private static CancellationToken None => CancellationToken.None;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_revoked_peer_is_told_and_loses_what_it_had(int protocol)
    {
        using var couple = await PairedAsync(protocol);
        var guest = PeerOf(couple.Host);
        await couple.Host.Engine.PeerRevocation.RevokeAsync(guest, "Lost laptop.", None);
        Assert.Empty(couple.Host.Engine.Trust.List());
        var tombstone = Assert.Single(couple.Host.Engine.Trust.ListAll());
        Assert.Equal((couple.Time.GetUtcNow(), "Lost laptop.", TrustTier.Untrusted, null), (tombstone.RevokedAt, tombstone.RevokedReason, tombstone.Tier, tombstone.Grant));
        Assert.Equal(guest.PublicKey, tombstone.PublicKey);
        Assert.Null(couple.Host.Engine.Mailboxes.FindRoute(guest.Handle));

        await couple.SettleAsync();
        Assert.Empty(couple.Relay.LiveGrants);
        var host = PeerOf(couple.Guest);
        Assert.Equal((TrustTier.Untrusted, "Lost laptop."), (host.Tier, host.RevokedReason));
        Assert.NotNull(host.RevokedByPeerAt);
        Assert.Null(couple.Guest.Engine.Mailboxes.FindRoute(host.Handle));
        Assert.Contains(couple.Guest.Engine.Journal.Read(0), static e => e is { Kind: "peer", To: "revoked_by_peer" });
        Assert.Contains(couple.Host.Engine.Journal.Read(0), static e => e is { Kind: "peer", To: "revoked" });
    }

    [Fact]
    public async Task Nothing_brings_a_revoked_peer_back_but_a_person()
    {
        using var couple = await PairedAsync(2);
        var (host, guest) = (couple.Host, couple.Guest);
        var peer = PeerOf(host);
        var route = host.Engine.Mailboxes.FindRoute(peer.Handle)!;
        var asked = await host.Engine.Requests.AskAsync(peer, "before", None);
        await host.Engine.PeerRevocation.RevokeAsync(peer, null, None);
        var slot = host.Engine.Mailboxes.List()[0].SlotId;
        var seed = guest.Engine.Files.ReadPrivate(guest.Home.PrivateKeyFile, 64)!;
        var card = guest.Engine.Identity.Find()!.Card;
        var stranger = new TrustRequestTests.Stranger(seed, card.Handle);

        // A message, an acknowledgement, a card, a request of a peer.
        Leave(EventKinds.Message, "note", WireJson.From("hello"));
        Leave(EventKinds.Ack, "ack", WireJson.From("hello"));
        Leave(EventKinds.TrustAddKey, EventTypes.PairDropAck, WireJson.EmptyObject.With("relay_url", couple.Relay.Url).With("slot_id", Machine.Slot).With("slot_token", Machine.Token));
        Leave(EventKinds.AgentCard, EventTypes.AgentCard, WireJson.EmptyObject.With("card", CardChain.Next(seed, card, static c => c.With("name", "Back")).Json));
        Leave(EventKinds.Claim, EventTypes.TrustRequest, stranger.Sign(TrustMessageType.Request, host, null, couple.Relay, 1));

        // What strangers leave: a request, and what an invite asks for. The answer to a question from before.
        couple.Relay.Mail.Repeat(slot, stranger.Ask(host, couple.Relay));
        Leave(EventKinds.AgentCard, EventTypes.PairDrop, WireJson.EmptyObject.With("card", card.Json).With("pair_nonce", Machine.Token));
        Leave(EventKinds.AgentCard, EventTypes.PairDrop, WireJson.EmptyObject.With("card", card.Json).With("invite_proof", WireJson.EmptyObject));
        couple.Relay.Mail.Repeat(slot, stranger.Answer(TrustMessageType.Accept, asked.Id, host, couple.Relay));
        await host.TickAsync();
        AssertStillRevoked();
        Assert.Equal(9, host.Engine.Refused.List().Count);
        Assert.Empty(host.Engine.Requests.Pending());

        // A question of its own, and a pairing of either protocol.
        Assert.Equal(WireReason.PeerRevoked, (await Assert.ThrowsAsync<WireException>(() => host.Engine.Requests.AskAsync(Assert.Single(host.Engine.Trust.ListAll()), null, None))).Reason);
        Assert.Equal(WireReason.PeerRevoked, (await Assert.ThrowsAsync<WireException>(() => host.Engine.Requests.AskAsync(new FoundPeer(couple.Relay.Url, card, null, PeerKeyFamiliarity.Revoked), null, None))).Reason);
        foreach (var protocol in (int[])[1, 2])
        {
            await TryPairAsync(couple, protocol);
            AssertStillRevoked();
        }

        Assert.NotNull(await host.Engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "invite", "person", "invite", route, null), static (_, _) => Task.CompletedTask, None));
        Assert.Null(await host.Engine.Peers.RemoveAsync(peer.Did, None));
        AssertStillRevoked();

        // A person forgets it.
        Assert.NotNull(await host.Engine.Peers.ForgetAsync(peer.Did, None));
        Assert.Null(await host.Engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "invite", "person", "invite", route, null), static (_, _) => Task.CompletedTask, None));
        Assert.Single(host.Engine.Trust.List());

        void Leave(uint kind, string type, WireJson body) =>
            couple.Relay.Mail.Repeat(slot, SignedEvent.Create(seed, card, host.Engine.Identity.Find()!.Did, type, kind, body, couple.Time.GetUtcNow()).Json.ToCompactBytes());

        void AssertStillRevoked()
        {
            Assert.Empty(host.Engine.Trust.List());
            Assert.NotNull(Assert.Single(host.Engine.Trust.ListAll()).RevokedAt);
            Assert.Null(host.Engine.Mailboxes.FindRoute(peer.Handle));
        }
    }

    [Fact]
    public async Task A_revocation_says_what_it_is_about_and_an_old_one_ends_no_newer_trust()
    {
        using var couple = await PairedAsync(2);
        var guest = PeerOf(couple.Host);
        await couple.Host.Engine.PeerRevocation.RevokeAsync(guest, null, None);
        await couple.Host.TickAsync();
        var slot = couple.Guest.Engine.Mailboxes.List()[0].SlotId;
        var notice = Encoding.UTF8.GetBytes(Assert.Single(couple.Relay.Mail.TextsOf(slot)));
        await couple.Guest.TickAsync();
        Assert.Equal(TrustTier.Untrusted, PeerOf(couple.Guest).Tier);

        // Trusted anew, a minute later. The relay repeats the old notice, and so does whoever wraps it again.
        couple.Time.Advance(TimeSpan.FromMinutes(1));
        var host = couple.Host.Engine.Identity.Find()!.Card;
        Assert.Null(await couple.Guest.Engine.Trust.PinAsync(new PinRequest(host, TrustTier.Verified, "sas-v2", "person", "sas", null, null), static (_, _) => Task.CompletedTask, None));
        couple.Relay.Mail.Repeat(slot, notice);
        var seed = couple.Host.Engine.Files.ReadPrivate(couple.Host.Home.PrivateKeyFile, 64)!;
        couple.Relay.Mail.Repeat(slot, SignedEvent.Sign(seed, host.Handle, SignedEvent.Parse(notice).Json.With("extra", 1)).Json.ToCompactBytes());
        await couple.Guest.TickAsync();
        Assert.Equal((TrustTier.Verified, null), (PeerOf(couple.Guest).Tier, PeerOf(couple.Guest).RevokedByPeerAt));
        Assert.Equal(EventRefusal.NotExpected, couple.Guest.Engine.Refused.List()[^1].Reason);
    }

    [Fact]
    public async Task Whoever_was_revoked_can_be_trusted_anew_by_both()
    {
        using var couple = await PairedAsync(2);
        var guest = PeerOf(couple.Host);
        await couple.Host.Engine.PeerRevocation.RevokeAsync(guest, null, None);
        await couple.SettleAsync();
        await couple.Host.Engine.Peers.ForgetAsync(guest.Did, None);
        await PairAsync(couple);
        couple.AssertPaired();
        Assert.Null(PeerOf(couple.Guest).RevokedByPeerAt);
        Assert.Equal(TrustTier.Verified, PeerOf(couple.Guest).Tier);
    }

    [Fact]
    public async Task A_revocation_that_a_failing_disk_interrupted_anywhere_is_finished_by_repeating_it()
    {
        var interrupted = 0;
        for (var victim = 1; victim <= 8; victim++)
        {
            var files = new FaultyFiles(DiskFileSystem.Instance);
            using var couple = await PairedAsync(2, name => name == "host" ? files : DiskFileSystem.Instance);
            var guest = PeerOf(couple.Host);
            var writes = 0;
            files.Weather = (work, _) => work is FileWork.Write or FileWork.Append && Interlocked.Increment(ref writes) == victim ? FileFault.Failed : FileFault.None;
            try
            {
                await couple.Host.Engine.PeerRevocation.RevokeAsync(guest, null, None);
            }
            catch (WireException error) when (error.Reason == WireReason.StorageFailed)
            {
                interrupted++;
            }

            files.Weather = null;
            await couple.Host.Engine.PeerRevocation.RevokeAsync(Assert.Single(couple.Host.Engine.Trust.ListAll()), null, None);
            await couple.SettleAsync();
            Assert.Equal(TrustTier.Untrusted, PeerOf(couple.Guest).Tier);
            Assert.Empty(couple.Relay.LiveGrants);
        }

        Assert.InRange(interrupted, 4, 8);
    }

    private static TrustEntry PeerOf(Party party) => Assert.Single(party.Engine.Trust.List());

    private static async Task<Couple> PairedAsync(int protocol, Func<string, IFileSystem>? files = null)
    {
        var couple = new Couple(files: files, protocol: protocol);
        await PairAsync(couple);
        couple.AssertPaired();
        return couple;
    }

    /// <summary>A pairing of the couple's own protocol, in which both type what the other side shows.</summary>
    private static async Task PairAsync(Couple couple)
    {
        await couple.RequestAsync();
        await couple.SettleAsync(3);
        await couple.ConfirmEachOtherAsync();
        await couple.SettleAsync();
    }

    /// <summary>A pairing as far as it comes where the host has revoked the guest.</summary>
    private static async Task TryPairAsync(Couple couple, int protocol)
    {
        var wish = new PairWish { Relay = couple.Relay.Url, Protocol = protocol };
        var (hostKey, hosted) = await couple.Host.Engine.Pairing.RequestAsync(wish, None);
        var (guestKey, _) = await couple.Guest.Engine.Pairing.RequestAsync(wish with { Code = hosted.Code }, None);
        await couple.SettleAsync(3);
        var (ofHost, ofGuest) = (couple.Host.Engine.Pairs.Load(hostKey)!.Sas!, couple.Guest.Engine.Pairs.Load(guestKey)!.Sas!);
        await couple.Guest.Engine.Pairing.ConfirmAsync(guestKey, ofHost, None);
        if (protocol == 2)
        {
            // Refused before anything is told to the other side.
            Assert.Equal(WireReason.PeerRevoked, (await Assert.ThrowsAsync<WireException>(() => couple.Host.Engine.Pairing.ConfirmAsync(hostKey, ofGuest, None))).Reason);
        }
        else
        {
            await couple.Host.Engine.Pairing.ConfirmAsync(hostKey, ofGuest, None);
        }

        for (var i = 0; i < 4; i++)
        {
            await couple.Host.TryTickAsync();
            await couple.Guest.TryTickAsync();
        }
    }
}
