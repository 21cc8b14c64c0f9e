using System.Buffers.Text;
using System.Collections.Immutable;
using FsCheck.Fluent;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Tests.Cryptography;
using Xunit;

namespace WirePS.Tests.Devices;

/// <summary>What takes a token to another machine (wireps.md §7).</summary>
public sealed class DeviceUrlTests
{
    private const string Start = "wire://device?d=";
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1790000000);
    private static readonly DeviceEndpoint Place = new("https://relay.example", new string('a', 32), new string('b', 64));

    [Fact]
    public void What_was_minted_is_read()
        => Properties.Hold(Gen.Zip(Properties.Seeds, Gen.Zip(Gen.Choose(1, DeviceEndpoint.MaxCount), Gen.Choose(1, 3600))), story =>
        {
            var (seed, (places, seconds)) = story;
            using var issuer = Own(seed);
            var minted = Minted(seconds, new SeededRandomSource(seconds));
            var url = DeviceUrl.Mint(issuer, null, [.. Enumerable.Repeat(Place, places)], minted);
            var read = DeviceUrl.Parse($" {url}\n", Now);
            return read.Token == minted.Token
                && read.Principal == issuer.Card.Did
                && read.IssuerCard.JsonText == issuer.Card.JsonText
                && read.PrincipalCard is null
                && read.Endpoints.Length == places
                && read.ExpiresAt == minted.Info.ExpiresAt
                && url.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':' or '/' or '?' or '=')
                && !read.ToString().Contains(minted.Token, StringComparison.Ordinal);
        }, 50);

    [Fact]
    public void Only_the_beginning_of_a_URL_waits_for_its_rest()
    {
        using var issuer = Own(Seed(1));
        var url = DeviceUrl.Mint(issuer, null, [Place], Minted(300));
        Assert.All(Enumerable.Range("wire://device?".Length, url.Length - "wire://device?".Length), length => Assert.True(DeviceUrl.IsCutOff(url[..length])));
        Assert.False(DeviceUrl.IsCutOff(url));
        Assert.False(DeviceUrl.IsCutOff(url + "more"));
        Assert.False(DeviceUrl.IsCutOff("a token"));
        Assert.False(DeviceUrl.IsCutOff(Start + new string('A', DeviceUrl.MaxLength)));
    }

    [Fact]
    public void A_change_of_any_character_is_noticed()
    {
        using var issuer = Own(Seed(1));
        var url = DeviceUrl.Mint(issuer, null, [Place], Minted(300));
        Properties.Hold(Gen.Zip(Gen.Choose(0, url.Length - 1), Gen.Elements('A', 'b', '0', '_', '-', '.', '=', '%', ' ', 'é')), change =>
        {
            var (at, c) = change;
            if (url[at] == c)
            {
                return true;
            }

            var changed = url.ToCharArray();
            changed[at] = c;
            return Refusal(new string(changed)) is WireReason.InvalidDeviceUrl or WireReason.UnsupportedVersion;
        }, 500);
    }

    [Fact]
    public void Part_of_a_URL_is_refused()
    {
        using var issuer = Own(Seed(1));
        var url = DeviceUrl.Mint(issuer, null, [Place], Minted(300));
        for (var length = 0; length < url.Length; length += 7)
        {
            Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(url[..length]));
        }

        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(url + "A"));
        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(url + "&d=x"));
        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(url + "="));
        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(url.Replace("wire://device", "wire://pair", StringComparison.Ordinal)));
        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(Start + new string('A', DeviceUrl.MaxLength)));
        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal("https://relay.example"));
    }

    [Fact]
    public void It_expires_with_the_token()
    {
        using var issuer = Own(Seed(1));
        var url = DeviceUrl.Mint(issuer, null, [Place], Minted(300));
        Assert.Equal(Now.AddSeconds(300), DeviceUrl.Parse(url, Now.AddSeconds(299)).ExpiresAt);
        Assert.Equal(WireReason.DeviceUrlExpired, Assert.Throws<WireException>(() => DeviceUrl.Parse(url, Now.AddSeconds(300))).Reason);
    }

    [Fact]
    public void The_signature_of_somebody_else_is_refused()
    {
        using var issuer = Own(Seed(1));
        using var other = Own(Seed(2));
        var payload = Payload(issuer.Card);
        Assert.Null(Refusal(Signed(payload, issuer)));
        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(Signed(payload, other)));
        Assert.Equal(WireReason.InvalidCard, Refusal(Signed(payload.With("card", issuer.Card.Json.With("name", "x")), issuer)));
    }

    [Theory]
    [InlineData("v", "2", WireReason.UnsupportedVersion)]
    [InlineData("v", "\"1\"", WireReason.UnsupportedVersion)]
    [InlineData("card", "5", WireReason.InvalidDeviceUrl)]
    [InlineData("card", "{}", WireReason.InvalidDeviceUrl)]
    [InlineData("principal_card", "null", WireReason.InvalidDeviceUrl)]
    [InlineData("endpoints", "[]", WireReason.InvalidDeviceUrl)]
    [InlineData("endpoints", "[{}]", WireReason.InvalidDeviceUrl)]
    [InlineData("endpoints", "[{\"relay_url\":\"file:///etc\",\"slot_id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"slot_token\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"}]", WireReason.InvalidDeviceUrl)]
    [InlineData("exp", "-1", WireReason.InvalidDeviceUrl)]
    [InlineData("exp", "9223372036854775807", WireReason.InvalidDeviceUrl)]
    [InlineData("exp", "1.5", WireReason.InvalidDeviceUrl)]
    [InlineData("token", "\"hello\"", WireReason.InvalidDeviceUrl)]
    [InlineData("token", "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRY=\"", WireReason.InvalidDeviceUrl)]
    [InlineData("scope", "\"full\"", WireReason.InvalidDeviceUrl)]
    public void A_content_that_is_not_in_its_form_is_refused_though_it_is_signed(string member, string value, WireReason reason)
    {
        using var issuer = Own(Seed(1));
        Assert.Equal(reason, Refusal(Signed(Payload(issuer.Card).With(member, WireJson.Parse(value)), issuer)));
        if (member is not ("principal_card" or "scope"))
        {
            Assert.NotNull(Refusal(Signed(Payload(issuer.Card).Without(member), issuer)));
        }
    }

    [Theory]
    [InlineData(DeviceRights.All, true)]
    [InlineData(DeviceRights.Add, true)]
    [InlineData(DeviceRights.Send | DeviceRights.Receive, false)]
    public void A_device_may_issue_for_its_identity_where_the_card_gives_it_the_right_to_add(DeviceRights rights, bool isAllowed)
    {
        using var root = Own(Seed(1));
        using var device = Own(Seed(2));
        using var stranger = Own(Seed(3));
        var entry = new DeviceEntry(device.Card.Did, device.Card.PublicKey, device.Card.DhPublicKey!, rights, Now, []);
        var card = root.NextCard(content => DeviceEntry.With(content, [entry]));
        if (isAllowed)
        {
            Assert.Equal(root.Card.Did, DeviceUrl.Parse(DeviceUrl.Mint(device, card, [Place], Minted(300)), Now).Principal);
        }
        else
        {
            Assert.Equal(WireReason.InvalidDeviceUrl, Assert.Throws<WireException>(() => DeviceUrl.Mint(device, card, [Place], Minted(300))).Reason);
            Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(Signed(Payload(device.Card).With("principal_card", card.Json), device)));
        }

        Assert.Equal(WireReason.InvalidDeviceUrl, Refusal(Signed(Payload(stranger.Card).With("principal_card", card.Json), stranger)));
    }

    [Fact]
    public void A_proof_holds_for_its_own_key_issuer_token_and_identity_only()
        => Properties.Hold(Gen.Zip(Properties.Seeds, Properties.Texts), story =>
        {
            var (seed, text) = story;
            using var device = Own(seed);
            var issuer = Ed25519.PublicKey(Seed(9));
            var (hash, did) = (PairToken.HashOf(text), "did:wire:alice-00000000");
            var proof = DeviceProof.Sign(device, issuer, hash, did);
            DeviceProof.Require(device.Card.PublicKey, issuer, hash, did, proof);
            return Fails(Ed25519.PublicKey(Seed(8)), issuer, hash, did, proof)
                && Fails(device.Card.PublicKey, Ed25519.PublicKey(Seed(8)), hash, did, proof)
                && Fails(device.Card.PublicKey, issuer, PairToken.HashOf(text + "x"), did, proof)
                && Fails(device.Card.PublicKey, issuer, hash, did + "0", proof)
                && Fails(device.Card.PublicKey, issuer, hash, did, proof[..^1]);
        }, 50);

    private static bool Fails(byte[] key, byte[] issuer, string hash, string did, byte[] proof)
    {
        try
        {
            DeviceProof.Require(key, issuer, hash, did, proof);
            return false;
        }
        catch (WireException refused)
        {
            return refused.Reason == WireReason.InvalidDeviceProof;
        }
    }

    private static WireJson Payload(AgentCard card) => WireJson.ObjectOf(
        ("v", WireJson.From(1)),
        ("card", card.Json),
        ("endpoints", DeviceEndpoint.ToJson([Place])),
        ("exp", WireJson.From(Now.AddSeconds(300).ToUnixTimeSeconds())),
        ("token", WireJson.From("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")));

    private static string Signed(WireJson payload, OwnIdentity issuer)
    {
        var bytes = payload.ToCompactBytes();
        return $"{Start}{Base64Url.EncodeToString(bytes)}.{Base64Url.EncodeToString(issuer.Sign(bytes))}";
    }

    private static WireReason? Refusal(string url)
    {
        try
        {
            DeviceUrl.Parse(url, Now);
            return null;
        }
        catch (WireException refused)
        {
            return refused.Reason;
        }
    }

    private static MintedPairToken Minted(int seconds, IRandomSource? random = null)
    {
        var token = PairToken.Generate(random ?? SystemRandomSource.Instance);
        return new(token, new(PairToken.HashOf(token), null, null, DeviceRights.All, Now, Now.AddSeconds(seconds), PairTokenState.Live, null, null, null));
    }

    private static byte[] Seed(byte value) => [.. Enumerable.Repeat(value, Ed25519.SeedBytes)];

    private static OwnIdentity Own(byte[] seed) => new(AgentCard.Create(seed, "issuer"), SecretBytes.CopyOf(seed));
}
