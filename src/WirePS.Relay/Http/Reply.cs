using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WirePS.Relay.Http;

/// <summary>Writes answers. v1 routes answer <c>{"error":…}</c> or plain text like the real relay, v2 routes problem details (RFC 9457).</summary>
internal static class Reply
{
    public const string JsonType = "application/json";
    private const string ProblemType = "application/problem+json";
    private const string TextType = "text/plain; charset=utf-8";

    public static Task JsonAsync<T>(HttpContext http, int status, T value, JsonTypeInfo<T> type) =>
        BytesAsync(http, status, JsonType, JsonSerializer.SerializeToUtf8Bytes(value, type));

    public static Task ErrorAsync(HttpContext http, int status, string error) =>
        JsonAsync(http, status, new ErrorReply(error), RelayJson.Wire.ErrorReply);

    public static Task TextAsync(HttpContext http, int status, string text) =>
        BytesAsync(http, status, TextType, System.Text.Encoding.UTF8.GetBytes(text));

    public static Task ProblemAsync(HttpContext http, int status, string code, string detail)
    {
        var title = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
        var problem = new ProblemReply("about:blank", title, status, code, detail);
        return BytesAsync(http, status, ProblemType, JsonSerializer.SerializeToUtf8Bytes(problem, RelayJson.Wire.ProblemReply));
    }

    public static Task EmptyAsync(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    /// <summary>The real relay's answer to too many requests, with the header that clients in general look for beside its own.</summary>
    public static Task TooManyAsync(HttpContext http, int retryAfter)
    {
        var seconds = retryAfter.ToString(CultureInfo.InvariantCulture);
        http.Response.Headers["x-ratelimit-after"] = seconds;
        RetryAfter(http, retryAfter);
        return BytesAsync(http, StatusCodes.Status429TooManyRequests, null, System.Text.Encoding.UTF8.GetBytes($"Too Many Requests! Wait for {seconds}s"));
    }

    /// <summary>A source holds as many waiting requests as it may.</summary>
    public static Task TooManyWaitersAsync(HttpContext http)
    {
        const string error = "too many waiting requests from this address";
        const int retryAfter = 5;
        return IsV2(http)
            ? RequestRefusedException.RateLimited(error, retryAfter).WriteAsync(http)
            : UnavailableAsync(http, error, retryAfter);
    }

    /// <summary>Says in how many seconds to come again.</summary>
    public static void RetryAfter(HttpContext http, int seconds) =>
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);

    public static Task UnavailableAsync(HttpContext http, string error, int retryAfter)
    {
        RetryAfter(http, retryAfter);
        return IsV2(http)
            ? ProblemAsync(http, StatusCodes.Status503ServiceUnavailable, "unavailable", error)
            : ErrorAsync(http, StatusCodes.Status503ServiceUnavailable, error);
    }

    public static Task NotFoundAsync(HttpContext http) =>
        IsV2(http)
            ? ProblemAsync(http, StatusCodes.Status404NotFound, "not_found", "there is nothing at this path")
            : EmptyAsync(http, StatusCodes.Status404NotFound);

    public static Task WrongMethodAsync(HttpContext http, string allow)
    {
        http.Response.Headers.Allow = allow;
        return IsV2(http)
            ? ProblemAsync(http, StatusCodes.Status405MethodNotAllowed, "method_not_allowed", "this path does not know the method")
            : EmptyAsync(http, StatusCodes.Status405MethodNotAllowed);
    }

    public static async Task BytesAsync(HttpContext http, int status, string? contentType, ReadOnlyMemory<byte> body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = contentType;
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    private static bool IsV2(HttpContext http) => http.Request.Path.StartsWithSegments("/v2", StringComparison.Ordinal);
}
