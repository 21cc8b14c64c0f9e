using System.Collections.Immutable;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Pairing.V2;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Devices;

/// <summary>The devices on a card, and the whole way of a token in one home.</summary>
public sealed class CardDeviceBookTests : IDisposable
{
    private static readonly DeviceEndpoint Place = new("https://relay.example", new string('a', 32), new string('b', 64));
    private readonly WireEngine _engine = new(WireHome.Resolve(Path.GetFullPath("/home-of-cards")), new WireSurroundings
    {
        Files = new MemoryFiles(TimeProvider.System),
        Random = new PinnedRandom(5),
    });

    public void Dispose() => _engine.Dispose();

    [Fact]
    public async Task A_token_takes_a_second_machine_onto_the_card_and_removing_it_takes_it_off()
    {
        var root = (await _engine.Identity.EnsureAsync("alice", default)).Identity.Card;
        using var device = TestDeviceBook.Device(1);
        var minted = await _engine.PairTokens.MintAsync(new(root.Did) { Label = "left rack", Rights = DeviceRights.Send | DeviceRights.Receive }, default);
        var request = RedeemRequest.Create(device, minted.Token, root.PublicKey, root.Did, endpoints: [Place]);
        var answer = await _engine.PairTokens.RedeemAsync(request, default);

        var card = answer.PrincipalCard!;
        Assert.Equal(CardStep.Next, CardChain.Check(root.PublicKey, root.Did, CardChain.PositionOf(root), card));
        var entry = Assert.Single(DeviceEntry.ListOf(card));
        Assert.Equal((device.Card.Did, DeviceRights.Send | DeviceRights.Receive), (entry.Did, entry.Rights));
        Assert.Equal(device.Card.PublicKey, entry.Key);
        Assert.Equal(device.Card.DhPublicKey, entry.DhPublicKey);

        // Cards are public: what to write with is not on them.
        Assert.Equal([Place.Place], entry.Endpoints.AsEnumerable());
        Assert.DoesNotContain(Place.SlotToken, card.JsonText, StringComparison.Ordinal);
        Assert.Equal("left rack", Assert.Single(_engine.Devices.List()).Label);
        Assert.DoesNotContain("left rack", card.JsonText, StringComparison.Ordinal);
        Assert.Equal(1, card.Json.GetObject("verify_keys")!.Count);

        var again = await _engine.PairTokens.RedeemAsync(request, default);
        Assert.True(again.IsRepeated);
        Assert.Equal(CardChain.PositionOf(card), CardChain.PositionOf(again.PrincipalCard!.Verify()));

        Assert.True(await _engine.Devices.RemoveAsync(root.Did, entry.Key, default));
        Assert.False(await _engine.Devices.RemoveAsync(root.Did, entry.Key, default));
        var without = _engine.Identity.Find()!.Card;
        Assert.Empty(DeviceEntry.ListOf(without));
        Assert.Equal(CardStep.Next, CardChain.Check(root.PublicKey, root.Did, CardChain.PositionOf(card), without));
        Assert.Empty(_engine.Devices.List());
    }

    [Fact]
    public async Task Adding_twice_changes_nothing_and_gives_no_more_rights()
    {
        var root = (await _engine.Identity.EnsureAsync("alice", default)).Identity.Card;
        using var device = TestDeviceBook.Device(1);
        var first = await _engine.Devices.AddAsync(Candidate(root, device), default);
        var second = await _engine.Devices.AddAsync(Candidate(root, device) with { Rights = DeviceRights.All, Label = "other" }, default);
        Assert.True(first.IsNew);
        Assert.False(second.IsNew);
        Assert.Equal(first.PrincipalCard!.JsonText, second.PrincipalCard!.JsonText);
        Assert.Equal(DeviceRights.Send, Assert.Single(_engine.Devices.List()).Device.Rights);
    }

    [Fact]
    public async Task The_root_itself_a_name_with_two_keys_and_a_stranger_are_refused()
    {
        var root = (await _engine.Identity.EnsureAsync("alice", default)).Identity.Card;
        using var own = _engine.Identity.Open();
        Assert.Equal(WireReason.SelfPairing, await Refusal(() => _engine.Devices.CheckAsync(Candidate(root, own), default)));
        using var device = TestDeviceBook.Device(1);
        Assert.Equal(WireReason.PrincipalUnknown, await Refusal(() => _engine.Devices.CheckAsync(Candidate(root, device) with { Principal = "did:wire:bob" }, default)));
        Assert.Equal(WireReason.PrincipalUnknown, await Refusal(() => _engine.PairTokens.MintAsync(new("did:wire:bob-00000000"), default)));
        var blind = AgentCard.From(AgentCard.Sign(Seed(1), AgentCard.Create(Seed(1), "device").Json.Without("dh_pubkey"), publishDhKey: false));
        Assert.Equal(WireReason.InvalidCard, await Refusal(() => _engine.Devices.CheckAsync(Candidate(root, device) with { Card = blind }, default)));
    }

    [Fact]
    public async Task An_identity_has_a_limit_of_devices_and_the_largest_list_fits_a_message_of_a_pairing()
    {
        var root = (await _engine.Identity.EnsureAsync("alice", default)).Identity.Card;
        var far = Place with { RelayUrl = "https://" + new string('a', DeviceEndpoint.MaxUrlLength - "https://".Length) };
        var places = Enumerable.Repeat(far, DeviceEndpoint.MaxCount).ToImmutableArray();
        for (var i = 0; i < DeviceEntry.MaxCount; i++)
        {
            using var device = TestDeviceBook.Device(i);
            await _engine.Devices.AddAsync(Candidate(root, device) with { Endpoints = places }, default);
        }

        using var last = TestDeviceBook.Device(1000);
        Assert.Equal(WireReason.TooManyDevices, await Refusal(() => _engine.Devices.CheckAsync(Candidate(root, last), default)));
        var card = _engine.Identity.Find()!.Card;
        Assert.Equal(DeviceEntry.MaxCount, DeviceEntry.ListOf(card).Length);
        Assert.True((card.Utf8.Length + 4096) * 4 / 3 < V2Messages.MaxBytes, $"{card.Utf8.Length} bytes");
    }

    [Theory]
    [InlineData("5")]
    [InlineData("[5]")]
    [InlineData("[{}]")]
    public void A_card_whose_devices_are_out_of_their_form_is_refused(string devices)
    {
        var card = AgentCard.From(AgentCard.Sign(Seed(1), AgentCard.Create(Seed(1), "alice").Json.With("devices", WireJson.Parse(devices))));
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => DeviceEntry.ListOf(card.Verify())).Reason);
    }

    [Theory]
    [InlineData("did", "\"did:wire:device-00000000\"")]
    [InlineData("key", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"")]
    [InlineData("dh_pubkey", "\"short\"")]
    [InlineData("rights", "[]")]
    [InlineData("rights", "[\"rule\"]")]
    [InlineData("rights", "\"send\"")]
    [InlineData("added_at", "\"yesterday\"")]
    [InlineData("endpoints", "null")]
    [InlineData("endpoints", "[{},{},{},{},{}]")]
    [InlineData("endpoints", "[{\"relay_url\":\"https://relay.example/\",\"slot_id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]")]
    [InlineData("endpoints", "[{\"relay_url\":\"https://relay.example\",\"slot_id\":\"aaaa\"}]")]
    public async Task A_device_that_lacks_what_it_needs_makes_its_card_unusable(string member, string value)
    {
        var root = (await _engine.Identity.EnsureAsync("alice", default)).Identity.Card;
        using var device = TestDeviceBook.Device(1);
        var card = (await _engine.Devices.AddAsync(Candidate(root, device), default)).PrincipalCard!;
        var entry = card.Json.GetArray("devices")!.Items[0];
        var twice = AgentCard.From(card.Json.With("devices", WireJson.ArrayOf([entry, entry])));
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => DeviceEntry.ListOf(twice)).Reason);
        var bad = AgentCard.From(card.Json.With("devices", WireJson.ArrayOf([entry.With(member, WireJson.Parse(value))])));
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => DeviceEntry.ListOf(bad)).Reason);
    }

    [Fact]
    public async Task The_body_of_a_request_says_all_of_it_and_nothing_else()
    {
        var root = (await _engine.Identity.EnsureAsync("alice", default)).Identity.Card;
        using var device = TestDeviceBook.Device(1);
        var minted = await _engine.PairTokens.MintAsync(new(root.Did), default);
        var request = RedeemRequest.Create(device, minted.Token, root.PublicKey, root.Did, "rack", [Place]);
        var body = request.ToBody(minted.Token);
        var read = RedeemRequest.FromBody(WireJson.Parse(body.ToCompactBytes()));
        Assert.Equal((request.TokenHash, "rack", request.Card.JsonText), (read.TokenHash, read.Label, read.Card.JsonText));
        Assert.Equal(request.Proof, read.Proof);
        Assert.Equal(request.Endpoints.AsEnumerable(), read.Endpoints);
        foreach (var name in (string[])["token", "card", "endpoints", "proof"])
        {
            Assert.Equal(WireReason.InvalidEvent, Assert.Throws<WireException>(() => RedeemRequest.FromBody(body.Without(name))).Reason);
            Assert.Equal(WireReason.InvalidEvent, Assert.Throws<WireException>(() => RedeemRequest.FromBody(body.With(name, 5))).Reason);
        }

        Assert.Null(RedeemRequest.FromBody(body.Without("label")).Label);
        Assert.Equal(WireReason.InvalidEvent, Assert.Throws<WireException>(() => RedeemRequest.FromBody(body.With("scope", "full"))).Reason);
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => RedeemRequest.FromBody(body.With("card", root.Json.With("name", "x")))).Reason);
        Assert.Equal(WireReason.InvalidLabel, Assert.Throws<WireException>(() => RedeemRequest.FromBody(body.With("label", "a\nb"))).Reason);
        await _engine.PairTokens.RedeemAsync(read, default);
    }

    private static byte[] Seed(byte value) => [.. Enumerable.Repeat(value, Ed25519.SeedBytes)];

    private static DeviceCandidate Candidate(AgentCard root, OwnIdentity device) =>
        new(root.Did, device.Card, DeviceRights.Send, "rack", [Place], DateTimeOffset.UnixEpoch, PairToken.HashOf("hello"));

    private static async Task<WireReason> Refusal(Func<Task> work) => (await Assert.ThrowsAnyAsync<WireException>(work)).Reason;
}
