using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>What the relay says about how much it does.</summary>
public sealed class StatsTests
{
    [Fact]
    public async Task The_counters_are_those_of_the_real_relay()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var alice = await Person.CreateAsync(relay.Client, "alice");
        await Person.ClaimAsync(relay.Client, alice.Slot, alice.Card);
        await relay.Client.PostEventAsync(alice.Slot, "1");
        await relay.Client.OpenPairAsync("c", "host", "H");
        await relay.Client.OpenPairAsync("c", "guest", "G");
        await relay.Client.OpenPairAsync("c", "guest", "G");
        using var stream = await relay.Client.OpenAsync($"/v1/events/{alice.Slot.Id}/stream", [new("Authorization", "Bearer " + alice.Slot.Token)]);
        time.Advance(TimeSpan.FromSeconds(90));
        for (var i = 0; i < 300 && (await relay.Client.GetAsync("/stats.json")).Json.GetProperty("streams_active").GetInt64() == 0; i++)
        {
            await Task.Delay(20);
        }

        var stats = await relay.Client.GetAsync("/stats.json");
        Assert.Equal((200, "application/json"), (stats.Status, stats.ContentType));
        Assert.Equal(
            $$"""{"events_posted_total":1,"handle_claims_total":2,"handle_first_claims_total":1,"handles_active":1,"pair_opens_total":1,"pair_slots_open":1,"slot_allocations_total":1,"slots_active":1,"streams_active":1,"uptime_seconds":90,"version":"{{RelayVersion.Text}}"}""",
            stats.Body);
    }

    [Fact]
    public async Task What_has_to_be_counted_in_the_store_is_counted_once_in_a_while()
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        Assert.Equal(0, await SlotsAsync());
        await relay.Client.AllocateAsync();
        Assert.Equal(0, await SlotsAsync());
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, await SlotsAsync());

        async Task<long> SlotsAsync() => (await relay.Client.GetAsync("/stats.json")).Json.GetProperty("slots_active").GetInt64();
    }
}
