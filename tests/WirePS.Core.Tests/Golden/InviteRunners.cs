using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Trust;

namespace WirePS.Tests.Golden;

/// <summary>Invites as URLs: made and read.</summary>
internal static class InviteRunners
{
    // About when the answers were recorded.
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 0, 0, 0, TimeSpan.Zero);

    public static GoldenOutcome Invites(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var payload = WireJson.Parse(golden.Text("payload_text")!);
        var fault = Check(golden.Text("url")!, out _);
        answers.Equal("parse", golden.Data.GetProperty("parse").GetProperty("ok").GetBoolean(), fault is null);
        if (fault is not null)
        {
            return answers.Outcome();
        }

        using var identity = new OwnIdentity(AgentCard.From(payload.GetObject("card")!), SecretBytes.CopyOf(golden.Hex("seed_hex")));
        var minted = InviteUrl.Mint(
            identity,
            new PeerRoute(payload.GetString("relay_url")!, payload.GetString("slot_id")!, payload.GetString("slot_token")!),
            Convert.FromHexString(payload.GetString("nonce")!),
            DateTimeOffset.FromUnixTimeSeconds(payload.GetInt64("exp")!.Value),
            inviteId: null);
        answers.Text("url", () => minted.Text);
        answers.Text("payload_text", () => Encoding.UTF8.GetString(minted.Payload.ToUtf8()));
        answers.Hex("signature_hex", () => identity.Sign(minted.Payload.ToUtf8()));
        return answers.Outcome();
    }

    public static GoldenOutcome InvitesParse(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var fault = Check(golden.Text("url")!, out var payload);
        answers.Truth("ok", () => fault is null);
        answers.Text("payload_text", () => payload is null ? null : Encoding.UTF8.GetString(payload.ToUtf8()));
        if (golden.Text("error") is { } error)
        {
            var (reason, words) = FaultOf(error);
            answers.Equal("reason", reason, fault?.Reason);
            answers.Equal("error", words, fault?.Message.Contains(words, StringComparison.Ordinal) == true ? words : fault?.Message);
        }

        return answers.Outcome();
    }

    private static WireException? Check(string url, out InvitePayload? payload)
    {
        payload = null;
        try
        {
            payload = InviteUrl.Parse(url, Now).Payload;
            return null;
        }
        catch (WireException fault)
        {
            return fault;
        }
    }

    // What ours says where the other program says that.
    private static (WireReason Reason, string Words) FaultOf(string error) => error switch
    {
        "invite URL signature did not verify" => (WireReason.InvalidInvite, "its signature did not verify"),
        "invite sig wrong length" => (WireReason.InvalidInvite, "its signature is not 64 bytes"),
        _ when error.StartsWith("not a wire pair invite URL", StringComparison.Ordinal) => (WireReason.InvalidInvite, "does not start with"),
        _ when error.StartsWith("invite URL missing", StringComparison.Ordinal) => (WireReason.InvalidInvite, "it has no 'inv='"),
        _ when error.StartsWith("invite token missing", StringComparison.Ordinal) => (WireReason.InvalidInvite, "it has no signature"),
        _ when error.StartsWith("invite payload b64", StringComparison.Ordinal) => (WireReason.InvalidInvite, "its payload is not base64url"),
        _ when error.StartsWith("invite sig b64", StringComparison.Ordinal) => (WireReason.InvalidInvite, "its signature is not base64url"),
        _ when error.StartsWith("invite payload JSON", StringComparison.Ordinal) => (WireReason.InvalidInvite, "its payload "),
        _ when error.StartsWith("invite schema version", StringComparison.Ordinal) => (WireReason.UnsupportedVersion, "of version"),
        _ when error.StartsWith("invite expired", StringComparison.Ordinal) => (WireReason.InviteExpired, "ended at"),
        _ when error.StartsWith("invite issuer's card", StringComparison.Ordinal) => (WireReason.InvalidInvite, "its card does not hold"),
        _ => throw new InvalidDataException("An error text that no reason stands for: " + error),
    };
}
