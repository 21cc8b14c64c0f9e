using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Trust;

namespace WirePS.Tests.Golden;

/// <summary>The handshake of handshake.md: messages, signatures, and what becomes of each message that came in.</summary>
internal static class PilotRunners
{
    private const uint OwnNode = 2;
    private static readonly byte[] OwnKey = Ed25519.PublicKey(Seed(2));

    // All messages there have the older signature, so that these cases ask what a home does that allows it.
    private static readonly TrustPolicy Allowing = new() { AllowOlderSignature = true };

    public static GoldenOutcome Messages(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var theirs = Encoding.UTF8.GetBytes(golden.Text("text")!);
        var message = HandshakeMessage.TryParse(theirs)!;
        var seed = golden.Hex("sender_seed_hex");
        var receiver = golden.Data.GetProperty("receiver").GetUInt32();
        var signedText = HandshakeMessage.SignedText(golden.Data.GetProperty("sender").GetUInt32(), receiver);
        answers.Text("signed_text", () => Encoding.ASCII.GetString(signedText));
        answers.Text("type", () => message.Type);
        var rebuilt = message with
        {
            PublicKey = message.PublicKey.Length == 0 ? "" : StrictBase64.Encode(Ed25519.PublicKey(seed)),
            Signature = message.Signature.Length == 0 ? "" : StrictBase64.Encode(Ed25519.Sign(seed, signedText)),
        };
        answers.Text("text", () => Encoding.UTF8.GetString(rebuilt.ToBytes()));
        return answers.Outcome();
    }

    public static GoldenOutcome Signatures(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var seed = golden.Hex("seed_hex");
        var text = golden.Text("text")!;
        answers.Base64("public_key_b64", () => Ed25519.PublicKey(seed));
        answers.Base64("signature_b64", () => Ed25519.Sign(seed, Encoding.ASCII.GetBytes(text)));
        if (text.Split(':') is ["handshake", var sender, var receiver])
        {
            answers.Text("text_hex", () => Convert.ToHexStringLower(HandshakeMessage.SignedText(uint.Parse(sender, null), uint.Parse(receiver, null))));
        }

        return answers.Outcome();
    }

    /// <summary>Each step from the state that the real program was in: what it did with what came, and what ours decides.</summary>
    public static GoldenOutcome Steps(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var setup = golden.Data.GetProperty("setup");
        var world = new World(setup, golden.Text("note")!.Contains("+ 0.5 s", StringComparison.Ordinal));
        var compared = 0;
        var number = 0;
        foreach (var step in golden.Data.GetProperty("steps").EnumerateArray())
        {
            number++;
            var after = world.StateOf(step);
            if (OursOf(world, step) is { } ours)
            {
                answers.Equal($"step {number}, {step.GetProperty("op").GetString()}", TheirsOf(step, world.State, after), ours);
                compared++;
            }
            else if (PilotCommands.OursOf(world.State, setup, step) is { } command)
            {
                answers.Equal($"step {number}, {step.GetProperty("op").GetString()}", PilotCommands.TheirsOf(step, after), command);
                compared++;
            }

            world.State = after;
        }

        return compared == 0 ? GoldenOutcome.NotOurs("nothing but times that pass: tested with the store") : answers.Outcome();
    }

    /// <summary>Files of the real program: who stands in them, and the same bytes when they are written again.</summary>
    public static GoldenOutcome TrustFiles(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var file = ForeignTrustFile.Parse(Encoding.UTF8.GetBytes(golden.Text("text")!));
        Compare(answers, "", golden.Data.GetProperty("state"), file, DateTimeOffset.MinValue);

        // Those were written by hand for the program to read.
        if (!golden.Name.EndsWith("start_with_file", StringComparison.Ordinal))
        {
            answers.Text("text", () => Encoding.UTF8.GetString(file.ToBytes()));
        }

        return answers.Outcome();
    }

    /// <summary>What the real program has after it has read a file, and what its commands and restarts leave of it.</summary>
    public static GoldenOutcome Persistence(GoldenCase golden)
    {
        var files = golden.Data.GetProperty("steps").EnumerateArray().Where(static s => s.GetProperty("op").GetString() == "start_with_file").ToList();
        if (files.Count == 0)
        {
            return Steps(golden);
        }

        var answers = new GoldenAnswers(golden);
        for (var i = 0; i < files.Count; i++)
        {
            var now = DateTimeOffset.FromUnixTimeSeconds(files[i].GetProperty("now").GetInt64());
            Compare(answers, $"step {i + 1}: ", files[i].GetProperty("state"), Load(files[i].GetProperty("input").GetProperty("trust_json")), now);
        }

        return answers.Outcome();
    }

    // The real program starts with nobody where it cannot read the file; ours says so and has nobody either.
    private static ForeignTrustFile Load(JsonElement input)
    {
        try
        {
            return ForeignTrustFile.Parse(input.TryGetProperty("hex", out var hex) ? Convert.FromHexString(hex.GetString()!) : Encoding.UTF8.GetBytes(input.GetProperty("text").GetString()!));
        }
        catch (WireException refused) when (refused.Reason == WireReason.FileCorrupt)
        {
            return ForeignTrustFile.Empty;
        }
    }

    private static void Compare(GoldenAnswers answers, string where, JsonElement state, ForeignTrustFile file, DateTimeOffset now)
    {
        answers.Equal(where + "trusted", Lines(state, "trusted", static e => $"{e.GetProperty("node_id")} {e.GetProperty("public_key")} {e.GetProperty("approved_at")} {e.GetProperty("mutual").GetBoolean()} {e.GetProperty("network")}"), string.Join(';', file.Trusted.Select(static t => $"{t.NodeId} {t.PublicKey} {t.ApprovedAt.ToUnixTimeSeconds()} {t.IsMutual} {t.Network}")));
        answers.Equal(where + "pending", Lines(state, "pending", static e => $"{e.GetProperty("node_id")} {e.GetProperty("public_key")} {e.GetProperty("received_at")} {(e.TryGetProperty("source", out var source) ? source.GetUInt32() : 0)} {e.GetProperty("justification").GetProperty("text")}"), string.Join(';', file.Pending.Select(static p => $"{p.NodeId} {p.PublicKey} {p.ReceivedAt.ToUnixTimeSeconds()} {p.Source} {p.Justification}")));
        answers.Equal(where + "revoked", Lines(state, "revoked", static e => $"{e.GetProperty("node_id")} {e.GetProperty("until")}"), string.Join(';', file.Revoked.Where(r => r.Until > now).Select(static r => $"{r.NodeId} {r.Until.ToUnixTimeSeconds()}")));
    }

    private static string Lines(JsonElement state, string list, Func<JsonElement, string> line) =>
        state.TryGetProperty(list, out var entries) ? string.Join(';', entries.EnumerateArray().OrderBy(static e => e.GetProperty("node_id").GetUInt32()).Select(line)) : "";

    private static string? OursOf(World world, JsonElement step) => step.GetProperty("op").GetString() switch
    {
        "inbound" => Decide(world, step),

        // A registry's relay hands on a node id without a key; a mailbox hands on the card and the request as it was signed.
        "relayed_request" or "relayed_approval" => "dropped",
        _ => null,
    };

    private static string TheirsOf(JsonElement step, JsonElement before, JsonElement after)
    {
        var events = step.GetProperty("events");
        foreach (var item in events.ValueKind == JsonValueKind.Array ? events.EnumerateArray() : [])
        {
            if (item.GetProperty("topic").GetString() == "handshake.auto_approved")
            {
                var reason = item.GetProperty("payload").GetProperty("reason").GetString()!;
                return "granted " + (reason == "auto_approve" ? TrustDecision.AutoApprove : reason);
            }
        }

        if (events.ToString().Contains("handshake.pending", StringComparison.Ordinal) || Count(after, "pending") > Count(before, "pending"))
        {
            return "pending";
        }

        return Count(after, "trusted") > Count(before, "trusted") ? "granted accepted"
            : step.GetProperty("sent").GetArrayLength() > 0 && events.ToString().Contains("handshake.received", StringComparison.Ordinal) ? "again"
            : step.GetProperty("op").GetString() == "inbound" && events.ToString().Contains("revoked_by_peer", StringComparison.Ordinal) ? "revoked"
            : "dropped";
    }

    private static string Decide(World world, JsonElement step)
    {
        if (HandshakeMessage.TryParse(BytesOf(step.GetProperty("input"))) is not { } message
            || HandshakeInspection.CheckClaims(message, OwnKey, world.TimeOf(step), out var key) != HandshakeFault.None
            || HandshakeInspection.CheckOlderSignature(message, key, OwnNode) != HandshakeFault.None)
        {
            return "dropped";
        }

        if (world.DirectoryKeyOf(message.NodeId) is { } known && known != message.PublicKey)
        {
            return "dropped";
        }

        var confirmed = world.DirectoryKeyOf(message.NodeId) is not null;
        var request = new TrustCase
        {
            Key = key,
            NodeId = message.NodeId,
            IsWeak = true,
            IsConfirmed = confirmed,
            Standing = world.StandingOf(message.NodeId, message.PublicKey),
            WasAsked = confirmed && world.Has("outgoing", message.NodeId),
            IsCoolingDown = world.Has("revoked", message.NodeId),
        };
        return message.Type switch
        {
            HandshakeMessage.RequestType => Words(TrustDecision.Of(request, world.Allowlist, Allowing with { AutoApprove = world.AutoApprove })),
            HandshakeMessage.AcceptType => Words(TrustDecision.OfAnswer(request, Allowing)),
            HandshakeMessage.RevokeType when request.Standing == PeerKeyFamiliarity.Known => "revoked",
            _ => "dropped",
        };
    }

    private static byte[] BytesOf(JsonElement input)
    {
        if (input.TryGetProperty("message", out var message))
        {
            return message.TryGetProperty("hex", out var hex) ? Convert.FromHexString(hex.GetString()!) : Encoding.UTF8.GetBytes(message.GetProperty("text").GetString()!);
        }

        // Of long messages the file has the length and the hash: they are made again and compared.
        var length = input.GetProperty("bytes").GetInt32();
        const string Start = """{"type":"handshake_request","node_id":1,"public_key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=","signature":"BAGl08PXCNSQpCCtg1qxlDoILmzWX/p7IqG5uOBb4PkVDUTKTKPc574gKaUyovoGugXzHxKyQiPEsETMqTsLBQ==","timestamp":1790000000""";
        const string Words = Start + ",\"justification\":\"";
        var deep = (length - Start.Length) / 2;
        string[] candidates =
        [
            Words + new string('j', Math.Max(0, length - Words.Length - 2)) + "\"}",
            Start + ",\"x\":" + new string('[', deep - 3) + new string(']', deep - 3) + "}",
            $$"""{"type":"handshake_request","node_id":1,"public_key":"{{Convert.ToBase64String(new byte[4096])}}","justification":"","signature":"BAGl08PXCNSQpCCtg1qxlDoILmzWX/p7IqG5uOBb4PkVDUTKTKPc574gKaUyovoGugXzHxKyQiPEsETMqTsLBQ==","reason":"","timestamp":1790000000}""",
        ];
        return candidates.Select(Encoding.UTF8.GetBytes).Single(bytes => Convert.ToHexStringLower(SHA256.HashData(bytes)) == input.GetProperty("sha256").GetString());
    }

    private static string Words(TrustDecision decision) => decision.Verdict switch
    {
        TrustVerdict.Pending => "pending",
        TrustVerdict.Granted => "granted " + decision.Reason,
        TrustVerdict.AlreadyTrusted => "again",
        _ => "dropped",
    };

    private static int Count(JsonElement state, string name) => state.ValueKind == JsonValueKind.Object && state.TryGetProperty(name + "_count", out var count) ? count.GetInt32() : 0;

    private static byte[] Seed(byte value) => [.. Enumerable.Repeat(value, 32)];

    /// <summary>What the fake surroundings of the real program were, and the state that it was in.</summary>
    private sealed class World(JsonElement setup, bool isHalfASecondOn)
    {
        public JsonElement State { get; set; }

        public bool AutoApprove => setup.GetProperty("auto_approve").GetBoolean();

        public TrustAllowlist Allowlist { get; } = new(
        [
            .. setup.GetProperty("allowlist").EnumerateObject().Select(static a => new TrustedAgent { NodeId = uint.Parse(a.Name, null), Name = a.Value.GetString()! }),
        ]);

        public JsonElement StateOf(JsonElement step) => step.GetProperty("state") is var state && state.TryGetProperty("unchanged", out _) ? State : state;

        public string? DirectoryKeyOf(uint node)
        {
            var name = node.ToString(System.Globalization.CultureInfo.InvariantCulture);
            return setup.GetProperty("registry_nodes") is { ValueKind: JsonValueKind.Object } nodes
                && !(setup.TryGetProperty("registry_lookup_errors", out var errors) && errors.TryGetProperty(name, out _))
                && nodes.TryGetProperty(name, out var found) && found.TryGetProperty("public_key", out var key) && key.GetString() is { Length: > 0 } text
                ? text
                : null;
        }

        public PeerKeyFamiliarity StandingOf(uint node, string key)
        {
            foreach (var entry in Entries("trusted", node))
            {
                var bound = entry.GetProperty("public_key").GetString();
                return bound == key ? PeerKeyFamiliarity.Known : bound is { Length: > 0 } ? PeerKeyFamiliarity.Different : PeerKeyFamiliarity.New;
            }

            return PeerKeyFamiliarity.New;
        }

        // Times stand there in whole seconds.
        public DateTimeOffset TimeOf(JsonElement step) => DateTimeOffset.UnixEpoch.AddSeconds(step.GetProperty("now").GetInt64() + (isHalfASecondOn ? 0.5 : 0));

        public bool Has(string list, uint node) => Entries(list, node).Any();

        private IEnumerable<JsonElement> Entries(string list, uint node) =>
            State.ValueKind == JsonValueKind.Object && State.TryGetProperty(list, out var entries) && entries.ValueKind == JsonValueKind.Array
                ? entries.EnumerateArray().Where(e => e.GetProperty("node_id").GetUInt32() == node)
                : [];
    }
}
