using System.Diagnostics;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>Server-sent events.</summary>
public sealed class StreamTests
{
    [Fact]
    public async Task A_stream_shows_what_is_stored_after_it_was_opened_in_order_and_nothing_before()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PostEventAsync(slot, "\"before\"");
        using var response = await OpenAsync(relay, slot);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.ToString());
        Assert.True(response.Headers.CacheControl?.NoCache);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        for (var i = 0; i < 50; i++)
        {
            await relay.Client.PostEventAsync(slot, $$"""{"event_id":"{{i}}"}""");
        }

        await relay.Client.PostEventAsync(slot, """{"event_id":"0"}""");
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal($$"""data: {"event_id":"{{i}}"}""", await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)));
            Assert.Equal("", await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)));
        }
    }

    [Fact]
    public async Task A_quiet_stream_says_every_thirty_seconds_that_it_is_there()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await relay.Client.AllocateAsync();
        using var response = await OpenAsync(relay, slot);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await Task.Delay(300);
        time.Advance(TimeSpan.FromSeconds(29));
        var line = reader.ReadLineAsync();
        await Task.Delay(200);
        Assert.False(line.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(": phyllis: still on the line", await line.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task A_slot_has_at_most_256_streams_and_a_closed_one_makes_room()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var open = await Task.WhenAll(Enumerable.Range(0, 256).Select(_ => OpenAsync(relay, slot)));
        Assert.All(open, static response => Assert.True(response.IsSuccessStatusCode));

        var refused = await relay.Client.GetAsync($"/v1/events/{slot.Id}/stream", slot.Token);
        Assert.Equal(503, refused.Status);
        Assert.Equal("phyllis: too many open lines on that slot — max 256 subscribers", refused.Text("error"));
        Assert.True(refused.Headers.ContainsKey("retry-after"));

        await relay.Client.PostEventAsync(slot, "1");
        Assert.All(
            await Task.WhenAll(open.Select(static async response => await new StreamReader(await response.Content.ReadAsStreamAsync()).ReadLineAsync())).WaitAsync(TimeSpan.FromSeconds(30)),
            static line => Assert.Equal("data: 1", line));

        open[0].Dispose();
        var again = 503;
        for (var i = 0; i < 100 && again == 503; i++)
        {
            await Task.Delay(20);
            using var response = await OpenAsync(relay, slot);
            again = (int)response.StatusCode;
        }

        Assert.Equal(200, again);
        foreach (var response in open)
        {
            response.Dispose();
        }
    }

    [Fact]
    public async Task Who_may_not_read_opens_no_stream()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        Assert.Equal(401, (await relay.Client.GetAsync($"/v1/events/{slot.Id}/stream")).Status);
        Assert.Equal(403, (await relay.Client.GetAsync($"/v1/events/{slot.Id}/stream", "x")).Status);
        Assert.Equal(404, (await relay.Client.GetAsync("/v1/events/x/stream", slot.Token)).Status);
        var watch = Stopwatch.StartNew();
        var head = await relay.Client.SendAsync("HEAD", $"/v1/events/{slot.Id}/stream", null, [new("Authorization", "Bearer " + slot.Token)]);
        Assert.Equal((200, "text/event-stream"), (head.Status, head.ContentType));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20));
    }

    private static Task<HttpResponseMessage> OpenAsync(TestRelay relay, Slot slot) =>
        relay.Client.OpenAsync($"/v1/events/{slot.Id}/stream", [new("Authorization", "Bearer " + slot.Token)]);
}
