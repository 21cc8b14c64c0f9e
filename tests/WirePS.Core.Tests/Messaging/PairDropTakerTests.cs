using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Messaging;

/// <summary>What strangers leave in the mailbox: checked, and handed to the shape that its body has.</summary>
public sealed class PairDropTakerTests
{
    private static readonly byte[] Seed = Machine.Bytes(41);
    private static readonly AgentCard Card = AgentCard.Create(Seed, "stranger");

    [Fact]
    public async Task Each_drop_goes_to_the_one_shape_that_it_has()
    {
        using var party = await PartyAsync();
        var (apples, pears) = (new Shape("apple"), new Shape("pear"));
        var taker = Taker(party, apples, pears);
        var outcomes = await taker.TakeAsync([Drop(party, "pear"), Drop(party, "apple"), Drop(party, "plum"), Drop(party, "pear")], CancellationToken.None);
        Assert.Equal([EventOutcome.Done, EventOutcome.Done, EventOutcome.Refuse(EventRefusal.NotExpected), EventOutcome.Done], outcomes);
        Assert.Equal((1, 2), (apples.Taken, pears.Taken));
    }

    [Fact]
    public async Task A_drop_of_two_shapes_is_none()
    {
        using var party = await PartyAsync();
        var (apples, pears) = (new Shape("apple"), new Shape("pear"));
        var both = Drop(party, "apple", body => body.With("pear", 1));
        Assert.Equal([EventOutcome.Refuse(EventRefusal.NotExpected)], await Taker(party, apples, pears).TakeAsync([both], CancellationToken.None));
        Assert.Equal(0, apples.Taken + pears.Taken);
    }

    [Fact]
    public async Task What_does_not_hold_comes_to_no_shape()
    {
        using var party = await PartyAsync();
        var other = AgentCard.Create(Machine.Bytes(42), "stranger");
        var own = party.Engine.Identity.Find()!.Card;
        IncomingEvent[] drops =
        [
            Drop(party, "apple", body => body.Without("card")),
            Drop(party, "apple", body => body.With("card", Card.Json.With("name", "Changed"))),
            Drop(party, "apple", body => body.With("card", other.Json)),
            Drop(party, "apple", body => body.With("card", own.Json)),
            Incoming(SignedEvent.FromJson(Drop(party, "apple").Event.Json.With("signature", new string('A', 86) + "=="))),
            Incoming(SignedEvent.FromJson(Drop(party, "apple").Event.Json.With("body", WireJson.EmptyObject.With("card", Card.Json)))),
        ];
        var apples = new Shape("apple");
        var outcomes = await Taker(party, apples).TakeAsync(drops, CancellationToken.None);
        Assert.All(outcomes, static o => Assert.IsType<EventOutcome.Refused>(o));
        Assert.Equal(0, apples.Taken);
    }

    private static PairDropTaker Taker(Party party, params Shape[] shapes) =>
        shapes.Aggregate(new PairDropTaker(party.Engine.Identity, party.Engine.Trust), static (taker, shape) => taker.With(shape));

    private static async Task<Party> PartyAsync()
    {
        var time = new FakeTime();
        var party = new Party("home", new FakeRelay(time), time);
        await party.Engine.Identity.EnsureAsync(null, CancellationToken.None);
        return party;
    }

    private static IncomingEvent Drop(Party party, string member, Func<WireJson, WireJson>? change = null)
    {
        var body = WireJson.ObjectOf(("card", Card.Json), (member, WireJson.True));
        return Incoming(SignedEvent.Create(Seed, Card, party.Engine.Identity.Find()!.Did, EventTypes.PairDrop, EventKinds.AgentCard, change?.Invoke(body) ?? body, new FakeTime().GetUtcNow()));
    }

    private static IncomingEvent Incoming(SignedEvent signed) =>
        new(signed, null, signed.Body, false, new EventOrigin(FakeRelay.DefaultUrl, new string('0', 32), null), new FakeTime().GetUtcNow());

    private sealed class Shape(string member) : IPairDropShape
    {
        public int Taken { get; private set; }

        public bool Fits(WireJson body) => body.TryGet(member, out _);

        public Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<PairDrop> drops, CancellationToken cancellationToken)
        {
            Taken += drops.Count;
            return Task.FromResult<IReadOnlyList<EventOutcome>>([.. drops.Select(static _ => EventOutcome.Done)]);
        }
    }
}
