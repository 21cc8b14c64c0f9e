using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class ShortAuthenticationStringTests
{
    [Fact]
    public void There_are_always_six_digits_that_read_back()
        => Properties.Hold(Properties.Seeds, key =>
        {
            var digits = ShortAuthenticationString.V1(key);
            var shown = ShortAuthenticationString.Display(digits);
            return digits.Length == 6 && digits.All(char.IsAsciiDigit) && shown.Length == 7 && shown[3] == '-'
                && ShortAuthenticationString.ParseTyped(shown) == digits
                && ShortAuthenticationString.ParseTyped($" {digits[..2]} {digits[2..]}\u2014") == digits;
        });

    [Theory]
    [InlineData("")]
    [InlineData("12345")]
    [InlineData("1234567")]
    [InlineData("123-45a")]
    [InlineData("\u0661\u0662\u0663\u0664\u0665\u0666")]
    [InlineData("123.456")]
    public void Anything_but_six_digits_is_refused_without_repeating_it(string typed)
    {
        var refused = Assert.Throws<WireException>(() => ShortAuthenticationString.ParseTyped(typed));
        Assert.Equal(WireReason.InvalidDigits, refused.Reason);
        Assert.True(typed.Length == 0 || !refused.Message.Contains(typed, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_dash_of_the_keyboards_is_dropped()
    {
        for (var dash = '\u2010'; dash <= '\u2015'; dash++)
        {
            Assert.Equal("012345", ShortAuthenticationString.ParseTyped($"012{dash}345"));
        }
    }

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => ShortAuthenticationString.V1(new byte[31]));
        Assert.Throws<ArgumentException>(() => ShortAuthenticationString.Display("12345"));
    }
}
