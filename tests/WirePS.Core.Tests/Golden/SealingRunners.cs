using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Tests.Cryptography;

namespace WirePS.Tests.Golden;

/// <summary>Sealed bodies.</summary>
internal static class SealingRunners
{
    public static GoldenOutcome Sealing(GoldenCase golden) => golden.Class switch
    {
        "x25519" => Keys(golden),
        "conversation" or "peer_point_ok" or "peer_point_refused" => Conversation(golden),
        "seal" or "seal_large" => Seal(golden),
        "seal_refused" => Refused(golden),
        "read_view" => View(golden),
        _ => Open(golden),
    };

    private static GoldenOutcome Keys(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        using var scalar = X25519.DhScalar(golden.Hex("seed_hex"));
        answers.Hex("scalar_hex", () => scalar.Span.ToArray());
        answers.Hex("x25519_public_hex", () => X25519.PublicKey(scalar.Span));
        answers.Base64("dh_pubkey", () => X25519.DhPublicKey(golden.Hex("seed_hex")));
        return answers.Outcome();
    }

    private static GoldenOutcome Conversation(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        using var scalar = X25519.DhScalar(golden.Hex("seed_hex"));
        using var shared = X25519.SharedSecret(scalar.Span, golden.Hex("peer_x25519_hex"));
        using var key = SealedBody.DeriveKey(scalar.Span, golden.Hex("peer_x25519_hex"));
        answers.Equal("refused", golden.Text("error") is not null, key is null);
        answers.Text("shared_secret_hex", () => Hex(shared));
        answers.Text("conversation_key_hex", () => Hex(key));
        return answers.Outcome();
    }

    private static GoldenOutcome Seal(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        using var sender = Identity(golden.Hex("sender_seed_hex"), "alice");
        using var recipient = Identity(golden.Hex("recipient_seed_hex"), "bob");
        var content = WireJson.Parse(golden.Text("unsealed_event_text")!);
        var body = content.TryGet("body", out var member) ? member : WireJson.Null;
        var to = content.GetString("to")!;
        answers.Text("plaintext_text", () => body.ToCompactString());
        answers.Equal("padded_length", golden.Data.GetProperty("padded_length").GetInt32(), SealedBody.PaddedLength(body.ToCompactBytes().Length));

        var sealedBody = sender.SealBody(body, to, golden.Hex("recipient_x25519_hex"), new ScriptedRandomSource(golden.Hex("nonce_hex")));
        answers.Text("ct", () => sealedBody.GetString("ct"));
        answers.Hex("payload_hex", () => Convert.FromBase64String(sealedBody.GetString("ct")!));
        var signed = SignedEvent.Sign(golden.Hex("sender_seed_hex"), sender.Card.Handle, content.With("body", sealedBody).With("enc", SealedBody.Scheme));
        answers.Text("signed_event_text", () => signed.Json.ToCompactString());
        answers.Text("opened_body_text", () => recipient.TryOpenBody(
            SignedEvent.Parse(Encoding.UTF8.GetBytes(golden.Text("signed_event_text")!)), sender.Card.DhPublicKey!, out var opened)
            ? opened.ToCompactString()
            : null);
        return answers.Outcome();
    }

    private static GoldenOutcome Refused(GoldenCase golden)
    {
        if (golden.Text("error")!.StartsWith("event missing", StringComparison.Ordinal))
        {
            return GoldenOutcome.NotOurs("an event that is sealed here always has a sender and a recipient");
        }

        using var sender = Identity(new byte[32], "alice");
        var tooLong = golden.Text("peer_x25519_hex") is null;
        var body = WireJson.From(tooLong ? new string('q', 65534) : "hello");
        var peer = tooLong ? sender.Card.DhPublicKey! : golden.Hex("peer_x25519_hex");
        var answers = new GoldenAnswers(golden);
        WireReason? reason = null;
        try
        {
            _ = sender.SealBody(body, "did:wire:bob-c47b0661", peer, new SeededRandomSource(1));
        }
        catch (WireException refused)
        {
            reason = refused.Reason;
        }

        answers.Equal("reason", tooLong ? WireReason.InvalidEvent : WireReason.InvalidCard, reason);
        return answers.Outcome();
    }

    private static GoldenOutcome Open(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var signed = SignedEvent.Parse(Encoding.UTF8.GetBytes(golden.Text("event_text")!));
        if (golden.Data.TryGetProperty("not_encrypted", out _))
        {
            answers.Truth("not_encrypted", () => !signed.IsSealed);
            return answers.Outcome();
        }

        var opened = OpenVerified(golden, signed, out var verdict);
        answers.Truth("ok", () => opened is not null);
        answers.Text("body_text", () => opened?.ToCompactString());
        const string Unverified = "refusing to decrypt unverified event: ";
        if (golden.Text("error") is { } error && error.StartsWith(Unverified, StringComparison.Ordinal))
        {
            answers.Equal("verdict", EventRunners.VerdictOf(error[Unverified.Length..]), verdict);
        }

        return answers.Outcome();
    }

    // The view keeps a plain or unreadable body as it is; that it also marks the event is the other program's matter.
    private static GoldenOutcome View(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var signed = SignedEvent.Parse(Encoding.UTF8.GetBytes(golden.Text("event_text")!));
        var view = WireJson.Parse(golden.Text("view_text")!);
        answers.Equal("body", view.TryGet("body", out var shown) ? shown.ToCompactString() : null, (OpenVerified(golden, signed, out _) ?? signed.Body)?.ToCompactString());
        return answers.Outcome();
    }

    private static WireJson? OpenVerified(GoldenCase golden, SignedEvent signed, out EventVerdict verdict)
    {
        var trust = golden.File.Root.GetProperty("contexts").GetProperty("sealing_trust").GetProperty(golden.Text("trust")!);
        verdict = signed.Verify(handle => EventRunners.KeysOf(trust, handle));
        if (verdict != EventVerdict.Valid)
        {
            return null;
        }

        using var reader = Identity(golden.Hex("reader_seed_hex"), "reader");
        var card = WireJson.Parse(trust.GetRawText()).GetObject("agents")!.GetObject(WireDid.DisplayHandle(signed.From!))?.GetObject("card");
        return StrictBase64.TryDecode(card?.GetString("dh_pubkey"), X25519.PublicKeyBytes, out var key) && reader.TryOpenBody(signed, key, out var body)
            ? body
            : null;
    }

    private static OwnIdentity Identity(byte[] seed, string handle) => new(AgentCard.Create(seed, handle), SecretBytes.CopyOf(seed));

    private static string? Hex(SecretBytes? secret) => secret is null ? null : Convert.ToHexStringLower(secret.Span);
}
