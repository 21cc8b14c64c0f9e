using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Tests.Cryptography;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Invites;

public sealed class InviteUrlTests
{
    private const string Id = "00112233445566778899aabbccddeeff";

    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly PeerRoute Route = new("https://relay.example.com", new string('a', 32), new string('b', 64));
    private static readonly byte[] Seed = SHA256.HashData("issuer"u8);
    private static readonly byte[] Nonce = SHA256.HashData("nonce"u8);

    [Fact]
    public void An_invite_comes_back_as_it_was_made()
    {
        using var issuer = Issuer();
        foreach (var id in new[] { Id, null })
        {
            var minted = InviteUrl.Mint(issuer, Route, Nonce, Now.AddHours(1).AddMilliseconds(7), id);
            var read = InviteUrl.Parse(minted.Text, Now);
            Assert.Equal(minted.Text, read.Text);
            Assert.Equal(id is null ? "wire://pair?v=1&inv=" : "wire://pair?inv=", minted.Text[..minted.Text.IndexOf("eyJ", StringComparison.Ordinal)]);
            Assert.Equal(issuer.Card.PublicKey, read.Payload.Card.PublicKey);
            Assert.Equal((Route, Convert.ToHexStringLower(Nonce), Now.AddHours(1)), (read.Payload.Route, read.Payload.Nonce, read.Payload.ExpiresAt));
            Assert.Equal((id, id is not null), (read.Payload.InviteId, read.Payload.AcceptsV2));
            Assert.Equal((minted.Payload.Route, minted.Payload.Nonce, minted.Payload.ExpiresAt), (read.Payload.Route, read.Payload.Nonce, read.Payload.ExpiresAt));
        }
    }

    [Fact]
    public void Members_stand_in_the_order_of_the_other_programs_and_ours_after_them()
    {
        using var issuer = Issuer();
        var text = PayloadOf(InviteUrl.Mint(issuer, Route, Nonce, Now, Id).Text);
        Assert.Equal(
            $$"""{"v":1,"did":"{{issuer.Card.Did}}","card":{{issuer.Card.Json.ToCompactString()}},"relay_url":"https://relay.example.com","slot_id":"{{Route.SlotId}}","slot_token":"{{Route.SlotToken}}","nonce":"{{Convert.ToHexStringLower(Nonce)}}","exp":{{Now.ToUnixTimeSeconds()}},"accept":"v2","invite_id":"{{Id}}"}""",
            text);
        Assert.StartsWith(text[..text.IndexOf(",\"accept\"", StringComparison.Ordinal)], PayloadOf(InviteUrl.Mint(issuer, Route, Nonce, Now, null).Text), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_changed_character_is_refused()
    {
        using var issuer = Issuer();
        var url = InviteUrl.Mint(issuer, Route, Nonce, Now.AddHours(1), Id).Text;
        Properties.Hold(
            Gen.Zip(Gen.Choose(0, url.Length - 1), Gen.OneOf(Gen.Elements("AB_-.&=?<>\"' \t%+/\u00e9".ToCharArray()), Gen.Choose(0, 127).Select(value => (char)value))),
            change =>
            {
                var (place, character) = change;
                return url[place] == character || Refusal(url[..place] + character + url[(place + 1)..]) is not null;
            },
            tests: 4000);
    }

    [Fact]
    public void Every_cut_and_every_added_character_is_refused()
    {
        using var issuer = Issuer();
        var url = InviteUrl.Mint(issuer, Route, Nonce, Now.AddHours(1), Id).Text;
        for (var length = 0; length < url.Length; length++)
        {
            Assert.Equal(WireReason.InvalidInvite, Refusal(url[..length]));
        }

        foreach (var added in new[] { "A", "=", ".", "#", ",", "\"", ">", "%20", "\u200b" })
        {
            Assert.Equal(WireReason.InvalidInvite, Refusal(url + added));
        }
    }

    [Fact]
    public void Nothing_else_than_a_typed_error_comes_of_any_text()
    {
        Properties.Hold(Properties.Texts, text => Refusal(text) is WireReason.InvalidInvite);
        Properties.Hold(Properties.Texts, text => Refusal("wire://pair?inv=" + text) is WireReason.InvalidInvite);
    }

    [Fact]
    public void Nothing_else_than_a_typed_error_comes_of_any_signed_payload()
    {
        using var issuer = Issuer();
        var good = Encoding.UTF8.GetBytes(PayloadOf(InviteUrl.Mint(issuer, Route, Nonce, Now.AddHours(1), Id).Text));
        Properties.Hold(Properties.NearlyJson, payload => Refusal(Url(payload)) is not null);
        Properties.Hold(
            Gen.Zip(Gen.Choose(0, good.Length - 1), Gen.Choose(0, 255)),
            change =>
            {
                var payload = (byte[])good.Clone();
                payload[change.Item1] = (byte)change.Item2;
                _ = Refusal(Url(payload));
                return true;
            },
            tests: 2000);
    }

    [Theory]
    [InlineData("  {0}\r\n")]
    [InlineData("<{0}>")]
    [InlineData("\"{0}\"")]
    [InlineData(" '{0}' ")]
    [InlineData("`{0}`")]
    public void An_invite_is_taken_as_it_is_pasted(string form)
    {
        using var issuer = Issuer();
        var url = InviteUrl.Mint(issuer, Route, Nonce, Now.AddHours(1), Id).Text;
        Assert.Equal(url, InviteUrl.Parse(string.Format(System.Globalization.CultureInfo.InvariantCulture, form, url), Now).Text);
    }

    [Theory]
    [InlineData("<{0}\"")]
    [InlineData("<<{0}>>")]
    [InlineData("see {0}")]
    [InlineData("{0} thanks")]
    public void More_than_that_is_not_guessed(string form)
    {
        using var issuer = Issuer();
        var url = InviteUrl.Mint(issuer, Route, Nonce, Now.AddHours(1), Id).Text;
        Assert.Equal(WireReason.InvalidInvite, Refusal(string.Format(System.Globalization.CultureInfo.InvariantCulture, form, url)));
    }

    [Fact]
    public void It_holds_until_its_last_second()
    {
        using var issuer = Issuer();
        var url = InviteUrl.Mint(issuer, Route, Nonce, Now, Id).Text;
        Assert.Equal(Now, InviteUrl.Parse(url, Now.AddMilliseconds(999)).Payload.ExpiresAt);
        Assert.Equal(WireReason.InviteExpired, Assert.Throws<WireException>(() => InviteUrl.Parse(url, Now.AddSeconds(1))).Reason);
    }

    [Fact]
    public void I7_an_invite_in_the_name_of_somebody_else_is_refused()
    {
        Assert.Contains("DID", Message(Changed(json => json.With("did", "did:wire:mallory-00000000"))), StringComparison.Ordinal);
    }

    [Fact]
    public void I4_texts_that_could_be_paths_are_refused()
    {
        Assert.Contains("nonce", Message(Changed(json => json.With("nonce", "../../x"))), StringComparison.Ordinal);
        Assert.Contains("mailbox", Message(Changed(json => json.With("slot_id", new string('A', 32)))), StringComparison.Ordinal);
        Assert.Contains("token", Message(Changed(json => json.With("slot_token", new string('b', 63)))), StringComparison.Ordinal);
        Assert.Contains("id", Message(Changed(json => json.With("invite_id", "../0123456789abcdef0123456789abcd"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("relay.example.com")]
    [InlineData("ftp://relay.example.com")]
    [InlineData("https://user@relay.example.com")]
    [InlineData("https://relay.example.com/path")]
    [InlineData("https://relay.example.com?x")]
    public void A_relay_that_is_no_clean_address_is_refused(string relay)
    {
        Assert.Contains("relay", Message(Changed(json => json.With("relay_url", relay))), StringComparison.Ordinal);
        using var issuer = Issuer();
        Assert.Equal(
            WireReason.RelayInvalidUrl,
            Assert.Throws<WireException>(() => InviteUrl.Mint(issuer, Route with { RelayUrl = relay }, Nonce, Now, Id)).Reason);
    }

    [Fact]
    public void A_card_with_two_keys_is_refused()
    {
        var card = AgentCard.Create(Seed, "issuer").Json;
        var keys = card.GetObject("verify_keys")!;
        var two = AgentCard.Sign(Seed, card.With("verify_keys", keys.With("zzz", keys.Members.First().Value)));
        Assert.Contains("2 verify keys", Message(Changed(json => json.With("card", two))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_form_of_answer_that_we_do_not_know_is_refused_and_never_taken_for_the_older_one()
    {
        Assert.Equal(WireReason.UnsupportedVersion, Refusal(Changed(json => json.With("accept", "v3"))));
        Assert.Equal(WireReason.UnsupportedVersion, Refusal(Changed(json => json.With("accept", 2))));
        Assert.Equal(WireReason.InvalidInvite, Refusal(Changed(json => json.Without("accept"))));
        Assert.Equal(WireReason.InvalidInvite, Refusal(Changed(json => json.Without("invite_id"))));
        Assert.Equal(WireReason.UnsupportedVersion, Refusal(Changed(json => json.With("v", 2))));
    }

    [Theory]
    [InlineData("\"v\":1,", "\"v\":1,\"v\":1,")]
    [InlineData("\"accept\":\"v2\"", "\"accept\":\"v3\",\"accept\":\"v2\"")]
    [InlineData("\"v\":1,", "\"v\":1,\"nonc\\u0065\":\"x\",")]
    public void A_repeated_member_is_refused(string place, string with)
        => Assert.Contains("twice", Message(ChangedText(text => text.Replace(place, with, StringComparison.Ordinal))), StringComparison.Ordinal);

    [Fact]
    public void Other_orders_white_space_and_unknown_members_are_read_as_they_were_signed()
    {
        var sorted = InviteUrl.Parse(ChangedText(text => WireJson.Parse(text).With("label", "for Bob").ToIndentedString()), Now);
        Assert.Equal((Id, Route), (sorted.Payload.InviteId, sorted.Payload.Route));
    }

    [Fact]
    public void An_expiry_that_no_calendar_has_is_refused()
    {
        Assert.Contains("expiry", Message(Changed(json => json.With("exp", WireJson.From(253_402_300_800UL)))), StringComparison.Ordinal);
        Assert.Equal(9999, InviteUrl.Parse(Changed(json => json.With("exp", 253_402_300_799)), Now).Payload.ExpiresAt.Year);
    }

    [Fact]
    public void A_text_that_is_too_long_is_refused_and_not_made()
    {
        using var issuer = Issuer();
        Assert.Contains("longer", Message("wire://pair?inv=" + new string('A', InviteUrl.MaxCharacters)), StringComparison.Ordinal);
        using var verbose = new OwnIdentity(AgentCard.Create(Seed, "issuer", new string('x', 8000)), SecretBytes.CopyOf(Seed));
        Assert.Equal(WireReason.InvalidInvite, Assert.Throws<WireException>(() => InviteUrl.Mint(verbose, Route, Nonce, Now, Id)).Reason);
    }

    [Fact]
    public void Wrong_shapes_are_not_minted()
    {
        using var issuer = Issuer();
        Assert.Throws<ArgumentException>(() => InviteUrl.Mint(issuer, Route, new byte[31], Now, Id));
        Assert.Throws<ArgumentException>(() => InviteUrl.Mint(issuer, Route, Nonce, Now, "short"));
        Assert.Throws<WireException>(() => InviteUrl.Mint(issuer, Route with { SlotId = "x" }, Nonce, Now, Id));
        Assert.Throws<WireException>(() => InviteUrl.Mint(issuer, Route with { SlotToken = "x" }, Nonce, Now, Id));
    }

    [Fact]
    public void Neither_texts_nor_errors_show_the_secrets()
    {
        using var issuer = Issuer();
        var invite = InviteUrl.Mint(issuer, Route, Nonce, Now, Id);
        var late = Assert.Throws<WireException>(() => InviteUrl.Parse(invite.Text, Now.AddDays(1)));
        var changed = Assert.Throws<WireException>(() => InviteUrl.Parse(invite.Text[..^2] + "AA", Now));
        foreach (var text in new[] { invite.ToString(), invite.Payload.ToString(), late.ToString(), changed.ToString() })
        {
            Assert.DoesNotContain(Route.SlotToken, text, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToHexStringLower(Nonce), text, StringComparison.Ordinal);
            Assert.DoesNotContain(invite.Text[40..80], text, StringComparison.Ordinal);
        }
    }

    private static OwnIdentity Issuer() => new(AgentCard.Create(Seed, "issuer"), SecretBytes.CopyOf(Seed));

    private static WireReason? Refusal(string url)
    {
        try
        {
            _ = InviteUrl.Parse(url, Now);
            return null;
        }
        catch (WireException refused)
        {
            return refused.Reason;
        }
    }

    private static string Message(string url)
    {
        var refused = Assert.Throws<WireException>(() => InviteUrl.Parse(url, Now));
        Assert.Equal(WireReason.InvalidInvite, refused.Reason);
        return refused.Message;
    }

    private static string PayloadOf(string url)
    {
        var token = url[(url.IndexOf("inv=", StringComparison.Ordinal) + 4)..];
        Assert.True(StrictBase64.TryDecodeUrl(token.AsSpan(0, token.IndexOf('.', StringComparison.Ordinal)), out var payload));
        return Encoding.UTF8.GetString(payload);
    }

    private static string Changed(Func<WireJson, WireJson> change)
        => ChangedText(text => change(WireJson.Parse(text)).ToCompactString(WireJsonOrder.Document));

    // A good invite whose payload its own issuer changed and signed.
    private static string ChangedText(Func<string, string> change)
    {
        using var issuer = Issuer();
        return Url(Encoding.UTF8.GetBytes(change(PayloadOf(InviteUrl.Mint(issuer, Route, Nonce, Now.AddHours(1), Id).Text))));
    }

    private static string Url(byte[] payload)
        => $"wire://pair?inv={StrictBase64.EncodeUrl(payload)}.{StrictBase64.EncodeUrl(Ed25519.Sign(Seed, payload))}";
}
