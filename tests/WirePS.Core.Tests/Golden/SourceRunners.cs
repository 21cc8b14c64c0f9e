using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Identity;
using Xunit;

namespace WirePS.Tests.Golden;

/// <summary>Answers that stand in the tests and documents of the other programs, <c>vectors-wire-source.json</c>.</summary>
internal static class SourceRunners
{
    public static GoldenOutcome CanonicalJson(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var input = WireJson.Parse(golden.Data.GetProperty("input").GetRawText());
        var loose = Encoding.UTF8.GetString(WirePS.Identity.CanonicalJson.Canonicalize(input, CanonicalMode.Card));
        var strict = Encoding.UTF8.GetString(WirePS.Identity.CanonicalJson.Canonicalize(input, CanonicalMode.Event));
        answers.Text("canonical", () => loose);
        answers.Truth("strict_contains_event_id", () => strict.Contains("event_id", StringComparison.Ordinal));
        answers.Truth("non_strict_contains_event_id", () => loose.Contains("event_id", StringComparison.Ordinal));
        if (golden.Text("must_contain") is { } needed)
        {
            answers.Equal("contains " + needed, true, loose.Contains(needed, StringComparison.Ordinal));
        }

        foreach (var refused in List(golden.Data, "must_not_contain"))
        {
            answers.Equal("contains " + refused, false, loose.Contains(refused, StringComparison.Ordinal));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome CodePhrases(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var code in List(golden.Data, "accept"))
        {
            answers.Equal(code, true, CodePhrase.TryParseStrict(code, out _));
        }

        foreach (var refused in golden.Data.GetProperty("reject").EnumerateArray())
        {
            var code = refused.GetProperty("code").GetString()!;
            answers.Equal(code, false, CodePhrase.TryParseStrict(code, out _));
        }

        answers.Equal("length", golden.Data.GetProperty("length").GetInt32(), CodePhrase.CanonicalLength);
        var sample = Enumerable.Range(0, 1000).Select(_ => CodePhrase.Generate(SystemRandomSource.Instance)).Distinct(StringComparer.Ordinal).Count();
        answers.Equal("distinct codes of 1000", 1000, sample);
        return answers.Outcome();
    }

    public static GoldenOutcome SasConfirm(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var typed in List(golden.Data, "typed_ok").Concat(List(golden.Data, "doc_comment_also_accepts")))
        {
            answers.Equal(typed, golden.Text("cached"), ShortAuthenticationString.ParseTyped(typed));
        }

        foreach (var typed in List(golden.Data, "typed_mismatch_aborts"))
        {
            answers.Equal(typed, false, ShortAuthenticationString.ParseTyped(typed) == golden.Text("cached"));
        }

        foreach (var typed in List(golden.Data, "typed_wrong_length_aborts"))
        {
            Assert.Equal(WireReason.InvalidDigits, Assert.Throws<WireException>(() => ShortAuthenticationString.ParseTyped(typed)).Reason);
        }

        return answers.Outcome();
    }

    public static GoldenOutcome RustCrypto(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var known in golden.Data.GetProperty("password_to_scalar").EnumerateArray())
        {
            using var scalar = SymmetricSpake2.PasswordScalar(Ascii(known, "password"));
            answers.Equal("password scalar", known.GetProperty("scalar_dec").GetString(), ToDecimal(scalar.Span));
        }

        foreach (var known in golden.Data.GetProperty("hash_symmetric").EnumerateArray())
        {
            using var key = SymmetricSpake2.DeriveKey(
                Ascii(known, "password"), Ascii(known, "idS"), Ascii(known, "msg_u_ascii"), Ascii(known, "msg_v_ascii"), Ascii(known, "K_ascii"));
            answers.Equal("key", known.GetProperty("key_hex").GetString(), Convert.ToHexStringLower(key.Span));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome PythonReference(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var known in golden.Data.GetProperty("symmetric").EnumerateArray())
        {
            var password = Ascii(known, "password");
            var one = FromDecimal(known.GetProperty("scalar_1_dec").GetString()!);
            var other = FromDecimal(known.GetProperty("scalar_2_dec").GetString()!);
            var firstMessage = SymmetricSpake2.Message(password, one);
            var secondMessage = SymmetricSpake2.Message(password, other);
            answers.Equal("message 1", known.GetProperty("msg_1_hex").GetString(), Convert.ToHexStringLower(firstMessage));
            answers.Equal("message 2", known.GetProperty("msg_2_hex").GetString(), Convert.ToHexStringLower(secondMessage));
            using var key = SymmetricSpake2.Finish(password, Ascii(known, "idS"), one, secondMessage);
            answers.Equal("key", known.GetProperty("key_hex").GetString(), Convert.ToHexStringLower(key.Span));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome Handles(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var newer in (bool[])[false, true])
        {
            foreach (var address in List(golden.Data, "parse_accept"))
            {
                answers.Equal(address, true, HandleRules.TryParseAddress(address, out _, out _, newer));
            }

            foreach (var address in List(golden.Data, "parse_reject"))
            {
                answers.Equal(address, false, HandleRules.TryParseAddress(address, out _, out _, newer));
            }
        }

        foreach (var address in List(golden.Data.GetProperty("head_parse_accept"), "values"))
        {
            answers.Equal(address, true, HandleRules.TryParseAddress(address, out _, out _));
        }

        foreach (var address in List(golden.Data, "head_parse_reject"))
        {
            answers.Equal(address, false, HandleRules.TryParseAddress(address, out _, out _));
        }

        foreach (var nick in List(golden.Data, "claim_accept"))
        {
            answers.Equal(nick, true, HandleRules.IsClaimable(nick));
        }

        foreach (var nick in List(golden.Data, "claim_reject"))
        {
            answers.Equal(nick, false, HandleRules.IsClaimable(nick));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome Kinds(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var member in golden.Data.GetProperty("class").EnumerateObject())
        {
            var kind = uint.Parse(member.Name, CultureInfo.InvariantCulture);
            answers.Equal(member.Name, member.Value.GetString(), EventRunners.NameOf(EventKinds.ClassOf(kind)));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome IncidentCodes(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var code in List(golden.Data, "codes"))
        {
            answers.Equal(code, code, PairingCode.Parse(code).Canonical);
        }

        var shown = golden.Text("sas_display_example")!;
        answers.Equal(shown, shown, ShortAuthenticationString.Display(ShortAuthenticationString.ParseTyped(shown)));
        return answers.Outcome();
    }

    public static string ToDecimal(ReadOnlySpan<byte> littleEndian)
        => new BigInteger(littleEndian, isUnsigned: true).ToString(CultureInfo.InvariantCulture);

    private static byte[] FromDecimal(string text)
    {
        var bytes = new byte[SymmetricSpake2.ScalarBytes];
        BigInteger.Parse(text, CultureInfo.InvariantCulture).ToByteArray(isUnsigned: true).CopyTo(bytes, 0);
        return bytes;
    }

    private static IEnumerable<string> List(JsonElement data, string member)
        => data.TryGetProperty(member, out var list) ? list.EnumerateArray().Select(item => item.GetString()!) : [];

    private static byte[] Ascii(JsonElement data, string member) => Encoding.ASCII.GetBytes(data.GetProperty(member).GetString()!);
}
