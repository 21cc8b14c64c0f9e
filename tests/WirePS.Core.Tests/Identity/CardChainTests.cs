using FsCheck.Fluent;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Cryptography;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Identity;

public sealed class CardChainTests
{
    private static readonly byte[] Seed = [.. Enumerable.Repeat((byte)1, 32)];
    private static readonly byte[] OtherSeed = [.. Enumerable.Repeat((byte)2, 32)];
    private static readonly byte[] Key = Ed25519.PublicKey(Seed);
    private static readonly AgentCard First = AgentCard.Create(Seed, "alice");

    [Fact]
    public void Every_card_names_the_one_before_it()
    {
        var one = Named(First, "one");
        var two = Named(one, "two");
        Assert.Equal(0, CardChain.PositionOf(First).Seq);
        Assert.Equal(1, one.Json.GetInt64("card_seq"));
        Assert.Equal(WireJsonKind.Null, one.Json.TryGet("prev", out var none) ? none.Kind : WireJsonKind.Object);
        Assert.Equal(2, two.Json.GetInt64("card_seq"));
        Assert.Equal(Convert.ToHexStringLower(CanonicalJson.Hash(one.Json, CanonicalMode.WholeObject)), two.Json.GetString("prev"));
        Assert.Equal("two", two.Verify().Name);
    }

    [Fact]
    public void Every_step_of_a_chain_is_accepted_in_order_and_none_out_of_it()
        => Properties.Hold(Properties.Json.ListOf(), changes =>
        {
            var cards = Chain(changes);
            for (var i = 0; i < cards.Count; i++)
            {
                for (var j = 0; j < cards.Count; j++)
                {
                    var expected = j < i ? "CardOutdated" : j == i ? "Same" : j == i + 1 ? "Next" : "Ahead";
                    if (Outcome(cards[i], cards[j]) != expected)
                    {
                        return false;
                    }
                }
            }

            return true;
        }, 40);

    [Fact]
    public void Of_two_chains_that_part_only_one_can_be_followed()
        => Properties.Hold(Gen.Zip(Properties.Json.ListOf(), Gen.Choose(0, 5)), story =>
        {
            var (changes, at) = story;
            var cards = Chain(changes);
            var parting = cards[at % cards.Count];
            var left = Named(parting, "left");
            var right = Named(parting, "right");
            return Outcome(left, right) == "CardForked"
                && Outcome(right, left) == "CardForked"
                && Outcome(left, Named(right, "later")) == "CardForked"
                && Outcome(parting, right) == "Next";
        }, 40);

    [Fact]
    public void Two_cards_without_a_number_have_no_order()
    {
        var other = AgentCard.Create(Seed, "alice", "Somebody else");
        Assert.Equal("Same", Outcome(First, First));
        Assert.Equal("CardForked", Outcome(First, other));
    }

    [Fact]
    public void A_card_of_another_key_or_name_is_not_an_update()
    {
        Assert.Equal("IdentityMismatch", Outcome(First, CardChain.Next(OtherSeed, AgentCard.Create(OtherSeed, "alice"), static card => card)));
        Assert.Equal("IdentityMismatch", Outcome(First, AgentCard.Create(Seed, "alina")));
        Assert.Equal("InvalidCard", Outcome(First, AgentCard.From(Named(First, "one").Json.With("name", "changed on the way"))));
    }

    [Fact]
    public void A_change_may_not_touch_key_or_DID()
    {
        Assert.Equal(WireReason.InvalidCard, Refusal(() => CardChain.Next(OtherSeed, First, static card => card)));
        Assert.Equal(WireReason.IdentityMismatch, Refusal(() => CardChain.Next(Seed, First, card =>
            card.With("handle", "alina").With("did", WireDid.ForSession("alina", Key)))));
        Assert.Equal(WireReason.InvalidCard, Refusal(() => Named(First, new string('x', AgentCard.MaxBytes))));
    }

    [Theory]
    [InlineData("0", "null")]
    [InlineData("-1", "null")]
    [InlineData("1.0", "null")]
    [InlineData("\"1\"", "null")]
    [InlineData("null", "null")]
    [InlineData("9223372036854775808", "null")]
    [InlineData("1", "\"0000000000000000000000000000000000000000000000000000000000000000\"")]
    [InlineData("2", "null")]
    [InlineData("2", "\"00\"")]
    [InlineData("2", "\"AA00000000000000000000000000000000000000000000000000000000000000\"")]
    [InlineData(null, "null")]
    public void A_number_or_link_out_of_its_form_is_refused(string? seq, string prev)
    {
        var json = First.Json.With("prev", WireJson.Parse(prev));
        var card = AgentCard.From(AgentCard.Sign(Seed, seq is null ? json : json.With("card_seq", WireJson.Parse(seq))));
        Assert.Equal("InvalidCard", Outcome(First, card));
    }

    [Fact]
    public void The_last_number_has_no_next()
    {
        var last = AgentCard.From(AgentCard.Sign(Seed, First.Json.With("card_seq", long.MaxValue).With("prev", new string('0', 64))));
        Assert.Equal("Ahead", Outcome(First, last));
        Assert.Equal(WireReason.InvalidCard, Refusal(() => Named(last, "one too many")));
    }

    [Fact]
    public async Task The_card_of_a_home_is_replaced_by_its_next_one()
    {
        var files = new MemoryFiles(TimeProvider.System);
        var home = WireHome.Resolve(Path.GetFullPath("/home-of-cards"));
        var trust = new TrustStore(home, files, new MailboxBook(home, files, TimeProvider.System), TimeProvider.System);
        var store = new IdentityStore(home, files, trust, new PinnedRandom(1));
        await store.EnsureAsync("alice", default);
        var before = store.Find()!.Card;

        var same = await store.UpdateCardAsync(static _ => null, default);
        Assert.Equal(before.JsonText, same.JsonText);
        var next = await store.UpdateCardAsync(static card => card.With("name", "Renamed"), default);
        Assert.Equal(CardStep.Next, CardChain.Check(before.PublicKey, before.Did, CardChain.PositionOf(before), next));
        Assert.Equal(next.JsonText, store.Find()!.Card.JsonText);
        await Assert.ThrowsAsync<WireException>(() => store.UpdateCardAsync(static card => card.With("handle", "bob"), default));
        Assert.Equal(next.JsonText, store.Find()!.Card.JsonText);
    }

    private static AgentCard Named(AgentCard card, string name) => CardChain.Next(Seed, card, json => json.With("name", name));

    private static List<AgentCard> Chain(IEnumerable<WireJson> changes)
    {
        var cards = new List<AgentCard> { First };
        foreach (var change in changes.Take(6))
        {
            cards.Add(CardChain.Next(Seed, cards[^1], json => json.With("extra", change)));
        }

        return cards;
    }

    private static string Outcome(AgentCard highest, AgentCard came)
    {
        try
        {
            return CardChain.Check(Key, First.Did, CardChain.PositionOf(highest), AgentCard.Parse(came.Utf8.Span)).ToString();
        }
        catch (WireException refused)
        {
            return refused.Reason.ToString();
        }
    }

    private static WireReason Refusal(Action action) => Assert.Throws<WireException>(action).Reason;
}
