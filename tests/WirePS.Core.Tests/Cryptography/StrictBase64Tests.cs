using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class StrictBase64Tests
{
    [Fact]
    public void Every_value_comes_back()
        => Properties.Hold(Properties.Bytes, bytes => StrictBase64.TryDecode(StrictBase64.Encode(bytes), out var decoded) && decoded.AsSpan().SequenceEqual(bytes));

    [Fact]
    public void What_decodes_has_one_spelling()
        => Properties.Hold(Properties.Texts, text => !StrictBase64.TryDecode(text, out var decoded) || StrictBase64.Encode(decoded) == text);

    [Theory]
    [InlineData(null)]
    [InlineData("QQ")]
    [InlineData("QQ=")]
    [InlineData("QR==")]
    [InlineData("QUJ=")]
    [InlineData("QUI=\n")]
    [InlineData(" QUI=")]
    [InlineData("QU I=")]
    [InlineData("QU\nJD    ")]
    [InlineData("QUI=QUI=")]
    [InlineData("-_-_")]
    [InlineData("====")]
    [InlineData("Q===")]
    [InlineData("éééé")]
    public void Another_spelling_is_refused(string? text) => Assert.False(StrictBase64.TryDecode(text, out _));

    [Fact]
    public void A_wrong_length_is_refused()
    {
        Assert.True(StrictBase64.TryDecode("QUI=", 2, out _));
        Assert.False(StrictBase64.TryDecode("QUI=", 3, out var none));
        Assert.Null(none);
        Assert.True(StrictBase64.TryDecode("", out var empty));
        Assert.Empty(empty);
    }

    [Fact]
    public void Every_value_comes_back_from_a_url()
        => Properties.Hold(Properties.Bytes, bytes =>
        {
            var text = StrictBase64.EncodeUrl(bytes);
            return !text.AsSpan().ContainsAny("+/=") && StrictBase64.TryDecodeUrl(text, out var decoded) && decoded.AsSpan().SequenceEqual(bytes);
        });

    [Fact]
    public void What_decodes_from_a_url_has_one_spelling()
        => Properties.Hold(Properties.Texts, text => !StrictBase64.TryDecodeUrl(text, out var decoded) || StrictBase64.EncodeUrl(decoded) == text);

    [Theory]
    [InlineData("QQ==")]
    [InlineData("QR")]
    [InlineData("QUJ")]
    [InlineData("Q")]
    [InlineData("QUI=")]
    [InlineData("QU I")]
    [InlineData("QUI\n")]
    [InlineData("+/+/")]
    [InlineData("QU%49")]
    [InlineData("éééé")]
    public void Another_spelling_in_a_url_is_refused(string text) => Assert.False(StrictBase64.TryDecodeUrl(text, out _));
}
