using System.Buffers;
using System.Text;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>
/// Short URLs of invites (wire.md §4.11). A token has 128 bits (R12, R13), each look that shows the invite is a use (R12, R14), and what is shown is
/// text: never a script, and nothing but a URL of wire (R15).
/// </summary>
internal sealed class V1InviteRoutes(RelayContext relay)
{
    private const int TokenDigits = 32;
    private const int DefaultLifetime = 24 * 3600;
    private const string Scheme = "wire://";

    private static readonly string[] Members = ["invite_url", "ttl_seconds", "uses"];

    /// <summary>What a URL consists of, less all that means something to a shell inside double quotes or a reader of HTML.</summary>
    private static readonly SearchValues<char> UrlCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?&=%+");

    public void Map(RouteTable routes) => routes
        .Map("/v1/invite/register", (HttpMethods.Post, RegisterAsync))
        .Map("/i/{}", (HttpMethods.Get, GetAsync));

    private async Task RegisterAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var members = Shape.Fit(body.RootElement, Members, Members.Length);
        var url = Shape.Text(members[0], "invite_url");
        var lifetime = Math.Clamp(
            Shape.OptionalNumber(members[1], "ttl_seconds", ulong.MaxValue) ?? DefaultLifetime, WireLimits.InviteLifetimeMin, WireLimits.InviteLifetimeMax);
        var uses = Shape.OptionalNumber(members[2], "uses", uint.MaxValue);
        if (url.Length == 0)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "invite_url required");
            return;
        }

        if (Encoding.UTF8.GetByteCount(url) > WireLimits.InviteUrlBytes)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status413PayloadTooLarge, "invite_url > 8 KiB");
            return;
        }

        if (!url.StartsWith(Scheme, StringComparison.Ordinal) || url.Length == Scheme.Length || url.AsSpan().ContainsAnyExcept(UrlCharacters))
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "invite_url must be a wire:// URL");
            return;
        }

        if (!relay.Limits.Invites.TryTake(relay.Limits.Sources.Resolve(http), out var retryAfter))
        {
            await Reply.TooManyAsync(http, retryAfter);
            return;
        }

        var token = RelayContext.NewHex(TokenDigits);
        var expiresAt = relay.Time.GetUtcNow().AddSeconds(lifetime);
        await relay.Store.RegisterInviteAsync(new NewInvite(TokenHash.Of(token), InviteSeal.Seal(token, url), (long?)uses, expiresAt), http.RequestAborted);
        await Reply.JsonAsync(
            http, StatusCodes.Status201Created, new InviteReply(expiresAt.ToUnixTimeSeconds(), "/i/" + token, token, uses), RelayJson.Wire.InviteReply);
    }

    private async Task GetAsync(HttpContext http, string[] values)
    {
        var isBare = new Query(http).Text("format") == "url";
        if (!await relay.MayLookUpAsync(http))
        {
            return;
        }

        var token = values[0];
        var use = HexText.Is(token, TokenDigits) ? await LookAsync(http, token) : new InviteUse(InviteOutcome.Unknown, []);
        switch (use.Outcome)
        {
            case InviteOutcome.Given:
                var url = InviteSeal.Open(token, use.SealedUrl);
                http.Response.Headers.CacheControl = "private, no-store, max-age=0";
                http.Response.Headers.XContentTypeOptions = "nosniff";
                await Reply.TextAsync(http, StatusCodes.Status200OK, isBare ? url : Page(url));
                return;
            case InviteOutcome.Expired:
                await Reply.TextAsync(http, StatusCodes.Status410Gone, "this invite has expired\n");
                return;
            case InviteOutcome.UsedUp:
                await Reply.TextAsync(http, StatusCodes.Status410Gone, "this invite has been used up\n");
                return;
            default:
                await Reply.TextAsync(http, StatusCodes.Status404NotFound, "not found\n");
                return;
        }
    }

    /// <summary>HEAD shows nothing, so it is no use.</summary>
    private Task<InviteUse> LookAsync(HttpContext http, string token) =>
        HttpMethods.IsHead(http.Request.Method)
            ? relay.Store.PeekInviteAsync(TokenHash.Of(token), http.RequestAborted)
            : relay.Store.UseInviteAsync(TokenHash.Of(token), http.RequestAborted);

    private static string Page(string url) => $"""
        # An invite to pair. This is text to read, not a script to run.
        # The relay has not looked into the invite: accept it only from somebody you know.

        {url}

        # With WirePS: import the module in PowerShell and give this URL to its command for invites:
        #   Get-Command -Module WirePS -Noun WireInvite
        # With wire:
        #   wire accept-invite "{url}"
        # Showing this page may have used the invite up: copy the URL now.

        """.ReplaceLineEndings("\n");
}
