using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Http;

/// <summary>The owner reads its events by sequence and acks what it has stored (relay-v2.md, Events).</summary>
internal sealed class V2EventRoutes(RelayContext relay)
{
    private const int DefaultLimit = 100;

    public void Map(RouteTable routes) => routes
        .Map("/v2/events/{}", (HttpMethods.Get, ReadAsync))
        .Map("/v2/events/{}/ack", (HttpMethods.Post, AckAsync));

    private async Task ReadAsync(HttpContext http, string[] values)
    {
        if (await relay.Auth.AuthoriseV2Async(http, values[0]) is not { } access)
        {
            return;
        }

        var query = Query.V2(http);
        var after = query.Sequence("after") ?? 0;
        var limit = query.Number("limit", WireLimits.PageEvents) ?? DefaultLimit;
        var wait = query.Number("wait", LongPoll.MaxSeconds) ?? 0;
        if (limit == 0)
        {
            throw RequestRefusedException.BadRequest($"limit is 1 to {WireLimits.PageEvents}");
        }

        relay.Store.NotePull(access);
        var (go, page) = await relay.LookOrWaitAsync(http, NewsKey.Slot(access.SlotId), wait, LookAsync);
        if (!go)
        {
            return;
        }

        if (wait > 0)
        {
            relay.Store.NotePull(access);
        }

        await Reply.BytesAsync(http, StatusCodes.Status200OK, Reply.JsonType, Json(page!));

        async Task<Look<EventPage>> LookAsync(CancellationToken cancellationToken)
        {
            var read = await relay.Store.ReadEventPageAsync(access, after, limit, WireLimits.PageBytes, cancellationToken);

            // that events were dropped is news too
            return new Look<EventPage>(read, read.Events.Count > 0 || after < read.First - 1, null);
        }
    }

    private async Task AckAsync(HttpContext http, string[] values)
    {
        if (await relay.Auth.AuthoriseV2Async(http, values[0]) is not { } access)
        {
            return;
        }

        using var body = await BodyReader.ReadV2Async(http, WireLimits.AckBytes);
        if (!body.RootElement.TryGetProperty("upto", out var member) || member.ValueKind != JsonValueKind.Number || !member.TryGetInt64(out var upTo) || upTo < 0)
        {
            throw RequestRefusedException.BadRequest("upto must be a whole number from 0");
        }

        if (await relay.Store.AckEventsAsync(access, upTo, http.RequestAborted) == AckOutcome.BeyondLast)
        {
            await Reply.ProblemAsync(http, StatusCodes.Status400BadRequest, "beyond_last", "the slot has no event with such a high number");
            return;
        }

        await Reply.EmptyAsync(http, StatusCodes.Status204NoContent);
    }

    /// <summary>Written by hand: an event is handed on as the text that came (R26).</summary>
    private static ReadOnlyMemory<byte> Json(EventPage page)
    {
        var json = new ArrayBufferWriter<byte>(page.Events.Sum(static item => item.Body.Length + 128) + 128);
        json.Write("{\"events\":["u8);
        for (var i = 0; i < page.Events.Count; i++)
        {
            var item = page.Events[i];
            var grant = item.GrantId is { } id ? $"\"{id}\"" : "null";
            Write($"{(i > 0 ? "," : "")}{{\"seq\":{item.Sequence},\"grant\":{grant},\"event\":");
            json.Write(item.Body);
            json.Write("}"u8);
        }

        Write($"],\"more\":{(page.More ? "true" : "false")},\"next\":{page.Next},\"first\":{page.First}}}");
        return json.WrittenMemory;

        void Write(FormattableString text) => json.Write(Encoding.UTF8.GetBytes(text.ToString(CultureInfo.InvariantCulture)));
    }
}
