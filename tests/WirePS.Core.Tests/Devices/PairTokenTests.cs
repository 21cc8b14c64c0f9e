using System.Buffers.Text;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Tests.Cryptography;
using Xunit;

namespace WirePS.Tests.Devices;

/// <summary>pair-token.md §12, the first of the store: the token, its hash, the comparison.</summary>
public sealed class PairTokenTests
{
    [Fact]
    public void Two_tokens_differ_and_have_32_characters()
    {
        var (first, second) = (PairToken.Generate(SystemRandomSource.Instance), PairToken.Generate(SystemRandomSource.Instance));
        Assert.NotEqual(first, second);
        Assert.Equal(32, first.Length);
        Assert.True(PairToken.IsWellFormed(first));
    }

    [Fact]
    public void A_token_is_24_random_bytes_in_base64url()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            var raw = seed[..PairToken.RawBytes];
            var token = PairToken.Generate(new ScriptedRandomSource(raw));
            return Base64Url.DecodeFromChars(token).AsSpan().SequenceEqual(raw) && PairToken.IsWellFormed(token);
        });

    [Fact]
    public void A_generator_that_fails_gives_an_error_and_no_token()
        => Assert.Throws<InvalidOperationException>(() => PairToken.Generate(new BrokenRandom()));

    [Fact]
    public void The_hash_is_the_same_for_the_same_text_only()
        => Properties.Hold(Properties.Texts, text =>
            PairToken.HashOf(text) == PairToken.HashOf(text)
            && PairToken.IsHash(PairToken.HashOf(text))
            && PairToken.HashOf(text) != PairToken.HashOf(text + "x"));

    [Theory]
    [InlineData("\n")]
    [InlineData(" ")]
    [InlineData("=")]
    public void A_text_with_something_after_it_does_not_match(string after)
    {
        var token = PairToken.Generate(SystemRandomSource.Instance);
        Assert.False(PairToken.HashEquals(PairToken.HashOf(token), PairToken.HashOf(token + after)));
        Assert.False(PairToken.IsWellFormed(token + after));
    }

    [Fact]
    public void The_comparison_fails_when_any_digit_differs_or_the_length_does()
    {
        var hash = PairToken.HashOf("hello");
        Assert.True(PairToken.HashEquals(hash, new string(hash)));
        for (var i = 0; i < hash.Length; i++)
        {
            var other = hash.ToCharArray();
            other[i] = other[i] == '0' ? '1' : '0';
            Assert.False(PairToken.HashEquals(hash, new string(other)));
        }

        Assert.False(PairToken.HashEquals(hash, hash[..^1]));
        Assert.False(PairToken.HashEquals(hash, hash + "0"));
        Assert.False(PairToken.HashEquals(hash, ""));
    }

    [Fact]
    public void W15_a_key_has_one_spelling_and_one_fingerprint()
    {
        var key = Ed25519.PublicKey([.. Enumerable.Repeat((byte)1, 32)]);
        var text = DeviceKey.Format(key);
        foreach (var spelled in (string[])[text, text["ed25519:".Length..], "ed25519:" + Convert.ToHexString(key), Convert.ToHexString(key)])
        {
            Assert.Equal(DeviceKey.FingerprintOf(key), DeviceKey.FingerprintOf(DeviceKey.Parse(spelled)));
        }

        Assert.Equal("967a0ebc37737ebcf6c08f70bef081ee291e668c9ba7359454e7b94327d2ff97", DeviceKey.FingerprintOf(key));
    }

    [Theory]
    [InlineData("abababab")]
    [InlineData(" 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c")]
    [InlineData("ed25519: 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c")]
    [InlineData("ED25519:8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c")]
    [InlineData("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5")]
    [InlineData("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5ca")]
    [InlineData("gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg")]
    [InlineData("１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１１")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    public void W03_a_text_that_is_no_key_or_a_key_that_nobody_signs_with_is_refused(string text)
        => Assert.Equal(WireReason.InvalidDeviceKey, Assert.Throws<WireException>(() => DeviceKey.Parse(text)).Reason);

    private sealed class BrokenRandom : IRandomSource
    {
        public void Fill(Span<byte> buffer) => throw new InvalidOperationException("no randomness");
    }
}
