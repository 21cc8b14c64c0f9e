using System.Globalization;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Http;

/// <summary>
/// The rendezvous of protocol v2 (relay-v2.md, Pair rendezvous). <c>{role}</c> is the caller's own side; the side token in
/// <c>Authorization: Bearer</c> is bound to it by the first message that is taken.
/// </summary>
internal sealed class V2PairRoutes(RelayContext relay)
{
    public void Map(RouteTable routes) => routes
        .Map("/v2/pair/wait", (HttpMethods.Post, WaitAsync))
        .Map("/v2/pair/{}/{}", (HttpMethods.Get, ReadAsync), (HttpMethods.Delete, LeaveAsync))
        .Map("/v2/pair/{}/{}/{}", (HttpMethods.Put, PutAsync));

    private async Task PutAsync(HttpContext http, string[] values)
    {
        var side = Side(http, values);
        var phase = Phase(values[2]);
        var opens = side.Role == PairRole.Host && phase == 0;
        var lifetime = opens ? Lifetime(http) : TimeSpan.Zero;
        var body = await BodyReader.ReadObjectAsync(http, WireLimits.MessageBytes);

        // paid by whoever makes the relay remember a new rendezvous, from the same purse as those of v1
        var source = relay.Limits.Sources.Resolve(http);
        var retryAfter = 0;
        var mayCreate = opens && relay.Limits.Rendezvous.TryTake(source, out retryAfter);
        var reason = phase == PairPhases.Abort ? PairReasons.NamedBy(body) : null;
        var result = await relay.Store.PutPairMessageAsync(new NewPairMessage(side, phase, body, reason, lifetime, mayCreate), http.RequestAborted);
        if (mayCreate && result.Outcome != PutMessageOutcome.Created)
        {
            relay.Limits.Rendezvous.Return(source);
        }

        switch (result.Outcome)
        {
            case PutMessageOutcome.Created:
                relay.Metrics.PairOpened();
                await AnswerAsync(StatusCodes.Status201Created);
                return;
            case PutMessageOutcome.Stored:
                await AnswerAsync(StatusCodes.Status201Created);
                return;
            case PutMessageOutcome.Repeated:
                await AnswerAsync(StatusCodes.Status200OK);
                return;
            case PutMessageOutcome.Refused:
                throw RequestRefusedException.RateLimited("too many new rendezvous from this address", retryAfter);
            default:
                throw Refusal(result.Outcome);
        }

        Task AnswerAsync(int status) => Reply.JsonAsync(
            http,
            status,
            new PairMessageReply(PairJson.Name(result.State), phase, RelayTime.Format(result.ExpiresAt)),
            RelayJson.Wire.PairMessageReply);
    }

    private async Task ReadAsync(HttpContext http, string[] values)
    {
        var side = Side(http, values);
        var query = Query.V2(http);
        var after = query.Text("after") is { } text ? HeldPhase(text) : -1;
        var wait = query.Number("wait", LongPoll.MaxSeconds) ?? 0;

        // own phases and crowded are shown, not asked for: whoever reads compares them with what it knows
        PairInterest[] interest = [new PairInterest(side, after, Own: -1, KnowsCrowded: true)];
        PairReading? before = null;
        OpenCounter<SourceAddress>.Place? place = null;
        try
        {
            var (go, reading) = await relay.LookOrWaitAsync(http, NewsKey.PairV2(side.Lookup), wait, LookAsync);
            if (!go)
            {
                return;
            }

            if (reading!.Access != PairAccess.Readable)
            {
                throw RequestRefusedException.Unreadable(reading.Access);
            }

            await Reply.BytesAsync(http, StatusCodes.Status200OK, Reply.JsonType, PairJson.Reading(reading));
        }
        finally
        {
            place?.Dispose();
        }

        async Task<Look<PairReading>> LookAsync(CancellationToken cancellationToken)
        {
            var reading = (await relay.Store.ReadPairsAsync(interest, WireLimits.PageBytes, cancellationToken)).Items[0];
            var changed = before is not null
                && (reading.Access != before.Access || reading.State != before.State || reading.Crowded != before.Crowded);
            before ??= reading;
            var isNews = reading.IsNews || changed;
            if (!isNews && !reading.IsBound && wait > 0)
            {
                place ??= EnterUnbound(http, 1);
            }

            return new Look<PairReading>(reading, isNews, reading.ChangesAt);
        }
    }

    /// <summary>
    /// One request for everything a home waits for. All items are looked at once; after that only those that the store has announced, or whose
    /// time is over.
    /// </summary>
    private async Task WaitAsync(HttpContext http, string[] values)
    {
        var (interests, wait) = await PairWaitReader.ReadAsync(http);
        var changesAt = new DateTimeOffset[interests.Count];
        OpenCounter<SourceAddress>.Place? place = null;
        try
        {
            string[] keys = [.. interests.Select(static interest => NewsKey.PairV2(interest.Side.Lookup))];
            var places = 1 + (Math.Max(keys.Length - 1, 0) / WireLimits.WaitItemsPerPlace);
            var (go, news) = wait == 0
                ? (true, (await LookAsync([.. Enumerable.Range(0, keys.Length)], http.RequestAborted)).Value)
                : await relay.HoldAsync(http, places, cancellationToken => relay.LongPoll.RunAsync(keys, TimeSpan.FromSeconds(wait), LookAsync, cancellationToken));
            if (go)
            {
                await Reply.BytesAsync(http, StatusCodes.Status200OK, Reply.JsonType, PairJson.News(news!));
            }
        }
        finally
        {
            place?.Dispose();
        }

        async Task<Look<PairNews>> LookAsync(IReadOnlyList<int> changed, CancellationToken cancellationToken)
        {
            var items = WithDue(changed, changesAt, relay.Time.GetUtcNow());
            var readings = await relay.Store.ReadPairsAsync([.. items.Select(item => interests[item])], WireLimits.PageBytes, cancellationToken);
            var news = new List<(PairSide Side, PairReading Reading)>();
            var unbound = 0;
            for (var i = 0; i < items.Count; i++)
            {
                var reading = readings.Items[i];
                changesAt[items[i]] = reading.ChangesAt ?? DateTimeOffset.MaxValue;
                unbound += reading.IsBound ? 0 : 1;
                if (reading.IsNews)
                {
                    news.Add((interests[items[i]].Side, reading));
                }
            }

            if (news.Count == 0 && unbound > 0 && wait > 0)
            {
                place ??= EnterUnbound(http, unbound);
            }

            return new Look<PairNews>(new PairNews(news, readings.More), news.Count > 0, changesAt.Length > 0 ? changesAt.Min() : null);
        }
    }

    private async Task LeaveAsync(HttpContext http, string[] values)
    {
        var side = Side(http, values);
        var reason = Query.V2(http).Text("reason") ?? PairReasons.Cancelled;
        if (reason != PairReasons.Done && !PairReasons.IsAbort(reason))
        {
            throw RequestRefusedException.BadRequest("reason must be an abort reason or 'done'");
        }

        switch (await relay.Store.LeavePairAsync(side, reason, http.RequestAborted))
        {
            case LeaveOutcome.Left:
                await Reply.EmptyAsync(http, StatusCodes.Status204NoContent);
                return;
            case LeaveOutcome.NotBound:
                throw RequestRefusedException.NoRendezvous();
            case LeaveOutcome.RoleTaken:
                throw RequestRefusedException.RoleTaken();
            case LeaveOutcome.Open:
                throw new RequestRefusedException(StatusCodes.Status409Conflict, "nothing is decided yet: there is nothing to be done with", "open");
            default:
                throw Refusal(PutMessageOutcome.Decided);
        }
    }

    /// <summary>Whoever waits without a message of its own has proved nothing and may name any lookup, so that is bounded for itself.</summary>
    private OpenCounter<SourceAddress>.Place EnterUnbound(HttpContext http, int places)
    {
        if (relay.Limits.UnboundWaits.TryEnter(relay.Limits.Sources.Resolve(http), places) is { } place)
        {
            return place;
        }

        throw RequestRefusedException.RateLimited("too many waits of this address for rendezvous in which it has no role", 5);
    }

    /// <summary>The items that were announced, and those whose time has come.</summary>
    private static List<int> WithDue(IReadOnlyList<int> changed, DateTimeOffset[] changesAt, DateTimeOffset now)
    {
        var items = new List<int>(changed);
        foreach (var item in changed)
        {
            changesAt[item] = DateTimeOffset.MaxValue;
        }

        for (var i = 0; i < changesAt.Length; i++)
        {
            if (changesAt[i] <= now)
            {
                items.Add(i);
            }
        }

        return items;
    }

    private static RequestRefusedException Refusal(PutMessageOutcome outcome) => outcome switch
    {
        PutMessageOutcome.RoleTaken => RequestRefusedException.RoleTaken(),
        PutMessageOutcome.NoRendezvous => RequestRefusedException.NoRendezvous(),
        PutMessageOutcome.PhaseConflict => new RequestRefusedException(StatusCodes.Status409Conflict, "another message is there for this phase", "phase_conflict"),
        PutMessageOutcome.PhaseOrder => new RequestRefusedException(StatusCodes.Status409Conflict, "the phase before this one is missing", "phase_order"),
        PutMessageOutcome.Ended => new RequestRefusedException(StatusCodes.Status410Gone, "one side has left", "ended"),
        PutMessageOutcome.Expired => new RequestRefusedException(StatusCodes.Status410Gone, "the time is over", "expired"),
        _ => new RequestRefusedException(StatusCodes.Status409Conflict, "both sides have accepted: it is too late to leave", "decided"),
    };

    private static PairSide Side(HttpContext http, string[] values)
    {
        if (SlotAuth.BearerToken(http) is not { } token)
        {
            throw RequestRefusedException.BadRequest("this route needs Authorization: Bearer with the side token");
        }

        return PairShape.Side(values[0], values[1], token);
    }

    private static int Phase(string text) => text.Length == 1 && char.IsAsciiDigit(text[0]) ? PairShape.Phase(text[0] - '0') : PairShape.Phase(-1);

    private static int HeldPhase(string text) => text == "-1" ? -1 : Phase(text);

    private static TimeSpan Lifetime(HttpContext http)
    {
        if (Query.V2(http).Text("expires_in") is not { } text)
        {
            return Retention.DefaultPairLifetime;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds is >= WireLimits.PairLifetimeMin and <= WireLimits.PairLifetimeMax
            ? TimeSpan.FromSeconds(seconds)
            : throw RequestRefusedException.BadRequest($"expires_in must be a number of seconds from {WireLimits.PairLifetimeMin} to {WireLimits.PairLifetimeMax}");
    }
}
