using System.Diagnostics;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>Waiting for news: it comes at once, its absence never early, and the end of the relay ends it.</summary>
public sealed class LongPollTests
{
    [Theory]
    [InlineData("none", "msg")]
    [InlineData("msg", "bootstrap")]
    [InlineData("bootstrap", "done")]
    public async Task News_beyond_what_is_held_answers_at_once(string have, string news)
    {
        await using var relay = await TestRelay.StartAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");
        if (have != "none")
        {
            await relay.Client.OpenPairAsync("c", "guest", "G");
        }

        if (have == "bootstrap")
        {
            await relay.Client.BootstrapAsync(id, "host", "HS");
            await relay.Client.BootstrapAsync(id, "guest", "GS");
        }

        var watch = Stopwatch.StartNew();
        var poll = relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&wait=30&have={have}");
        await Task.Delay(300);
        Assert.False(poll.IsCompleted);
        Assert.Equal(news == "done" ? 204 : 201, (await (news switch
        {
            "msg" => relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("c", "guest", "G")),
            "bootstrap" => relay.Client.BootstrapAsync(id, "guest", "GS"),
            _ => relay.Client.DoneAsync("c", id, "guest"),
        })).Status);
        var answer = await poll;

        Assert.Equal(200, answer.Status);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), watch.Elapsed.ToString());
        Assert.Equal("G", answer.Text("peer_msg"));
        Assert.Equal(news == "done", answer.Json.GetProperty("peer_done").GetBoolean());
        Assert.NotNull(answer.Text("expires_at"));
    }

    [Fact]
    public async Task What_is_there_already_answers_at_once()
    {
        await using var relay = await TestRelay.StartAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");
        var watch = Stopwatch.StartNew();

        Assert.Equal("H", (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest&wait=55&have=none")).Text("peer_msg"));
        Assert.Equal("H", (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=guest&wait=55")).Text("peer_msg"));
        Assert.Equal(404, (await relay.Client.GetAsync("/v1/pair/00?as_role=guest&wait=55&have=none")).Status);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task An_answer_without_news_never_comes_early()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");
        var watch = Stopwatch.StartNew();
        var pair = relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&wait=2&have=none");
        var events = relay.Client.GetAsync($"/v1/events/{slot.Id}?wait=2&limit=0", slot.Token);

        // wakes both, early and late, with what is no news for them
        await Task.Delay(200);
        await relay.Client.PostAsync("/v1/pair", RelayClient.OpenJson("other", "host", "H"));
        await relay.Client.PostEventAsync(slot, "1");
        await Task.Delay(1200);
        await relay.Client.BootstrapAsync(id, "host", "S");
        await relay.Client.PostEventAsync(slot, "2");

        Assert.Equal(200, (await pair).Status);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(1.99), TimeSpan.FromSeconds(20));
        Assert.Equal("[]", (await events).Body);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(1.99), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task The_end_of_the_rendezvous_answers_at_once()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var abandoned = await relay.Client.OpenPairAsync("a", "host", "H");
        var poll = relay.Client.GetAsync($"/v1/pair/{abandoned}?as_role=host&wait=55&have=none");
        await Task.Delay(200);
        await relay.Client.AbandonAsync("a");
        Assert.Equal(404, (await poll.WaitAsync(TimeSpan.FromSeconds(20))).Status);

        var expiring = await relay.Client.OpenPairAsync("e", "host", "H", 5);
        poll = relay.Client.GetAsync($"/v1/pair/{expiring}?as_role=host&wait=55&have=none");
        await Task.Delay(300);
        time.Advance(TimeSpan.FromSeconds(4.9));
        await Task.Delay(200);
        Assert.False(poll.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(404, (await poll.WaitAsync(TimeSpan.FromSeconds(20))).Status);
    }

    [Fact]
    public async Task A_wait_is_at_most_55_seconds()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await relay.Client.AllocateAsync();
        var poll = relay.Client.GetAsync($"/v1/events/{slot.Id}?wait=100000", slot.Token);
        await Task.Delay(300);
        time.Advance(TimeSpan.FromSeconds(54.9));
        await Task.Delay(200);
        Assert.False(poll.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal("[]", (await poll.WaitAsync(TimeSpan.FromSeconds(20))).Body);
    }

    [Fact]
    public async Task An_event_wakes_the_owner_who_waits()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        await relay.Client.PostEventAsync(slot, """{"event_id":"one"}""");
        var poll = relay.Client.GetAsync($"/v1/events/{slot.Id}?since=one&wait=50", slot.Token);
        await Task.Delay(300);
        Assert.False(poll.IsCompleted);
        await relay.Client.PostEventAsync(slot, """{"event_id":"two"}""");

        Assert.Equal("""[{"event_id":"two"}]""", (await poll.WaitAsync(TimeSpan.FromSeconds(20))).Body);
    }

    [Fact]
    public async Task A_relay_that_stops_answers_503_with_Retry_After()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");
        var polls = new[]
        {
            relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&wait=55&have=none"),
            relay.Client.GetAsync($"/v1/events/{slot.Id}?wait=55", slot.Token),
        };
        await Task.Delay(300);
        var watch = Stopwatch.StartNew();
        await relay.Host.StopAsync();

        foreach (var answer in await Task.WhenAll(polls))
        {
            Assert.Equal(503, answer.Status);
            Assert.Equal("1", answer.Headers["retry-after"]);
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), watch.Elapsed.ToString());
    }

    [Fact]
    public async Task A_rendezvous_can_be_waited_for_again_after_a_restart()
    {
        await using var relay = await TestRelay.StartAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");
        await relay.RestartAsync();
        var poll = relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&wait=50&have=none");
        await Task.Delay(200);
        await relay.Client.OpenPairAsync("c", "guest", "G");

        Assert.Equal("G", (await poll.WaitAsync(TimeSpan.FromSeconds(20))).Text("peer_msg"));
    }

    [Fact]
    public async Task Too_many_waiters_of_one_source_are_told_to_come_again()
    {
        await using var relay = await TestRelay.StartAsync(configure: static options => options with { MaxWaitersPerSource = 2 });
        var slot = await relay.Client.AllocateAsync();
        using var gone = new CancellationTokenSource();
        var held = Enumerable.Range(0, 2).Select(_ => relay.Client.GetAsync($"/v1/events/{slot.Id}?wait=50", slot.Token, gone.Token)).ToList();
        await Task.Delay(400);

        var refused = await relay.Client.GetAsync($"/v1/events/{slot.Id}?wait=50", slot.Token);
        Assert.Equal(503, refused.Status);
        Assert.True(refused.Headers.ContainsKey("retry-after"));
        Assert.Equal(200, (await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Status);

        // who goes away makes room
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(held));
        var status = 503;
        for (var i = 0; i < 50 && status == 503; i++)
        {
            status = (await relay.Client.GetAsync($"/v1/events/{slot.Id}?wait=1", slot.Token)).Status;
        }

        Assert.Equal(200, status);
    }

    [Fact]
    public async Task Many_waiters_are_all_woken()
    {
        await using var relay = await TestRelay.StartAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");
        var polls = Enumerable.Range(0, 200).Select(_ => relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&wait=50&have=none")).ToList();
        await Task.Delay(500);
        await relay.Client.OpenPairAsync("c", "guest", "G");

        Assert.All(await Task.WhenAll(polls).WaitAsync(TimeSpan.FromSeconds(30)), static answer => Assert.Equal("G", answer.Text("peer_msg")));
    }

    [Fact]
    public async Task A_bad_wait_or_have_is_refused_and_HEAD_does_not_wait()
    {
        await using var relay = await TestRelay.StartAsync();
        var id = await relay.Client.OpenPairAsync("c", "host", "H");

        Assert.Equal(400, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&wait=x")).Status);
        Assert.Equal(400, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&wait=-1")).Status);
        Assert.Equal(400, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&have=all")).Status);
        Assert.Equal(400, (await relay.Client.GetAsync($"/v1/pair/{id}?as_role=host&as_role=host")).Status);
        var watch = Stopwatch.StartNew();
        Assert.Equal(200, (await relay.Client.SendAsync("HEAD", $"/v1/pair/{id}?as_role=host&wait=50&have=none")).Status);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20));
    }
}
