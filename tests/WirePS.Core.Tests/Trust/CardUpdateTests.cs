using System.Text;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Trust;

/// <summary>Newer cards of peers: in order, from the pinned key alone, and noticed where somebody holds them back.</summary>
public sealed class CardUpdateTests
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task A_new_name_comes_to_the_peers_sealed_and_once()
    {
        using var couple = await PairedAsync();
        Assert.Equal(1, CardChain.PositionOf(await RenameAsync(couple.Host, "First")).Seq);
        await couple.Host.TickAsync();
        Assert.DoesNotContain("First", Assert.Single(couple.Relay.Mail.TextsOf(SlotOf(couple.Guest))), StringComparison.Ordinal);
        await couple.SettleAsync();
        var peer = PeerOf(couple.Guest);
        Assert.Equal(("First", 1, false), (peer.Card!.Name, peer.CardSeq, peer.IsCardBehind));
        await RenameAsync(couple.Host, "Second");
        await couple.SettleAsync();
        Assert.Equal(("Second", 2), (PeerOf(couple.Guest).Card!.Name, PeerOf(couple.Guest).CardSeq));
        Assert.Empty(couple.Guest.Engine.Refused.List());
        var delivered = couple.Relay.CountOf(RelayAction.PostEvent);
        await couple.SettleAsync();
        Assert.Equal(delivered, couple.Relay.CountOf(RelayAction.PostEvent));
    }

    [Fact]
    public async Task An_older_card_and_one_of_another_chain_are_refused_and_reported()
    {
        using var couple = await PairedAsync();
        var first = await RenameAsync(couple.Host, "First");
        await RenameAsync(couple.Host, "Second");
        await couple.SettleAsync();
        var seed = couple.Host.Engine.Files.ReadPrivate(couple.Host.Home.PrivateKeyFile, 64)!;
        var present = couple.Host.Engine.Identity.Find()!.Card;
        var fork = CardChain.Next(seed, first, static c => c.With("name", "Forked"));
        var second = CardChain.Next(seed, fork, static c => c.With("name", "Forked again"));
        foreach (var (card, why) in new[] { (first, EventRefusal.CardOutdated), (fork, EventRefusal.CardForked), (second, EventRefusal.CardForked) })
        {
            Leave(couple, seed, present, card);
            await couple.Guest.TickAsync();
            Assert.Equal(why, couple.Guest.Engine.Refused.List()[^1].Reason);
            Assert.Equal(("Second", 2), (PeerOf(couple.Guest).Card!.Name, PeerOf(couple.Guest).CardSeq));
        }

        Assert.Equal(["card_outdated", "card_forked", "card_forked"], couple.Guest.Engine.Journal.Read(0).Where(static e => e is { Kind: "peer", Reason: not null }).Select(static e => e.Reason));

        // Neither does a new ceremony with an older card bring it back.
        await couple.Guest.Engine.Trust.PinAsync(new PinRequest(first, TrustTier.Verified, "invite", "person", "invite", null, null), static (_, _) => Task.CompletedTask, None);
        Assert.Equal("Second", PeerOf(couple.Guest).Card!.Name);
    }

    [Fact]
    public async Task A_card_of_another_key_is_none_of_the_peer()
    {
        using var couple = await PairedAsync();
        var seed = couple.Host.Engine.Files.ReadPrivate(couple.Host.Home.PrivateKeyFile, 64)!;
        var present = couple.Host.Engine.Identity.Find()!.Card;
        var other = AgentCard.Create(Machine.Bytes(60), present.Handle);
        var deep = WireJson.EmptyObject;
        for (var i = 0; i < 100; i++)
        {
            deep = WireJson.ArrayOf((WireJson[])[deep]);
        }

        foreach (var card in (AgentCard[])[other, CardChain.Next(seed, present, c => c.With("deep", deep))])
        {
            Leave(couple, seed, present, card);
            await couple.Guest.TickAsync();
            Assert.Equal(EventRefusal.InvalidCard, couple.Guest.Engine.Refused.List()[^1].Reason);
            Assert.Equal(present.PublicKey, PeerOf(couple.Guest).Card!.PublicKey);
        }
    }

    [Fact]
    public async Task A_card_that_the_relay_holds_back_is_noticed_by_the_next_message_and_asked_for()
    {
        using var couple = await PairedAsync();
        await RenameAsync(couple.Host, "Hidden");
        await couple.Host.TickAsync();
        couple.Relay.Mail.Drop(SlotOf(couple.Guest), 1);
        await couple.Guest.TryTickAsync();
        Assert.False(PeerOf(couple.Guest).IsCardBehind);
        couple.Host.Engine.Outbox.Add(couple.Host.Engine.Post.MakeMessage(PeerOf(couple.Host), "note", EventKinds.Message, WireJson.From("hello")));
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        Assert.True(PeerOf(couple.Guest).IsCardBehind);
        Assert.Equal((0, 1, 1), (PeerOf(couple.Guest).CardSeq, PeerOf(couple.Guest).CardSeqTold, PeerOf(couple.Guest).CardSeqAsked));

        // The answer is held back as well: it is asked for once, and the one after it makes up for all.
        await couple.Host.TickAsync();
        couple.Relay.Mail.Drop(SlotOf(couple.Guest), 1);
        await couple.Guest.TryTickAsync();
        await couple.SettleAsync();
        Assert.True(PeerOf(couple.Guest).IsCardBehind);
        await RenameAsync(couple.Host, "Shown");
        await couple.SettleAsync();
        Assert.Equal(("Shown", 2, false), (PeerOf(couple.Guest).Card!.Name, PeerOf(couple.Guest).CardSeq, PeerOf(couple.Guest).IsCardBehind));
    }

    [Fact]
    public async Task A_card_that_got_lost_is_asked_for_and_answered()
    {
        using var couple = await PairedAsync();
        await RenameAsync(couple.Host, "Lost");
        await couple.Host.TickAsync();
        couple.Relay.Mail.Drop(SlotOf(couple.Guest), 1);
        await couple.Guest.TryTickAsync();
        couple.Host.Engine.Outbox.Add(couple.Host.Engine.Post.MakeMessage(PeerOf(couple.Host), "note", EventKinds.Message, WireJson.From("hello")));
        await couple.SettleAsync();
        Assert.Equal(("Lost", 1, false), (PeerOf(couple.Guest).Card!.Name, PeerOf(couple.Guest).CardSeq, PeerOf(couple.Guest).IsCardBehind));

        // Nobody makes this home repeat a card that it does not have.
        couple.Guest.Engine.Post.ToPeer(PeerOf(couple.Guest), EventTypes.AgentCard, WireJson.EmptyObject.With(CardTaker.AskMember, 2));
        await couple.SettleAsync();
        Assert.Equal(EventRefusal.NotExpected, Assert.Single(couple.Host.Engine.Refused.List()).Reason);
    }

    [Fact]
    public async Task A_change_that_a_crash_kept_from_going_out_goes_with_the_next_pass()
    {
        using var couple = await PairedAsync();
        await couple.Host.Engine.Identity.UpdateCardAsync(static c => c.With("name", "Later"), None);
        Assert.Empty(couple.Host.Engine.Outbox.List());
        await couple.SettleAsync();
        Assert.Equal("Later", PeerOf(couple.Guest).Card!.Name);
    }

    private static Task<AgentCard> RenameAsync(Party party, string name) => party.Engine.OwnCard.ChangeAsync(c => c.With("name", name), None);

    private static TrustEntry PeerOf(Party party) => Assert.Single(party.Engine.Trust.List());

    private static string SlotOf(Party party) => Assert.Single(party.Engine.Mailboxes.List()).SlotId;

    private static void Leave(Couple couple, byte[] seed, AgentCard sender, AgentCard card) =>
        couple.Relay.Mail.Repeat(SlotOf(couple.Guest), SignedEvent.Create(seed, sender, couple.Guest.Engine.Identity.Find()!.Did, EventTypes.AgentCard, EventKinds.AgentCard, WireJson.EmptyObject.With("card", card.Json), couple.Time.GetUtcNow()).Json.ToCompactBytes());

    private static async Task<Couple> PairedAsync()
    {
        var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
        return couple;
    }
}
