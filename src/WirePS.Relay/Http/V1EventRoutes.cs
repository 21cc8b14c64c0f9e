using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Http;

/// <summary>Posting, listing and streaming events (wire.md §4.5 to §4.7).</summary>
internal sealed class V1EventRoutes(RelayContext relay)
{
    private const int DefaultLimit = 100;

    private static readonly string[] PostMembers = ["event"];
    private static readonly TimeSpan StillThere = TimeSpan.FromSeconds(30);

    public void Map(RouteTable routes) => routes
        .Map("/v1/events/{}", (HttpMethods.Post, PostAsync), (HttpMethods.Get, ListAsync))
        .Map("/v1/events/{}/stream", (HttpMethods.Get, StreamAsync));

    private async Task PostAsync(HttpContext http, string[] values)
    {
        using var body = await BodyReader.ReadV1Async(http);
        var item = Shape.Fit(body.RootElement, PostMembers, PostMembers.Length)[0] ?? throw RequestRefusedException.WrongShape("missing field `event`");
        if (await relay.Auth.AuthoriseV1Async(http, values[0], grantsToo: true) is not { } access)
        {
            return;
        }

        var text = CompactJson.Compact(JsonMarshal.GetRawUtf8Value(item));
        if (text.Length > WireLimits.EventBytes)
        {
            await Reply.JsonAsync(
                http,
                StatusCodes.Status413PayloadTooLarge,
                new EventTooLargeReply("event exceeds 256 KiB", WireLimits.EventBytes),
                RelayJson.Wire.EventTooLargeReply);
            return;
        }

        var (id, proof) = EventIdentity.Of(item);
        var result = await relay.Store.PostEventAsync(
            access,
            new NewEvent(id is null ? null : TokenHash.Of(id), text, WireLimits.SlotBytes, proof),
            http.RequestAborted);
        switch (result.Outcome)
        {
            case PostEventOutcome.Stored:
                relay.Metrics.EventStored();
                await Reply.JsonAsync(http, StatusCodes.Status201Created, new PostEventReply(id, "stored"), RelayJson.Wire.PostEventReply);
                return;
            case PostEventOutcome.Duplicate:
                await Reply.JsonAsync(http, StatusCodes.Status200OK, new PostEventReply(id, "duplicate"), RelayJson.Wire.PostEventReply);
                return;
            case PostEventOutcome.QuotaExceeded:
                await Reply.JsonAsync(
                    http,
                    StatusCodes.Status413PayloadTooLarge,
                    new SlotFullReply(
                        "slot quota exceeded",
                        "the owner of the slot has to take its events; what nobody takes is removed after 30 days",
                        WireLimits.SlotBytes,
                        result.SlotBytesUsed),
                    RelayJson.Wire.SlotFullReply);
                return;
            case PostEventOutcome.GrantRateLimited:
                await Reply.TooManyAsync(http, (int)Math.Ceiling(result.RetryAfter.TotalSeconds));
                return;
            default:
                await Reply.ErrorAsync(http, StatusCodes.Status403Forbidden, "bad token");
                return;
        }
    }

    private async Task ListAsync(HttpContext http, string[] values)
    {
        var query = new Query(http);
        var since = query.Text("since");
        var limit = query.Number("limit", WireLimits.PageEvents) ?? DefaultLimit;
        var wait = query.Number("wait", LongPoll.MaxSeconds) ?? 0;
        if (await relay.Auth.AuthoriseV1Async(http, values[0], grantsToo: false) is not { } access)
        {
            return;
        }

        relay.Store.NotePull(access);
        TokenHash? sinceHash = since is null ? null : TokenHash.Of(since);
        var (go, events) = await relay.LookOrWaitAsync(http, NewsKey.Slot(access.SlotId), wait, LookAsync);
        if (!go)
        {
            return;
        }

        if (wait > 0)
        {
            relay.Store.NotePull(access);
        }

        await Reply.BytesAsync(http, StatusCodes.Status200OK, "application/json", Array(events!));

        async Task<Look<IReadOnlyList<StoredEvent>>> LookAsync(CancellationToken cancellationToken)
        {
            var read = await relay.Store.ReadEventsSinceAsync(access, sinceHash, limit, WireLimits.PageBytes, cancellationToken);
            return new Look<IReadOnlyList<StoredEvent>>(read, read.Count > 0, null);
        }
    }

    /// <summary>
    /// Server-sent events. A subscriber is woken and reads the store from where it stands, so nothing is copied for slow ones and the order is
    /// the slot's.
    /// </summary>
    private async Task StreamAsync(HttpContext http, string[] values)
    {
        if (await relay.Auth.AuthoriseV1Async(http, values[0], grantsToo: false) is not { } access)
        {
            return;
        }

        using var place = relay.Limits.Streams.TryEnter(access.SlotId);
        if (place is null)
        {
            await Reply.UnavailableAsync(http, "phyllis: too many open lines on that slot — max 256 subscribers", 30);
            return;
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, relay.Stopping);
        using var watch = relay.Board.Listen(NewsKey.Slot(access.SlotId));
        var last = (await relay.Store.ReadSlotStateAsync(access, ended.Token)).LastSequence;
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        await http.Response.StartAsync(ended.Token);
        if (HttpMethods.IsHead(http.Request.Method))
        {
            return;
        }

        await http.Response.Body.FlushAsync(ended.Token);
        relay.Metrics.StreamsChanged(1);
        try
        {
            await PumpAsync(http, access, last, watch, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // the reader went away, or the relay stops: the stream ends here
        }
        finally
        {
            relay.Metrics.StreamsChanged(-1);
        }
    }

    private async Task PumpAsync(HttpContext http, SlotAccess access, long last, NewsBoard.Watch watch, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = watch.Next();
            var events = await relay.Store.ReadEventsAfterAsync(access, last, WireLimits.PageEvents, WireLimits.PageBytes, cancellationToken);
            foreach (var item in events)
            {
                var line = new byte[item.Body.Length + 8];
                "data: "u8.CopyTo(line);
                item.Body.CopyTo(line, 6);
                "\n\n"u8.CopyTo(line.AsSpan(item.Body.Length + 6));
                await http.Response.Body.WriteAsync(line, cancellationToken);
                last = item.Sequence;
            }

            if (events.Count > 0)
            {
                await http.Response.Body.FlushAsync(cancellationToken);
                continue;
            }

            try
            {
                await next.WaitAsync(StillThere, relay.Time, cancellationToken);
            }
            catch (TimeoutException)
            {
                await http.Response.Body.WriteAsync(": phyllis: still on the line\n\n"u8.ToArray(), cancellationToken);
                await http.Response.Body.FlushAsync(cancellationToken);
            }
        }
    }

    private static ReadOnlyMemory<byte> Array(IReadOnlyList<StoredEvent> events)
    {
        var array = new ArrayBufferWriter<byte>(events.Sum(static item => item.Body.Length + 1) + 2);
        array.Write("["u8);
        for (var i = 0; i < events.Count; i++)
        {
            if (i > 0)
            {
                array.Write(","u8);
            }

            array.Write(events[i].Body);
        }

        array.Write("]"u8);
        return array.WrittenMemory;
    }
}
