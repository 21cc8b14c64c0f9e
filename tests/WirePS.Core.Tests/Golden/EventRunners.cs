using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Tests.Golden;

/// <summary>Events and their kinds.</summary>
internal static class EventRunners
{
    public static GoldenOutcome Events(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var seed = golden.Hex("seed_hex");
        var content = WireJson.Parse(golden.Text("unsigned_text")!);
        var digest = CanonicalJson.Hash(content, CanonicalMode.Event);
        answers.Text("canonical_strict", () => Encoding.UTF8.GetString(CanonicalJson.Canonicalize(content, CanonicalMode.Event)));
        answers.Hex("event_id", () => digest);
        answers.Base64("signature", () => Ed25519.Sign(seed, digest));
        answers.Text("public_key_id", () => Fingerprint.KeyId(golden.Text("signer")!, Ed25519.PublicKey(seed)));
        answers.Text("signed_text", () => Signed(seed, golden.Text("signer")!, content));
        if (golden.Data.TryGetProperty("verify", out var verify))
        {
            var key = new EventKey(golden.Text("public_key_id")!, StrictBase64.Encode(Ed25519.PublicKey(seed)));
            var verdict = SignedEvent.Parse(Encoding.UTF8.GetBytes(golden.Text("signed_text")!)).Verify(_ => [key]);
            answers.Equal("verify", verify.GetProperty("ok").GetBoolean(), verdict == EventVerdict.Valid);
        }

        return answers.Outcome();
    }

    public static GoldenOutcome EventsVerify(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var trust = golden.File.Root.GetProperty("contexts").GetProperty("trust").GetProperty(golden.Text("trust")!);
        var json = WireJson.Parse(golden.Text("event_text")!);

        // Anything but an object has no sender; ours says so when it is read.
        var verdict = json.IsObject ? SignedEvent.FromJson(json).Verify(handle => KeysOf(trust, handle)) : EventVerdict.MissingFrom;
        answers.Truth("ok", () => verdict == EventVerdict.Valid);
        if (golden.Text("error") is { } error)
        {
            answers.Equal("error", VerdictOf(error), verdict);
        }

        return answers.Outcome();
    }

    public static GoldenOutcome Kinds(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var kind = golden.Data.GetProperty("kind").GetUInt32();
        answers.Truth("known", () => EventKinds.IsKnown(kind));
        answers.Text("kind_class", () => NameOf(EventKinds.ClassOf(kind)));
        answers.Text("table_name", () => EventKinds.NameOf(kind));
        return answers.Outcome();
    }

    public static string? NameOf(EventKindClass kindClass) => kindClass switch
    {
        EventKindClass.Regular => "regular",
        EventKindClass.Replaceable => "replaceable",
        EventKindClass.Ephemeral => "ephemeral",
        EventKindClass.Addressable => "addressable",
        _ => null,
    };

    private static string Signed(byte[] seed, string signer, WireJson content)
    {
        try
        {
            return SignedEvent.Sign(seed, signer, content).Json.ToCompactString();
        }
        catch (WireException refused) when (refused.Reason == WireReason.InvalidEvent)
        {
            return "refused: " + refused.Message;
        }
    }

    // The trust store's reading of its file, as far as the checks of an event need it.
    public static List<EventKey>? KeysOf(JsonElement trust, string handle)
    {
        if (trust.ValueKind != JsonValueKind.Object
            || !trust.TryGetProperty("agents", out var agents) || agents.ValueKind != JsonValueKind.Object
            || !agents.TryGetProperty(handle, out var entry))
        {
            return null;
        }

        if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("public_keys", out var keys) || keys.ValueKind != JsonValueKind.Array)
        {
            return [];
        }

        return
        [
            .. keys.EnumerateArray().Where(key => TextOf(key, "key_id") is not null).Select(key => new EventKey(
                TextOf(key, "key_id")!,
                TextOf(key, "key"),
                !key.TryGetProperty("active", out var active) || active.ValueKind != JsonValueKind.False)),
        ];
    }

    private static string? TextOf(JsonElement value, string member)
        => value.ValueKind == JsonValueKind.Object && value.TryGetProperty(member, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    public static EventVerdict VerdictOf(string error) => error switch
    {
        "missing field: from" => EventVerdict.MissingFrom,
        "missing field: public_key_id" => EventVerdict.MissingKeyId,
        "missing field: signature" => EventVerdict.MissingSignature,
        "missing field: event_id" => EventVerdict.MissingEventId,
        "missing field: key" => EventVerdict.MissingKey,
        "signature decode failed" => EventVerdict.DecodeFailed,
        "signature did not verify" => EventVerdict.SignatureRejected,
        _ when error.StartsWith("event_id mismatch", StringComparison.Ordinal) => EventVerdict.IdMismatch,
        _ when error.EndsWith("not in trust", StringComparison.Ordinal) => EventVerdict.UnknownAgent,
        _ when error.EndsWith("is deactivated", StringComparison.Ordinal) => EventVerdict.KeyInactive,
        _ when error.Contains("not found for agent", StringComparison.Ordinal) => EventVerdict.UnknownKey,
        _ => throw new InvalidDataException("An error text that no verdict stands for: " + error),
    };
}
