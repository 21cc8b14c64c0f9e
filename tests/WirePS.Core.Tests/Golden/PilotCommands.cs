using System.Globalization;
using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Tests.Support;

namespace WirePS.Tests.Golden;

/// <summary>What people, time and restarts do to the handshake of another program, and what they do to ours from the same state.</summary>
internal static class PilotCommands
{
    private const uint OwnNode = 2;
    private static readonly byte[] OwnSeed = Seed(2);

    /// <summary>What ours makes of a step; null for one that is no command.</summary>
    public static string? OursOf(JsonElement before, JsonElement setup, JsonElement step) => step.GetProperty("op").GetString() switch
    {
        "send_request" => Ask(setup, step),
        "approve" => Answer(before, step, "pending", TrustMessageType.Accept, ""),
        "reject" => Answer(before, step, "pending", TrustMessageType.Reject, step.GetProperty("input").GetProperty("reason").GetString()!),
        "revoke" => Answer(before, step, "trusted", TrustMessageType.Revoke, "trust revoked"),
        "inbound_many" => Flood(step),
        "advance_clock" => Pass(before, step),
        "restart" => Restart(before, step),
        _ => null,
    };

    /// <summary>The same of the other program: whether the command was done and what was sent, or how many wait.</summary>
    public static string TheirsOf(JsonElement step, JsonElement after)
    {
        if (step.GetProperty("op").GetString() is "inbound_many" or "advance_clock" or "restart")
        {
            return Counts(Count(after, "pending"), Count(after, "outgoing"));
        }

        var sent = step.GetProperty("sent").EnumerateArray().Where(static s => !s.TryGetProperty("failed", out _)).Select(static s => s.GetProperty("text").GetString());
        return Words(step.GetProperty("result").ValueKind == JsonValueKind.String, sent);
    }

    private static string Ask(JsonElement setup, JsonElement step)
    {
        var peer = step.GetProperty("input").GetProperty("peer").GetUInt32();

        // Nobody asks itself, and a request that nobody has is none.
        return peer == OwnNode || setup.GetProperty("dial_error").GetString()!.Length > 0
            ? Words(false, [])
            : Words(true, [Text(TrustMessageType.Request, step, peer, step.GetProperty("input").GetProperty("justification").GetString()!)]);
    }

    // Who is not there, or has no key that could be bound, cannot be decided about.
    private static string Answer(JsonElement before, JsonElement step, string list, TrustMessageType type, string text)
    {
        var peer = step.GetProperty("input").GetProperty("peer").GetUInt32();
        return Entries(before, list).Any(e => e.GetProperty("node_id").GetUInt32() == peer && e.TryGetProperty("public_key", out var key) && key.GetString() is { Length: > 0 })
            ? Words(true, [Text(type, step, peer, text)])
            : Words(false, []);
    }

    private static string Flood(JsonElement step)
    {
        var input = step.GetProperty("input");
        var hasSources = input.TryGetProperty("each_over_its_own_stream", out _);
        var first = uint.Parse(input.GetProperty("node_ids").GetString()!.Split("..")[0], CultureInfo.InvariantCulture);
        var state = new HandshakeState([], [], [], 0);
        for (uint i = 0; i < input.GetProperty("count").GetInt32(); i++)
        {
            state.Admit(Pending(first + i, [.. BitConverter.GetBytes(first + i), .. new byte[28]], TimeOf(step)) with { Source = hasSources ? $"stream {i}" : null });
        }

        return Counts(state.Pending.Count, 0);
    }

    private static string Pass(JsonElement before, JsonElement step)
    {
        var state = StateOf(before);
        state.Expire(TimeOf(step));
        return Counts(state.Pending.Count, state.Outgoing.Count(static o => o.EndedAt is null));
    }

    private static string Restart(JsonElement before, JsonElement step)
    {
        using var home = new TestHome();
        var files = new MemoryFiles(TimeProvider.System);
        var known = StateOf(before);
        new HandshakeStore(home.Home, files).UpdateAsync(
            state =>
            {
                known.Pending.ForEach(p => state.Admit(p));
                known.Outgoing.ForEach(o => state.Send(o));
                return true;
            },
            static () => Task.CompletedTask,
            CancellationToken.None).GetAwaiter().GetResult();
        var read = new HandshakeStore(home.Home, files).Load();
        read.Expire(TimeOf(step));
        return Counts(read.Pending.Count, read.Outgoing.Count);
    }

    private static HandshakeState StateOf(JsonElement state) => new(
        Entries(state, "pending").Select(e => Pending(e.GetProperty("node_id").GetUInt32(), Convert.FromBase64String(e.GetProperty("public_key").GetString()!), Seconds(e.GetProperty("received_at")))),
        Entries(state, "outgoing").Select(e => new OutgoingRequest(
            new string('0', 64), Seconds(e.GetProperty("sent_at")), AgentCard.Create(Seed((byte)e.GetProperty("node_id").GetUInt32()), "asked-node"), "directory", "", null, null, OutgoingStatus.Waiting, null, null)),
        [],
        0);

    private static PendingRequest Pending(uint node, byte[] key, DateTimeOffset at) =>
        new(node.ToString("x64", CultureInfo.InvariantCulture), at, null, key, "", node.ToString("x32", CultureInfo.InvariantCulture), null, null, false) { NodeId = node };

    // Ours as it is made, with the node ids of that world in the place of those of our keys.
    private static string Text(TrustMessageType type, JsonElement step, uint peer, string text)
    {
        using var own = new OwnIdentity(AgentCard.Create(OwnSeed, "pilot"), SecretBytes.CopyOf(OwnSeed));
        var made = TrustMessage.Create(type, own.Card, null, null, text, TimeOf(step), new PinnedRandom(1));
        var message = DirectMessage.WriteOlder(type, own, type == TrustMessageType.Request ? made.Justification : made.Reason, made.Timestamp, peer);
        return Encoding.UTF8.GetString((message with { NodeId = OwnNode, Signature = StrictBase64.Encode(own.Sign(HandshakeMessage.SignedText(OwnNode, peer))) }).ToBytes());
    }

    private static string Words(bool isDone, IEnumerable<string?> sent) => string.Join(' ', ((string?[])[isDone ? "done" : "refused"]).Concat(sent));

    private static string Counts(int pending, int outgoing) => $"{pending} pending, {outgoing} outgoing";

    private static int Count(JsonElement state, string name) => state.ValueKind == JsonValueKind.Object && state.TryGetProperty(name + "_count", out var count) ? count.GetInt32() : 0;

    private static JsonElement.ArrayEnumerator Entries(JsonElement state, string list) =>
        state.ValueKind == JsonValueKind.Object && state.TryGetProperty(list, out var entries) && entries.ValueKind == JsonValueKind.Array ? entries.EnumerateArray() : default;

    private static DateTimeOffset TimeOf(JsonElement step) => Seconds(step.GetProperty("now"));

    private static DateTimeOffset Seconds(JsonElement time) => DateTimeOffset.FromUnixTimeSeconds(time.GetInt64());

    private static byte[] Seed(byte value) => [.. Enumerable.Repeat(value, 32)];
}
