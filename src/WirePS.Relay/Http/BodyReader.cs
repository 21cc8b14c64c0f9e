using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Unicode;
using WirePS.Relay.Limits;

namespace WirePS.Relay.Http;

/// <summary>
/// Reads JSON bodies as strictly as the real relay: content type first, size while reading, then syntax (which includes what a reader of the
/// stored text would trip over: bad UTF-8, lone surrogates, numbers beyond a double, depth), all before anything else is looked at.
/// </summary>
internal static class BodyReader
{
    /// <summary>The real relay's reader counts down from 128 and stops at 0.</summary>
    private const int MaxDepth = 127;

    /// <summary>
    /// A message is handed on inside a reply, whose reader may count as little as 64 (the default of .NET): one side must not be able to make
    /// the other side's whole reply unreadable.
    /// </summary>
    private const int MaxMessageDepth = 32;

    /// <summary>Reads the body of a v1 route; refusals are plain text.</summary>
    public static async Task<JsonDocument> ReadV1Async(HttpContext http)
    {
        if (!IsJson(http.Request.ContentType))
        {
            throw new RequestRefusedException(StatusCodes.Status415UnsupportedMediaType, "Expected request with `Content-Type: application/json`");
        }

        var body = await ReadBytesAsync(http, WireLimits.BodyBytes)
            ?? throw new RequestRefusedException(StatusCodes.Status413PayloadTooLarge, "Failed to buffer the request body: length limit exceeded");
        return Parse(body) ?? throw RequestRefusedException.Malformed("not well-formed");
    }

    /// <summary>Reads the body of a v2 route, which is an object; refusals are problem details.</summary>
    public static async Task<JsonDocument> ReadV2Async(HttpContext http, int maxBytes)
    {
        var body = await ReadBytesAsync(http, maxBytes) ?? throw RequestRefusedException.TooLarge($"the body is larger than {maxBytes} bytes");
        var document = Parse(body);
        if (document?.RootElement.ValueKind != JsonValueKind.Object)
        {
            document?.Dispose();
            throw new RequestRefusedException(StatusCodes.Status400BadRequest, "the body is not a JSON object", "malformed");
        }

        return document;
    }

    /// <summary>Reads a message that is one JSON object and is kept as the bytes that came.</summary>
    public static async Task<byte[]> ReadObjectAsync(HttpContext http, int maxBytes)
    {
        var body = await ReadBytesAsync(http, maxBytes) ?? throw RequestRefusedException.TooLarge($"the message is larger than {maxBytes} bytes");
        return IsObject(body) ? body : throw new RequestRefusedException(StatusCodes.Status400BadRequest, "the message is not a JSON object", "malformed");
    }

    /// <summary>Parses a text that must be JSON from end to end; null where it is not.</summary>
    internal static JsonDocument? Parse(ReadOnlyMemory<byte> body)
    {
        if (!Utf8.IsValid(body.Span))
        {
            return null;
        }

        try
        {
            CheckTokens(body.Span, MaxDepth);
            return JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool IsObject(ReadOnlySpan<byte> body)
    {
        if (!Utf8.IsValid(body))
        {
            return false;
        }

        try
        {
            return CheckTokens(body, MaxMessageDepth) == JsonTokenType.StartObject;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    internal static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var parsed)
        && parsed.MediaType is { } type
        && (type.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || (type.StartsWith("application/", StringComparison.OrdinalIgnoreCase) && type.EndsWith("+json", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Reads to the end and answers with what it begins.</summary>
    private static JsonTokenType CheckTokens(ReadOnlySpan<byte> body, int maxDepth)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = maxDepth });
        var first = JsonTokenType.None;
        while (reader.Read())
        {
            first = first == JsonTokenType.None ? reader.TokenType : first;
            if (reader.TokenType == JsonTokenType.Number)
            {
                if (!reader.TryGetDouble(out var number) || !double.IsFinite(number))
                {
                    throw new JsonException("number out of range");
                }
            }
            else if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                CheckEscapes(ref reader);
            }
        }

        return first;
    }

    private static void CheckEscapes(ref Utf8JsonReader reader)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(reader.ValueSpan.Length);
        try
        {
            reader.CopyString(buffer);
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("lone surrogate", exception);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Null where there is more than allowed; not a byte more than that is kept.</summary>
    private static async Task<byte[]?> ReadBytesAsync(HttpContext http, int maxBytes)
    {
        if (http.Request.ContentLength > maxBytes)
        {
            return null;
        }

        var body = new ArrayBufferWriter<byte>((int)Math.Max(http.Request.ContentLength ?? 0, 256));
        while (true)
        {
            var read = await http.Request.Body.ReadAsync(body.GetMemory(1024), http.RequestAborted);
            if (read == 0)
            {
                return body.WrittenSpan.ToArray();
            }

            body.Advance(read);
            if (body.WrittenCount > maxBytes)
            {
                return null;
            }
        }
    }
}
