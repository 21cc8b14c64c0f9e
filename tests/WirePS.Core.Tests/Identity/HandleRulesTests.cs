using System.Text.RegularExpressions;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Tests.Cryptography;
using Xunit;

namespace WirePS.Tests.Identity;

public sealed partial class HandleRulesTests
{
    [Fact]
    public void There_are_256_distinct_plain_words_of_each_kind()
    {
        foreach (var words in (string[][])[HandleWords.Adjectives.ToArray(), HandleWords.Nouns.ToArray()])
        {
            Assert.Equal(256, words.Length);
            Assert.Equal(256, words.Distinct(StringComparer.Ordinal).Count());
            Assert.All(words, word => Assert.Matches(PlainWord(), word));
        }

        Assert.Empty(HandleWords.Adjectives.ToArray().Intersect(HandleWords.Nouns.ToArray(), StringComparer.Ordinal));
    }

    [Fact]
    public void Every_pair_of_words_is_a_usable_handle()
    {
        foreach (var adjective in HandleWords.Adjectives)
        {
            foreach (var noun in HandleWords.Nouns)
            {
                Assert.True(HandleRules.IsUsable($"{adjective}-{noun}"));
            }
        }
    }

    [Fact]
    public void A_handle_follows_from_the_key()
        => Properties.Hold(Properties.Seeds, seed =>
        {
            var key = Ed25519.PublicKey(seed);
            var handle = HandleRules.Generate(key);
            return handle == HandleRules.Generate(key)
                && HandleRules.IsUsable(handle)
                && WireDid.DisplayHandle(WireDid.ForSession(handle, key)) == handle
                && WireDid.CommitsTo(WireDid.ForSession(handle, key), key);
        });

    [Theory]
    [InlineData("alice", true)]
    [InlineData("a1", true)]
    [InlineData("7up", true)]
    [InlineData("con", false)]
    [InlineData("com1", false)]
    [InlineData("lpt9", false)]
    [InlineData("nul", false)]
    [InlineData("com10", true)]
    [InlineData("_a", false)]
    [InlineData("-a", false)]
    [InlineData("a", false)]
    [InlineData("a.b", false)]
    [InlineData("../x", false)]
    [InlineData("a/b", false)]
    [InlineData("a\0", false)]
    [InlineData("Alice", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void Names_of_files_are_safe_on_every_platform(string? name, bool safe) => Assert.Equal(safe, HandleRules.IsSafeFileName(name));

    [Theory]
    [InlineData("root", false)]
    [InlineData("alice-00112233", false)]
    [InlineData("con", false)]
    [InlineData("alice", true)]
    [InlineData("alice-0011223", true)]
    public void A_handle_of_our_own_survives_every_rule(string handle, bool usable) => Assert.Equal(usable, HandleRules.IsUsable(handle));

    [Theory]
    [InlineData("bob@localhost:80", true)]
    [InlineData("bob@localhost:+80", true)]
    [InlineData("bob@localhost:-80", false)]
    [InlineData("bob@localhost:80\0", false)]
    [InlineData("bob@localhost: 80", false)]
    [InlineData("bob@localhost:", false)]
    [InlineData("bob@localhost:0", false)]
    [InlineData(null, false)]
    public void Ports_are_for_this_machine_only(string? address, bool accepted)
    {
        Assert.Equal(accepted, HandleRules.TryParseAddress(address, out _, out _));
        Assert.False(HandleRules.TryParseAddress(address, out _, out _, loopbackPorts: false));
    }

    [Fact]
    public void The_fingerprint_for_people_has_eight_groups_of_four()
    {
        var key = Ed25519.PublicKey(new byte[32]);
        Assert.Matches(Groups(), Fingerprint.Display(key));
        Assert.Equal(Fingerprint.Long(key), Fingerprint.Display(key).Replace(" ", "", StringComparison.Ordinal));
        Assert.StartsWith(Fingerprint.Short(key), Fingerprint.Long(key), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Fingerprint.Short(new byte[31]));
        Assert.Throws<ArgumentException>(() => HandleRules.Generate(new byte[31]));
    }

    [GeneratedRegex("^[a-z]{2,12}$")]
    private static partial Regex PlainWord();

    [GeneratedRegex("^([0-9a-f]{4} ){7}[0-9a-f]{4}$")]
    private static partial Regex Groups();
}
