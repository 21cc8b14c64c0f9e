using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Pairing;

namespace WirePS.Relay;

/// <content>The pairing routes of v2.</content>
public sealed partial class HttpRelay
{
    private const int ViewReply = 512 * 1024;
    private const int WaitReply = 16 * 1024 * 1024;

    /// <inheritdoc/>
    async Task<V2PutReply> IV2PairRoutes.PutAsync(V2PairSide side, int phase, string body, TimeSpan? expiresIn, CancellationToken cancellationToken)
    {
        var path = $"/v2/pair/{side.Lookup}/{Name(side.Role)}/{phase}";
        if (expiresIn is { } lifetime)
        {
            path += $"?expires_in={Math.Clamp((long)Math.Ceiling(lifetime.TotalSeconds), 1, 7 * 24 * 3600)}";
        }

        using var reply = await SendBytesAsync(HttpMethod.Put, path, Encoding.UTF8.GetBytes(body), side.Token, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        if (reply.Status is not (HttpStatusCode.Created or HttpStatusCode.OK))
        {
            return new V2PutReply(RefusalOf(reply), null, null);
        }

        var stored = ObjectOf(reply, reply.Status);
        return new V2PutReply(null, StateOf(stored), TimeOf(stored, "expires_at"));
    }

    /// <inheritdoc/>
    async Task<V2View> IV2PairRoutes.ReadAsync(V2PairSide side, V2Known known, TimeSpan wait, CancellationToken cancellationToken)
    {
        // A rendezvous that is open anyway answers when it has messages; the rest (own, crowded, ends) is in what it answers.
        var seconds = (int)Math.Min(wait.TotalSeconds, LongestWait.TotalSeconds);
        var path = $"/v2/pair/{side.Lookup}/{Name(side.Role)}?after={known.After}&wait={seconds}";
        using var reply = await SendAsync(HttpMethod.Get, path, null, side.Token, ViewReply, seconds > 0 ? TimeSpan.FromSeconds(seconds) + WaitSlack : Timeout, cancellationToken).ConfigureAwait(false);
        return reply.Status == HttpStatusCode.OK ? ViewOf(ObjectOf(reply, HttpStatusCode.OK)) : V2View.Refused(RefusalOf(reply));
    }

    /// <inheritdoc/>
    async Task<IReadOnlyList<V2News>> IV2PairRoutes.WaitAnyAsync(IReadOnlyList<(V2PairSide Side, V2Known Known)> sides, TimeSpan wait, CancellationToken cancellationToken)
    {
        var seconds = (int)Math.Min(wait.TotalSeconds, LongestWait.TotalSeconds);
        var items = new JsonArray();
        foreach (var (side, known) in sides)
        {
            items.Add(new JsonObject
            {
                ["lookup"] = side.Lookup,
                ["role"] = Name(side.Role),
                ["token"] = side.Token,
                ["after"] = known.After,
                ["own"] = known.Own,
                ["crowded"] = known.Crowded,
            });
        }

        using var reply = await SendAsync(HttpMethod.Post, "/v2/pair/wait", new JsonObject { ["items"] = items, ["wait"] = seconds }, null, WaitReply, TimeSpan.FromSeconds(seconds) + WaitSlack, cancellationToken).ConfigureAwait(false);
        if (reply.Status == HttpStatusCode.NotFound)
        {
            throw WithoutV2();
        }

        var body = ObjectOf(reply, HttpStatusCode.OK);
        if (!body.TryGetProperty("items", out var list) || list.ValueKind != JsonValueKind.Array)
        {
            throw BadReply("items");
        }

        var asked = sides.ToLookup(static s => (s.Side.Lookup, Name(s.Side.Role)), static s => s.Side);
        var news = new List<V2News>();
        foreach (var item in list.EnumerateArray())
        {
            // What does not name its rendezvous is nobody's, and the whole answer's fault.
            var name = (TextOf(item, "lookup") ?? "", TextOf(item, "role") ?? "");
            foreach (var side in asked[name])
            {
                news.Add(NewsOf(side, item));
            }
        }

        return news;
    }

    // One rendezvous with odd news, or with a problem of its own, must not keep a thousand others from theirs.
    private V2News NewsOf(V2PairSide side, JsonElement item)
    {
        try
        {
            return new V2News(side, TextOf(item, "code") is { } code ? V2View.Refused(ParseRefusal(code)) : ViewOf(item), null);
        }
        catch (RelayException trouble)
        {
            return new V2News(side, null, trouble);
        }
    }

    /// <inheritdoc/>
    async Task<V2Refusal?> IV2PairRoutes.LeaveAsync(V2PairSide side, string reason, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Delete, $"/v2/pair/{side.Lookup}/{Name(side.Role)}?reason={Uri.EscapeDataString(reason)}", null, side.Token, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        return reply.Status is HttpStatusCode.NoContent or HttpStatusCode.NotFound ? null : RefusalOf(reply);
    }

    private V2View ViewOf(JsonElement body)
    {
        var own = new List<int>();
        if (body.TryGetProperty("own", out var phases) && phases.ValueKind == JsonValueKind.Array)
        {
            foreach (var phase in phases.EnumerateArray())
            {
                own.Add(phase.ValueKind == JsonValueKind.Number && phase.TryGetInt32(out var number) ? number : throw BadReply("own"));
            }
        }

        var messages = new List<V2Message>();
        if (body.TryGetProperty("messages", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var message in list.EnumerateArray())
            {
                if (message.ValueKind != JsonValueKind.Object
                    || !message.TryGetProperty("phase", out var phase) || phase.ValueKind != JsonValueKind.Number || !phase.TryGetInt32(out var number) || number is not (0 or 1 or 2 or 3 or 9)
                    || !message.TryGetProperty("body", out var text) || text.ValueKind != JsonValueKind.Object)
                {
                    throw BadReply("messages");
                }

                messages.Add(new V2Message(number, text.GetRawText()));
            }
        }

        var crowded = body.TryGetProperty("crowded", out var flag) && flag.ValueKind == JsonValueKind.True;
        return new V2View(null, StateOf(body), TextOf(body, "reason"), TimeOf(body, "expires_at"), crowded, own, messages);
    }

    private V2State StateOf(JsonElement body) => TextOf(body, "state") switch
    {
        "open" => V2State.Open,
        "decided" => V2State.Decided,
        "ended" => V2State.Ended,
        "expired" => V2State.Expired,
        _ => throw BadReply("state"),
    };

    private V2Refusal RefusalOf(Reply reply)
    {
        // A problem of ours carries a code; a 404 or 405 without one comes from something that does not serve v2.
        if (!IsJson(reply) || TextOf(ObjectOf(reply, reply.Status), "code") is not { } code)
        {
            throw reply.Status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed ? WithoutV2() : Refused(reply);
        }

        return ParseRefusal(code);
    }

    private V2Refusal ParseRefusal(string code) => code switch
    {
        "phase_conflict" => V2Refusal.PhaseConflict,
        "phase_order" => V2Refusal.PhaseOrder,
        "role_taken" => V2Refusal.RoleTaken,
        "no_rendezvous" => V2Refusal.NoRendezvous,
        "decided" => V2Refusal.Decided,
        "ended" => V2Refusal.Ended,
        "expired" => V2Refusal.Expired,
        "open" => V2Refusal.Open,
        _ => throw new RelayException(WireReason.RelayRefused, $"The relay {Url} refused the request ({code}).", Url),
    };

    private RelayException WithoutV2() =>
        new(WireReason.RelayWithoutV2, $"The relay {Url} does not serve pairing protocol v2. Use another one; -Protocol V1 works over it, but lets it impersonate the peer.", Url);
}
