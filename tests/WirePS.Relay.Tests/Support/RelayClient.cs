using System.Net;
using System.Text;
using System.Text.Json;

namespace WirePS.Relay.Tests.Support;

/// <summary>What a relay answered.</summary>
internal sealed record Answer(int Status, string? ContentType, string Body, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Json => JsonElement.Parse(Body);

    public string? Text(string member) => Json.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>A slot and its token.</summary>
internal sealed record Slot(string Id, string Token);

/// <summary>Sends requests exactly as given: no path is tidied, no header is corrected.</summary>
internal sealed class RelayClient(string baseUrl) : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, MaxConnectionsPerServer = 4096, UseProxy = false })
    {
        Timeout = TimeSpan.FromSeconds(90),
    };

    public string BaseUrl { get; } = baseUrl;

    public async Task<Answer> SendAsync(
        string method,
        string path,
        byte[]? body = null,
        IEnumerable<KeyValuePair<string, string>>? headers = null,
        CancellationToken cancellationToken = default)
    {
        using var request = Build(method, path, body, headers);
        using var response = await _client.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        // as they came: the parsed ones are put in an order of their own
        var all = response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated)
            .ToDictionary(static header => header.Key.ToLowerInvariant(), static header => string.Join(",", header.Value));
        return new Answer((int)response.StatusCode, all.GetValueOrDefault("content-type"), text, all);
    }

    /// <summary>Opens an answer that does not end.</summary>
    public async Task<HttpResponseMessage> OpenAsync(string path, IEnumerable<KeyValuePair<string, string>>? headers = null)
    {
        using var request = Build("GET", path, null, headers);
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public Task<Answer> GetAsync(string path, string? token = null, CancellationToken cancellationToken = default) =>
        SendAsync("GET", path, null, Bearer(token), cancellationToken);

    public Task<Answer> PostAsync(string path, string json, string? token = null, CancellationToken cancellationToken = default) =>
        SendAsync("POST", path, Encoding.UTF8.GetBytes(json), [new("Content-Type", "application/json"), .. Bearer(token)], cancellationToken);

    public Task<Answer> PutAsync(string path, string json, string? token = null) =>
        SendAsync("PUT", path, Encoding.UTF8.GetBytes(json), [new("Content-Type", "application/json"), .. Bearer(token)]);

    public Task<Answer> DeleteAsync(string path, string? token = null) => SendAsync("DELETE", path, null, Bearer(token));

    public async Task<Slot> AllocateAsync()
    {
        var answer = await PostAsync("/v1/slot/allocate", "{}");
        Assert.Equal(201, answer.Status);
        return new Slot(answer.Text("slot_id")!, answer.Text("slot_token")!);
    }

    /// <summary>Opens a rendezvous and answers its id.</summary>
    public async Task<string> OpenPairAsync(string code, string role, string message, int? expiresIn = null)
    {
        var answer = await PostAsync("/v1/pair", OpenJson(code, role, message, expiresIn));
        Assert.Equal(201, answer.Status);
        return answer.Text("pair_id")!;
    }

    public static string OpenJson(string code, string role, string message, int? expiresIn = null) =>
        expiresIn is null
            ? $$"""{"code_hash":"{{code}}","msg":"{{message}}","role":"{{role}}"}"""
            : $$"""{"code_hash":"{{code}}","msg":"{{message}}","role":"{{role}}","expires_in":{{expiresIn}}}""";

    public Task<Answer> BootstrapAsync(string pairId, string role, string value) =>
        PostAsync($"/v1/pair/{pairId}/bootstrap", $$"""{"role":"{{role}}","sealed":"{{value}}"}""");

    public Task<Answer> DoneAsync(string code, string pairId, string role) =>
        PostAsync("/v1/pair/abandon", $$"""{"code_hash":"{{code}}","pair_id":"{{pairId}}","role":"{{role}}","done":true}""");

    public Task<Answer> AbandonAsync(string code) => PostAsync("/v1/pair/abandon", $$"""{"code_hash":"{{code}}"}""");

    public Task<Answer> PostEventAsync(Slot slot, string eventJson) =>
        PostAsync($"/v1/events/{slot.Id}", $$"""{"event":{{eventJson}}}""", slot.Token);

    public void Dispose() => _client.Dispose();

    private HttpRequestMessage Build(string method, string path, byte[]? body, IEnumerable<KeyValuePair<string, string>>? headers)
    {
        var uri = new Uri(BaseUrl + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(new HttpMethod(method), uri) { Version = HttpVersion.Version11 };
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
        }

        foreach (var (name, value) in headers ?? [])
        {
            if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
            {
                // a content type without a body still is one
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    private static KeyValuePair<string, string>[] Bearer(string? token) =>
        token is null ? [] : [new("Authorization", "Bearer " + token)];
}
