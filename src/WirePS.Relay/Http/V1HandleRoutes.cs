using System.Text.Json;
using WirePS.Identity;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>The directory of handles (wire.md §4.9), with the rules of the newer revision.</summary>
internal sealed class V1HandleRoutes(RelayContext relay)
{
    private const int DefaultLimit = 100;
    private const int MaxLimit = 500;

    private static readonly string[] ClaimMembers = ["nick", "slot_id", "relay_url", "card", "discoverable"];

    public void Map(RouteTable routes) => routes
        .Map("/v1/handle/claim", (HttpMethods.Post, ClaimAsync))
        .Map("/v1/handle/claim/{}", (HttpMethods.Delete, ReleaseAsync))
        .Map("/v1/handles", (HttpMethods.Get, ListAsync))
        .Map("/.well-known/wire/agent", (HttpMethods.Get, ResolveAsync))
        .Map("/.well-known/agent-card.json", (HttpMethods.Get, AgentToAgentAsync));

    /// <summary>What the real relay says where nobody has a handle.</summary>
    public static Task NobodyAsync(HttpContext http, string nick) => Reply.ErrorAsync(
        http, StatusCodes.Status404NotFound, $"phyllis: that number's been disconnected — \"{nick}\" isn't claimed on this switchboard");

    private async Task ClaimAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var members = Shape.Fit(body.RootElement, ClaimMembers, ClaimMembers.Length);
        var nick = Shape.Text(members[0], "nick");
        var slotId = Shape.Text(members[1], "slot_id");
        var relayUrl = Shape.OptionalText(members[2], "relay_url");
        var cardText = members[3] ?? throw RequestRefusedException.WrongShape("missing field `card`");
        var isDiscoverable = Shape.OptionalBoolean(members[4], "discoverable");
        if (await relay.Auth.AuthoriseV1Async(http, slotId, grantsToo: false) is not { } access || !await IsClaimableAsync(http, nick))
        {
            return;
        }

        string? cleanUrl = null;
        if (!string.IsNullOrEmpty(relayUrl)
            && (relayUrl.Any(static letter => char.IsWhiteSpace(letter) || char.IsControl(letter)) || !RelayUrl.TryNormalize(relayUrl, out cleanUrl, out _)))
        {
            await Reply.JsonAsync(
                http,
                StatusCodes.Status400BadRequest,
                new RelayUrlRefusedReply("relay_url must be http(s)://host[:port] with no userinfo", relayUrl),
                RelayJson.Wire.RelayUrlRefusedReply);
            return;
        }

        var (card, fault) = CardText.Verify(cardText);
        if (card is null)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "card signature invalid: " + fault);
            return;
        }

        if (nick != card.Handle)
        {
            await Reply.JsonAsync(
                http,
                StatusCodes.Status400BadRequest,
                new NickMismatchReply("nick must be the handle of the card's DID", card.Handle, nick),
                RelayJson.Wire.NickMismatchReply);
            return;
        }

        await ClaimAsync(http, access, new NewHandle(
            nick,
            card.Did,
            card.PublicKey,
            card.Utf8.ToArray(),
            CardText.ShownProfile(card),
            CardText.Vibes(card),
            CardText.IsListed(card) && !nick.StartsWith("demo-", StringComparison.Ordinal) && !nick.StartsWith("test-", StringComparison.Ordinal),
            cleanUrl,
            isDiscoverable));
    }

    private async Task ClaimAsync(HttpContext http, SlotAccess access, NewHandle handle)
    {
        if (!relay.Limits.Claims.TryTake(relay.Limits.Sources.Resolve(http), out var retryAfter))
        {
            await Reply.TooManyAsync(http, retryAfter);
            return;
        }

        var result = await relay.Store.ClaimHandleAsync(access, handle, http.RequestAborted);
        switch (result.Outcome)
        {
            case ClaimOutcome.Claimed or ClaimOutcome.Reclaimed:
                var isFirst = result.Outcome == ClaimOutcome.Claimed;
                relay.Metrics.HandleClaimed(isFirst);
                await Reply.JsonAsync(
                    http, StatusCodes.Status201Created, new ClaimReply(handle.Did, handle.Nick, isFirst ? "claimed" : "re-claimed"), RelayJson.Wire.ClaimReply);
                return;
            case ClaimOutcome.Full:
                await Reply.UnavailableAsync(http, "relay handle capacity reached", 3600);
                return;
            default:
                var error = result.Outcome == ClaimOutcome.HeldByAnother
                    ? "that handle belongs to somebody else"
                    : "that handle is held through another slot: release it with the token of that slot first";
                await Reply.JsonAsync(http, StatusCodes.Status409Conflict, new NickHeldReply(result.HolderDid, error, handle.Nick), RelayJson.Wire.NickHeldReply);
                return;
        }
    }

    private async Task ReleaseAsync(HttpContext http, string[] values)
    {
        var nick = values[0];
        if (!await IsClaimableAsync(http, nick) || !await relay.MayLookUpAsync(http))
        {
            return;
        }

        if (await relay.Store.FindHandleAsync(nick, http.RequestAborted) is not { } handle)
        {
            await NotClaimedAsync();
            return;
        }

        if (await relay.Auth.AuthoriseV1Async(http, handle.SlotId, grantsToo: false) is not { } access)
        {
            return;
        }

        if (await relay.Store.ReleaseHandleAsync(access, nick, http.RequestAborted))
        {
            await Reply.JsonAsync(http, StatusCodes.Status200OK, new ReleaseReply(nick, "unclaimed"), RelayJson.Wire.ReleaseReply);
            return;
        }

        // released, or claimed anew, while this request ran
        await NotClaimedAsync();

        Task NotClaimedAsync() => Reply.ErrorAsync(http, StatusCodes.Status404NotFound, $"\"{nick}\" isn't claimed");
    }

    private async Task ResolveAsync(HttpContext http, string[] values)
    {
        if (await FindAsync(http) is not { } handle)
        {
            return;
        }

        var reply = new HandleReply(
            JsonElement.Parse(handle.Card), RelayTime.FormatSeconds(handle.ClaimedAt), handle.Did, handle.Nick, handle.RelayUrl, handle.SlotId);
        await Reply.JsonAsync(http, StatusCodes.Status200OK, reply, RelayJson.Wire.HandleReply);
    }

    private async Task AgentToAgentAsync(HttpContext http, string[] values)
    {
        if (await FindAsync(http) is { } handle)
        {
            await Reply.BytesAsync(http, StatusCodes.Status200OK, Reply.JsonType, AgentToAgentCard.Write(handle));
        }
    }

    private async Task ListAsync(HttpContext http, string[] values)
    {
        var query = new Query(http);
        var after = query.Text("cursor") ?? "";
        var vibe = query.Text("vibe");
        var limit = Math.Max(1, query.Number("limit", MaxLimit) ?? DefaultLimit);
        if (!await relay.MayLookUpAsync(http))
        {
            return;
        }

        var page = await relay.Store.ListHandlesAsync(after, vibe is null ? null : CardText.LowerCase(vibe), limit, http.RequestAborted);
        var entries = page.Items.Select(static item => new HandleEntry(RelayTime.FormatSeconds(item.ClaimedAt), item.Did, item.Nick, JsonElement.Parse(item.Profile)));
        var reply = new HandleListReply([.. entries], page.More ? page.Items[^1].Nick : null);
        await Reply.JsonAsync(http, StatusCodes.Status200OK, reply, RelayJson.Wire.HandleListReply);
    }

    /// <summary>Finds the handle that a query names, with or without a domain. Answers the request where there is none.</summary>
    private async Task<HandleView?> FindAsync(HttpContext http)
    {
        var nick = WireDid.BareHandle(new Query(http).RequiredText("handle"));
        if (nick.Length == 0)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "handle missing nick");
            return null;
        }

        if (!await relay.MayLookUpAsync(http))
        {
            return null;
        }

        var handle = await relay.Store.FindHandleAsync(nick, http.RequestAborted);
        if (handle is null)
        {
            await NobodyAsync(http, nick);
        }

        return handle;
    }

    private static async Task<bool> IsClaimableAsync(HttpContext http, string nick)
    {
        var isClaimable = HandleRules.IsClaimable(nick);
        if (!isClaimable)
        {
            const string error = "phyllis: that handle won't fit in the books — nicks need 2-32 chars, lowercase [a-z0-9_-], not on the reserved list";
            await Reply.JsonAsync(http, StatusCodes.Status400BadRequest, new NickRefusedReply(error, nick), RelayJson.Wire.NickRefusedReply);
        }

        return isClaimable;
    }
}
