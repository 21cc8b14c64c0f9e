using System.Text;
using FsCheck;
using FsCheck.Fluent;
using WirePS.Devices;
using WirePS.Tests.Cryptography;
using Xunit;

namespace WirePS.Tests.Devices;

/// <summary>The file of the other program, byte by byte, and what is done with files that are not one.</summary>
public sealed class PairTokenFileTests
{
    private const string Record = "[[pair_token]]\ntoken_hash = \"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"\nprincipal = \"alice\"\nexpires_at_epoch = 1790000300\nissued_at_epoch = 1790000000\n";

    private static Gen<PairTokenRecord> Records { get; } =
        from hash in Properties.Seeds
        from principal in Gen.Elements("alice", "bench_2", "A", "alice-34750f98", new string('a', 64))
        from expires in Gen.Elements(0L, 1L, 1790000300L, long.MaxValue)
        from issued in Gen.Elements(0L, 1790000000L)
        from label in Gen.OneOf(Gen.Constant<string?>(null), Properties.Texts.Select(static text => (string?)text), Quotes.Select(static text => (string?)text))
        select new PairTokenRecord(Convert.ToHexStringLower(hash), principal, expires, issued, label);

    // Quotes, backslashes and line ends next to each other are where the forms of a text differ.
    private static Gen<string> Quotes { get; } = Gen.Elements("'", "\"", "\\", "\n", "\r\n", "\t", "a", "\u0007").ArrayOf().Select(static parts => string.Concat(parts));

    [Fact]
    public void What_was_saved_is_loaded_with_and_without_labels()
        => Properties.Hold(Records.ListOf(), records => Read(PairTokenFile.Write([.. records])).SequenceEqual(records), 500);

    [Fact]
    public void A_missing_and_an_empty_file_are_an_empty_list()
    {
        Assert.Empty(Read([]));
        Assert.Empty(Read(" \t\r\n\u2003\n"));
        Assert.Empty(Read("pair_token = []\n"));
        Assert.Empty(Read("# only a comment\n"));
        Assert.Empty(Read("\uFEFF"));
        Assert.Equal("pair_token = []\n", Encoding.UTF8.GetString(PairTokenFile.Write([])));
    }

    [Fact]
    public void Line_ends_of_Windows_and_a_mark_at_the_start_change_nothing()
    {
        var expected = Read(Record);
        Assert.Single(expected);
        Assert.Equal(expected, Read(Record.Replace("\n", "\r\n", StringComparison.Ordinal)));
        Assert.Equal(expected, Read("\uFEFF" + Record));
        Refused(WireReason.FileCorrupt, Record.Replace('\n', '\r'));
    }

    [Theory]
    [InlineData("token_hash = '0'\nprincipal = 'p'\nexpires_at_epoch = 0x1F\nissued_at_epoch = 1_0", 31, 10)]
    [InlineData("\"token_hash\" = \"\"\"\n0\"\"\"\n'principal' = '''p'''\nexpires_at_epoch = 0o17\nissued_at_epoch = 0b11", 15, 3)]
    [InlineData("token_hash = \"\"\"\\\n   0\"\"\"\nprincipal = \"\\u0070\"\nexpires_at_epoch = +5 # five\nissued_at_epoch = 0", 5, 0)]
    public void Every_form_of_a_text_and_of_a_number_is_read(string content, long expires, long issued)
        => Assert.Equal([new PairTokenRecord("0", "p", expires, issued, null)], Read("[[pair_token]]\n" + content));

    [Fact]
    public void A_list_written_in_one_piece_is_read()
        => Assert.Equal(
            [new PairTokenRecord("0", "p", 2, 1, "x"), new PairTokenRecord("1", "q", 2, 1, null)],
            Read("pair_token = [ # all\n { token_hash = '0', principal = 'p', expires_at_epoch = 2, issued_at_epoch = 1, label = 'x' },\n {token_hash='1',principal='q',expires_at_epoch=2,issued_at_epoch=1}\n, ]\n"));

    [Theory]
    [InlineData("hello world")]
    [InlineData("{\"pair_token\": []}")]
    [InlineData("[[pair_tok")]
    [InlineData("pair_token = 5")]
    [InlineData("[pair_token]\na = 1")]
    [InlineData("pair_token = [1]")]
    [InlineData("pair_token = []\npair_token = []")]
    [InlineData("pair_token = []\n[[pair_token]]")]
    [InlineData("a = 01")]
    [InlineData("a = 1__0")]
    [InlineData("a = 0x")]
    [InlineData("a = 9223372036854775808")]
    [InlineData("a = 0x8000000000000000")]
    [InlineData("a = \"\\e\"")]
    [InlineData("a = \"\\x41\"")]
    [InlineData("a = \"\\ud800\"")]
    [InlineData("a = \"\\U00110000\"")]
    [InlineData("a = \"\u0007\"")]
    [InlineData("a = 'x\ny'")]
    [InlineData("a = \"\"\"x\"\"\"\"\"\"")]
    [InlineData("a = {\n b = 1 }")]
    [InlineData("a = { b = 1, }")]
    [InlineData("a = { b = 1 }\na.c = 2")]
    [InlineData("[a]\n[a]")]
    [InlineData("a = 1 b = 2")]
    [InlineData("a = [1 2]")]
    [InlineData("# \u0001")]
    [InlineData("= 1")]
    [InlineData("a = 2026-13-01")]
    public void What_is_not_TOML_is_a_parse_error(string text) => Refused(WireReason.FileCorrupt, text);

    [Theory]
    [InlineData("principal = 'alice'", "")]
    [InlineData("principal = 'alice'", "principal = 'al ice'")]
    [InlineData("principal = 'alice'", "principal = '../alice'")]
    [InlineData("principal = 'alice'", "principal = ''")]
    [InlineData("principal = 'alice'", "principal = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'")]
    [InlineData("expires_at_epoch = 2", "")]
    [InlineData("expires_at_epoch = 2", "expires_at_epoch = -2")]
    [InlineData("expires_at_epoch = 2", "expires_at_epoch = 2.0")]
    [InlineData("expires_at_epoch = 2", "expires_at_epoch = '2'")]
    [InlineData("expires_at_epoch = 2", "expires_at_epoch = 2026-09-21 00:00:00Z")]
    [InlineData("token_hash = '0'", "token_hash = true")]
    [InlineData("label = 'x'", "label = 5")]
    [InlineData("label = 'x'", "label = 'x'\nlabel = 'x'")]
    public void A_bad_record_makes_the_whole_file_unloadable(string good, string bad)
    {
        var text = Record + "[[pair_token]]\ntoken_hash = '0'\nprincipal = 'alice'\nexpires_at_epoch = 2\nissued_at_epoch = 1\nlabel = 'x'\n";
        Assert.Equal(2, Read(text).Count);
        Refused(WireReason.FileCorrupt, text.Replace(good, bad, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("schema_version = 1\n\n" + Record)]
    [InlineData("schema_version = 0\n" + Record)]
    [InlineData("schema_version = \"1\"\n" + Record)]
    [InlineData(Record + "[pair_token.scope]\ntype = \"full\"\n")]
    [InlineData(Record + "scope = { type = \"scoped\", allow = [\"self:*\"], deny = [] }\n")]
    [InlineData(Record + "scope = \"full\"\n")]
    [InlineData(Record + "schema_version = 1\n")]
    [InlineData("[[pair_token]]\ntoken_hash = \"blake3:4e82\"\nprincipal = \"alice\"\nexpires_at_epoch = 2\nissued_at_epoch = 1\n")]
    public void W09_files_of_later_generations_are_recognised_and_refused(string text) => Refused(WireReason.TokenStoreUnsupported, text);

    [Theory]
    [InlineData("note = \"x\"\n" + Record)]
    [InlineData(Record + "colour = \"red\"\n")]
    [InlineData("[[pair_tokens]]\na = 1979-05-27T07:32:00Z\nb = 1e5\nc = -inf\nd = 07:32:00.5\n")]
    [InlineData("a.b.c = 1\n[a.b.d]\n[x.y]\n[x]\n[[l]]\n[[l]]\n[l.m]\n")]
    public void W09_a_key_that_is_not_known_is_refused_rather_than_lost(string text) => Refused(WireReason.TokenStoreUnsupported, text);

    [Theory]
    [InlineData("schema_version = 2\nfuture_field = \"preserve me\"\n")]
    [InlineData("schema_version = 2\n\n[[pair_token]]\ntoken_hash = 5\n")]
    public void A_newer_schema_is_refused_whatever_else_the_file_says(string text) => Refused(WireReason.FileNewerVersion, text);

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused()
        => Assert.Equal(WireReason.FileCorrupt, Assert.Throws<WireException>(() => Read([0xFF, 0xFE, 0x5B])).Reason);

    [Fact]
    public void No_text_does_more_than_be_refused()
        => Properties.Hold(Mutations, bytes =>
        {
            try
            {
                _ = PairTokenFile.Write(Read(bytes));
                return true;
            }
            catch (WireException refused)
            {
                return refused.Reason is WireReason.FileCorrupt or WireReason.TokenStoreUnsupported or WireReason.FileNewerVersion
                    && !refused.Message.Contains("2cf24dba", StringComparison.Ordinal);
            }
        }, 2000);

    [Fact]
    public void Deep_nesting_is_refused_and_not_followed()
    {
        Refused(WireReason.FileCorrupt, "a = " + new string('[', 100_000));
        Refused(WireReason.FileCorrupt, string.Concat(Enumerable.Repeat("a.", 100_000)) + "a = 1");
    }

    private static Gen<byte[]> Mutations { get; } =
        from records in Records.ListOf()
        from place in Gen.Choose(0, 10_000)
        from value in Gen.Elements("\"", "'", "\\", "[", "]", "{", "}", "=", "\n", "\r", "#", ".", "\0", "\"\"\"", "'''", "1", "x")
        from length in Gen.Choose(0, 3)
        select Mutate(PairTokenFile.Write([.. records]), place, value, length);

    private static byte[] Mutate(byte[] bytes, int place, string value, int length)
    {
        var at = place % bytes.Length;
        return [.. bytes.AsSpan(0, at), .. Encoding.UTF8.GetBytes(value), .. bytes.AsSpan(Math.Min(bytes.Length, at + length))];
    }

    private static IReadOnlyList<PairTokenRecord> Read(string text) => Read(Encoding.UTF8.GetBytes(text));

    private static IReadOnlyList<PairTokenRecord> Read(byte[] bytes) => PairTokenFile.Read(bytes, "pair-tokens.toml");

    private static void Refused(WireReason reason, string text)
        => Assert.Equal(reason, Assert.Throws<WireException>(() => Read(text)).Reason);
}
