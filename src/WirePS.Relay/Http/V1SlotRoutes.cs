using System.Text;
using System.Text.Json;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>Allocation and state of slots (wire.md §4.4, §4.3).</summary>
internal sealed class V1SlotRoutes(RelayContext relay)
{
    private static readonly string[] AllocateMembers = ["handle"];
    private static readonly string[] HealthMembers = ["status", "reason", "last_success_at", "set_at"];

    public void Map(RouteTable routes) => routes
        .Map("/v1/slot/allocate", (HttpMethods.Post, AllocateAsync))
        .Map("/v1/slot/{}/state", (HttpMethods.Get, StateAsync))
        .Map("/v1/slot/{}/responder-health", (HttpMethods.Post, ResponderHealthAsync));

    private async Task AllocateAsync(HttpContext http, string[] values)
    {
        if (!relay.Limits.Allocations.TryTake(relay.Limits.Sources.Resolve(http), out var retryAfter))
        {
            await Reply.TooManyAsync(http, retryAfter);
            return;
        }

        using var body = await BodyReader.ReadV1Async(http);
        _ = Shape.OptionalText(Shape.Fit(body.RootElement, AllocateMembers, AllocateMembers.Length)[0], "handle");
        var reply = new AllocateReply(RelayContext.NewHex(32), RelayContext.NewHex(64));
        await relay.Store.CreateSlotAsync(reply.SlotId, TokenHash.Of(reply.SlotToken), http.RequestAborted);
        relay.Metrics.SlotAllocated();
        await Reply.JsonAsync(http, StatusCodes.Status201Created, reply, RelayJson.Wire.AllocateReply);
    }

    /// <summary>A grant may ask too, as a real client does before it sends, but does not learn how much waits in the mailbox.</summary>
    private async Task StateAsync(HttpContext http, string[] values)
    {
        if (await relay.Auth.AuthoriseV1Async(http, values[0], grantsToo: true) is not { } access)
        {
            return;
        }

        var state = await relay.Store.ReadSlotStateAsync(access, http.RequestAborted);
        JsonElement? health = state.ResponderHealth is { } stored ? JsonElement.Parse(stored) : null;
        var reply = new SlotStateReply(
            access.Right == SlotRight.Owner ? state.EventCount : 0,
            state.LastPullAt?.ToUnixTimeSeconds(),
            health,
            access.SlotId);
        await Reply.JsonAsync(http, StatusCodes.Status200OK, reply, RelayJson.Wire.SlotStateReply);
    }

    private async Task ResponderHealthAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var members = Shape.Fit(body.RootElement, HealthMembers, HealthMembers.Length);
        var health = new ResponderHealth(
            Shape.Text(members[0], "status"),
            Shape.OptionalText(members[1], "reason"),
            Shape.OptionalText(members[2], "last_success_at"),
            Shape.Text(members[3], "set_at"));
        if (await relay.Auth.AuthoriseV1Async(http, values[0], grantsToo: false) is not { } access)
        {
            return;
        }

        var stored = JsonSerializer.SerializeToUtf8Bytes(health, RelayJson.Wire.ResponderHealth);
        if (stored.Length > WireLimits.ResponderHealthBytes)
        {
            throw RequestRefusedException.TooLarge($"the record is longer than {WireLimits.ResponderHealthBytes} bytes");
        }

        await relay.Store.SetResponderHealthAsync(access, stored, http.RequestAborted);
        await Reply.BytesAsync(http, StatusCodes.Status200OK, "application/json", stored);
    }
}
