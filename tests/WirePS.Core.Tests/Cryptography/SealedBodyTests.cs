using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using WirePS.Cryptography;
using WirePS.Identity;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class SealedBodyTests
{
    private const string From = "did:wire:alice-a4a95cef";
    private const string To = "did:wire:bob-c47b0661";

    private static readonly byte[] AliceSeed = SHA256.HashData("alice"u8);
    private static readonly byte[] BobSeed = SHA256.HashData("bob"u8);

    // Where the rule for the padding changes: around every power of two and every eighth between.
    private static readonly int[] EdgeSizes =
    [
        .. Enumerable.Range(5, 12)
            .SelectMany(power => Enumerable.Range(8, 8).Select(eighth => (1 << power) / 8 * eighth))
            .SelectMany(edge => new[] { edge - 1, edge, edge + 1 })
            .Concat([1, 2, 65534, 65535])
            .Where(size => size is > 0 and <= SealedBody.MaxPlaintextBytes)
            .Distinct(),
    ];

    [Fact]
    public void Every_size_around_the_limits_of_the_padding_comes_back()
    {
        using var key = Key();
        var random = new SeededRandomSource(5);
        foreach (var size in EdgeSizes)
        {
            var plaintext = new byte[size];
            random.Fill(plaintext);
            var payload = SealedBody.Seal(key.Span, plaintext, From, To, random);
            using var opened = SealedBody.Open(key.Span, payload, From, To);
            Assert.True(opened is not null && opened.FixedTimeEquals(plaintext), $"{size} bytes");
            Assert.Equal(1 + 32 + 2 + SealedBody.PaddedLength(size) + 32, Convert.FromBase64String(payload).Length);
        }
    }

    [Fact]
    public void The_padding_never_shrinks_and_adds_less_than_a_quarter()
    {
        var before = 0;
        for (var size = 1; size <= SealedBody.MaxPlaintextBytes; size++)
        {
            var padded = SealedBody.PaddedLength(size);
            Assert.InRange(padded, Math.Max(size, before), size + Math.Max(31, size / 4));
            before = padded;
        }
    }

    [Fact]
    public void Any_plaintext_comes_back_to_the_other_side_only()
        => Properties.Hold(
            Gen.Zip(Gen.Zip(Properties.Seeds, Properties.Seeds), Gen.Zip(Properties.Bytes.Where(bytes => bytes.Length > 0), Properties.Texts)),
            input =>
            {
                var ((ours, theirs), (plaintext, name)) = input;
                using var ourScalar = X25519.DhScalar(ours);
                using var theirScalar = X25519.DhScalar(theirs);
                using var ourKey = SealedBody.DeriveKey(ourScalar.Span, X25519.DhPublicKey(theirs))!;
                using var theirKey = SealedBody.DeriveKey(theirScalar.Span, X25519.DhPublicKey(ours))!;
                using var other = Key();
                var payload = SealedBody.Seal(ourKey.Span, plaintext, name, To, new SeededRandomSource(plaintext.Length));
                using var opened = SealedBody.Open(theirKey.Span, payload, name, To);
                return opened is not null && opened.FixedTimeEquals(plaintext)
                    && SealedBody.Open(other.Span, payload, name, To) is null
                    && SealedBody.Open(theirKey.Span, payload, To, name) is null
                    && SealedBody.Open(theirKey.Span, payload, name + "x", To) is null;
            });

    [Fact]
    public void Every_changed_byte_is_refused()
    {
        using var key = Key();
        var payload = Convert.FromBase64String(SealedBody.Seal(key.Span, "\"a body of two blocks of padding, to flip each byte of\""u8, From, To, new SeededRandomSource(1)));
        for (var place = 0; place < payload.Length; place++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var changed = (byte[])payload.Clone();
                changed[place] ^= (byte)(1 << bit);
                Assert.Null(SealedBody.Open(key.Span, StrictBase64.Encode(changed), From, To));
            }
        }

        for (var length = 0; length < payload.Length; length++)
        {
            Assert.Null(SealedBody.Open(key.Span, StrictBase64.Encode(payload.AsSpan(0, length)), From, To));
        }

        Assert.Null(SealedBody.Open(key.Span, StrictBase64.Encode([.. payload, 0]), From, To));
        Assert.NotNull(SealedBody.Open(key.Span, StrictBase64.Encode(payload), From, To));
    }

    [Fact]
    public void Text_that_is_no_payload_is_refused()
        => Properties.Hold(Properties.Texts, text =>
        {
            using var key = Key();
            return SealedBody.Open(key.Span, text, From, To) is null;
        });

    [Fact]
    public void An_oversized_payload_is_refused_before_it_is_read()
    {
        using var key = Key();
        Assert.Null(SealedBody.Open(key.Span, new string('A', 1_000_000), From, To));
        Assert.Null(SealedBody.Open(key.Span, SealedBody.Seal(key.Span, [1], From, To, new SeededRandomSource(1)), new string('x', 70_000), To));
    }

    [Fact]
    public void I24_bytes_hidden_in_the_padding_are_refused()
    {
        using var key = Key();
        for (var place = 4; place < 32; place++)
        {
            var padded = new byte[34];
            padded[1] = 4;
            "null"u8.CopyTo(padded.AsSpan(2));
            padded[2 + place] = 1;
            Assert.Null(SealedBody.Open(key.Span, SealPadded(key.Span, padded), From, To));
        }

        byte[] clean = [0, 4, .. "null"u8, .. new byte[28]];
        using var opened = SealedBody.Open(key.Span, SealPadded(key.Span, clean), From, To);
        Assert.Equal("null", Encoding.UTF8.GetString(opened!.Span));
    }

    [Theory]
    [InlineData(0, 32)]
    [InlineData(33, 32)]
    [InlineData(32, 64)]
    [InlineData(4, 33)]
    [InlineData(65535, 64)]
    public void A_length_that_does_not_fit_the_padding_is_refused(int length, int paddedLength)
    {
        using var key = Key();
        var padded = new byte[2 + paddedLength];
        padded[0] = (byte)(length >> 8);
        padded[1] = (byte)length;
        Assert.Null(SealedBody.Open(key.Span, SealPadded(key.Span, padded), From, To));
    }

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        using var key = Key();
        var random = new SeededRandomSource(1);
        Assert.Throws<ArgumentException>(() => SealedBody.Seal(key.Span, [], From, To, random));
        Assert.Throws<ArgumentException>(() => SealedBody.Seal(key.Span, new byte[65536], From, To, random));
        Assert.Throws<ArgumentException>(() => SealedBody.Seal(new byte[31], [1], From, To, random));
        Assert.Throws<ArgumentException>(() => SealedBody.Seal(key.Span, [1], From, new string('x', 70_000), random));
        Assert.Throws<ArgumentException>(() => SealedBody.Open(new byte[33], "", From, To));
        Assert.Throws<ArgumentException>(() => SealedBody.DeriveKey(new byte[31], new byte[32]));
        Assert.Throws<ArgumentException>(() => SealedBody.DeriveKey(new byte[32], new byte[33]));
    }

    [Fact]
    public void An_event_is_sealed_where_the_peer_has_a_key_and_plain_where_not()
    {
        using var alice = Identity(AliceSeed, "alice");
        using var bob = Identity(BobSeed, "bob");
        var body = WireJson.From("for bob alone");
        var plain = alice.CreateEvent(bob.Card.Did, "claim", EventKinds.Claim, body, DateTimeOffset.UnixEpoch, null, new SeededRandomSource(1));
        var sealedEvent = alice.CreateEvent(bob.Card.Did, "claim", EventKinds.Claim, body, DateTimeOffset.UnixEpoch, bob.Card.DhPublicKey, new SeededRandomSource(1));

        Assert.Equal((null, false, "for bob alone"), (plain.Enc, plain.IsSealed, plain.Body?.AsString()));
        Assert.False(bob.TryOpenBody(plain, alice.Card.DhPublicKey!, out _));
        Assert.Equal(EventVerdict.Valid, sealedEvent.Verify(alice.Card));
        Assert.Equal((SealedBody.Scheme, true), (sealedEvent.Enc, sealedEvent.IsSealed));
        Assert.DoesNotContain("for bob alone", sealedEvent.Json.ToCompactString(), StringComparison.Ordinal);
        Assert.True(bob.TryOpenBody(sealedEvent, alice.Card.DhPublicKey!, out var opened));
        Assert.Equal("for bob alone", opened.AsString());
        Assert.False(alice.TryOpenBody(sealedEvent, alice.Card.DhPublicKey!, out _));
        Assert.False(bob.TryOpenBody(sealedEvent, new byte[32], out _));
        Assert.False(bob.TryOpenEphemeralBody(sealedEvent, out _));
    }

    [Fact]
    public void An_event_sealed_by_a_key_of_its_own_opens_without_the_senders()
    {
        using var device = Identity(AliceSeed, "alice");
        using var issuer = Identity(BobSeed, "bob");
        using var stranger = Identity(SHA256.HashData("eve"u8), "eve");
        var sealedEvent = device.CreateEphemeralEvent(
            issuer.Card.Did, "device_redeem", EventKinds.Ack, WireJson.From("token"), DateTimeOffset.UnixEpoch, issuer.Card.DhPublicKey!, new SeededRandomSource(3));

        Assert.Equal(EventVerdict.Valid, sealedEvent.Verify(device.Card));
        Assert.Equal(32, sealedEvent.EphemeralKey!.Length);
        Assert.NotEqual(device.Card.DhPublicKey, sealedEvent.EphemeralKey);
        Assert.True(issuer.TryOpenEphemeralBody(sealedEvent, out var opened));
        Assert.Equal("token", opened.AsString());
        Assert.False(issuer.TryOpenBody(sealedEvent, device.Card.DhPublicKey!, out _));
        Assert.False(device.TryOpenEphemeralBody(sealedEvent, out _));
        Assert.False(stranger.TryOpenEphemeralBody(sealedEvent, out _));
        Assert.False(issuer.TryOpenEphemeralBody(SignedEvent.FromJson(sealedEvent.Json.With("epk", StrictBase64.Encode(new byte[32]))), out _));
    }

    [Fact]
    public void What_cannot_be_sealed_is_refused_with_its_reason()
    {
        using var alice = Identity(AliceSeed, "alice");
        var key = alice.Card.DhPublicKey!;
        Assert.Equal(WireReason.InvalidEvent, Refusal(WireJson.From(0.5), key));
        Assert.Equal(WireReason.InvalidEvent, Refusal(WireJson.From(new string('x', 65534)), key));
        Assert.Equal(WireReason.InvalidCard, Refusal(WireJson.Null, new byte[32]));
        Assert.True(alice.TryOpenBody(
            alice.CreateEvent(alice.Card.Did, "claim", EventKinds.Claim, WireJson.From(new string('x', 65533)), DateTimeOffset.UnixEpoch, key, new SeededRandomSource(1)),
            key,
            out _));

        WireReason Refusal(WireJson body, byte[] peer)
            => Assert.Throws<WireException>(() => alice.SealBody(body, To, peer, new SeededRandomSource(1))).Reason;
    }

    private static OwnIdentity Identity(byte[] seed, string handle) => new(AgentCard.Create(seed, handle), SecretBytes.CopyOf(seed));

    private static SecretBytes Key()
    {
        using var scalar = X25519.DhScalar(AliceSeed);
        return SealedBody.DeriveKey(scalar.Span, X25519.DhPublicKey(BobSeed))!;
    }

    // A payload as a hostile peer makes it: right tag, any padding.
    private static string SealPadded(ReadOnlySpan<byte> key, ReadOnlySpan<byte> padded)
    {
        var nonce = new byte[32];
        byte[] info = [.. nonce, 0, (byte)From.Length, .. Encoding.ASCII.GetBytes(From), 0, (byte)To.Length, .. Encoding.ASCII.GetBytes(To)];
        var keys = new byte[76];
        HKDF.Expand(HashAlgorithmName.SHA256, key, keys, info);
        var ciphertext = new byte[padded.Length];
        _ = Sodium.ChaCha20Xor(ciphertext, padded, (ulong)padded.Length, keys.AsSpan(32, 12), keys.AsSpan(0, 32));
        byte[] covered = [.. nonce, .. ciphertext];
        return StrictBase64.Encode([2, .. covered, .. HMACSHA256.HashData(keys.AsSpan(44), covered)]);
    }
}
