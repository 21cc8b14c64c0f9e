using System.Text.Json;
using WirePS.Relay.Limits;
using WirePS.Relay.Storage;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>Events by sequence: reading, waiting, acking.</summary>
public sealed class V2EventTests
{
    private static Task<Answer> ReadAsync(TestRelay relay, Slot slot, string query = "") => relay.Client.GetAsync($"/v2/events/{slot.Id}{query}", slot.Token);

    private static Task<Answer> AckAsync(TestRelay relay, Slot slot, long upTo) => relay.Client.PostAsync($"/v2/events/{slot.Id}/ack", $$"""{"upto":{{upTo}}}""", slot.Token);

    private static async Task<Slot> FilledAsync(TestRelay relay, int count)
    {
        var slot = await relay.Client.AllocateAsync();
        for (var i = 1; i <= count; i++)
        {
            Assert.Equal(201, (await relay.Client.PostEventAsync(slot, $$"""{"event_id":"e{{i}}"}""")).Status);
        }

        return slot;
    }

    private static long[] Sequences(JsonElement page) => [.. page.GetProperty("events").EnumerateArray().Select(static item => item.GetProperty("seq").GetInt64())];

    private static void AssertSequences(JsonElement page, params long[] expected) => Assert.Equal(expected, Sequences(page));

    private static (bool More, long Next, long First) Position(JsonElement page) =>
        (page.GetProperty("more").GetBoolean(), page.GetProperty("next").GetInt64(), page.GetProperty("first").GetInt64());

    private static async Task<bool> ComesTrueAsync(Func<bool> condition)
    {
        for (var i = 0; i < 300 && !condition(); i++)
        {
            await Task.Delay(20);
        }

        return condition();
    }

    [Fact]
    public async Task The_reply_is_what_the_specification_shows()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var grant = new string('a', 32);
        Assert.Equal(201, (await relay.Client.PutAsync($"/v2/slot/{slot.Id}/grants/{grant}", $$"""{"token":"{{new string('b', 64)}}","rights":["post"]}""", slot.Token)).Status);

        Assert.Equal("""{"events":[],"more":false,"next":0,"first":1}""", (await ReadAsync(relay, slot)).Body);
        await relay.Client.PostEventAsync(slot, """{"n":1.0}""");
        await relay.Client.PostEventAsync(slot with { Token = new string('b', 64) }, "\"x\"");

        var answer = await ReadAsync(relay, slot);
        Assert.Equal("application/json", answer.ContentType);
        Assert.Equal(
            $$$"""{"events":[{"seq":1,"grant":null,"event":{"n":1.0}},{"seq":2,"grant":"{{{grant}}}","event":"x"}],"more":false,"next":2,"first":1}""", answer.Body);
        Assert.Equal("""{"events":[],"more":false,"next":2,"first":1}""", (await ReadAsync(relay, slot, "?after=2")).Body);
    }

    [Fact]
    public async Task Pages_follow_one_another_and_say_whether_there_is_more()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await FilledAsync(relay, 5);
        var page = (await ReadAsync(relay, slot, "?limit=2")).Json;
        AssertSequences(page, 1, 2);
        Assert.Equal((true, 2, 1), Position(page));
        page = (await ReadAsync(relay, slot, "?limit=2&after=2")).Json;
        AssertSequences(page, 3, 4);
        Assert.Equal((true, 4, 1), Position(page));
        page = (await ReadAsync(relay, slot, "?limit=2&after=4")).Json;
        AssertSequences(page, 5);
        Assert.Equal((false, 5, 1), Position(page));

        // a client that knows more than the relay, as after a backup was restored, is told where the relay stands
        Assert.Equal((false, 5, 1), Position((await ReadAsync(relay, slot, "?after=18446744073709551615")).Json));
        Assert.Equal(100, Sequences((await ReadAsync(relay, await FilledAsync(relay, 101))).Json).Length);
    }

    [Fact]
    public async Task A_page_that_grows_too_large_ends_and_says_that_there_is_more()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        for (var i = 0; i < 34; i++)
        {
            await relay.Client.PostEventAsync(slot, $"\"{new string('x', WireLimits.EventBytes - 2)}\"");
        }

        var page = (await ReadAsync(relay, slot)).Json;
        Assert.Equal(WireLimits.PageBytes / WireLimits.EventBytes, Sequences(page).Length);
        Assert.Equal((true, 32, 1), Position(page));
    }

    [Fact]
    public async Task A_wait_ends_with_the_next_event_or_with_its_time()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await FilledAsync(relay, 1);
        var woken = ReadAsync(relay, slot, "?after=1&wait=55");
        while (time.Waiting < 3 && !woken.IsCompleted)
        {
            await Task.Delay(10);
        }

        Assert.False(woken.IsCompleted);
        await relay.Client.PostEventAsync(slot, """{"event_id":"e2"}""");
        AssertSequences((await woken.WaitAsync(TimeSpan.FromSeconds(20))).Json, 2);

        var idle = ReadAsync(relay, slot, "?after=2&wait=99");
        while (!idle.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(10);
        }

        Assert.Equal((false, 2, 1), Position((await idle).Json));
        AssertSequences((await ReadAsync(relay, slot, "?after=1&wait=55").WaitAsync(TimeSpan.FromSeconds(20))).Json, 2);
    }

    [Fact]
    public async Task Acked_events_are_gone_their_numbers_are_not_used_again_and_the_quota_has_room()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await FilledAsync(relay, 3);
        await relay.Client.PostEventAsync(slot, "\"no id\"");
        Assert.Equal(204, (await AckAsync(relay, slot, 2)).Status);
        var page = (await ReadAsync(relay, slot, "?after=2")).Json;
        AssertSequences(page, 3, 4);
        Assert.Equal((false, 4, 3), Position(page));
        Assert.Equal(204, (await AckAsync(relay, slot, 4)).Status);
        await relay.RestartAsync();
        foreach (var again in new[] { 4, 1, 0 })
        {
            Assert.Equal(204, (await AckAsync(relay, slot, again)).Status);
        }

        Assert.Equal("""{"events":[],"more":false,"next":4,"first":5}""", (await ReadAsync(relay, slot, "?after=4")).Body);
        var state = (await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json;
        Assert.Equal(0, state.GetProperty("event_count").GetInt64());
        Assert.Equal(0L, Databases.Scalar(relay.DataFolder, "SELECT event_bytes FROM slot"));
        Assert.Equal(0L, Databases.Scalar(relay.DataFolder, "SELECT SUM(LENGTH(body)) FROM event"));
        Assert.Equal(3, Databases.Count(relay.DataFolder, "event"));

        await relay.Client.PostEventAsync(slot, "5");
        AssertSequences((await ReadAsync(relay, slot, "?after=4")).Json, 5);
    }

    [Fact]
    public async Task An_ack_beyond_the_last_event_is_refused_and_changes_nothing()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await FilledAsync(relay, 2);
        var refused = await AckAsync(relay, slot, 3);
        Assert.Equal((400, "beyond_last", "application/problem+json"), (refused.Status, refused.Text("code"), refused.ContentType));
        AssertSequences((await ReadAsync(relay, slot)).Json, 1, 2);
    }

    [Fact]
    public async Task An_ack_of_many_events_is_one_request()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        await Parallel.ForAsync(0, 1300, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) =>
            Assert.Equal(201, (await relay.Client.PostEventAsync(slot, $$"""{"event_id":"{{i}}"}""")).Status));

        Assert.Equal(204, (await AckAsync(relay, slot, 1200)).Status);
        var page = (await ReadAsync(relay, slot, "?after=1200")).Json;
        Assert.Equal(1201, page.GetProperty("first").GetInt64());
        Assert.Equal(100, (await relay.Client.GetAsync($"/v1/slot/{slot.Id}/state", slot.Token)).Json.GetProperty("event_count").GetInt64());
    }

    [Fact]
    public async Task An_acked_id_stays_a_duplicate_for_thirty_days()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await FilledAsync(relay, 1);
        time.Advance(TimeSpan.FromDays(20));
        await AckAsync(relay, slot, 1);
        time.Advance(TimeSpan.FromDays(29));
        Assert.Equal("duplicate", (await relay.Client.PostEventAsync(slot, """{"event_id":"e1"}""")).Text("status"));
        Assert.Equal("[]", (await relay.Client.GetAsync($"/v1/events/{slot.Id}?since=e1", slot.Token)).Body);

        time.Advance(TimeSpan.FromDays(2));
        Assert.True(await ComesTrueAsync(() => Databases.Count(relay.DataFolder, "event") == 0));
        Assert.Equal("stored", (await relay.Client.PostEventAsync(slot, """{"event_id":"e1"}""")).Text("status"));
        AssertSequences((await ReadAsync(relay, slot)).Json, 2);
        Assert.Equal(1L, Databases.Scalar(relay.DataFolder, "SELECT event_count FROM slot"));
    }

    [Fact]
    public async Task A_v1_reader_goes_on_after_an_acked_event_and_does_not_see_it()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await FilledAsync(relay, 3);
        await AckAsync(relay, slot, 2);
        foreach (var query in new[] { "?since=e1", "?since=e2", "", "?since=unknown" })
        {
            Assert.Equal("""[{"event_id":"e3"}]""", (await relay.Client.GetAsync($"/v1/events/{slot.Id}{query}", slot.Token)).Body);
        }
    }

    [Fact]
    public async Task Events_that_nobody_took_are_dropped_after_thirty_days_and_the_reader_can_tell()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var slot = await FilledAsync(relay, 2);
        time.Advance(TimeSpan.FromDays(20));
        await relay.Client.PostEventAsync(slot, "3");
        time.Advance(TimeSpan.FromDays(11));
        Assert.True(await ComesTrueAsync(() => Databases.Count(relay.DataFolder, "event") == 1));
        var page = (await ReadAsync(relay, slot, "?after=1")).Json;
        AssertSequences(page, 3);
        Assert.Equal((false, 3, 3), Position(page));

        time.Advance(TimeSpan.FromDays(20));
        Assert.True(await ComesTrueAsync(() => Databases.Count(relay.DataFolder, "event") == 0));

        // that all is gone is news: this does not wait
        page = (await ReadAsync(relay, slot, "?after=1&wait=55").WaitAsync(TimeSpan.FromSeconds(20))).Json;
        Assert.Equal((false, 3, 4), Position(page));
        Assert.Equal(204, (await AckAsync(relay, slot, 3)).Status);
    }

    [Fact]
    public async Task Requests_in_another_form_are_refused_with_problem_details()
    {
        await using var relay = await TestRelay.StartAsync();
        var slot = await relay.Client.AllocateAsync();
        var grant = slot with { Token = new string('b', 64) };
        await relay.Client.PutAsync($"/v2/slot/{slot.Id}/grants/{new string('a', 32)}", $$"""{"token":"{{grant.Token}}","rights":["post"]}""", slot.Token);
        foreach (var (answer, status, code) in new[]
        {
            (await ReadAsync(relay, slot, "?after=x"), 400, "bad_request"),
            (await ReadAsync(relay, slot, "?after=-1"), 400, "bad_request"),
            (await ReadAsync(relay, slot, "?limit=0"), 400, "bad_request"),
            (await ReadAsync(relay, slot, "?wait=x"), 400, "bad_request"),
            (await ReadAsync(relay, grant), 403, "bad_token"),
            (await AckAsync(relay, grant, 0), 403, "bad_token"),
            (await relay.Client.GetAsync($"/v2/events/{slot.Id}"), 401, "missing_token"),
            (await relay.Client.GetAsync("/v2/events/none", slot.Token), 404, "unknown_slot"),
            (await relay.Client.PostAsync($"/v2/events/{slot.Id}/ack", "[]", slot.Token), 400, "malformed"),
            (await relay.Client.PostAsync($"/v2/events/{slot.Id}/ack", "{}", slot.Token), 400, "bad_request"),
            (await relay.Client.PostAsync($"/v2/events/{slot.Id}/ack", """{"upto":-1}""", slot.Token), 400, "bad_request"),
            (await relay.Client.PostAsync($"/v2/events/{slot.Id}/ack", """{"upto":1.5}""", slot.Token), 400, "bad_request"),
            (await relay.Client.PostAsync($"/v2/events/{slot.Id}/ack", """{"upto":"1"}""", slot.Token), 400, "bad_request"),
            (await relay.Client.PostAsync($"/v2/events/{slot.Id}", "{}", slot.Token), 405, "method_not_allowed"),
        })
        {
            Assert.Equal((status, code, "application/problem+json"), (answer.Status, answer.Text("code"), answer.ContentType));
        }
    }

    [Theory]
    [InlineData(RelaySql.FindDuplicate)]
    [InlineData(RelaySql.FirstEvent)]
    [InlineData(RelaySql.EventsToAck)]
    [InlineData(RelaySql.EmptyEvent)]
    [InlineData(RelaySql.SlotSequences)]
    public Task Every_statement_finds_its_rows_by_an_index(string statement) => Databases.AssertByIndexAsync(statement);
}
