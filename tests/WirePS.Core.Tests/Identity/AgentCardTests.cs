using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Tests.Cryptography;
using Xunit;

namespace WirePS.Tests.Identity;

public sealed class AgentCardTests
{
    private static readonly byte[] Seed = [.. Enumerable.Repeat((byte)1, 32)];
    private static readonly byte[] OtherSeed = [.. Enumerable.Repeat((byte)2, 32)];

    [Fact]
    public void A_card_that_we_make_passes_every_check()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            var key = Ed25519.PublicKey(seed);
            var card = AgentCard.Create(seed, HandleRules.Generate(key));
            var read = AgentCard.Parse(card.Utf8.Span).Verify().RequireSingleKey();
            return read.PublicKey.AsSpan().SequenceEqual(key)
                && read.DhPublicKey!.AsSpan().SequenceEqual(X25519.DhPublicKey(seed))
                && read.JsonText == card.JsonText
                && read.Did == card.Did && read.SpeaksWirePS && read.KeyId == card.KeyId;
        });

    [Fact]
    public void It_says_what_it_is()
    {
        var card = AgentCard.Create(Seed, "alice");
        Assert.Equal("did:wire:alice-34750f98", card.Did);
        Assert.Equal("Alice", card.Name);
        Assert.Equal("alice:34750f98", card.KeyId);
        Assert.Equal(["wire/v3.2", "wireps/2"], card.Capabilities.AsEnumerable());
        Assert.Equal("did:wire:alice-34750f98", card.ToString());
        Assert.Equal("Eve of Köln", AgentCard.Create(Seed, "alice", "Eve of Köln").Name);
    }

    [Theory]
    [InlineData("root")]
    [InlineData("Alice")]
    [InlineData("a")]
    [InlineData("nul")]
    [InlineData("alice-00112233")]
    public void A_handle_that_would_not_hold_is_refused(string handle)
        => Assert.Equal(WireReason.InvalidHandle, Assert.Throws<WireException>(() => AgentCard.Create(Seed, handle)).Reason);

    [Fact]
    public void C11_a_card_with_the_DID_of_somebody_else_is_refused()
        => Refused(Signed(card => card.With("did", "did:wire:alice-00112233")), "does not commit");

    [Fact]
    public void C11_a_card_with_a_handle_of_somebody_else_is_refused()
        => Refused(Signed(card => card.With("handle", "bob")), "not the one of the DID");

    [Fact]
    public void C11_a_key_that_is_inactive_or_for_something_else_is_refused()
    {
        Refused(Signed(card => WithKey(card, key => key.With("active", false))), "not active");
        Refused(Signed(card => WithKey(card, key => key.With("active", "yes"))), "not active");
        Refused(Signed(card => WithKey(card, key => key.With("alg", "rsa"))), "not for Ed25519");
        AgentCard.From(Signed(card => WithKey(card, key => key.Without("alg").Without("active")))).Verify();
    }

    [Fact]
    public void C11_several_keys_are_refused_where_a_key_gets_pinned()
    {
        var card = AgentCard.From(Signed(card => card.With("verify_keys", card.GetObject("verify_keys")!.With("zz", WireJson.EmptyObject)))).Verify();
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(card.RequireSingleKey).Reason);
    }

    [Fact]
    public void A_reserved_handle_and_a_broken_dh_pubkey_are_refused()
    {
        var key = Ed25519.PublicKey(Seed);
        Refused(Signed(card => card.With("handle", "root").With("did", WireDid.ForSession("root", key))), "nobody can claim");
        var broken = AgentCard.Sign(Seed, AgentCard.Create(Seed, "alice").Json.With("dh_pubkey", "short"), publishDhKey: false);
        Refused(broken, "dh_pubkey");
    }

    [Fact]
    public void A_change_of_one_byte_is_noticed()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            var bytes = AgentCard.Create(Seed, "alice").Utf8.ToArray();
            var place = BitConverter.ToUInt16(seed) % bytes.Length;
            bytes[place] ^= (byte)(1 << (seed[2] % 8));
            try
            {
                AgentCard.Parse(bytes).Verify();
                return false;
            }
            catch (WireException refused)
            {
                return refused.Reason is WireReason.InvalidCard or WireReason.InvalidJson;
            }
        });

    [Fact]
    public void A_card_of_more_than_64_KiB_is_refused()
    {
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => AgentCard.Create(Seed, "alice", new string('x', AgentCard.MaxBytes))).Reason);
        Assert.Equal(WireReason.InvalidCard, Assert.Throws<WireException>(() => AgentCard.Parse(new byte[AgentCard.MaxBytes + 1])).Reason);
    }

    [Fact]
    public void A_card_before_the_handle_member_has_that_of_its_DID()
    {
        var card = AgentCard.From(Signed(card => card.Without("handle").Without("name").Without("capabilities"))).Verify();
        Assert.Equal("alice", card.Handle);
        Assert.Equal("alice", card.Name);
        Assert.Empty(card.Capabilities);
        Assert.False(card.SpeaksWirePS);
    }

    [Fact]
    public void An_event_is_signed_by_the_card_and_by_nobody_else()
    {
        var card = AgentCard.Create(Seed, "alice");
        var other = AgentCard.Create(OtherSeed, "alice");
        var body = WireJson.Parse("{\"text\":\"hello\"}");
        var when = new DateTimeOffset(2026, 1, 2, 4, 4, 5, 120, TimeSpan.FromHours(1));
        var signed = SignedEvent.Create(Seed, card, "did:wire:bob-6a3803d5", "claim", EventKinds.Claim, body, when);
        var read = SignedEvent.Parse(signed.Json.ToCompactBytes());
        Assert.Equal(EventVerdict.Valid, read.Verify(card));
        Assert.Equal(EventVerdict.UnknownAgent, read.Verify(other));
        Assert.Equal(EventVerdict.UnknownKey, read.Verify(_ => [EventKey.Of(other)]));
        Assert.Equal(EventVerdict.SignatureRejected, read.Verify(_ => [EventKey.Of(other) with { KeyId = card.KeyId }]));
        Assert.Equal(EventVerdict.KeyInactive, read.Verify(_ => [EventKey.Of(card) with { IsActive = false }]));
        Assert.Equal("2026-01-02T03:04:05.120000Z", read.Json.GetString("timestamp"));
        Assert.Equal(card.Did, read.From);
        Assert.Equal("did:wire:bob-6a3803d5", read.To);
        Assert.Equal("claim", read.Type);
        Assert.Equal(EventKinds.Claim, read.Kind);
        Assert.Equal("hello", read.Body!.GetString("text"));
        Assert.Equal(nameof(SignedEvent), read.ToString());
        Assert.Equal(EventVerdict.IdMismatch, SignedEvent.FromJson(signed.Json.With("to", "did:wire:eve")).Verify(card));
    }

    [Fact]
    public void An_event_that_others_could_not_read_is_not_made()
    {
        var card = AgentCard.Create(Seed, "alice");
        foreach (var (kind, body) in ((uint, string)[])[(7, "1"), (EventKinds.Claim, "1.5"), (EventKinds.Claim, "{\"a\":[1e3]}")])
        {
            var refused = Assert.Throws<WireException>(
                () => SignedEvent.Create(Seed, card, "did:wire:bob", "claim", kind, WireJson.Parse(body), DateTimeOffset.UnixEpoch));
            Assert.Equal(WireReason.InvalidEvent, refused.Reason);
        }

        Assert.Equal(WireReason.InvalidEvent, Assert.Throws<WireException>(() => SignedEvent.Parse("[]"u8)).Reason);
    }

    [Theory]
    [InlineData("{\"kind\":1}", 1u)]
    [InlineData("{\"kind\":4294967297}", 1u)]
    [InlineData("{\"kind\":-1}", 0u)]
    [InlineData("{\"kind\":1.0}", 0u)]
    [InlineData("{\"kind\":\"1\"}", 0u)]
    [InlineData("{}", 0u)]
    [InlineData("[1]", 0u)]
    public void Kinds_are_read_as_receivers_do(string json, uint kind) => Assert.Equal(kind, EventKinds.Read(WireJson.Parse(json)));

    [Fact]
    public void Random_bytes_are_no_card_and_no_event()
        => Properties.Hold(Properties.NearlyJson, bytes =>
        {
            try
            {
                _ = SignedEvent.Parse(bytes).Verify(_ => null);
                AgentCard.Parse(bytes).Verify();
                return false;
            }
            catch (WireException)
            {
                return true;
            }
        });

    private static WireJson Signed(Func<WireJson, WireJson> change) => AgentCard.Sign(Seed, change(AgentCard.Create(Seed, "alice").Json));

    private static WireJson WithKey(WireJson card, Func<WireJson, WireJson> change)
    {
        var keys = card.GetObject("verify_keys")!;
        var (name, key) = keys.Members.Single();
        return card.With("verify_keys", keys.With(name, change(key)));
    }

    private static void Refused(WireJson card, string why)
    {
        var refused = Assert.Throws<WireException>(() => AgentCard.Parse(Encoding.UTF8.GetBytes(card.ToIndentedString())).Verify());
        Assert.Equal(WireReason.InvalidCard, refused.Reason);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }
}
