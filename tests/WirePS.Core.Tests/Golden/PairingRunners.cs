using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Tests.Golden;

/// <summary>Code phrases, key exchange, digits and seals of protocol v1.</summary>
internal static class PairingRunners
{
    public static GoldenOutcome CodePhrases(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var code = golden.Text("code");
        switch (golden.Class)
        {
            case "generated":
                answers.Equal("accepted", true, CodePhrase.TryParseStrict(code, out var canonical));
                answers.Equal("canonical", code, canonical);
                answers.Equal("as typed", code, PairingCode.Parse(code!).Canonical);
                return answers.Outcome();

            case "code_hash":
            case "code_hash_raw":
                answers.Text("code_hash", () => CodePhrase.Hash(code ?? golden.Text("text")!));
                return answers.Outcome();

            case "parse_ok":
            case "parse_refused":
                answers.Truth("ok", () => CodePhrase.TryParseStrict(golden.Text("text"), out _));
                answers.Text("code", () => CodePhrase.TryParseStrict(golden.Text("text"), out var parsed) ? parsed : null);
                return answers.Outcome();

            default:
                // What a session makes of several tries is the pairing's; the first one shows the comparison.
                var sas = golden.Text("sas");
                answers.Text("formatted", () => sas is null ? null : ShortAuthenticationString.Display(sas));
                var first = golden.Data.GetProperty("steps")[0];
                answers.Equal("first try", first.GetProperty("ok").GetBoolean(), sas is not null && Typed(first.GetProperty("typed").GetString()!) == sas);
                return answers.Outcome();
        }
    }

    public static GoldenOutcome TypedCodes(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        try
        {
            var (protocol, canonical) = PairingCode.Parse(golden.Text("typed")!);
            answers.Equal("canonical", golden.Text("canonical"), canonical);
            answers.Equal("protocol", golden.Text("protocol"), "v" + protocol);
            answers.Equal("error", golden.Text("error"), null);
        }
        catch (WireException refused)
        {
            answers.Equal("error", golden.Text("error"), refused.Reason.ToWire());
        }

        return answers.Outcome();
    }

    public static GoldenOutcome Spake2(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        switch (golden.Class)
        {
            case "card_sas_unused":
                return GoldenOutcome.NotOurs("a function that the other program does not use either");

            case "invalid_code_panics":
                answers.Equal("accepted", false, CodePhrase.TryParseStrict(golden.Text("code"), out _));
                return answers.Outcome();

            case "sas_function":
                answers.Text("sas", () => ShortAuthenticationString.V1(golden.Hex("key_hex")));
                return answers.Outcome();

            case "aead_key":
                answers.Text("aead_key_hex", () => AeadKey(golden.Hex("key_hex"), golden.Text("code_hash")!));
                return answers.Outcome();

            case "different_code":
                Pair(golden, answers, golden.Text("code_a")!, golden.Text("code_b")!, golden.Text("id")!, golden.Text("id")!);
                return answers.Outcome();

            case "different_id":
                Pair(golden, answers, golden.Text("code")!, golden.Text("code")!, golden.Text("id_a")!, golden.Text("id_b")!);
                return answers.Outcome();

            case "role_swap":
                RoleSwap(golden, answers);
                return answers.Outcome();

            case "finish_twice":
                var first = Finish(golden, golden.Hex("first_msg_hex"));
                var second = Finish(golden, golden.Hex("second_msg_hex"));
                answers.Equal("first", golden.Data.GetProperty("first").TryGetProperty("error", out _), first is null);
                answers.Equal("second", golden.Data.GetProperty("second").TryGetProperty("error", out _), second is null);
                return answers.Outcome();

            case { } hostile when hostile.StartsWith("hostile", StringComparison.Ordinal):
                var key = Finish(golden, golden.Hex("peer_msg_hex"));
                answers.Text("verdict", () => key is null ? "error" : "key");
                if (key is not null)
                {
                    answers.Hex("key", () => key);
                    answers.Text("sas", () => ShortAuthenticationString.V1(key));
                    answers.Text("aead_key", () => AeadKey(key, golden.Text("code_hash")!));
                }

                return answers.Outcome();

            default:
                Pair(golden, answers, golden.Text("code")!, golden.Text("code")!, golden.Text("code_hash")!, golden.Text("code_hash")!);
                return answers.Outcome();
        }
    }

    public static GoldenOutcome Bootstrap(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var key = golden.Hex("aead_key_hex");
        if (golden.Data.TryGetProperty("nonce_hex", out _))
        {
            var blob = BootstrapSeal.Seal(key, golden.Hex("nonce_hex"), golden.Hex("plaintext_hex"));
            answers.Hex("sealed_hex", () => blob);
            answers.Base64("sealed_b64", () => blob);
            answers.Equal("opened", golden.Text("plaintext_hex"), Convert.ToHexStringLower(BootstrapSeal.Open(key, golden.Hex("sealed_hex")) ?? []));
            return answers.Outcome();
        }

        var opened = BootstrapSeal.Open(key, golden.Hex("blob_hex"));
        answers.Truth("ok", () => opened is not null);
        answers.Base64("plaintext_b64", () => opened ?? []);
        return answers.Outcome();
    }

    public static GoldenOutcome LivePairing(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var code = Encoding.ASCII.GetBytes(golden.Text("code")!);
        answers.Text("code_hash", () => CodePhrase.Hash(golden.Text("code")!));
        var codeHash = golden.Text("code_hash")!;
        using var hostScalar = SymmetricSpake2.ScalarFromSeed(SeedIn(golden, "host_file_at_sas_ready"));
        using var guestScalar = SymmetricSpake2.ScalarFromSeed(SeedIn(golden, "guest_file_at_sas_ready"));
        var hostMessage = SymmetricSpake2.Message(code, hostScalar.Span);
        var guestMessage = SymmetricSpake2.Message(code, guestScalar.Span);
        answers.Base64("host_msg_b64", () => hostMessage);
        answers.Base64("guest_msg_b64", () => guestMessage);

        using var hostKey = SymmetricSpake2.Finish(code, Encoding.ASCII.GetBytes(codeHash), hostScalar.Span, guestMessage);
        using var guestKey = SymmetricSpake2.Finish(code, Encoding.ASCII.GetBytes(codeHash), guestScalar.Span, hostMessage);
        answers.Hex("key_hex", () => hostKey.Span.ToArray());
        answers.Hex("key_hex", () => guestKey.Span.ToArray());
        answers.Text("sas", () => ShortAuthenticationString.V1(hostKey.Span));
        answers.Text("aead_key_hex", () => AeadKey(hostKey.Span, codeHash));

        using var seal = BootstrapSeal.DeriveKey(hostKey.Span, codeHash);
        foreach (var side in (string[])["host", "guest"])
        {
            var plaintext = BootstrapSeal.Open(seal.Span, Convert.FromBase64String(golden.Text(side + "_bootstrap_b64")!));
            answers.Text(side + "_payload_text", () => plaintext is null ? null : Encoding.UTF8.GetString(plaintext));
            var card = AgentCard.From(WireJson.Parse(plaintext).GetObject("card")!).Verify().RequireSingleKey();
            answers.Equal(side + " key", Convert.ToHexStringLower(Ed25519.PublicKey(golden.Hex(side + "_identity_seed_hex"))), Convert.ToHexStringLower(card.PublicKey));
        }

        return answers.Outcome();
    }

    public static string AeadKey(ReadOnlySpan<byte> spakeKey, string codeHash)
    {
        using var key = BootstrapSeal.DeriveKey(spakeKey, codeHash);
        return Convert.ToHexStringLower(key.Span);
    }

    // Two sides with seeds a and b; the members for what comes out differ from class to class.
    private static void Pair(GoldenCase golden, GoldenAnswers answers, string codeA, string codeB, string idA, string idB)
    {
        var passwordA = Encoding.ASCII.GetBytes(codeA);
        var passwordB = Encoding.ASCII.GetBytes(codeB);
        using var scalarA = SymmetricSpake2.ScalarFromSeed(golden.Hex("seed_a_hex"));
        using var passwordScalar = SymmetricSpake2.PasswordScalar(passwordA);
        answers.Hex("scalar_a_le_hex", () => scalarA.Span.ToArray());
        answers.Hex("password_scalar_le_hex", () => passwordScalar.Span.ToArray());
        answers.Text("code_hash", () => CodePhrase.Hash(codeA));
        var messageA = SymmetricSpake2.Message(passwordA, scalarA.Span);
        answers.Hex("msg_a_hex", () => messageA);
        answers.Base64("msg_a_b64", () => messageA);
        if (golden.Text("seed_b_hex") is null)
        {
            return;
        }

        using var scalarB = SymmetricSpake2.ScalarFromSeed(golden.Hex("seed_b_hex"));
        answers.Hex("scalar_b_le_hex", () => scalarB.Span.ToArray());
        var messageB = SymmetricSpake2.Message(passwordB, scalarB.Span);
        answers.Hex("msg_b_hex", () => messageB);
        answers.Base64("msg_b_b64", () => messageB);

        using var keyA = SymmetricSpake2.Finish(passwordA, Encoding.ASCII.GetBytes(idA), scalarA.Span, messageB);
        using var keyB = SymmetricSpake2.Finish(passwordB, Encoding.ASCII.GetBytes(idB), scalarB.Span, messageA);
        answers.Hex("key_hex", () => keyA.Span.ToArray());
        answers.Hex("key_hex", () => keyB.Span.ToArray());
        answers.Hex("key_a_hex", () => keyA.Span.ToArray());
        answers.Hex("key_b_hex", () => keyB.Span.ToArray());
        answers.Text("sas", () => ShortAuthenticationString.V1(keyA.Span));
        answers.Text("sas_a", () => ShortAuthenticationString.V1(keyA.Span));
        answers.Text("sas_b", () => ShortAuthenticationString.V1(keyB.Span));
        answers.Text("sas_display", () => ShortAuthenticationString.Display(ShortAuthenticationString.V1(keyA.Span)));
        answers.Text("aead_key_hex", () => AeadKey(keyA.Span, idA));
    }

    private static void RoleSwap(GoldenCase golden, GoldenAnswers answers)
    {
        var password = Encoding.ASCII.GetBytes(golden.Text("code")!);
        var identity = Encoding.ASCII.GetBytes(golden.Text("code_hash")!);
        using var host = SymmetricSpake2.ScalarFromSeed(golden.Hex("host_seed_hex"));
        using var guest = SymmetricSpake2.ScalarFromSeed(golden.Hex("guest_seed_hex"));
        answers.Hex("host_msg_hex", () => SymmetricSpake2.Message(password, host.Span));
        answers.Hex("guest_msg_hex", () => SymmetricSpake2.Message(password, guest.Span));
        using var key = SymmetricSpake2.Finish(password, identity, host.Span, golden.Hex("guest_msg_hex"));
        using var other = SymmetricSpake2.Finish(password, identity, guest.Span, golden.Hex("host_msg_hex"));
        answers.Hex("key_hex", () => key.Span.ToArray());
        answers.Hex("key_other_hex", () => other.Span.ToArray());
        answers.Text("sas", () => ShortAuthenticationString.V1(key.Span));
    }

    private static byte[]? Finish(GoldenCase golden, byte[] message)
    {
        using var scalar = SymmetricSpake2.ScalarFromSeed(golden.Hex("seed_a_hex"));
        try
        {
            using var key = SymmetricSpake2.Finish(
                Encoding.ASCII.GetBytes(golden.Text("code")!), Encoding.ASCII.GetBytes(golden.Text("code_hash")!), scalar.Span, message);
            return key.Span.ToArray();
        }
        catch (WireException refused) when (refused.Reason is WireReason.InvalidShare or WireReason.SelfPairing)
        {
            return null;
        }
    }

    private static byte[] SeedIn(GoldenCase golden, string member)
    {
        using var file = JsonDocument.Parse(golden.Text(member)!);
        return Convert.FromBase64String(file.RootElement.GetProperty("spake2_seed_b64").GetString()!);
    }

    private static string? Typed(string typed)
    {
        try
        {
            return ShortAuthenticationString.ParseTyped(typed);
        }
        catch (WireException refused) when (refused.Reason == WireReason.InvalidDigits)
        {
            return null;
        }
    }
}
