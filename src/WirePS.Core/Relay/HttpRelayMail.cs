using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Identity;

namespace WirePS.Relay;

/// <content>The events of mailboxes.</content>
public sealed partial class HttpRelay
{
    // A page of a relay of ours holds at most 8 MiB of events; one of an older relay a thousand events of 256 KiB, which is read in smaller pages.
    private const int MailReply = 32 * 1024 * 1024;
    private const int MostOfAnOlderRelay = 100;

    private volatile bool _hasNoSequence;

    /// <inheritdoc/>
    public IMailRoutes Mail => this;

    /// <inheritdoc/>
    async Task<PostOutcome> IMailRoutes.PostAsync(string slotId, string token, SignedEvent item, CancellationToken cancellationToken)
    {
        byte[] body = [.. "{\"event\":"u8, .. item.Json.ToCompactBytes(), (byte)'}'];
        using var reply = await SendBytesAsync(HttpMethod.Post, $"/v1/events/{slotId}", body, token, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        return reply.Status switch
        {
            HttpStatusCode.Created => PostOutcome.Stored,
            HttpStatusCode.OK => PostOutcome.Duplicate,
            HttpStatusCode.NotFound or HttpStatusCode.Gone or HttpStatusCode.Forbidden when IsJson(reply) => PostOutcome.Stale,
            HttpStatusCode.RequestEntityTooLarge when IsJson(reply) && ObjectOf(reply, reply.Status).TryGetProperty("slot_bytes_max", out _) => PostOutcome.Full,
            HttpStatusCode.RequestEntityTooLarge => PostOutcome.TooLarge,
            _ => throw Refused(reply),
        };
    }

    /// <inheritdoc/>
    async Task<MailPage> IMailRoutes.ReadAsync(Mailbox mailbox, MailPlace after, int limit, TimeSpan wait, CancellationToken cancellationToken)
    {
        if (!_hasNoSequence)
        {
            if (await ReadBySequenceAsync(mailbox, after, limit, wait, cancellationToken).ConfigureAwait(false) is { } page)
            {
                return page;
            }

            _hasNoSequence = true;
        }

        return await PollAsync(
            wait,
            async ask =>
            {
                var page = await ReadByIdAsync(mailbox, after, Math.Min(limit, MostOfAnOlderRelay), ask, cancellationToken).ConfigureAwait(false);
                return (page, page.Next != after);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    async Task<bool> IMailRoutes.AckAsync(Mailbox mailbox, MailPlace upTo, CancellationToken cancellationToken)
    {
        if (_hasNoSequence || upTo.Sequence == 0)
        {
            return true;
        }

        using var reply = await SendAsync(HttpMethod.Post, $"/v2/events/{mailbox.SlotId}/ack", new JsonObject { ["upto"] = upTo.Sequence }, mailbox.SlotToken, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);

        return reply.Status switch
        {
            HttpStatusCode.NoContent => true,
            HttpStatusCode.BadRequest when IsJson(reply) && TextOf(ObjectOf(reply, reply.Status), "code") == "beyond_last" => false,
            HttpStatusCode.NotFound or HttpStatusCode.Forbidden when IsJson(reply) => throw Lost(),
            _ => throw Refused(reply),
        };
    }

    /// <summary>Null on a relay without sequence numbers.</summary>
    private async Task<MailPage?> ReadBySequenceAsync(Mailbox mailbox, MailPlace after, int limit, TimeSpan wait, CancellationToken cancellationToken)
    {
        var seconds = (int)Math.Min(wait.TotalSeconds, LongestWait.TotalSeconds);
        var path = string.Create(CultureInfo.InvariantCulture, $"/v2/events/{mailbox.SlotId}?after={after.Sequence}&limit={limit}&wait={seconds}");
        using var reply = await SendAsync(HttpMethod.Get, path, null, mailbox.SlotToken, MailReply, seconds > 0 ? TimeSpan.FromSeconds(seconds) + WaitSlack : Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed && !IsJson(reply))
        {
            return null;
        }

        ThrowIfLost(reply);
        var body = ObjectOf(reply, HttpStatusCode.OK);
        var next = NumberOf(body, "next");
        var first = NumberOf(body, "first");
        var items = new List<MailItem>();
        foreach (var item in ArrayOf(body, "events"))
        {
            if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("event", out var value))
            {
                throw BadReply("events");
            }

            items.Add(new MailItem(TextOf(item, "grant"), JsonMarshal.GetRawUtf8Value(value).ToArray()));
        }

        // A relay that goes back, stays, or goes on without giving anything, would have us read for ever.
        if (next < after.Sequence || (items.Count > 0 && next == after.Sequence) || (items.Count == 0 && next != after.Sequence && first - 1 <= after.Sequence))
        {
            throw BadReply("next");
        }

        var more = body.TryGetProperty("more", out var flag) && flag.ValueKind == JsonValueKind.True && items.Count > 0;
        return new MailPage(items, new MailPlace(Math.Max(next, items.Count == 0 ? first - 1 : 0), null), more, Math.Max(0, first - 1 - after.Sequence));
    }

    private async Task<MailPage> ReadByIdAsync(Mailbox mailbox, MailPlace after, int limit, TimeSpan wait, CancellationToken cancellationToken)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/v1/events/{mailbox.SlotId}?limit={limit}&wait={(int)wait.TotalSeconds}");
        if (after.EventId is not null)
        {
            path += $"&since={Uri.EscapeDataString(after.EventId)}";
        }

        using var reply = await SendAsync(HttpMethod.Get, path, null, mailbox.SlotToken, MailReply, wait + Timeout, cancellationToken).ConfigureAwait(false);
        ThrowIfLost(reply);
        if (reply.Status != HttpStatusCode.OK)
        {
            throw Refused(reply);
        }

        var items = new List<MailItem>();
        var next = after;
        foreach (var value in ParseArray(reply).EnumerateArray())
        {
            items.Add(new MailItem(null, JsonMarshal.GetRawUtf8Value(value).ToArray()));

            // An event without an id is no place to go on from: the relay would begin anew (wire.md §11.4, I13).
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("event_id", out var id) && id.ValueKind == JsonValueKind.String && id.GetString() is { Length: > 0 and <= 128 } place)
            {
                next = new MailPlace(0, place);
            }
        }

        return new MailPage(items, next, items.Count == limit && next != after, 0);
    }

    /// <summary>Asks again and again where the relay does not wait by itself.</summary>
    private async Task<T> PollAsync<T>(TimeSpan wait, Func<TimeSpan, Task<(T Found, bool IsNews)>> look, CancellationToken cancellationToken)
    {
        wait = wait < LongestWait ? wait : LongestWait;
        var start = _time.GetTimestamp();
        var gap = FirstGap;
        while (true)
        {
            var left = wait - _time.GetElapsedTime(start);
            var ask = _doesNotWait || left < TimeSpan.FromSeconds(1) ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Floor(left.TotalSeconds));
            var asked = _time.GetTimestamp();
            var (found, isNews) = await look(ask).ConfigureAwait(false);
            left = wait - _time.GetElapsedTime(start);
            if (isNews || left <= TimeSpan.Zero)
            {
                return found;
            }

            // relay-v2.md: an answer without news in less than half of what was asked for comes from a relay that does not wait.
            if (ask > TimeSpan.Zero && _time.GetElapsedTime(asked) < ask / 2)
            {
                _doesNotWait = true;
            }

            if (_doesNotWait || ask == TimeSpan.Zero)
            {
                await Task.Delay(gap < left ? gap : left, _time, cancellationToken).ConfigureAwait(false);
                gap = gap * 1.5 < LastGap ? gap * 1.5 : LastGap;
            }
        }
    }

    private void ThrowIfLost(Reply reply)
    {
        if (reply.Status is HttpStatusCode.NotFound or HttpStatusCode.Forbidden && IsJson(reply))
        {
            throw Lost();
        }
    }

    private RelayException Lost() => new(WireReason.MailboxLost, $"The relay {Url} no longer knows a mailbox of this home.", Url);

    private JsonElement ParseArray(Reply reply)
    {
        try
        {
            reply.Document = JsonDocument.Parse(reply.Content, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException error)
        {
            throw new RelayException(WireReason.RelayBadReply, $"What answers at {Url} does not speak as a relay does.", Url, null, error);
        }

        return reply.Document.RootElement.ValueKind == JsonValueKind.Array ? reply.Document.RootElement : throw BadReply("a list");
    }

    private JsonElement.ArrayEnumerator ArrayOf(JsonElement body, string name) =>
        body.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : throw BadReply(name);

    private long NumberOf(JsonElement body, string name) =>
        body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= 0 ? number : throw BadReply(name);
}
