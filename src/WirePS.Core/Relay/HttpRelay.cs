using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Pairing;

namespace WirePS.Relay;

/// <summary>A relay over HTTP. Safe for many callers at once.</summary>
public sealed partial class HttpRelay : IRelay, IV1PairRoutes, IV2PairRoutes, IMailRoutes, IDirectoryRoutes, IShortInvites
{
    /// <summary>The longest time that one request asks a relay to wait (relay-v2.md: at most 55 s).</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(50);

    private const string UnknownSlot = "unknown_slot";
    private const int SmallReply = 64 * 1024;
    private const int PairReply = 256 * 1024;

    // A message stands inside a reply, and a relay takes deep ones: one pairing's must not make the reply for a thousand unreadable.
    private const int MaxDepth = 136;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WaitSlack = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FirstGap = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LastGap = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);

    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private volatile bool _doesNotWait;
    private long _skewTicks = long.MinValue;

    /// <summary>Creates the client of one relay.</summary>
    /// <param name="url">In the one spelling of <see cref="RelayUrl"/>.</param>
    /// <param name="client">The process' HTTP client.</param>
    /// <param name="time">The clock for time-outs and gaps between polls.</param>
    public HttpRelay(string url, HttpClient client, TimeProvider time)
    {
        Url = url;
        _client = client;
        _time = time;
        V2Pairs = new V2WaitPool(this, time);
    }

    /// <inheritdoc/>
    public string Url { get; }

    /// <inheritdoc/>
    public IV1PairRoutes V1Pairs => this;

    /// <inheritdoc/>
    public IV2PairRoutes V2Pairs { get; }

    /// <inheritdoc/>
    public TimeSpan? ClockSkew => Interlocked.Read(ref _skewTicks) is var ticks and not long.MinValue ? TimeSpan.FromTicks(ticks) : null;

    /// <inheritdoc/>
    public async Task CheckHealthAsync(CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Get, "/healthz", null, null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status != HttpStatusCode.OK)
        {
            throw Refused(reply);
        }
    }

    /// <inheritdoc/>
    public async Task<RelayInfo?> GetInfoAsync(CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Get, "/v2/info", null, null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status == HttpStatusCode.NotFound)
        {
            return null;
        }

        var body = ObjectOf(reply, HttpStatusCode.OK);
        var protocols = new List<string>();
        if (body.TryGetProperty("protocols", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var protocol in list.EnumerateArray())
            {
                if (protocol.ValueKind == JsonValueKind.String)
                {
                    protocols.Add(Printable.Of(protocol.GetString())!);
                }
            }
        }

        var time = TimeOf(body, "time");
        NoteTime(time);
        return new RelayInfo(HexOf(body, "relay_id", 32), Printable.Of(TextOf(body, "version")), protocols, time);
    }

    /// <inheritdoc/>
    public async Task<Mailbox> AllocateMailboxAsync(CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Post, "/v1/slot/allocate", new JsonObject(), null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        var body = ObjectOf(reply, HttpStatusCode.Created);
        return new Mailbox(Url, HexOf(body, "slot_id", 32), HexOf(body, "slot_token", 64));
    }

    /// <inheritdoc/>
    public async Task<bool> PutGrantAsync(Mailbox mailbox, Grant grant, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["token"] = grant.Token, ["rights"] = new JsonArray("post") };
        if (grant.ExpiresAt is { } expires)
        {
            body["expires_at"] = Storage.Timestamps.Format(expires);
        }

        if (grant.PerHour is { } perHour)
        {
            body["per_hour"] = perHour;
        }

        using var reply = await SendAsync(HttpMethod.Put, $"/v2/slot/{mailbox.SlotId}/grants/{grant.Id}", body, mailbox.SlotToken, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status == HttpStatusCode.Conflict && IsJson(reply) && TextOf(ObjectOf(reply, reply.Status), "code") == "grant_revoked")
        {
            throw new RelayException(WireReason.RelayRefused, $"The relay {Url} knows the grant as one that was revoked.", Url) { IsGrantRevoked = true };
        }

        return reply.Status is HttpStatusCode.Created or HttpStatusCode.OK
            || (reply.Status == HttpStatusCode.NotFound && IsJson(reply) && TextOf(ObjectOf(reply, reply.Status), "code") == UnknownSlot ? false : throw Refused(reply));
    }

    /// <inheritdoc/>
    public async Task RevokeGrantAsync(Mailbox mailbox, string grantId, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Delete, $"/v2/slot/{mailbox.SlotId}/grants/{grantId}", null, mailbox.SlotToken, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);

        // A relay that knows neither the grant nor the mailbox honours no grant of it either.
        if (reply.Status is not (HttpStatusCode.NoContent or HttpStatusCode.NotFound))
        {
            throw Refused(reply);
        }
    }

    /// <inheritdoc/>
    async Task<V1Opening?> IV1PairRoutes.OpenAsync(V1OpenRequest request, CancellationToken cancellationToken)
    {
        var body = new JsonObject
        {
            ["code_hash"] = request.CodeHash,
            ["msg"] = request.Msg,
            ["role"] = Name(request.Role),
            ["expires_in"] = (long)Math.Max(1, Math.Ceiling(request.ExpiresIn.TotalSeconds)),
        };
        using var reply = await SendAsync(HttpMethod.Post, "/v1/pair", body, null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status == HttpStatusCode.Conflict)
        {
            return null;
        }

        var opened = ObjectOf(reply, HttpStatusCode.Created);
        return new V1Opening(HexOf(opened, "pair_id", 32), TimeOf(opened, "expires_at"));
    }

    /// <inheritdoc/>
    async Task<V1PairView?> IV1PairRoutes.ReadAsync(string pairId, PairRole role, V1Have have, TimeSpan wait, CancellationToken cancellationToken)
    {
        return await PollAsync(
            wait,
            async ask =>
            {
                var view = await ReadOnceAsync(pairId, role, have, ask, cancellationToken).ConfigureAwait(false);
                return (view, view is null || view.IsMoreThan(have));
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    async Task<V1PostResult> IV1PairRoutes.PostBootstrapAsync(string pairId, PairRole role, string sealedBootstrap, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["role"] = Name(role), ["sealed"] = sealedBootstrap };
        using var reply = await SendAsync(HttpMethod.Post, $"/v1/pair/{pairId}/bootstrap", body, null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        return reply.Status switch
        {
            HttpStatusCode.Created or HttpStatusCode.OK => V1PostResult.Posted,
            HttpStatusCode.NotFound when IsJson(reply) => V1PostResult.Gone,
            HttpStatusCode.Conflict => V1PostResult.Conflict,
            _ => throw Refused(reply),
        };
    }

    /// <inheritdoc/>
    Task IV1PairRoutes.AbandonAsync(string codeHash, CancellationToken cancellationToken) =>
        AbandonAsync(new JsonObject { ["code_hash"] = codeHash }, cancellationToken);

    /// <inheritdoc/>
    Task IV1PairRoutes.FinishAsync(string codeHash, string pairId, PairRole role, CancellationToken cancellationToken) =>
        AbandonAsync(new JsonObject { ["code_hash"] = codeHash, ["pair_id"] = pairId, ["role"] = Name(role), ["done"] = true }, cancellationToken);

    private static string Name(PairRole role) => role == PairRole.Host ? "host" : "guest";

    private async Task AbandonAsync(JsonObject body, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Post, "/v1/pair/abandon", body, null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status is not (HttpStatusCode.NoContent or HttpStatusCode.OK))
        {
            throw Refused(reply);
        }
    }

    private async Task<V1PairView?> ReadOnceAsync(string pairId, PairRole role, V1Have have, TimeSpan wait, CancellationToken cancellationToken)
    {
        var path = $"/v1/pair/{pairId}?as_role={Name(role)}&have={have switch { V1Have.None => "none", V1Have.Msg => "msg", _ => "bootstrap" }}";
        if (wait > TimeSpan.Zero)
        {
            path += $"&wait={(int)wait.TotalSeconds}";
        }

        using var reply = await SendAsync(HttpMethod.Get, path, null, null, PairReply, wait > TimeSpan.Zero ? wait + WaitSlack : Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status == HttpStatusCode.NotFound && IsJson(reply))
        {
            return null;
        }

        var body = ObjectOf(reply, HttpStatusCode.OK);
        return new V1PairView(
            TextOf(body, "peer_msg"),
            TextOf(body, "peer_bootstrap"),
            TimeOf(body, "expires_at"),
            body.TryGetProperty("peer_done", out var done) && done.ValueKind == JsonValueKind.True);
    }

    private async Task<Reply> SendAsync(HttpMethod method, string path, JsonObject? body, string? token, int maxBytes, TimeSpan timeout, CancellationToken cancellationToken) =>
        await SendBytesAsync(method, path, body is null ? null : JsonSerializer.SerializeToUtf8Bytes(body, RelayJson.Default.JsonObject), token, maxBytes, timeout, cancellationToken).ConfigureAwait(false);

    private async Task<Reply> SendBytesAsync(HttpMethod method, string path, byte[]? body, string? token, int maxBytes, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, Url + path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using var limit = new CancellationTokenSource(timeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token).ConfigureAwait(false);
            NoteTime(response.Headers.Date);
            ThrowIfItMayPass(response);
            var content = await ReadLimitedAsync(response, maxBytes, both.Token).ConfigureAwait(false);
            return new Reply(response.StatusCode, response.Content.Headers.ContentType?.MediaType, content);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RelayException(WireReason.RelayUnreachable, $"The relay {Url} did not answer within {timeout.TotalSeconds:0} seconds.", Url);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw new RelayException(WireReason.RelayUnreachable, $"The relay {Url} could not be reached: {error.Message}", Url, null, error);
        }
    }

    private void NoteTime(DateTimeOffset? time)
    {
        if (time is { } there)
        {
            Interlocked.Exchange(ref _skewTicks, (there - _time.GetUtcNow()).Ticks);
        }
    }

    private void ThrowIfItMayPass(HttpResponseMessage response)
    {
        if (response.StatusCode == HttpStatusCode.TooManyRequests)
        {
            throw new RelayException(WireReason.RelayRateLimited, $"The relay {Url} asks to slow down.", Url, RetryAfterOf(response));
        }

        if ((int)response.StatusCode >= 500)
        {
            throw new RelayException(WireReason.RelayRefused, $"The relay {Url} is in trouble (HTTP {(int)response.StatusCode}).", Url, RetryAfterOf(response));
        }
    }

    private TimeSpan? RetryAfterOf(HttpResponseMessage response)
    {
        var after = response.Headers.RetryAfter?.Delta
            ?? (response.Headers.RetryAfter?.Date is { } date ? date - _time.GetUtcNow() : (TimeSpan?)null)
            ?? (response.Headers.TryGetValues("x-ratelimit-after", out var values) && int.TryParse(values.FirstOrDefault(), out var seconds) ? TimeSpan.FromSeconds(seconds) : (TimeSpan?)null);
        return after is null ? null
            : after < TimeSpan.Zero ? TimeSpan.Zero
            : after > LongestRetryAfter ? LongestRetryAfter
            : after;
    }

    private async Task<byte[]> ReadLimitedAsync(HttpResponseMessage response, int maxBytes, CancellationToken cancellationToken)
    {
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var buffer = new MemoryStream();
            var block = new byte[8192];
            int read;
            while ((read = await stream.ReadAsync(block, cancellationToken).ConfigureAwait(false)) > 0)
            {
                if (buffer.Length + read > maxBytes)
                {
                    throw new RelayException(WireReason.RelayBadReply, $"What answers at {Url} sends more than a relay does.", Url);
                }

                await buffer.WriteAsync(block.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            }

            return buffer.ToArray();
        }
    }

    private static bool IsJson(Reply reply) =>
        reply.MediaType is { } type && (type == "application/json" || type.EndsWith("+json", StringComparison.Ordinal));

    private JsonElement ObjectOf(Reply reply, HttpStatusCode expected)
    {
        if (reply.Status != expected)
        {
            throw Refused(reply);
        }

        try
        {
            reply.Document = JsonDocument.Parse(reply.Content, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException error)
        {
            throw new RelayException(WireReason.RelayBadReply, $"What answers at {Url} does not speak as a relay does.", Url, null, error);
        }

        return reply.Document.RootElement.ValueKind == JsonValueKind.Object ? reply.Document.RootElement : throw BadReply("an object");
    }

    private string? TextOf(JsonElement body, string name)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            throw BadReply(name);
        }

        if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : throw BadReply(name);
        }
        catch (InvalidOperationException)
        {
            // Text that is not Unicode.
            throw BadReply(name);
        }
    }

    private string HexOf(JsonElement body, string name, int length)
    {
        var text = TextOf(body, name);
        return text?.Length == length && text.All(char.IsAsciiHexDigitLower) ? text : throw BadReply(name);
    }

    private static DateTimeOffset? TimeOf(JsonElement body, string name) =>
        body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.TryGetDateTimeOffset(out var time) ? time : null;

    private RelayException BadReply(string what) =>
        new(WireReason.RelayBadReply, $"What answers at {Url} is not a relay, or a broken one: {what} is missing or wrong.", Url);

    private RelayException Refused(Reply reply) =>
        new(WireReason.RelayRefused, $"The relay {Url} refused the request (HTTP {(int)reply.Status}).", Url);

    private sealed class Reply(HttpStatusCode status, string? mediaType, byte[] content) : IDisposable
    {
        public HttpStatusCode Status { get; } = status;

        public string? MediaType { get; } = mediaType;

        public byte[] Content { get; } = content;

        public JsonDocument? Document { get; set; }

        public void Dispose() => Document?.Dispose();
    }
}
