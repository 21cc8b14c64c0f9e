using System.Text;
using WirePS.Cryptography;
using WirePS.Handshakes;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>The message of handshake.md §2 and its checks: what §15 to §17 name, beyond the answers of the real programs.</summary>
public sealed class HandshakeMessageTests
{
    private const uint Receiver = 2;
    private static readonly byte[] Seed = [.. Enumerable.Repeat((byte)1, 32)];
    private static readonly byte[] Key = Ed25519.PublicKey(Seed);
    private static readonly byte[] OwnKey = Ed25519.PublicKey([.. Enumerable.Repeat((byte)2, 32)]);
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000);

    [Fact]
    public void What_is_written_is_read_again_with_the_members_of_ours()
    {
        var message = Signed() with
        {
            Justification = "a<b>&\n\0\u2028\"\\ é 🔑",
            Ours = new Dictionary<string, string> { ["v2_nonce"] = "00ff", ["v2_from"] = "did:wire:a-1", ["v2_signature"] = "c2ln" },
        };
        var read = HandshakeMessage.TryParse(message.ToBytes())!;
        Assert.Equal(message with { Ours = read.Ours }, read);
        Assert.Equal(message.Ours.OrderBy(static m => m.Key), read.Ours.OrderBy(static m => m.Key));
    }

    [Fact]
    public void Half_a_character_is_written_as_the_replacement_character() =>
        Assert.Equal("a\ufffdb", HandshakeMessage.TryParse((Signed() with { Justification = "a\ud83db" }).ToBytes())!.Justification);

    [Theory]
    [InlineData("""{"v2_nonce":"a","v2_nonce":"b"}""")]
    [InlineData("""{"v2_nonce":5}""")]
    [InlineData("""{"justification":"\ud800"}""")]
    [InlineData("""{"node_id":4294967296}""")]
    [InlineData("""{"node_id":1.0}""")]
    [InlineData("""{"a":1} x""")]
    [InlineData("""{"a":1""")]
    [InlineData("\ufeff{}")]
    [InlineData("null")]
    public void What_is_not_one_message_is_refused(string text) => Assert.Null(HandshakeMessage.TryParse(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Noise_and_every_cut_of_a_message_are_refused_and_never_crash()
    {
        var random = new Random(7);
        for (var i = 0; i < 2_000; i++)
        {
            var noise = new byte[random.Next(200)];
            random.NextBytes(noise);
            Assert.Null(HandshakeMessage.TryParse(noise));
        }

        var whole = Signed().ToBytes();
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.Null(HandshakeMessage.TryParse(whole.AsSpan(0, length)));
        }
    }

    /// <summary>Weakness 22 and handshake.md §2.1: in the older program a key of another length ended the process.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(4096)]
    public void Keys_of_another_length_are_refused(int length) =>
        Assert.Equal(HandshakeFault.BadKey, Check(Signed() with { PublicKey = Convert.ToBase64String(new byte[length]) }));

    /// <summary>Handshake.md §17: the identity point as key with R = identity and S = 0 verifies there, so that any id could be claimed.</summary>
    [Fact]
    public void Weak_keys_are_refused()
    {
        var identity = new byte[32];
        identity[0] = 1;
        Assert.Equal(HandshakeFault.BadKey, Check(Signed() with { PublicKey = Convert.ToBase64String(identity), Signature = Convert.ToBase64String([.. identity, .. new byte[32]]) }));
    }

    /// <summary>Handshake.md §17: spellings of one signature.</summary>
    [Theory]
    [InlineData("{0}\n")]
    [InlineData(" {0}")]
    [InlineData("{0}=")]
    [InlineData("{0}\0")]
    public void Another_spelling_of_a_good_signature_is_refused(string spelling)
    {
        var good = Signed();
        Assert.Equal(HandshakeFault.None, Check(good));
        Assert.Equal(HandshakeFault.BadSignature, Check(good with { Signature = spelling.Replace("{0}", good.Signature, StringComparison.Ordinal) }));
    }

    [Fact]
    public void A_signature_for_another_receiver_is_refused() =>
        Assert.Equal(HandshakeFault.BadSignature, HandshakeInspection.CheckOlderSignature(Signed(), Key, Receiver + 1));

    [Fact]
    public void Node_id_0_and_the_own_key_are_refused()
    {
        Assert.Equal(HandshakeFault.WrongNode, Check(Signed() with { NodeId = 0 }));
        Assert.Equal(HandshakeFault.OwnIdentity, HandshakeInspection.CheckClaims(Signed(), Key, Now, out _));
    }

    [Theory]
    [InlineData(long.MinValue, HandshakeFault.TooOld)]
    [InlineData(long.MaxValue, HandshakeFault.FromTheFuture)]
    [InlineData(1_790_000_000 - 301, HandshakeFault.TooOld)]
    [InlineData(1_790_000_000 - 300, HandshakeFault.None)]
    [InlineData(1_790_000_000 + 30, HandshakeFault.None)]
    [InlineData(1_790_000_000 + 31, HandshakeFault.FromTheFuture)]
    public void Times_are_taken_within_the_window_alone(long timestamp, HandshakeFault expected) =>
        Assert.Equal(expected, HandshakeInspection.CheckClaims(Signed() with { Timestamp = timestamp }, OwnKey, Now, out _));

    [Fact]
    public void What_the_other_side_wrote_is_cut_at_a_character_and_cannot_move_a_cursor()
    {
        Assert.Equal("ab", HandshakeText.Clean("a\u001b\u202e\u00a0\u200bb"));
        var cut = HandshakeText.Clean("x" + new string('é', 600));
        Assert.Equal("x" + new string('é', 511), cut);
        Assert.Equal(HandshakeText.MaxBytes - 1, Encoding.UTF8.GetByteCount(cut));
    }

    [Fact]
    public void A_node_id_is_the_start_of_the_hash_of_the_key() =>
        Assert.Equal(Convert.ToUInt32(WirePS.Identity.Fingerprint.Short(Key), 16), NodeId.Of(Key));

    private static HandshakeMessage Signed() => new()
    {
        Type = HandshakeMessage.RequestType,
        NodeId = 1,
        PublicKey = StrictBase64.Encode(Key),
        Signature = StrictBase64.Encode(Ed25519.Sign(Seed, HandshakeMessage.SignedText(1, Receiver))),
        Timestamp = Now.ToUnixTimeSeconds(),
    };

    private static HandshakeFault Check(HandshakeMessage message) =>
        HandshakeInspection.CheckClaims(message, OwnKey, Now, out var key) is var fault and not HandshakeFault.None ? fault : HandshakeInspection.CheckOlderSignature(message, key, Receiver);
}
