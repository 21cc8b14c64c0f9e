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
    private const int LookupDigits = 64;
    private const int TokenDigits = 64;

    public void Map(RouteTable routes) => routes
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
                relay.Metrics.RateLimited();
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

            await (reading!.Access switch
            {
                PairAccess.NoRendezvous => throw RequestRefusedException.NoRendezvous(),
                PairAccess.RoleTaken => throw RequestRefusedException.RoleTaken(),
                _ => Reply.BytesAsync(http, StatusCodes.Status200OK, Reply.JsonType, PairJson.Reading(reading)),
            });
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

        relay.Metrics.RateLimited();
        throw RequestRefusedException.RateLimited("too many waits of this address for rendezvous in which it has no role", 5);
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
        if (!HexText.Is(values[0], LookupDigits))
        {
            throw RequestRefusedException.BadRequest($"a lookup is {LookupDigits} lowercase hex digits");
        }

        if (PairRoleNames.Parse(values[1]) is not { } role)
        {
            throw RequestRefusedException.BadRequest("the role must be 'host' or 'guest'");
        }

        if (SlotAuth.BearerToken(http) is not { } token || !HexText.Is(token, TokenDigits))
        {
            throw RequestRefusedException.BadRequest($"this route needs Authorization: Bearer with a side token of {TokenDigits} lowercase hex digits");
        }

        return new PairSide(values[0], role, TokenHash.Of(token));
    }

    private static int Phase(string text) =>
        text.Length == 1 && char.IsAsciiDigit(text[0]) && PairPhases.IsPhase(text[0] - '0')
            ? text[0] - '0'
            : throw RequestRefusedException.BadRequest("a phase is 0, 1, 2, 3 or 9");

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
