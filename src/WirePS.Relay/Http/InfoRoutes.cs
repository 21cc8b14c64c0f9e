using WirePS.Relay.Limits;
using WirePS.Relay.Storage.Operations;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Http;

/// <summary>Whether the relay is there, and what it is and allows.</summary>
internal sealed class InfoRoutes(RelayContext relay)
{
    private static readonly string[] Protocols = ["v1", "v2"];

    private static readonly InfoLimits Limits = new(
        WireLimits.MessageBytes,
        WireLimits.EventBytes,
        WireLimits.SlotBytes,
        LongPoll.MaxSeconds,
        WireLimits.WaitItems,
        WireLimits.PairLifetimeMin,
        WireLimits.PairLifetimeMax,
        GrantOperations.MaxUsable);

    public void Map(RouteTable routes) => routes
        .Map("/healthz", (HttpMethods.Get, static (http, _) => Reply.TextAsync(http, StatusCodes.Status200OK, "ok\n")))
        .Map("/v2/info", (HttpMethods.Get, InfoAsync));

    private Task InfoAsync(HttpContext http, string[] values)
    {
        var reply = new InfoReply(relay.Store.RelayId, RelayVersion.Text, Protocols, RelayTime.Format(relay.Time.GetUtcNow()), Limits);
        return Reply.JsonAsync(http, StatusCodes.Status200OK, reply, RelayJson.Wire.InfoReply);
    }
}
