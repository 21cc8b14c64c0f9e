using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class SecretBytesTests
{
    [Fact]
    public void Dispose_overwrites_the_bytes_and_forbids_their_use()
    {
        var secret = SecretBytes.CopyOf([1, 2, 3]);
        var span = secret.Span;
        secret.Dispose();
        secret.Dispose();
        Assert.Equal([0, 0, 0], span.ToArray());
        Assert.Throws<ObjectDisposedException>(() => _ = secret.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => secret.FixedTimeEquals([1, 2, 3]));
        Assert.Equal(3, secret.Length);
    }

    [Fact]
    public void The_text_form_shows_nothing()
    {
        using var secret = SecretBytes.CopyOf([0x61, 0x62, 0x63]);
        Assert.Equal("SecretBytes", secret.ToString());
    }

    [Fact]
    public void A_copy_is_independent_and_comparable()
    {
        byte[] source = [9, 8, 7];
        using var secret = SecretBytes.CopyOf(source);
        source[0] = 0;
        Assert.True(secret.FixedTimeEquals([9, 8, 7]));
        Assert.False(secret.FixedTimeEquals([9, 8, 6]));
        Assert.False(secret.FixedTimeEquals([9, 8]));
    }

    [Fact]
    public void Random_bytes_come_from_the_source_that_is_given()
    {
        using var secret = SecretBytes.Random(4, new ScriptedRandomSource(4, 3, 2, 1));
        Assert.Equal([4, 3, 2, 1], secret.Span.ToArray());
    }
}
