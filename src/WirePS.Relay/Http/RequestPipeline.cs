using System.Data.Common;
using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>What surrounds every request: refusals, failures of the store, the end of the relay.</summary>
internal sealed partial class RequestPipeline(RouteTable routes, RelayContext relay, int? metricsPort, ILogger<RequestPipeline> logger)
{
    public async Task HandleAsync(HttpContext http)
    {
        if (http.Connection.LocalPort == metricsPort)
        {
            await AnswerMetricsAsync(http);
            return;
        }

        try
        {
            await routes.DispatchAsync(http);
        }
        catch (RequestRefusedException refused) when (!http.Response.HasStarted)
        {
            await refused.WriteAsync(http);
        }
        catch (BadHttpRequestException bad) when (!http.Response.HasStarted)
        {
            await Reply.TextAsync(http, bad.StatusCode, bad.Message);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // nobody is there to hear an answer
        }
        catch (OperationCanceledException) when (relay.Stopping.IsCancellationRequested && !http.Response.HasStarted)
        {
            await Reply.UnavailableAsync(http, "the relay is stopping", 1);
        }
        catch (WireException failure) when (failure.Reason is WireReason.SodiumUnavailable or WireReason.SodiumSelfTestFailed && !http.Response.HasStarted)
        {
            LogNoCryptography(failure.Message);
            await Reply.UnavailableAsync(http, "the relay cannot verify cards now", 300);
        }
        catch (Exception failure) when (failure is DbException or StoreException && !http.Response.HasStarted)
        {
            LogStoreFailure(failure.Message);
            await Reply.UnavailableAsync(http, "the relay cannot store this now", 5);
        }

        relay.Metrics.Responded(http.Response.StatusCode);
    }

    private Task AnswerMetricsAsync(HttpContext http) =>
        http.Request.Path == "/metrics" && HttpMethods.IsGet(http.Request.Method)
            ? Reply.BytesAsync(http, StatusCodes.Status200OK, "text/plain; version=0.0.4; charset=utf-8", System.Text.Encoding.UTF8.GetBytes(relay.Metrics.ToString()))
            : Reply.EmptyAsync(http, StatusCodes.Status404NotFound);

    [LoggerMessage(1, LogLevel.Error, "the store failed: {Reason}")]
    private partial void LogStoreFailure(string reason);

    [LoggerMessage(2, LogLevel.Error, "cards cannot be verified: {Reason}")]
    private partial void LogNoCryptography(string reason);
}
