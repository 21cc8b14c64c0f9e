using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Tests.Golden;

/// <summary>Answers of an independent implementation, <c>vectors-derived.json</c>.</summary>
internal static class DerivedRunners
{
    public static GoldenOutcome Identity(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var seed = golden.Hex("seed_hex");
        var handle = golden.Text("handle")!;
        var publicKey = Ed25519.PublicKey(seed);
        answers.Hex("public_key_hex", () => publicKey);
        answers.Base64("public_key_b64", () => publicKey);
        answers.Hex("sha256_public_key_hex", () => SHA256.HashData(publicKey));
        answers.Text("fingerprint", () => Fingerprint.Short(publicKey));
        answers.Text("key_id", () => Fingerprint.KeyId(handle, publicKey));
        answers.Text("card_verify_key_name", () => Fingerprint.CardKeyName(handle, publicKey));
        answers.Text("did", () => WireDid.ForSession(handle, publicKey));
        var card = AgentCard.Sign(seed, WireJson.Parse(golden.Text("card_canonical")!), publishDhKey: false);
        answers.Hex("card_canonical_sha256", () => CanonicalJson.Hash(card, CanonicalMode.Card));
        answers.Text("card_signature_b64", () => card.GetString("signature"));
        AgentCard.From(card).Verify();
        return answers.Outcome();
    }

    public static GoldenOutcome DhPublicKey(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        answers.Hex("dh_pubkey_hex", () => X25519.DhPublicKey(golden.Hex("seed_hex")));
        answers.Base64("dh_pubkey_b64", () => X25519.DhPublicKey(golden.Hex("seed_hex")));
        return answers.Outcome();
    }

    public static GoldenOutcome CardWithDhPublicKey(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var card = WireJson.Parse(golden.Text("card_canonical")!);
        var signed = AgentCard.Sign(SeedOf(golden, card.GetString("handle")!), card.Without("dh_pubkey"));
        answers.Text("card_canonical", () => signed.Without("signature").ToCompactString());
        answers.Text("card_signature_b64", () => signed.GetString("signature"));
        AgentCard.From(signed).Verify();
        return answers.Outcome();
    }

    public static GoldenOutcome Events(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var content = WireJson.Parse(golden.Data.GetProperty("unsigned").GetRawText());
        var handle = WireDid.DisplayHandle(content.GetString("from")!);
        var signed = SignedEvent.Sign(SeedOf(golden, handle), handle, content);
        answers.Text("canonical_strict", () => Encoding.UTF8.GetString(CanonicalJson.Canonicalize(signed.Json, CanonicalMode.Event)));
        answers.Text("event_id", () => signed.EventId);
        answers.Text("public_key_id", () => signed.Json.GetString("public_key_id"));
        answers.Text("signature_b64", () => signed.Json.GetString("signature"));
        answers.Text("stored_line", () => signed.Json.ToCompactString());
        return answers.Outcome();
    }

    public static GoldenOutcome CanonicalEdge(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var input = WireJson.Parse(golden.Data.GetProperty("input").GetRawText());
        answers.Text("canonical", () => Encoding.UTF8.GetString(CanonicalJson.Canonicalize(input, CanonicalMode.Card)));
        answers.Text("canonical_non_strict", () => Encoding.UTF8.GetString(CanonicalJson.Canonicalize(input, CanonicalMode.Card)));
        answers.Text("canonical_strict", () => Encoding.UTF8.GetString(CanonicalJson.Canonicalize(input, CanonicalMode.Event)));
        return answers.Outcome();
    }

    public static GoldenOutcome Pairing(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var code = golden.Text("code")!;
        var password = Encoding.ASCII.GetBytes(golden.Text("password_ascii")!);
        var identity = Encoding.ASCII.GetBytes(golden.Text("spake2_identity_ascii")!);
        answers.Text("code_hash", () => CodePhrase.Hash(code));
        using var passwordScalar = SymmetricSpake2.PasswordScalar(password);
        answers.Hex("password_scalar_le_hex", () => passwordScalar.Span.ToArray());
        using var host = Side(golden, answers, "host", password);
        using var guest = Side(golden, answers, "guest", password);
        using var key = SymmetricSpake2.Finish(password, identity, host.Span, SymmetricSpake2.Message(password, guest.Span));
        answers.Hex("spake_key_hex", () => key.Span.ToArray());
        answers.Text("sas", () => ShortAuthenticationString.V1(key.Span));
        answers.Text("sas_display", () => ShortAuthenticationString.Display(ShortAuthenticationString.V1(key.Span)));
        answers.Text("aead_key_hex", () => PairingRunners.AeadKey(key.Span, golden.Text("code_hash")!));
        using var sealKey = BootstrapSeal.DeriveKey(key.Span, golden.Text("code_hash")!);
        var blob = BootstrapSeal.Seal(sealKey.Span, golden.Hex("nonce_hex"), Encoding.UTF8.GetBytes(golden.Text("bootstrap_plaintext")!));
        answers.Hex("sealed_hex", () => blob);
        answers.Base64("sealed_b64", () => blob);
        return answers.Outcome();
    }

    public static GoldenOutcome PairingLeadingZero(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var password = Encoding.ASCII.GetBytes(golden.Text("code")!);
        answers.Text("code_hash", () => CodePhrase.Hash(golden.Text("code")!));
        using var host = SymmetricSpake2.ScalarFromSeed(golden.Hex("host_seed_hex"));
        using var guest = SymmetricSpake2.ScalarFromSeed(golden.Hex("guest_seed_hex"));
        answers.Base64("host_msg_b64", () => SymmetricSpake2.Message(password, host.Span));
        answers.Base64("guest_msg_b64", () => SymmetricSpake2.Message(password, guest.Span));
        using var key = SymmetricSpake2.Finish(
            password, Encoding.ASCII.GetBytes(golden.Text("code_hash")!), guest.Span, SymmetricSpake2.Message(password, host.Span));
        answers.Hex("spake_key_hex", () => key.Span.ToArray());
        answers.Text("sas", () => ShortAuthenticationString.V1(key.Span));
        return answers.Outcome();
    }

    public static GoldenOutcome SasFunction(GoldenCase golden)
    {
        // The inputs stand in the label: key 2a, public values 01 and 02, each repeated 32 times.
        var answers = new GoldenAnswers(golden);
        var key = Repeat(0x2a);
        answers.Text("sas", () => ShortAuthenticationString.V1(key, Repeat(0x01), Repeat(0x02)));
        answers.Text("sas", () => ShortAuthenticationString.V1(key, Repeat(0x02), Repeat(0x01)));
        return answers.Outcome();
    }

    public static GoldenOutcome CodeHashes(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        foreach (var member in golden.Data.EnumerateObject())
        {
            answers.Equal(member.Name, member.Value.GetString(), CodePhrase.Hash(member.Name));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome SignedCanonical(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var content = WireJson.Parse(golden.Text("canonical_strict")!);
        var handle = WireDid.DisplayHandle(content.GetString("from")!);
        var signed = SignedEvent.Sign(SeedOf(golden, handle), handle, content);
        answers.Text("canonical_strict", () => content.ToCompactString());
        answers.Text("event_id", () => signed.EventId);
        answers.Text("public_key_id", () => signed.Json.GetString("public_key_id"));
        answers.Text("signature_b64", () => signed.Json.GetString("signature"));
        return answers.Outcome();
    }

    public static GoldenOutcome Certificates(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var operatorKey = Ed25519.PublicKey(golden.Hex("op_seed_hex"));
        var organizationKey = Ed25519.PublicKey(golden.Hex("org_seed_hex"));
        answers.Base64("op_pubkey_b64", () => operatorKey);
        answers.Base64("org_pubkey_b64", () => organizationKey);
        answers.Text("op_did", () => WireDid.ForOperator("olga", operatorKey));
        answers.Text("org_did", () => WireDid.ForOrganization("acme", organizationKey));
        var session = WireDid.ForSession("alice", Ed25519.PublicKey(SeedOf(golden, "alice")));
        answers.Base64("op_cert_over_alice_did_b64", () => Ed25519.Sign(golden.Hex("op_seed_hex"), Encoding.UTF8.GetBytes(session)));
        answers.Base64("member_cert_over_op_did_b64", () => Ed25519.Sign(golden.Hex("org_seed_hex"), Encoding.UTF8.GetBytes(golden.Text("op_did")!)));
        return answers.Outcome();
    }

    private static SecretBytes Side(GoldenCase golden, GoldenAnswers answers, string side, byte[] password)
    {
        var data = golden with { Data = golden.Data.GetProperty(side) };
        var scalar = SymmetricSpake2.ScalarFromSeed(data.Hex("seed_hex"));
        answers.Equal(side + " scalar", data.Text("scalar_dec"), SourceRunners.ToDecimal(scalar.Span));
        answers.Equal(side + " message", data.Text("msg_hex"), Convert.ToHexStringLower(SymmetricSpake2.Message(password, scalar.Span)));
        return scalar;
    }

    // The identities of this file stand in its section of that name.
    private static byte[] SeedOf(GoldenCase golden, string handle)
    {
        foreach (var identity in golden.File.Root.GetProperty("identity").EnumerateArray())
        {
            if (identity.GetProperty("handle").GetString() == handle)
            {
                return Convert.FromHexString(identity.GetProperty("seed_hex").GetString()!);
            }
        }

        throw new JsonException("There is no identity of that handle: " + handle);
    }

    private static byte[] Repeat(byte value)
    {
        var bytes = new byte[32];
        Array.Fill(bytes, value);
        return bytes;
    }
}
