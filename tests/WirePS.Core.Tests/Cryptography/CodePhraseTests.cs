using FsCheck.Fluent;
using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class CodePhraseTests
{
    [Fact]
    public void A_generated_code_reads_back_however_it_is_typed()
        => Properties.Hold(Properties.Codes, code =>
            Parsed(code) == code
            && Parsed(code.ToLowerInvariant()) == code
            && Parsed("  " + code.Replace("-", " \u2013 ", StringComparison.Ordinal).Insert(1, "\t")) == code
            && Parsed(code.Replace("-", "", StringComparison.Ordinal)) == code
            && CodePhrase.TryParseStrict(code, out var strict) && strict == code
            && CodePhrase.Hash(code).Length == 64);

    [Fact]
    public void Random_numbers_that_would_favour_some_codes_are_drawn_again()
    {
        var random = new ScriptedRandomSource(255, 200, 199, 0, 31, 32, 63, 26, 255);
        Assert.Equal("99-A7A727", CodePhrase.Generate(random));
        Assert.Equal(0, random.Left);
    }

    [Fact]
    public void All_symbols_and_numbers_occur()
    {
        var codes = Enumerable.Range(0, 4000).Select(seed => CodePhrase.Generate(new SeededRandomSource(seed))).ToList();
        Assert.Equal(100, codes.Select(code => code[..2]).Distinct().Count());
        for (var place = 3; place < CodePhrase.CanonicalLength; place++)
        {
            Assert.Equal(32, codes.Select(code => code[place]).Distinct().Count());
        }
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("12-ABCDE", 7)]
    [InlineData("12-ABCDEFG", 9)]
    [InlineData("12-ABCDEFGHI", 11)]
    [InlineData("ABCD-EFGH-IJKLM", 13)]
    public void Another_number_of_symbols_is_an_invalid_length(string typed, int symbols)
    {
        var refused = Assert.Throws<WireException>(() => PairingCode.Parse(typed));
        Assert.Equal(WireReason.InvalidLength, refused.Reason);
        Assert.Contains($"{symbols} were given", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("12-ABCDE0", 8, "'0'")]
    [InlineData("12-AB1DEF", 5, "'1'")]
    [InlineData("1A-ABCDEF", 2, "'A'")]
    [InlineData("12-ABC\u00c0EF", 6, "U+00C0")]
    [InlineData("12-ABC\ud83e\udd80EF", 6, "U+1F980")]
    [InlineData("\u0661\u0662-ABCDEF", 1, "U+0661")]
    [InlineData("12_ABCDE", 3, "'_'")]
    public void An_invalid_symbol_is_named_with_its_place_and_nothing_else(string typed, int place, string symbol)
    {
        var refused = Assert.Throws<WireException>(() => PairingCode.Parse(typed));
        Assert.Equal(WireReason.InvalidSymbol, refused.Reason);
        Assert.Contains($"Symbol {place} of the code is {symbol};", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ABC", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_is_typed_gives_a_code_or_a_named_reason()
        => Properties.Hold(Gen.OneOf(Properties.Texts, Gen.Elements("\ud800", "12-ABC\udc00EF", "12\u2010AB-CDEF")), typed =>
        {
            try
            {
                var (protocol, code) = PairingCode.Parse(typed);
                return protocol == 1 ? CodePhrase.TryParseStrict(code, out _) : PairingCode.IsCanonical(code);
            }
            catch (WireException refused)
            {
                return refused.Reason is WireReason.InvalidLength or WireReason.InvalidSymbol or WireReason.MistypedCode;
            }
        });

    private static string? Parsed(string typed) => PairingCode.Parse(typed) is { Protocol: 1, Canonical: var code } ? code : null;
}
