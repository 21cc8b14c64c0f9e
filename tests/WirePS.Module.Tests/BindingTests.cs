using WirePS.Module.Binding;
using WirePS.Module.Output;

namespace WirePS.Module.Tests;

public sealed class BindingTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("30m", 1800)]
    [InlineData("24h", 86400)]
    [InlineData("2d", 172800)]
    [InlineData("1d12h", 129600)]
    [InlineData("1.5h", 5400)]
    [InlineData(" 30M ", 1800)]
    [InlineData("00:30:00", 1800)]
    [InlineData("1.00:00:00", 86400)]
    public void A_length_of_time_is_read_as_people_write_it(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), DurationAttribute.Parse(text, numbersAreSeconds: false));

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("30")]
    [InlineData("m")]
    [InlineData("30x")]
    [InlineData("30m5")]
    [InlineData("-5m")]
    [InlineData("1e9d")]
    [InlineData("99999999999999d")]
    [InlineData("1..5h")]
    [InlineData("a:b")]
    [InlineData(null)]
    public void What_is_no_length_of_time_is_refused(string? text)
    {
        Assert.Null(DurationAttribute.Parse(text, numbersAreSeconds: false));
        Assert.Equal(WireReason.InvalidDuration, Assert.Throws<WireException>(() => DurationAttribute.Require(DurationAttribute.Unreadable)).Reason);
    }

    [Theory]
    [InlineData("30", 30)]
    [InlineData("0.5", 0.5)]
    [InlineData("30m", 1800)]
    public void A_bare_number_counts_seconds_where_that_is_meant(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), DurationAttribute.Parse(text, numbersAreSeconds: true));

    [Theory]
    [InlineData("plain-name_1", "plain-name_1")]
    [InlineData("a\u001b[31mred\u0007", "a[31mred")]
    [InlineData("a\u202Eb\u200Bc\r\nd", "abcd")]
    [InlineData("é漢\U0001F600", "é漢\U0001F600")]
    [InlineData(null, null)]
    public void A_name_that_a_peer_chose_is_shown_without_what_cannot_be_seen(string? name, string? shown) => Assert.Equal(shown, Printable.Of(name));

    [Fact]
    public void The_file_of_a_pairing_shows_no_code()
    {
        var file = new WirePairFile(Path.Combine(Path.GetTempPath(), "pending-pair", "42-WIRE45.json"));
        Assert.EndsWith("42-******.json", file.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("42-WIRE45.json", file.Path, StringComparison.Ordinal);
    }
}
