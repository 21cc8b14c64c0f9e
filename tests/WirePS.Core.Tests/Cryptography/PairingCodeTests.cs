using FsCheck.Fluent;
using WirePS.Cryptography;
using Xunit;

namespace WirePS.Tests.Cryptography;

public sealed class PairingCodeTests
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    // Codes of the known answers, with the symbols O and B among them.
    private static readonly string[] Known = ["CUGV3ELVQSK2", "J3VFJBKF2OEM", "2K7YSTKG6U6K", "7GC5PBYO3WVE"];

    [Fact]
    public void A_generated_code_reads_back_however_it_is_typed()
        => Properties.Hold(Properties.PairingCodes, code =>
        {
            var shown = PairingCode.Display(code);
            return PairingCode.IsCanonical(code)
                && shown.Length == 14 && shown[4] == '-' && shown[9] == '-'
                && Parsed(code) == code
                && Parsed(shown) == code
                && Parsed(shown.ToLowerInvariant()) == code
                && Parsed(shown.Replace('O', '0').Replace('B', '8')) == code
                && Parsed("\u00a0" + shown.Replace("-", " \u2014\t", StringComparison.Ordinal) + "\r\n") == code;
        });

    [Fact]
    public void Eleven_random_bytes_make_a_code()
    {
        // C U G V 3 E L V Q S K, each with other upper bits, then the check symbol of the known answer.
        var random = new ScriptedRandomSource(0xE2, 0x14, 0x26, 0x15, 0xFB, 0x44, 0x0B, 0x35, 0x50, 0x12, 0xAA);
        Assert.Equal(Known[0], PairingCode.Generate(random));
        Assert.Equal(0, random.Left);
    }

    [Fact]
    public void All_symbols_are_about_equally_likely_in_every_place()
    {
        const int Codes = 32_000;
        const int Expected = Codes / 32;
        var counts = new int[PairingCode.SymbolCount, 32];
        var random = new SeededRandomSource(42);
        for (var i = 0; i < Codes; i++)
        {
            var code = PairingCode.Generate(random);
            for (var place = 0; place < code.Length; place++)
            {
                counts[place, Alphabet.IndexOf(code[place], StringComparison.Ordinal)]++;
            }
        }

        // Seven standard deviations: a symbol that is missing or twice as likely shows, chance does not.
        foreach (var count in counts)
        {
            Assert.InRange(count, Expected - 220, Expected + 220);
        }
    }

    [Fact]
    public void Every_single_wrong_symbol_is_caught()
    {
        var codes = Known.Concat(Enumerable.Range(0, 20).Select(seed => PairingCode.Generate(new SeededRandomSource(seed))));
        foreach (var code in codes)
        {
            for (var place = 0; place < code.Length; place++)
            {
                foreach (var symbol in Alphabet.Where(symbol => symbol != code[place]))
                {
                    var wrong = code[..place] + symbol + code[(place + 1)..];
                    Assert.Equal(WireReason.MistypedCode, Refused(wrong).Reason);
                    Assert.False(PairingCode.IsCanonical(wrong));
                }
            }
        }
    }

    [Theory]
    [InlineData("1UGV3ELVQSK2", 1, "'1'")]
    [InlineData("CUGV-3ELV-QSK9", 12, "'9'")]
    [InlineData("CUGV_ELVQSK2", 5, "'_'")]
    [InlineData("CUGV3E\u017fVQSK2", 7, "U+017F")]
    [InlineData("CUGV3E\u0130VQSK2", 7, "U+0130")]
    [InlineData("\uff23UGV3ELVQSK2", 1, "U+FF23")]
    [InlineData("CUGV3ELVQS\ud83e\udd802", 11, "U+1F980")]
    [InlineData("CUGV3ELVQSK\0", 12, "U+0000")]
    public void An_invalid_symbol_is_named_with_its_place_and_nothing_else(string typed, int place, string symbol)
    {
        var refused = Refused(typed);
        Assert.Equal(WireReason.InvalidSymbol, refused.Reason);
        Assert.Contains($"Symbol {place} of the code is {symbol};", refused.Message, StringComparison.Ordinal);
        SaysNothingOf(typed, refused);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("----", 0)]
    [InlineData("CUGV3EL", 7)]
    [InlineData("CUGV-3ELV", 8)]
    [InlineData("2UGV-3ELV", 8)]
    [InlineData("O2-CUGV3E", 8)]
    [InlineData("CUGV3ELVQ", 9)]
    [InlineData("CUGV3ELVQSK", 11)]
    [InlineData("CUGV3ELVQSK2A", 13)]
    public void Another_number_of_symbols_is_an_invalid_length(string typed, int symbols)
    {
        var refused = Refused(typed);
        Assert.Equal(WireReason.InvalidLength, refused.Reason);
        Assert.Contains($"{symbols} were given", refused.Message, StringComparison.Ordinal);
        SaysNothingOf(typed, refused);
    }

    [Fact]
    public void A_mistyped_code_is_refused_without_repeating_it()
    {
        var refused = Refused("CUGV3FLVQSK2");
        Assert.Equal(WireReason.MistypedCode, refused.Reason);
        SaysNothingOf("CUGV3FLVQSK2", refused);
    }

    [Fact]
    public void The_shape_alone_says_the_protocol_and_v1_folds_nothing()
    {
        Assert.Equal(new TypedCode(1, "12-ABCDEF"), PairingCode.Parse("12abcdef"));
        Assert.Equal(new TypedCode(1, "80-ABCDEF"), PairingCode.Parse("8-0-ABC-DEF"));
        Assert.Equal(WireReason.InvalidSymbol, Refused("12-ABCDE0").Reason);
        Assert.Equal(WireReason.InvalidSymbol, Refused("12-8BCDEF").Reason);
        Assert.Equal(new TypedCode(2, Known[1]), PairingCode.Parse("J3VF-J8KF-20EM"));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_one_invalid_symbol()
        => Assert.Contains("Symbol 12 of the code is U+FFFD;", Refused("CUGV3ELVQSK\ud800").Message, StringComparison.Ordinal);

    [Fact]
    public void A_typed_code_does_not_show_itself()
        => Assert.DoesNotContain(Known[0], PairingCode.Parse(Known[0]).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("CUGV-3ELV-QSK2")]
    public void Only_twelve_symbols_can_be_shown(string code)
        => Assert.Throws<ArgumentException>(() => PairingCode.Display(code));

    [Fact]
    public void Whatever_is_typed_gives_a_code_or_a_named_reason()
        => Properties.Hold(
            Gen.OneOf(Properties.Texts, from code in Properties.PairingCodes from place in Gen.Choose(0, 11) from text in Properties.Texts select code.Insert(place, text)),
            typed =>
            {
                try
                {
                    var (protocol, code) = PairingCode.Parse(typed);
                    return protocol == 2 ? PairingCode.IsCanonical(code) : CodePhrase.TryParseStrict(code, out _);
                }
                catch (WireException refused)
                {
                    return refused.Reason is WireReason.InvalidLength or WireReason.InvalidSymbol or WireReason.MistypedCode;
                }
            },
            tests: 1000);

    private static string? Parsed(string typed) => PairingCode.Parse(typed) is { Protocol: 2, Canonical: var code } ? code : null;

    private static WireException Refused(string typed) => Assert.Throws<WireException>(() => PairingCode.Parse(typed));

    // Three symbols in a row would be a piece of the code.
    private static void SaysNothingOf(string typed, WireException refused)
    {
        for (var i = 0; i + 3 <= typed.Length; i++)
        {
            Assert.DoesNotContain(typed.Substring(i, 3), refused.Message + refused.Target, StringComparison.Ordinal);
        }
    }
}
