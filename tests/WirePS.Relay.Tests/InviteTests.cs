using WirePS.Relay.Storage;
using WirePS.Relay.Tests.Support;

namespace WirePS.Relay.Tests;

/// <summary>Short URLs of invites.</summary>
public sealed class InviteTests
{
    private static Task<Answer> RegisterAsync(TestRelay relay, string members) =>
        relay.Client.PostAsync("/v1/invite/register", $$"""{"invite_url":"wire://pair?inv=a.b"{{members}}}""");

    [Theory]
    [InlineData("", 86_400)]
    [InlineData(",\"ttl_seconds\":null,\"uses\":null", 86_400)]
    [InlineData(",\"ttl_seconds\":1", 60)]
    [InlineData(",\"ttl_seconds\":3600", 3600)]
    [InlineData(",\"ttl_seconds\":18446744073709551615", 604_800)]
    public async Task It_lives_as_long_as_was_asked_within_bounds(string members, int seconds)
    {
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var invite = await RegisterAsync(relay, members);
        var start = time.GetUtcNow().ToUnixTimeSeconds();
        Assert.Equal(
            $$"""{"expires_unix":{{start + seconds}},"path":"/i/{{invite.Text("token")}}","token":"{{invite.Text("token")}}","uses_remaining":null}""", invite.Body);
        time.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.Equal(200, (await relay.Client.GetAsync(invite.Text("path")!)).Status);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(410, (await relay.Client.GetAsync(invite.Text("path")!)).Status);
    }

    [Theory]
    [InlineData(",\"ttl_seconds\":-1")]
    [InlineData(",\"ttl_seconds\":\"60\"")]
    [InlineData(",\"uses\":4294967296")]
    [InlineData(",\"uses\":1.5")]
    public async Task Other_numbers_are_refused(string members)
    {
        await using var relay = await TestRelay.StartAsync();
        Assert.Equal(422, (await RegisterAsync(relay, members)).Status);
    }

    [Fact]
    public async Task Of_many_looks_at_a_time_as_many_succeed_as_there_are_uses()
    {
        await using var relay = await TestRelay.StartAsync();
        var path = (await RegisterAsync(relay, ",\"uses\":3")).Text("path")!;

        // HEAD shows nothing and uses nothing
        Assert.Equal(200, (await relay.Client.SendAsync("HEAD", path)).Status);
        var looks = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => relay.Client.GetAsync(i % 2 == 0 ? path : path + "?format=url")));
        Assert.Equal(3, looks.Count(static look => look.Status == 200));
        Assert.Equal(29, looks.Count(static look => look.Status == 410));
        Assert.Equal(0L, Databases.Scalar(relay.DataFolder, "SELECT LENGTH(url) FROM invite"));
        Assert.Equal(410, (await relay.Client.SendAsync("HEAD", path)).Status);
    }

    [Theory]
    [InlineData("6e74a6")]
    [InlineData("6e74a66e74a66e74a66e74a66e74a66e")]
    [InlineData("6E74A66E74A66E74A66E74A66E74A66E")]
    public async Task A_token_that_stands_for_nothing_is_not_found(string token)
    {
        await using var relay = await TestRelay.StartAsync();
        var answer = await relay.Client.GetAsync("/i/" + token);
        Assert.Equal((404, "not found\n"), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData(RelaySql.FindInvite)]
    [InlineData(RelaySql.UseInvite)]
    [InlineData(RelaySql.ExpiredInvites)]
    public async Task Every_statement_finds_its_rows_by_an_index(string statement)
    {
        await using var relay = await TestRelay.StartAsync();
        Assert.All(Databases.Plan(relay.DataFolder, statement), static step => Assert.StartsWith("SEARCH", step));
    }
}
