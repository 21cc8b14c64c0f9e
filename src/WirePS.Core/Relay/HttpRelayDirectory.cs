using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Identity;

namespace WirePS.Relay;

/// <content>The directory of handles.</content>
public sealed partial class HttpRelay
{
    // A card is at most 64 KiB; a page of 500 entries has a profile in each, which the owner of the handle has made.
    private const int RecordReply = 256 * 1024;
    private const int ListReply = 8 * 1024 * 1024;

    /// <inheritdoc/>
    public IDirectoryRoutes Directory => this;

    /// <inheritdoc/>
    async Task<HandleClaim> IDirectoryRoutes.ClaimAsync(Mailbox mailbox, AgentCard card, bool? isListed, CancellationToken cancellationToken)
    {
        var body = new JsonObject
        {
            ["nick"] = card.Handle,
            ["slot_id"] = mailbox.SlotId,
            ["relay_url"] = Url,
            ["card"] = JsonNode.Parse(card.Utf8.Span),
        };
        if (isListed is { } listed)
        {
            body["discoverable"] = listed;
        }

        using var reply = await SendAsync(HttpMethod.Post, "/v1/handle/claim", body, mailbox.SlotToken, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        ThrowIfLost(reply);
        return reply.Status switch
        {
            HttpStatusCode.Created => HandleClaim.Claimed,
            HttpStatusCode.Conflict when IsJson(reply) => TextOf(ObjectOf(reply, reply.Status), "claimed_by") == card.Did ? HandleClaim.HeldThroughAnotherMailbox : HandleClaim.HeldByAnother,
            _ => throw Refused(reply),
        };
    }

    /// <inheritdoc/>
    async Task<bool> IDirectoryRoutes.UnclaimAsync(Mailbox mailbox, string handle, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Delete, $"/v1/handle/claim/{Uri.EscapeDataString(handle)}", null, mailbox.SlotToken, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        return reply.Status switch
        {
            HttpStatusCode.OK => true,

            // Nobody holds it, or somebody through a mailbox that this token is not good for.
            HttpStatusCode.NotFound or HttpStatusCode.Forbidden when IsJson(reply) => false,
            _ => throw Refused(reply),
        };
    }

    /// <inheritdoc/>
    async Task<DirectoryRecord?> IDirectoryRoutes.ResolveAsync(string handle, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Get, $"/.well-known/wire/agent?handle={Uri.EscapeDataString(handle)}", null, null, RecordReply, Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status == HttpStatusCode.NotFound && IsJson(reply))
        {
            return null;
        }

        var body = ObjectOf(reply, HttpStatusCode.OK);
        if (TextOf(body, "nick") != handle || !body.TryGetProperty("card", out var value) || value.ValueKind != JsonValueKind.Object)
        {
            throw BadReply("the record");
        }

        var card = AgentCard.Parse(JsonMarshal.GetRawUtf8Value(value)).Verify().RequireSingleKey();
        return card.Handle == handle && card.Did == TextOf(body, "did")
            ? new DirectoryRecord(card, TimeOf(body, "claimed_at"))
            : throw new WireException(WireReason.InvalidCard, $"The directory at {Url} gives the card of another one for '{handle}'.", handle);
    }

    /// <inheritdoc/>
    async Task<DirectoryPage> IDirectoryRoutes.ListAsync(string? after, int limit, CancellationToken cancellationToken)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/v1/handles?limit={limit}");
        if (after is not null)
        {
            path += $"&cursor={Uri.EscapeDataString(after)}";
        }

        using var reply = await SendAsync(HttpMethod.Get, path, null, null, ListReply, Timeout, cancellationToken).ConfigureAwait(false);
        var body = ObjectOf(reply, HttpStatusCode.OK);
        var handles = new List<string>();
        foreach (var entry in ArrayOf(body, "handles"))
        {
            if (TextOf(entry, "nick") is { } nick && HandleRules.IsClaimable(nick))
            {
                handles.Add(nick);
            }
        }

        // A relay that does not go on would have us read for ever.
        var next = TextOf(body, "next_cursor");
        if (next is not null && string.CompareOrdinal(next, after) <= 0)
        {
            throw BadReply("next_cursor");
        }

        return new DirectoryPage(handles, next);
    }

    /// <inheritdoc/>
    async Task<PostOutcome> IDirectoryRoutes.IntroduceAsync(string handle, SignedEvent item, CancellationToken cancellationToken)
    {
        byte[] body = [.. "{\"event\":"u8, .. item.Json.ToCompactBytes(), (byte)'}'];
        using var reply = await SendBytesAsync(HttpMethod.Post, $"/v1/handle/intro/{Uri.EscapeDataString(handle)}", body, null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        return reply.Status switch
        {
            HttpStatusCode.Created => PostOutcome.Stored,
            HttpStatusCode.OK => PostOutcome.Duplicate,
            HttpStatusCode.NotFound when IsJson(reply) => PostOutcome.Stale,
            HttpStatusCode.RequestEntityTooLarge when IsJson(reply) && ObjectOf(reply, reply.Status).TryGetProperty("max_bytes", out _) => PostOutcome.TooLarge,
            HttpStatusCode.RequestEntityTooLarge => PostOutcome.Full,
            _ => throw Refused(reply),
        };
    }
}
