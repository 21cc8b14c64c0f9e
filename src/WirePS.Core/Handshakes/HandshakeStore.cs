using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
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
        (long?)tree?["displaced"] ?? 0);

    private static IEnumerable<JsonObject> Items(JsonObject? tree, string name) => (tree?[name]?.AsArray() ?? []).Select(static node => node!.AsObject());

    private PendingRequest ReadPending(JsonObject node) => new(
        Text(node, "id"),
        Time(node, "received_at"),
        Card(node),
        Text(node, "justification"),
        Text(node, "nonce"),
        new PeerRoute(Text(node, "relay_url"), Text(node, "slot_id"), Text(node, "slot_token")),
        ReadMailbox(node),
        (bool?)node["known"] ?? false);

    private static JsonNode Write(PendingRequest request) => new JsonObject
    {
        ["id"] = request.Id,
        ["received_at"] = Timestamps.Format(request.ReceivedAt),
        ["card"] = request.Card.JsonText,
        ["justification"] = request.Justification,
        ["nonce"] = request.Nonce,
        ["relay_url"] = request.Route.RelayUrl,
        ["slot_id"] = request.Route.SlotId,
        ["slot_token"] = request.Route.SlotToken,
        ["our_relay_url"] = request.Mailbox.RelayUrl,
        ["our_slot_id"] = request.Mailbox.SlotId,
        ["known"] = request.IsOfKnownKey,
    };

    private OutgoingRequest ReadOutgoing(JsonObject node) => new(
        Text(node, "id"),
        Time(node, "sent_at"),
        Card(node),
        Text(node, "key_source"),
        Text(node, "justification"),
        ReadMailbox(node),
        node["grant_id"] is null ? null : new Grant(Text(node, "grant_id"), Text(node, "grant_token")),
        Enum.TryParse<OutgoingStatus>(Text(node, "status"), ignoreCase: true, out var status) ? status : throw Corrupt(),
        (string?)node["reason"],
        node["ended_at"] is null ? null : Time(node, "ended_at"));

    private static JsonNode Write(OutgoingRequest request) => new JsonObject
    {
        ["id"] = request.Id,
        ["sent_at"] = Timestamps.Format(request.SentAt),
        ["card"] = request.Card.JsonText,
        ["key_source"] = request.KeySource,
        ["justification"] = request.Justification,
        ["our_relay_url"] = request.Mailbox.RelayUrl,
        ["our_slot_id"] = request.Mailbox.SlotId,
        ["grant_id"] = request.Grant?.Id,
        ["grant_token"] = request.Grant?.Token,
        ["status"] = JsonNamingPolicy.SnakeCaseLower.ConvertName(request.Status.ToString()),
        ["reason"] = request.Reason,
        ["ended_at"] = request.EndedAt is { } ended ? Timestamps.Format(ended) : null,
    };

    private SpentNonce ReadNonce(JsonObject node) => new(Text(node, "key"), Text(node, "nonce"), Time(node, "until"));

    private static JsonNode Write(SpentNonce nonce) => new JsonObject { ["key"] = nonce.Key, ["nonce"] = nonce.Nonce, ["until"] = Timestamps.Format(nonce.Until) };

    private MailboxPlace ReadMailbox(JsonObject node) => new(Text(node, "our_relay_url"), Text(node, "our_slot_id"));

    private AgentCard Card(JsonObject node)
    {
        try
        {
            // As a text: a card may be nested deeper than this file is read.
            return AgentCard.Parse(Encoding.UTF8.GetBytes(Text(node, "card")));
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
