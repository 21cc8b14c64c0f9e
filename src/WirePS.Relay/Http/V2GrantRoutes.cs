using System.Text.Json;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>Grants: the owner makes, lists and revokes write-only keys to its slot (relay-v2.md, Grants).</summary>
internal sealed class V2GrantRoutes(RelayContext relay)
{
    private const int IdDigits = 32;
    private const int TokenDigits = 64;
    private const int DefaultLimit = 100;
    private const int MaxLimit = 1000;

    private static readonly string[] Rights = ["post"];

    public void Map(RouteTable routes) => routes
        .Map("/v2/slot/{}/grants/{}", (HttpMethods.Put, PutAsync), (HttpMethods.Delete, DeleteAsync))
        .Map("/v2/slot/{}/grants", (HttpMethods.Get, ListAsync));

    private async Task PutAsync(HttpContext http, string[] values)
    {
        if (await relay.Auth.AuthoriseV2Async(http, values[0]) is not { } access)
        {
            return;
        }

        using var body = await BodyReader.ReadV2Async(http, WireLimits.GrantBytes);
        var result = await relay.Store.PutGrantAsync(access, Read(values[1], body.RootElement), http.RequestAborted);
        await (result.Outcome switch
        {
            PutGrantOutcome.Created => Reply.JsonAsync(http, StatusCodes.Status201Created, View(result.Grant!), RelayJson.Wire.GrantReply),
            PutGrantOutcome.Repeated => Reply.JsonAsync(http, StatusCodes.Status200OK, View(result.Grant!), RelayJson.Wire.GrantReply),
            PutGrantOutcome.Revoked => Reply.ProblemAsync(http, StatusCodes.Status409Conflict, "grant_revoked", "this id was revoked; use a new one"),
            PutGrantOutcome.TooMany => Reply.ProblemAsync(http, StatusCodes.Status409Conflict, "grant_limit", "the slot has as many grants as it may have"),
            _ => Reply.ProblemAsync(http, StatusCodes.Status409Conflict, "grant_conflict", "another grant has this id or this token"),
        });
    }

    private async Task DeleteAsync(HttpContext http, string[] values)
    {
        if (await relay.Auth.AuthoriseV2Async(http, values[0]) is not { } access)
        {
            return;
        }

        await relay.Store.RevokeGrantAsync(access, GrantId(values[1]), http.RequestAborted);
        await Reply.EmptyAsync(http, StatusCodes.Status204NoContent);
    }

    private async Task ListAsync(HttpContext http, string[] values)
    {
        if (await relay.Auth.AuthoriseV2Async(http, values[0]) is not { } access)
        {
            return;
        }

        var (after, limit) = ReadPage(http);
        var page = await relay.Store.ListGrantsAsync(access, after, limit, http.RequestAborted);
        var reply = new GrantListReply([.. page.Items.Select(View)], page.More, page.Items.Count > 0 ? page.Items[^1].GrantId : null);
        await Reply.JsonAsync(http, StatusCodes.Status200OK, reply, RelayJson.Wire.GrantListReply);
    }

    private static (string? After, int Limit) ReadPage(HttpContext http)
    {
        var query = Query.V2(http);
        var after = query.Text("after");
        var limit = query.Number("limit", MaxLimit) ?? DefaultLimit;
        if (limit == 0)
        {
            throw RequestRefusedException.BadRequest($"limit is 1 to {MaxLimit}");
        }

        return (string.IsNullOrEmpty(after) ? null : GrantId(after), limit);
    }

    private static NewGrant Read(string grantId, JsonElement body)
    {
        if (!body.TryGetProperty("token", out var token) || token.ValueKind != JsonValueKind.String || !HexText.Is(token.GetString()!, TokenDigits))
        {
            throw RequestRefusedException.BadRequest($"token must be {TokenDigits} lowercase hex digits");
        }

        if (!body.TryGetProperty("rights", out var rights) || rights.ValueKind != JsonValueKind.Array || rights.GetArrayLength() != 1
            || rights[0].ValueKind != JsonValueKind.String || !rights[0].ValueEquals(Rights[0]))
        {
            throw RequestRefusedException.BadRequest("rights must be [\"post\"]");
        }

        DateTimeOffset? expiresAt = null;
        if (Optional(body, "expires_at") is { } expiry)
        {
            expiresAt = expiry.ValueKind == JsonValueKind.String && RelayTime.TryParse(expiry.GetString()!, out var at)
                ? at
                : throw RequestRefusedException.BadRequest("expires_at must be a time as in RFC 3339");
        }

        long? perHour = null;
        if (Optional(body, "per_hour") is { } rate)
        {
            perHour = rate.ValueKind == JsonValueKind.Number && rate.TryGetInt64(out var number) && number > 0
                ? number
                : throw RequestRefusedException.BadRequest("per_hour must be a whole number above 0");
        }

        return new NewGrant(GrantId(grantId), TokenHash.Of(token.GetString()!), expiresAt, perHour);
    }

    private static JsonElement? Optional(JsonElement body, string name) =>
        body.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string GrantId(string text) =>
        HexText.Is(text, IdDigits) ? text : throw RequestRefusedException.BadRequest($"a grant id is {IdDigits} lowercase hex digits");

    private static GrantReply View(GrantView grant) => new(
        grant.GrantId,
        Rights,
        RelayTime.Format(grant.CreatedAt),
        grant.ExpiresAt is { } expiresAt ? RelayTime.Format(expiresAt) : null,
        grant.PerHour,
        grant.Events,
        grant.LastUsedAt is { } usedAt ? RelayTime.Format(usedAt) : null);
}
