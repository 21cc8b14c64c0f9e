using System.Text;
using WirePS.Relay.Http;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>Odd bodies, queries and paths: refused as the real relay's framework refuses them.</summary>
public sealed class BodyTests
{
    public static TheoryData<string, int> EventBodies => new()
    {
        { """{"event":1}""", 201 },
        { """[{"event_id":"in an array"}]""", 201 },
        { """{"\u0065vent":1}""", 201 },
        { """{"event":1,"x":2}""", 201 },
        { """{"event":{"s":"\ud83d\ude00"}}""", 201 },
        { """{"event":1e308}""", 201 },
        { $$"""{"event":{{new string('[', 126)}}{{new string(']', 126)}}}""", 201 },
        { $$"""{"event":{{new string('[', 127)}}{{new string(']', 127)}}}""", 400 },
        { """{"event":1,"event":2}""", 422 },
        { """{"event":1,"\u0065vent":2}""", 422 },
        { "[]", 422 },
        { """[1,2]""", 400 },
        { "5", 422 },
        { "null", 422 },
        { "", 400 },
        { " ", 400 },
        { """{"event":1}x""", 400 },
        { """{"event":1,}""", 400 },
        { """{"event":01}""", 400 },
        { """{"event":NaN}""", 400 },
        { """{"event":1e999}""", 400 },
        { """{"event":"\ud800"}""", 400 },
        { """{"event":{"\udc00":1}}""", 400 },
        { """{"event":1}//""", 400 },
        { "{'event':1}", 400 },
        { "\uFEFF{\"event\":1}", 400 },
    };

    [Theory]
    [MemberData(nameof(EventBodies))]
    public async Task An_event_body_is_taken_or_refused(string body, int status)
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var answer = await relay.Client.PostAsync($"/v1/events/{slot.Id}", body, slot.Token);

        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 201 ? "application/json" : "text/plain; charset=utf-8", answer.ContentType);
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_are_refused()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        foreach (var bad in new byte[][] { [0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80] })
        {
            byte[] body = [.. "{\"event\":\""u8, .. bad, .. "\"}"u8];
            Assert.Equal(400, (await relay.Client.SendAsync("POST", $"/v1/events/{slot.Id}", body, [new("Content-Type", "application/json"), new("Authorization", "Bearer " + slot.Token)])).Status);
        }

        byte[] path = [.. "{\"code_hash\":\""u8, 0xff, .. "\",\"msg\":\"\",\"role\":\"host\"}"u8];
        Assert.Equal(400, (await relay.Client.SendAsync("POST", "/v1/pair", path, [new("Content-Type", "application/json")])).Status);
    }

    [Theory]
    [InlineData("""{"code_hash":"a","msg":"m","role":"host"}""", 201)]
    [InlineData("""["a","m","host"]""", 201)]
    [InlineData("""["a","m"]""", 422)]
    [InlineData("""["a","m","host",60]""", 400)]
    [InlineData("""{"code_hash":null,"msg":"m","role":"host"}""", 422)]
    [InlineData("""{"code_hash":"a","msg":5,"role":"host"}""", 422)]
    [InlineData("""{"code_hash":"a","code_hash":"b","msg":"m","role":"host"}""", 422)]
    [InlineData("""{"code_hash":"\u0000","msg":"\u0000\u0001","role":"host"}""", 201)]
    [InlineData("""{"code_hash":"a","msg":"m","role":"HOST"}""", 400)]
    public async Task An_open_body_is_taken_or_refused(string body, int status)
    {
        await using var relay = await TestRelay.StartAsync();
        Assert.Equal(status, (await relay.Client.PostAsync("/v1/pair", body)).Status);
    }

    [Fact]
    public async Task A_message_comes_out_as_it_went_in()
    {
        await using var relay = await TestRelay.StartAsync();
        var id = (await relay.Client.PostAsync("/v1/pair", """{"code_hash":"a","msg":"\u0000 é\ud83d\ude00\" \\ \u2028","role":"host"}""")).Text("pair_id");

        Assert.Equal("\0 é\U0001F600\" \\ \u2028", (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest")).Text("peer_msg"));
    }

    [Theory]
    [InlineData("application/json", true)]
    [InlineData("Application/JSON", true)]
    [InlineData("application/json; charset=utf-8", true)]
    [InlineData("application/x+json", true)]
    [InlineData("application/jsonx", false)]
    [InlineData("text/json", false)]
    [InlineData("json", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_content_type_is_JSON_or_not(string? type, bool isJson) => Assert.Equal(isJson, BodyReader.IsJson(type));

    [Theory]
    [InlineData("GET", "/healthz/", 404)]
    [InlineData("GET", "/Healthz", 404)]
    [InlineData("GET", "//healthz", 404)]
    [InlineData("GET", "/", 404)]
    [InlineData("GET", "/v1/events/", 404)]
    [InlineData("GET", "/v1/slot/allocate", 405)]
    [InlineData("GET", "/v1/pair/abandon", 405)]
    [InlineData("GET", "/v1/pair", 405)]
    [InlineData("DELETE", "/v1/events/x", 405)]
    [InlineData("HEAD", "/v1/pair/x?as_role=host", 404)]
    [InlineData("GET", "/metrics", 404)]
    public async Task Paths_and_methods_are_exact(string method, string path, int status)
    {
        await using var relay = await TestRelay.StartAsync();
        var answer = await relay.Client.SendAsync(method, path);
        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 405, answer.Headers.ContainsKey("allow"));
    }

    [Theory]
    [InlineData("limit=", 400)]
    [InlineData("limit=1&limit=2", 400)]
    [InlineData("limit=99999999999999999999999", 400)]
    [InlineData("limit=18446744073709551615", 200)]
    [InlineData("limit=%31", 200)]
    [InlineData("limit=+1", 400)]
    [InlineData("limit=%2B1", 200)]
    [InlineData("since=%zz&since", 400)]
    [InlineData("&&x&=y", 200)]
    public async Task Queries_are_strict(string query, int status)
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        Assert.Equal(status, (await relay.Client.GetAsync($"/v1/events/{slot.Id}?{query}", slot.Token)).Status);
    }

    [Fact]
    public async Task Large_bodies_are_cut_off_while_reading()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var large = Encoding.UTF8.GetBytes("{\"event\":\"" + new string('x', 3_000_000) + "\"}");

        // without a length, as a stream of chunks
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{relay.Client.BaseUrl}/v1/events/{slot.Id}");
        request.Content = new StreamContent(new MemoryStream(large));
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.TransferEncodingChunked = true;
        using var chunked = await client.SendAsync(request);
        Assert.Equal(413, (int)chunked.StatusCode);
        Assert.Equal("text/plain; charset=utf-8", chunked.Content.Headers.ContentType?.ToString());

        // a whole 100 KB of anything is no problem
        Assert.Equal(201, (await relay.Client.PostEventAsync(slot, "\"" + new string('é', 50_000) + "\"")).Status);
        Assert.Equal(422, (await relay.Client.PostAsync("/v1/pair", "{\"x\":\"" + new string('x', 100_000) + "\"}")).Status);
        Assert.Equal(413, (await relay.Client.PostAsync($"/v1/slot/{slot.Id}/responder-health", "{\"status\":\"" + new string('x', 100_000) + "\",\"set_at\":\"\"}", slot.Token)).Status);
    }

    [Fact]
    public async Task Many_large_events_come_in_pages_that_fit_memory_and_none_is_lost()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        for (var i = 0; i < 40; i++)
        {
            await relay.Client.PostEventAsync(slot, $$"""{"event_id":"{{i}}","x":"{{new string('x', 250_000)}}"}""");
        }

        var seen = 0;
        var since = "";
        while (true)
        {
            var page = await relay.Client.GetAsync($"/v1/events/{slot.Id}?limit=1000{since}", slot.Token);
            Assert.True(page.Body.Length < 9_000_000);
            var events = page.Json.EnumerateArray().Select(static item => item.GetProperty("event_id").GetString()).ToList();
            if (events.Count == 0)
            {
                break;
            }

            Assert.Equal(Enumerable.Range(seen, events.Count).Select(static i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)), events);
            seen += events.Count;
            since = "&since=" + events[^1];
        }

        Assert.Equal(40, seen);
    }

    [Fact]
    public async Task Responder_health_is_kept_with_all_its_members()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        const string health = """{"status":"offline","reason":"é","last_success_at":"a","set_at":"b"}""";
        Assert.Equal(health, (await relay.Client.PostAsync($"/v1/slot/{slot.Id}/responder-health", health, slot.Token)).Body);
        await relay.RestartAsync();

        Assert.Equal(health, (await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json.GetProperty("responder_health").GetRawText());
    }
}
