using System.Runtime.InteropServices;
using System.Text.Json;
using WirePS.Identity;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>
/// Introductions to whoever holds a handle, without a token (wire.md §4.10). What is refused counts against nothing but the sender's own
/// questions (R3); what is stored wakes streams and waits like any event (R21).
/// </summary>
internal sealed class V1IntroRoutes(RelayContext relay)
{
    private static readonly string[] Members = ["event"];
    private static readonly string[] Types = ["pair_drop", "agent_card"];

    public void Map(RouteTable routes) => routes.Map("/v1/handle/intro/{}", (HttpMethods.Post, PostAsync));

    private async Task PostAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var item = Shape.Fit(body.RootElement, Members, Members.Length)[0] ?? throw RequestRefusedException.WrongShape("missing field `event`");
        if (!await relay.MayLookUpAsync(http))
        {
            return;
        }

        if (await relay.Store.FindHandleAsync(values[0], http.RequestAborted) is not { } handle)
        {
            await V1HandleRoutes.NobodyAsync(http, values[0]);
            return;
        }

        var text = CompactJson.Compact(JsonMarshal.GetRawUtf8Value(item));
        if (await IsIntroAsync(http, item, text.Length))
        {
            await StoreAsync(http, handle, text, EventIdentity.Of(item));
        }
    }

    /// <summary>Answers the request where the event is none.</summary>
    private static async Task<bool> IsIntroAsync(HttpContext http, JsonElement item, int size)
    {
        var kind = Member(item, "kind") is { ValueKind: JsonValueKind.Number } number && number.TryGetUInt64(out var value) ? value : 0;
        var type = Member(item, "type") is { ValueKind: JsonValueKind.String } name ? name.GetString()! : "";
        if (kind != EventKinds.AgentCard || !Types.Contains(type))
        {
            await Reply.JsonAsync(
                http,
                StatusCodes.Status400BadRequest,
                new IntroRefusedReply("intro endpoint only accepts kind=1100 pair_drop / agent_card events", kind, type),
                RelayJson.Wire.IntroRefusedReply);
            return false;
        }

        if (Member(item, "body") is not { } content || Member(content, "card") is not { } card)
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "intro event needs body.card");
            return false;
        }

        if (CardText.Verify(card) is (null, var fault))
        {
            await Reply.ErrorAsync(http, StatusCodes.Status400BadRequest, "embedded card signature invalid: " + fault);
            return false;
        }

        if (size > WireLimits.EventBytes)
        {
            await Reply.JsonAsync(
                http,
                StatusCodes.Status413PayloadTooLarge,
                new EventTooLargeReply("intro event exceeds 256 KiB", WireLimits.EventBytes),
                RelayJson.Wire.EventTooLargeReply);
            return false;
        }

        return true;
    }

    private async Task StoreAsync(HttpContext http, HandleView handle, byte[] text, EventIdentity identity)
    {
        var source = relay.Limits.Sources.Resolve(http);
        var toHandle = (source, handle.Nick);
        var mayPost = relay.Limits.Intros.TryTake(source, out var retryAfter);
        var mayPostToHandle = relay.Limits.IntrosToHandle.TryTake(toHandle, out var retryAfterToHandle);
        var result = await relay.Store.PostEventAsync(
            new SlotAccess(SlotRight.Intro, handle.SlotId, handle.Slot, null),
            new NewEvent(identity.Id is { } id ? TokenHash.Of(id) : null, text, WireLimits.SlotBytes, identity.Proof, mayPost && mayPostToHandle),
            http.RequestAborted);
        if (result.Outcome == PostEventOutcome.Stored)
        {
            relay.Metrics.EventStored();
            await Reply.JsonAsync(http, StatusCodes.Status201Created, new IntroReply(identity.Id, "dropped", handle.Nick), RelayJson.Wire.IntroReply);
            return;
        }

        if (mayPost)
        {
            relay.Limits.Intros.Return(source);
        }

        if (mayPostToHandle)
        {
            relay.Limits.IntrosToHandle.Return(toHandle);
        }

        switch (result.Outcome)
        {
            case PostEventOutcome.Duplicate:
                await Reply.JsonAsync(http, StatusCodes.Status200OK, new IntroReply(identity.Id, "duplicate", null), RelayJson.Wire.IntroReply);
                return;
            case PostEventOutcome.Refused when mayPost:
                Reply.RetryAfter(http, retryAfterToHandle);
                await Reply.ErrorAsync(
                    http,
                    StatusCodes.Status429TooManyRequests,
                    $"too many pair-intros to \"{handle.Nick}\" — rate limited (5 per 300s). Try again shortly.");
                return;
            case PostEventOutcome.Refused:
                await Reply.TooManyAsync(http, retryAfter);
                return;
            default:
                await Reply.ErrorAsync(http, StatusCodes.Status413PayloadTooLarge, "target slot quota exceeded");
                return;
        }
    }

    /// <summary>Of several members of a name the last counts, as for the real relay.</summary>
    private static JsonElement? Member(JsonElement item, string name) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty(name, out var value) ? value : null;
}
