using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>The file form of a token that has more than the other program's file can hold (wireps.md §7).</summary>
internal static class StoredTokenJson
{
    /// <summary>Reads a file's tree. <see cref="WireReason.FileCorrupt"/>.</summary>
    internal static StoredToken Read(JsonObject tree, string path)
    {
        try
        {
            return Read(WireJson.Parse(tree.ToJsonString())) ?? throw new WireException(WireReason.FileCorrupt, null, path);
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidJson or WireReason.InvalidCard or WireReason.InvalidRights)
        {
            throw new WireException(WireReason.FileCorrupt, null, path, error);
        }
    }

    /// <summary>Sets the members of a token; others in the tree stay.</summary>
    internal static void Write(JsonObject tree, StoredToken token)
    {
        tree["version"] = 1;
        tree["token_hash"] = token.Hash;
        tree["principal"] = token.Principal;
        tree["label"] = token.Label;
        tree["rights"] = new JsonArray([.. token.Rights.ToNames().Select(static name => JsonValue.Create(name))]);
        tree["issued_at_epoch"] = token.IssuedAt;
        tree["expires_at_epoch"] = token.ExpiresAt;
        tree["state"] = NameOf(token.State);
        tree["grant"] = token.Grant is not { } grant ? null : new JsonObject { ["relay_url"] = grant.RelayUrl, ["slot_id"] = grant.SlotId, ["grant_id"] = grant.GrantId };
        tree["reservation"] = token.Reservation is not { } reservation ? null : new JsonObject
        {
            ["card"] = NodeOf(reservation.Card.Json),
            ["label"] = reservation.Label,
            ["endpoints"] = NodeOf(DeviceEndpoint.ToJson(reservation.Endpoints)),
            ["at"] = Timestamps.Format(reservation.At),
            ["passing"] = reservation.Passing is not { } passing ? null
                : new JsonObject { ["proof"] = StrictBase64.Encode(passing.Proof), ["request"] = passing.RequestId },
        };
        tree["answer"] = token.Answer is null ? null : NodeOf(token.Answer);
    }

    private static StoredToken? Read(WireJson json)
    {
        if (json.GetString("token_hash") is not { } hash || !PairToken.IsHash(hash)
            || json.GetString("principal") is not { } principal
            || json.GetInt64("issued_at_epoch") is not (>= 0 and var issuedAt)
            || json.GetInt64("expires_at_epoch") is not (>= 0 and var expiresAt)
            || StateOf(json.GetString("state")) is not { } state)
        {
            return null;
        }

        var grant = json.GetObject("grant") is { } given ? GrantOf(given) : null;
        var reservation = json.GetObject("reservation") is { } used ? ReservationOf(used) : null;
        var answer = json.GetObject("answer");

        // A grant that cannot be read would never be revoked; a state without what belongs to it could be used again.
        var isSound = PairTokens.IsLifetime(expiresAt - issuedAt)
            && (grant is null) == IsNothing(json, "grant")
            && (reservation is null) == IsNothing(json, "reservation")
            && (reservation is null) == (state == PairTokenState.Live)
            && (answer is null) == (state != PairTokenState.Used);
        return !isSound ? null : new StoredToken
        {
            Hash = hash,
            Principal = principal,
            Label = json.GetString("label"),
            IssuedAt = issuedAt,
            ExpiresAt = expiresAt,
            Rights = DeviceRightsText.Parse(json.GetArray("rights")?.Items.Select(static item => item.AsString()) ?? []),
            State = state,
            Grant = grant,
            Reservation = reservation,
            Answer = answer,
        };
    }

    private static TokenReservation? ReservationOf(WireJson json) =>
        json.GetObject("card") is { } card && DeviceEndpoint.TryRead(json.GetArray("endpoints")) is { } endpoints && Timestamps.TryParse(json.GetString("at"), out var at)
        && (IsNothing(json, "passing") ? null : PassingOf(json.GetObject("passing"))) is var passing && (passing is null) == IsNothing(json, "passing")
            ? new(AgentCard.From(card).Verify().RequireSingleKey(), json.GetString("label"), endpoints, at, passing)
            : null;

    private static TokenPassing? PassingOf(WireJson? json) =>
        StrictBase64.TryDecode(json?.GetString("proof"), Ed25519.SignatureBytes, out var proof) && json?.GetString("request") is { } request ? new(proof, request) : null;

    private static GivenGrant? GrantOf(WireJson json) =>
        json.GetString("relay_url") is { } url && json.GetString("slot_id") is { } slot && json.GetString("grant_id") is { } grant ? new(url, slot, grant) : null;

    private static bool IsNothing(WireJson json, string name) => !json.TryGet(name, out var value) || value.Kind == WireJsonKind.Null;

    private static JsonNode? NodeOf(WireJson json) => JsonNode.Parse(json.ToCompactBytes());

    private static string NameOf(PairTokenState state) => state switch
    {
        PairTokenState.Live => "live",
        PairTokenState.Reserved => "reserved",
        PairTokenState.Used => "used",
        _ => throw new ArgumentOutOfRangeException(nameof(state), "A token that cannot be used is not written."),
    };

    private static PairTokenState? StateOf(string? name) => name switch
    {
        "live" => PairTokenState.Live,
        "reserved" => PairTokenState.Reserved,
        "used" => PairTokenState.Used,
        _ => null,
    };
}
