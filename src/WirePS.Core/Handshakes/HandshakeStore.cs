using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>The state of handshakes on disk, <c>handshake.json</c> (wireps.md §8). Whom this home trusts stands in the trust store alone.</summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
internal sealed class HandshakeStore(WireHome home, IFileSystem files)
{
    private readonly JsonFile _file = new(files, home.HandshakeFile, home.LockFile("handshake"));

    /// <summary>What stands there.</summary>
    internal HandshakeState Load() => _file.Get(Read);

    /// <summary>Changes it under its lock; it is on disk when this returns.</summary>
    /// <param name="change">Changes it; what it gives says whether there is something to write.</param>
    /// <param name="beforeWrite">Work that must be done before.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal Task UpdateAsync(Func<HandshakeState, bool> change, Func<Task> beforeWrite, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            var state = Read(tree);
            var isChanged = change(state);
            if (isChanged)
            {
                tree["version"] ??= 1;
                tree["pending"] = new JsonArray([.. state.Pending.Select(Write)]);
                tree["outgoing"] = new JsonArray([.. state.Outgoing.Select(Write)]);
                tree["nonces"] = new JsonArray([.. state.Nonces.Select(Write)]);
                tree["unbound"] = new JsonArray([.. state.Unbound.Select(Write)]);
                tree["displaced"] = state.Displaced;
            }

            return isChanged;
        },
        beforeWrite,
        cancellationToken);

    private HandshakeState Read(JsonObject? tree) => new(
        Items(tree, "pending").Select(ReadPending),
        Items(tree, "outgoing").Select(ReadOutgoing),
        Items(tree, "nonces").Select(ReadNonce),
        (long?)tree?["displaced"] ?? 0)
    {
        Unbound = [.. Items(tree, "unbound").Select(node => new ForeignTrust((uint?)node["node_id"] ?? throw Corrupt(), "", Time(node, "approved_at"), (bool?)node["mutual"] ?? false, (ushort?)node["network"] ?? 0))],
    };

    private static JsonNode Write(ForeignTrust record) => new JsonObject
    {
        ["node_id"] = record.NodeId,
        ["approved_at"] = Timestamps.Format(record.ApprovedAt),
        ["mutual"] = record.IsMutual,
        ["network"] = record.Network,
    };

    private static IEnumerable<JsonObject> Items(JsonObject? tree, string name) => (tree?[name]?.AsArray() ?? []).Select(static node => node!.AsObject());

    private PendingRequest ReadPending(JsonObject node)
    {
        var card = Card(node);
        var key = card?.PublicKey ?? (StrictBase64.TryDecode((string?)node["public_key"], Ed25519.PublicKeyBytes, out var bytes) ? bytes : throw Corrupt());
        var request = new PendingRequest(
            Text(node, "id"),
            Time(node, "received_at"),
            card,
            key,
            Text(node, "justification"),
            Text(node, "nonce"),
            node["slot_id"] is null ? null : new PeerRoute(Text(node, "relay_url"), Text(node, "slot_id"), Text(node, "slot_token")),
            ReadMailbox(node),
            (bool?)node["known"] ?? false)
        {
            Source = (string?)node["source"],
            Answer = Address(node, "answer"),
            IsAddressed = (bool?)node["addressed"] ?? true,
        };
        return (uint?)node["node_id"] is { } id ? request with { NodeId = id } : request;
    }

    private static JsonNode Write(PendingRequest request) => new JsonObject
    {
        ["id"] = request.Id,
        ["received_at"] = Timestamps.Format(request.ReceivedAt),
        ["card"] = request.Card?.JsonText,
        ["public_key"] = StrictBase64.Encode(request.PublicKey),
        ["node_id"] = request.NodeId,
        ["justification"] = request.Justification,
        ["nonce"] = request.Nonce,
        ["relay_url"] = request.Route?.RelayUrl,
        ["slot_id"] = request.Route?.SlotId,
        ["slot_token"] = request.Route?.SlotToken,
        ["our_relay_url"] = request.Mailbox?.RelayUrl,
        ["our_slot_id"] = request.Mailbox?.SlotId,
        ["known"] = request.IsOfKnownKey,
        ["source"] = request.Source,
        ["answer"] = request.Answer?.ToString(),
        ["addressed"] = request.IsAddressed,
    };

    private OutgoingRequest ReadOutgoing(JsonObject node) => new(
        Text(node, "id"),
        Time(node, "sent_at"),
        Card(node),
        Text(node, "key_source"),
        Text(node, "justification"),
        ReadMailbox(node),
        node["grant_id"] is null ? null : new Grant(Text(node, "grant_id"), Text(node, "grant_token")),
        Enum.TryParse<OutgoingStatus>(Text(node, "status").Replace("_", "", StringComparison.Ordinal), ignoreCase: true, out var status) ? status : throw Corrupt(),
        (string?)node["reason"],
        node["ended_at"] is null ? null : Time(node, "ended_at"))
    {
        Address = Address(node, "address"),
        Fingerprint = (string?)node["fingerprint"],
    };

    private static JsonNode Write(OutgoingRequest request) => new JsonObject
    {
        ["id"] = request.Id,
        ["sent_at"] = Timestamps.Format(request.SentAt),
        ["card"] = request.Card?.JsonText,
        ["key_source"] = request.KeySource,
        ["justification"] = request.Justification,
        ["our_relay_url"] = request.Mailbox?.RelayUrl,
        ["our_slot_id"] = request.Mailbox?.SlotId,
        ["grant_id"] = request.Grant?.Id,
        ["grant_token"] = request.Grant?.Token,
        ["status"] = JsonNamingPolicy.SnakeCaseLower.ConvertName(request.Status.ToString()),
        ["reason"] = request.Reason,
        ["ended_at"] = request.EndedAt is { } ended ? Timestamps.Format(ended) : null,
        ["address"] = request.Address?.ToString(),
        ["fingerprint"] = request.Fingerprint,
    };

    private SpentNonce ReadNonce(JsonObject node) => new(Text(node, "key"), Text(node, "nonce"), Time(node, "until"));

    private static JsonNode Write(SpentNonce nonce) => new JsonObject { ["key"] = nonce.Key, ["nonce"] = nonce.Nonce, ["until"] = Timestamps.Format(nonce.Until) };

    private MailboxPlace? ReadMailbox(JsonObject node) => node["our_slot_id"] is null ? null : new(Text(node, "our_relay_url"), Text(node, "our_slot_id"));

    private DirectAddress? Address(JsonObject node, string name) =>
        (string?)node[name] is not { } text ? null : DirectAddress.TryParse(text) ?? throw Corrupt();

    private AgentCard? Card(JsonObject node)
    {
        try
        {
            // As a text: a card may be nested deeper than this file is read.
            return (string?)node["card"] is { } text ? AgentCard.Parse(Encoding.UTF8.GetBytes(text)) : null;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson)
        {
            throw new WireException(WireReason.FileCorrupt, null, home.HandshakeFile, error);
        }
    }

    private string Text(JsonObject node, string name) => (string?)node[name] ?? throw Corrupt();

    private DateTimeOffset Time(JsonObject node, string name) => Timestamps.TryParse(Text(node, name), out var time) ? time : throw Corrupt();

    private WireException Corrupt() => new(WireReason.FileCorrupt, null, home.HandshakeFile);
}
