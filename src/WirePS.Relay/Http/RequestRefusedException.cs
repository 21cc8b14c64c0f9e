using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>
/// A request that is refused before a handler looks at its meaning. Plain text, as the framework of the real relay answers; with a code it
/// is a problem detail.
/// </summary>
internal sealed class RequestRefusedException(int status, string text, string? code = null, int? retryAfter = null) : Exception(text)
{
    /// <summary>The stable code of a problem detail; null for plain text.</summary>
    public string? Code => code;

    public Task WriteAsync(HttpContext http)
    {
        if (retryAfter is { } seconds)
        {
            Reply.RetryAfter(http, seconds);
        }

        return code is null ? Reply.TextAsync(http, status, Message) : Reply.ProblemAsync(http, status, code, Message);
    }

    public static RequestRefusedException Malformed(string text) => new(StatusCodes.Status400BadRequest, "Failed to parse the request body as JSON: " + text);

    public static RequestRefusedException WrongShape(string text) =>
        new(StatusCodes.Status422UnprocessableEntity, "Failed to deserialize the JSON body into the target type: " + text);

    public static RequestRefusedException BadQuery(string text) => new(StatusCodes.Status400BadRequest, "Failed to deserialize query string: " + text);

    public static RequestRefusedException TooLarge(string text) => new(StatusCodes.Status413PayloadTooLarge, text, "message_too_large");

    public static RequestRefusedException RateLimited(string text, int retryAfter) =>
        new(StatusCodes.Status429TooManyRequests, text, "rate_limited", retryAfter);

    public static RequestRefusedException NoRendezvous() =>
        new(StatusCodes.Status404NotFound, "there is no such rendezvous, or this role is not bound in it", "no_rendezvous");

    public static RequestRefusedException RoleTaken() =>
        new(StatusCodes.Status403Forbidden, "this role belongs to another token", "role_taken");

    public static RequestRefusedException Unreadable(PairAccess access) => access == PairAccess.RoleTaken ? RoleTaken() : NoRendezvous();

    public static RequestRefusedException BadRequest(string text) => new(StatusCodes.Status400BadRequest, text, "bad_request");
}
