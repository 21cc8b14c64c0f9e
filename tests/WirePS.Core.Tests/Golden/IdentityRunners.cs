using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Tests.Golden;

/// <summary>Canonical JSON, DIDs and handles.</summary>
internal static class IdentityRunners
{
    public static GoldenOutcome CanonicalJson(GoldenCase golden)
    {
        var input = golden.Text("input_hex") is { } hex ? Convert.FromHexString(hex) : Encoding.UTF8.GetBytes(golden.Text("input_text")!);
        var mode = golden.Data.GetProperty("strict").GetBoolean() ? CanonicalMode.Event : CanonicalMode.Card;
        byte[]? canonical = null;
        try
        {
            canonical = WirePS.Identity.CanonicalJson.Canonicalize(input, mode);
        }
        catch (WireException refused) when (refused.Reason == WireReason.InvalidJson)
        {
            // Compared below.
        }

        var answers = new GoldenAnswers(golden);
        answers.Text("verdict", () => canonical is null ? "refused" : "accepted");
        if (canonical is not null)
        {
            answers.Text("canonical", () => Encoding.UTF8.GetString(canonical));
            answers.Hex("canonical_hex", () => canonical);
            answers.Hex("sha256", () => SHA256.HashData(canonical));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome Identity(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var did = golden.Text("did")!;
        switch (golden.Class)
        {
            case "identity":
                var publicKey = Ed25519.PublicKey(golden.Hex("seed_hex"));
                var handle = golden.Text("handle")!;
                answers.Hex("public_key_hex", () => publicKey);
                answers.Text("public_key_b64", () => StrictBase64.Encode(publicKey));
                answers.Text("fingerprint", () => Fingerprint.Short(publicKey));
                answers.Text("long_fingerprint", () => Fingerprint.Long(publicKey));
                answers.Text("key_id", () => Fingerprint.KeyId(handle, publicKey));
                answers.Text("did", () => WireDid.ForSession(handle, publicKey));
                answers.Text("op_did", () => WireDid.ForOperator(handle, publicKey));
                answers.Text("org_did", () => WireDid.ForOrganization(handle, publicKey));
                return answers.Outcome();

            case "did_commits":
                answers.Truth("commits_to_key", () => WireDid.CommitsTo(did, golden.Hex("public_key_hex")));
                return answers.Outcome();

            default:
                answers.Text("bare_handle", () => WireDid.BareHandle(did));
                answers.Text("display_handle", () => WireDid.DisplayHandle(did));
                answers.Truth("is_op_did", () => WireDid.IsOperator(did));
                answers.Truth("is_org_did", () => WireDid.IsOrganization(did));
                return answers.Outcome();
        }
    }

    public static GoldenOutcome Handles(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        if (golden.Class!.StartsWith("character", StringComparison.Ordinal))
        {
            return GoldenOutcome.NotOurs("word lists and their decoration are local data of the other program");
        }

        if (golden.Class == "endpoint_scope")
        {
            return GoldenOutcome.NotOurs("scopes belong to the endpoints of the relay");
        }

        if (golden.Class == "reserved_list")
        {
            answers.Equal("list", string.Join(' ', golden.Data.GetProperty("list").EnumerateArray().Select(name => name.GetString()).Order(StringComparer.Ordinal)), string.Join(' ', HandleRules.Reserved));
            return answers.Outcome();
        }

        if (golden.Text("handle") is { } address)
        {
            var ok = HandleRules.TryParseAddress(address, out var nick, out var domain, loopbackPorts: !golden.IsOlderRevision);
            answers.Truth("ok", () => ok);
            answers.Text("nick", () => nick);
            answers.Text("domain", () => domain);
            answers.Text("relay_url_for_domain", () => HandleRules.RelayUrl(address[(address.IndexOf('@', StringComparison.Ordinal) + 1)..]));
            return answers.Outcome();
        }

        var name = golden.Text("nick");
        answers.Truth("syntax_ok", () => HandleRules.IsWellFormed(name));
        answers.Truth("reserved", () => HandleRules.IsReserved(name));
        answers.Truth("claimable", () => HandleRules.IsClaimable(name));
        return answers.Outcome();
    }
}
