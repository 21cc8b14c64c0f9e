using System.Security.Cryptography;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Waiting;

namespace WirePS.Relay.Http;

/// <summary>What the routes share.</summary>
internal sealed record RelayContext(
    IRelayStore Store,
    NewsBoard Board,
    RelayLimits Limits,
    RelayMetrics Metrics,
    TimeProvider Time,
    CancellationToken Stopping)
{
    public SlotAuth Auth { get; } = new(Store);

    public LongPoll LongPoll { get; } = new(Board, Time);

    /// <summary>Random lowercase hex digits.</summary>
    public static string NewHex(int digits) => RandomNumberGenerator.GetHexString(digits, lowercase: true);

    /// <summary>Takes one of the questions that a source may ask without a token. Answers the request where there is none left.</summary>
    public async Task<bool> MayLookUpAsync(HttpContext http)
    {
        var may = Limits.Lookups.TryTake(Limits.Sources.Resolve(http), out var retryAfter);
        if (!may)
        {
            await Reply.TooManyAsync(http, retryAfter);
        }

        return may;
    }

    /// <summary>
    /// Looks once, or waits for news where the request may: it asks for a wait, is no HEAD, and its source holds fewer waiting requests than
    /// it may. Answers the request and returns a default where it may not.
    /// </summary>
    /// <returns>Whether the request still has to be answered, and with what.</returns>
    public async Task<(bool Go, T? Value)> LookOrWaitAsync<T>(
        HttpContext http, string key, int waitSeconds, Func<CancellationToken, Task<Look<T>>> look)
    {
        if (waitSeconds == 0 || HttpMethods.IsHead(http.Request.Method))
        {
            return (true, (await look(http.RequestAborted)).Value);
        }

        return await HoldAsync(http, 1, cancellationToken => LongPoll.RunAsync(key, TimeSpan.FromSeconds(waitSeconds), look, cancellationToken));
    }

    /// <summary>Runs a wait that takes so many of its source's places, until the client goes away or the relay stops.</summary>
    /// <returns>Whether the request still has to be answered, and with what.</returns>
    public async Task<(bool Go, T? Value)> HoldAsync<T>(HttpContext http, int places, Func<CancellationToken, Task<T>> run)
    {
        using var place = Limits.Waiters.TryEnter(Limits.Sources.Resolve(http), places);
        if (place is null)
        {
            await Reply.TooManyWaitersAsync(http);
            return (false, default);
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, Stopping);
        Metrics.WaitingChanged(1);
        try
        {
            return (true, await run(ended.Token));
        }
        finally
        {
            Metrics.WaitingChanged(-1);
        }
    }
}
