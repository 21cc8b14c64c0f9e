using FsCheck.Fluent;
using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class BootstrapSealTests
{
    private static readonly byte[] Nonce = new byte[12];

    [Fact]
    public void What_was_sealed_opens_and_nothing_else_does()
        => Properties.Hold(Gen.Zip(Properties.Seeds, Properties.Bytes), input =>
        {
            var (key, plaintext) = input;
            var nonce = key.AsSpan(0, 12).ToArray();
            var blob = BootstrapSeal.Seal(key, nonce, plaintext);
            var opened = BootstrapSeal.Open(key, blob);
            var changed = (byte[])blob.Clone();
            changed[(plaintext.Length + key[0]) % changed.Length] ^= 0x40;
            return blob.Length == plaintext.Length + BootstrapSeal.OverheadBytes
                && opened is not null && opened.AsSpan().SequenceEqual(plaintext)
                && BootstrapSeal.Open(key, changed) is null
                && BootstrapSeal.Open(key, blob.AsSpan(0, blob.Length - 1)) is null;
        });

    [Fact]
    public void Random_bytes_never_open()
        => Properties.Hold(Properties.Bytes, blob => BootstrapSeal.Open(new byte[32], blob) is null);

    [Fact]
    public void C4_our_own_blob_opens_with_the_common_key_and_is_refused_all_the_same()
    {
        var key = new byte[32];
        var own = BootstrapSeal.Seal(key, Nonce, [1, 2, 3]);
        var peer = BootstrapSeal.Seal(key, [.. Nonce.AsSpan(1), 1], [4, 5, 6]);
        Assert.Equal([1, 2, 3], BootstrapSeal.Open(key, own)!);
        var refused = Assert.Throws<WireException>(() => BootstrapSeal.OpenFromPeer(key, own, own));
        Assert.Equal(WireReason.SelfPairing, refused.Reason);
        Assert.Equal([4, 5, 6], BootstrapSeal.OpenFromPeer(key, own, peer)!);
        Assert.Equal([4, 5, 6], BootstrapSeal.OpenFromPeer(key, [], peer)!);
    }

    [Fact]
    public void Keys_of_different_codes_differ()
    {
        using var one = BootstrapSeal.DeriveKey(new byte[32], CodePhrase.Hash("12-ABCDEF"));
        using var other = BootstrapSeal.DeriveKey(new byte[32], CodePhrase.Hash("12-ABCDEG"));
        Assert.False(one.FixedTimeEquals(other.Span));
    }

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => BootstrapSeal.Seal(new byte[31], Nonce, []));
        Assert.Throws<ArgumentException>(() => BootstrapSeal.Seal(new byte[32], new byte[11], []));
        Assert.Throws<ArgumentException>(() => BootstrapSeal.Open(new byte[33], new byte[40]));
    }
}
