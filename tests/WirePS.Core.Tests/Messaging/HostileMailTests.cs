using System.Text;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Tests.Support;
using Xunit;
using static WirePS.Tests.Support.Mail;

namespace WirePS.Tests.Messaging;

/// <summary>Any sequence of good, hostile, repeated, reordered and unknown events leaves exactly the good ones, each once, in order.</summary>
public sealed class HostileMailTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_a_mailbox_holds_the_good_events_are_taken_once_and_in_order(int seed)
    {
        var random = new Random(seed);
        using var couple = await PairedAsync();
        var expected = new List<string?>();
        var seen = new List<byte[]>();
        for (var round = 0; round < 12; round++)
        {
            var slot = SlotOf(couple.Guest);
            for (var i = random.Next(12); i > 0; i--)
            {
                var good = Good(couple, $"{round}.{i}");
                switch (random.Next(4))
                {
                    case 0:
                        expected.Add($"{round}.{i}");
                        seen.Add(good.ToCompactBytes());
                        couple.Relay.Mail.Repeat(slot, seen[^1]);
                        break;
                    case 1 when seen.Count > 0:
                        couple.Relay.Mail.Repeat(slot, seen[random.Next(seen.Count)]);
                        break;
                    default:
                        couple.Relay.Mail.Repeat(slot, Hostile(couple, good, random));
                        break;
                }
            }

            // A relay that gives pages again, and in pieces.
            var cut = random.Next(1, 8);
            couple.Relay.LieOfMail = (_, page) => page.Items.Count <= cut || random.Next(2) == 0 ? page : page with { Items = [.. page.Items, .. page.Items.Take(cut)] };
            await couple.Guest.TickAsync();
        }

        Assert.Equal(expected, Received(couple.Guest));
        Assert.Equal(expected, await TakeAsync(couple.Guest));
        Assert.Empty(couple.Relay.Mail.TextsOf(SlotOf(couple.Guest)));
    }

    private static WireJson Good(Couple couple, string text)
    {
        couple.Time.Advance(TimeSpan.FromSeconds(1));
        return Signed(couple.Host, Content(couple, couple.Host, couple.Guest, text));
    }

    private static byte[] Hostile(Couple couple, WireJson good, Random random)
    {
        var content = Content(couple, couple.Host, couple.Guest, $"hostile {random.Next()}");
        var (card, seed) = Stranger("stranger", 7);
        return random.Next(19) switch
        {
            0 => good.With("body", "changed").ToCompactBytes(),
            1 => good.With("signature", new string('A', 86) + "==").ToCompactBytes(),
            2 => good.Without("event_id").ToCompactBytes(),
            3 => good.Without("from").ToCompactBytes(),
            4 => good.With("event_id", new string('0', 64)).ToCompactBytes(),
            5 => Signed(couple.Host, content.With("to", "did:wire:somebody-00000000")).ToCompactBytes(),
            6 => Signed(couple.Host, content.Without("to")).ToCompactBytes(),
            7 => Signed(couple.Host, content.With("kind", 4711L)).ToCompactBytes(),
            8 => Signed(couple.Host, content.With("schema_version", "v4.0")).ToCompactBytes(),
            9 => Signed(couple.Host, content.With("timestamp", "2019-01-01T00:00:00Z")).ToCompactBytes(),
            10 => Signed(couple.Host, content.With("timestamp", "1999-12-31T23:59:59.5+14:00")).ToCompactBytes(),
            11 => Signed(couple.Host, content.With("timestamp", "yesterday")).ToCompactBytes(),
            12 => Signed(couple.Host, content.With("enc", "wire-x25519.v1")).ToCompactBytes(),
            13 => SignedEvent.Sign(seed, card.Handle, content.With("from", card.Did)).Json.ToCompactBytes(),
            14 => SignedEvent.Sign(seed, card.Handle, content).Json.ToCompactBytes(),
            15 => SignedEvent.Sign(seed, card.Handle, content.With("from", "did:wire:../../trust-00000000")).Json.ToCompactBytes(),
            16 => "[1,2]"u8.ToArray(),
            17 => "\"text\""u8.ToArray(),
            _ => Encoding.UTF8.GetBytes(new string('[', 200) + new string(']', 200)),
        };
    }
}
