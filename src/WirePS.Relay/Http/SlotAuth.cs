using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>Checks the bearer token of slot routes (wire.md §4.1): no token 401, no such slot 404, wrong token 403.</summary>
internal sealed class SlotAuth(IRelayStore store)
{
    private const string Prefix = "Bearer ";

    /// <summary>For v1 routes. Answers the request and returns null where the token does not open the route.</summary>
    public async Task<SlotAccess?> AuthoriseV1Async(HttpContext http, string slotId, bool grantsToo)
    {
        var (access, status) = await CheckAsync(http, slotId, grantsToo);
        switch (status)
        {
            case StatusCodes.Status200OK:
                return access;
            case StatusCodes.Status401Unauthorized:
                await Reply.ErrorAsync(http, status, "missing Bearer token");
                return null;
            case StatusCodes.Status404NotFound:
                await Reply.ErrorAsync(http, status, "unknown slot");
                return null;
            default:
                await Reply.ErrorAsync(http, status, "bad token");
                return null;
        }
    }

    /// <summary>For v2 routes, which are the owner's.</summary>
    public async Task<SlotAccess?> AuthoriseV2Async(HttpContext http, string slotId)
    {
        var (access, status) = await CheckAsync(http, slotId, grantsToo: false);
        switch (status)
        {
            case StatusCodes.Status200OK:
                return access;
            case StatusCodes.Status401Unauthorized:
                await Reply.ProblemAsync(http, status, "missing_token", "this route needs Authorization: Bearer with the slot's token");
                return null;
            case StatusCodes.Status404NotFound:
                await Reply.ProblemAsync(http, status, "unknown_slot", "there is no such slot");
                return null;
            default:
                await Reply.ProblemAsync(http, status, "bad_token", "the token does not open this route");
                return null;
        }
    }

    /// <summary>The token of the request; null where there is none, or more than one.</summary>
    public static string? BearerToken(HttpContext http)
    {
        var header = http.Request.Headers.Authorization;
        return header.Count == 1 && header[0] is { } value && value.StartsWith(Prefix, StringComparison.Ordinal) ? value[Prefix.Length..] : null;
    }

    private async Task<(SlotAccess Access, int Status)> CheckAsync(HttpContext http, string slotId, bool grantsToo)
    {
        if (BearerToken(http) is not { } token)
        {
            return (default, StatusCodes.Status401Unauthorized);
        }

        var access = await store.AuthoriseAsync(slotId, TokenHash.Of(token), http.RequestAborted);
        return access.Right switch
        {
            SlotRight.Owner => (access, StatusCodes.Status200OK),
            SlotRight.Grant when grantsToo => (access, StatusCodes.Status200OK),
            SlotRight.UnknownSlot => (access, StatusCodes.Status404NotFound),
            _ => (access, StatusCodes.Status403Forbidden),
        };
    }
}
