using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class Ed25519Tests
{
    [Fact]
    public void A_signature_is_good_for_its_message_and_key_only()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            var publicKey = Ed25519.PublicKey(seed);
            var signature = Ed25519.Sign(seed, seed);
            var changed = (byte[])signature.Clone();
            changed[seed[0] % changed.Length] ^= 1;
            return Ed25519.IsValidPublicKey(publicKey)
                && Ed25519.Verify(publicKey, seed, signature)
                && !Ed25519.Verify(publicKey, [1], signature)
                && !Ed25519.Verify(publicKey, seed, changed);
        });

    [Theory]
    [MemberData(nameof(SodiumTests.BadPoints), MemberType = typeof(SodiumTests))]
    public void A_weak_or_non_canonical_key_is_refused(string key) => Assert.False(Ed25519.IsValidPublicKey(Convert.FromHexString(key)));

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        var key = Ed25519.PublicKey(new byte[32]);
        Assert.False(Ed25519.IsValidPublicKey(key.AsSpan(1)));
        Assert.False(Ed25519.Verify(key, [], new byte[63]));
        Assert.False(Ed25519.Verify(key.AsSpan(1), [], new byte[64]));
        Assert.Throws<ArgumentException>(() => Ed25519.PublicKey(new byte[31]));
        Assert.Throws<ArgumentException>(() => Ed25519.Sign(new byte[33], []));
        Assert.Throws<ArgumentException>(() => X25519.DhPublicKey(new byte[31]));
    }

    [Fact]
    public void The_empty_message_can_be_signed()
    {
        var seed = Convert.FromHexString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        Assert.Equal(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            Convert.ToHexStringLower(Ed25519.Sign(seed, [])));
    }
}
