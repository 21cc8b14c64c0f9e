using System.Text;
using System.Text.Json;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Http;

/// <summary>
/// The rendezvous of protocol v1 (wire.md §4.8) with the changes of relay-v2.md, and with these additions of ours, which an older
/// client never asks for and an older relay ignores:
/// <list type="bullet">
/// <item><c>POST /v1/pair</c> with <c>"expires_in"</c> (seconds, 1 to 604,800) is answered with <c>"expires_at"</c> beside <c>pair_id</c>. The
/// expiry is absolute and the host's: a guest's <c>expires_in</c> counts until the host has opened. Default 24 h. An open for a code whose
/// rendezvous has expired starts a new one.</item>
/// <item><c>GET /v1/pair/{id}?as_role=r&amp;wait=s&amp;have=none|msg|bootstrap</c>: with <c>have</c> the reply gains <c>expires_at</c> and
/// <c>peer_done</c>. With <c>wait</c> (at most 55) it comes when there is more than <c>have</c>: <c>peer_msg</c> beyond <c>none</c>,
/// <c>peer_bootstrap</c> beyond <c>msg</c>, <c>peer_done</c> beyond <c>bootstrap</c>; or when the rendezvous ends (404), or when the time is over. A
/// relay that stops answers 503 with Retry-After.</item>
/// <item>With both bootstraps a rendezvous is decided: neither expiry nor a plain abandon deletes it (abandon still answers 204). It is kept until
/// both sides have said done, or for 30 days.</item>
/// <item><c>POST /v1/pair/abandon</c> with <c>{"code_hash","pair_id","role","done":true}</c> says done for that role; idempotent, 204. A
/// wrong pair_id, or a rendezvous that is not decided, changes nothing. When both are done all messages are deleted, the code is free
/// again, and for 7 days a read by pair_id shows no messages and <c>peer_done</c> true.</item>
/// </list>
/// </summary>
internal sealed class V1PairRoutes(RelayContext relay)
{
    private const string UnknownPair = "unknown pair_id";

    private static readonly string[] OpenMembers = ["code_hash", "msg", "role", "expires_in"];
    private static readonly string[] BootstrapMembers = ["role", "sealed"];
    private static readonly string[] AbandonMembers = ["code_hash", "pair_id", "role", "done"];

    public void Map(RouteTable routes) => routes
        .Map("/v1/pair", (HttpMethods.Post, OpenAsync))
        .Map("/v1/pair/abandon", (HttpMethods.Post, AbandonAsync))
        .Map("/v1/pair/{}", (HttpMethods.Get, GetAsync))
        .Map("/v1/pair/{}/bootstrap", (HttpMethods.Post, BootstrapAsync));

    private async Task OpenAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var members = Shape.Fit(body.RootElement, OpenMembers, arrayMembers: 3);
        var codeHash = Shape.Text(members[0], "code_hash");
        var message = Encoding.UTF8.GetBytes(Shape.Text(members[1], "msg"));
        var roleName = Shape.Text(members[2], "role");
        var lifetime = Lifetime(members[3]);
        Bound(Encoding.UTF8.GetByteCount(codeHash), WireLimits.CodeHashBytes, "code_hash");
        Bound(message.Length, WireLimits.PairMessageBytes, "msg");
        if (PairRoleNames.Parse(roleName) is not { } role)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "role must be 'host' or 'guest'");
            return;
        }

        // paid by whoever makes the relay remember a new rendezvous; the one who comes to it pays nothing
        var source = relay.Limits.Sources.Resolve(http);
        var mayCreate = relay.Limits.Rendezvous.TryTake(source, out var retryAfter);
        var result = await relay.Store.OpenPairAsync(
            new OpenPair(TokenHash.Of(codeHash), RelayContext.NewHex(32), role, message, lifetime ?? Retention.DefaultPairLifetime, mayCreate),
            http.RequestAborted);
        if (mayCreate && result.Outcome != OpenPairOutcome.Created)
        {
            relay.Limits.Rendezvous.Return(source);
        }

        switch (result.Outcome)
        {
            case OpenPairOutcome.Refused:
                await Reply.TooManyAsync(http, retryAfter);
                return;
            case OpenPairOutcome.Conflict:
                await Reply.ErrorAsync(http, StatusCodes.Status409Conflict, $"{roleName} already registered for this code");
                return;
            case OpenPairOutcome.Created:
                relay.Metrics.PairOpened();
                break;
        }

        var reply = new OpenPairReply(result.PairId, lifetime is null ? null : RelayTime.Format(result.ExpiresAt));
        await Reply.JsonAsync(http, StatusCodes.Status201Created, reply, RelayJson.Wire.OpenPairReply);
    }

    private async Task GetAsync(HttpContext http, string[] values)
    {
        var query = new Query(http);
        var roleName = query.RequiredText("as_role");
        var wait = query.Number("wait", LongPoll.MaxSeconds) ?? 0;
        var haveName = query.Text("have");
        var pairId = values[0];

        // the real relay looks for the rendezvous before it looks at the role: an unknown id wins
        if (PairRoleNames.Parse(roleName) is not { } role)
        {
            var known = await relay.Store.ReadPairAsync(pairId, PairRole.Host, http.RequestAborted) is not null;
            await (known
                ? Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "as_role must be 'host' or 'guest'")
                : Reply.ErrorAsync(http, StatusCodes.Status404NotFound, UnknownPair));
            return;
        }

        var have = haveName is null or "none" ? Progress.Nothing : haveName switch
        {
            "msg" => Progress.Message,
            "bootstrap" => Progress.Bootstrap,
            _ => throw RequestRefusedException.BadRequest("have must be 'none', 'msg' or 'bootstrap'"),
        };
        var (go, view) = await relay.LookOrWaitAsync(http, NewsKey.Pair(pairId), wait, LookAsync);
        if (!go)
        {
            return;
        }

        if (view is null)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status404NotFound, UnknownPair);
            return;
        }

        var reply = new PairReply(
            Text(view.PeerBootstrap),
            Text(view.PeerMessage),
            haveName is null ? null : view.PeerDone,
            haveName is null ? null : RelayTime.Format(view.ExpiresAt));
        await Reply.JsonAsync(http, StatusCodes.Status200OK, reply, RelayJson.Wire.PairReply);

        async Task<Look<PairView?>> LookAsync(CancellationToken cancellationToken)
        {
            var seen = await relay.Store.ReadPairAsync(pairId, role, cancellationToken);
            return new Look<PairView?>(seen, seen is null || ProgressOf(seen) > have, seen?.RemoveAt);
        }
    }

    private async Task BootstrapAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var members = Shape.Fit(body.RootElement, BootstrapMembers, BootstrapMembers.Length);
        var roleName = Shape.Text(members[0], "role");
        var sealedBootstrap = Encoding.UTF8.GetBytes(Shape.Text(members[1], "sealed"));
        Bound(sealedBootstrap.Length, WireLimits.MessageBytes, "sealed");
        if (PairRoleNames.Parse(roleName) is not { } role)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "role must be 'host' or 'guest'");
            return;
        }

        var outcome = await relay.Store.PostBootstrapAsync(values[0], role, sealedBootstrap, http.RequestAborted);
        await (outcome switch
        {
            BootstrapOutcome.Stored => Reply.JsonAsync(http, StatusCodes.Status201Created, new OkReply(true), RelayJson.Wire.OkReply),
            BootstrapOutcome.UnknownPair => Reply.ErrorAsync(http, StatusCodes.Status404NotFound, UnknownPair),
            _ => Reply.ErrorAsync(http, StatusCodes.Status409Conflict, $"{roleName} already sent another bootstrap"),
        });
    }

    private async Task AbandonAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var members = Shape.Fit(body.RootElement, AbandonMembers, arrayMembers: 1);
        var codeHash = TokenHash.Of(Shape.Text(members[0], "code_hash"));
        var done = members[3] switch
        {
            null or { ValueKind: JsonValueKind.Null or JsonValueKind.False } => false,
            { ValueKind: JsonValueKind.True } => true,
            _ => throw RequestRefusedException.WrongShape("done: invalid type, expected a boolean"),
        };
        if (done)
        {
            var pairId = Shape.Text(members[1], "pair_id");
            if (PairRoleNames.Parse(Shape.Text(members[2], "role")) is not { } role)
            {
                await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "role must be 'host' or 'guest'");
                return;
            }

            await relay.Store.FinishPairAsync(codeHash, pairId, role, http.RequestAborted);
        }
        else
        {
            await relay.Store.AbandonPairAsync(codeHash, http.RequestAborted);
        }

        await Reply.EmptyAsync(http, StatusCodes.Status204NoContent);
    }

    private static TimeSpan? Lifetime(JsonElement? value)
    {
        if (value is null or { ValueKind: JsonValueKind.Null })
        {
            return null;
        }

        return value.Value is { ValueKind: JsonValueKind.Number } number
            && number.TryGetInt32(out var seconds)
            && seconds is >= WireLimits.PairLifetimeMin and <= WireLimits.PairLifetimeMax
            ? TimeSpan.FromSeconds(seconds)
            : throw RequestRefusedException.BadRequest($"expires_in must be a number of seconds from {WireLimits.PairLifetimeMin} to {WireLimits.PairLifetimeMax}");
    }

    private static void Bound(int length, int limit, string name)
    {
        if (length > limit)
        {
            throw RequestRefusedException.TooLarge($"{name} is longer than {limit} bytes");
        }
    }

    private static Progress ProgressOf(PairView view) =>
        view.PeerDone ? Progress.Done
        : view.PeerBootstrap is not null ? Progress.Bootstrap
        : view.PeerMessage is not null ? Progress.Message
        : Progress.Nothing;

    private static string? Text(byte[]? utf8) => utf8 is null ? null : Encoding.UTF8.GetString(utf8);

    /// <summary>How far the other side has come; each step is more than the one before.</summary>
    private enum Progress
    {
        Nothing,
        Message,
        Bootstrap,
        Done,
    }
}
