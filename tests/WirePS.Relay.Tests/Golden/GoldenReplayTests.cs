using System.Text.Json;
using System.Text.RegularExpressions;
using WirePS.Relay.Tests.Support;
using Xunit.Abstractions;

namespace WirePS.Relay.Tests.Golden;

/// <summary>Sends what was sent to real relays, in order, and compares the answers.</summary>
public sealed partial class GoldenReplayTests(ITestOutputHelper output)
{
    private const int MaxRepeats = 3;

    public static TheoryData<VectorSection> EdgeSections => [.. VectorFolders.Sections("vectors-*.json", "relay_edges")];

    public static TheoryData<VectorSection> WireSections => [.. VectorFolders.Sections("vectors-*.json", "relay_http")];

    public static TheoryData<VectorSection> Transcripts =>
    [
        .. VectorFolders.Sections("transcript-*.json", "pairing"),
        .. VectorFolders.Sections("transcript-*.json", "faults"),
        .. VectorFolders.Sections("transcript-*.json", "invite_and_directory"),
    ];

    [Theory]
    [MemberData(nameof(EdgeSections))]
    public async Task Odd_requests_are_answered_as_the_real_relay_answers_them(VectorSection section)
    {
        using var file = VectorFolders.Load(section.Path);
        await using var relay = await TestRelay.StartAsync();
        var differences = new Differences(section);
        var substitutions = new Substitutions();
        foreach (var item in file.RootElement.GetProperty(section.Section).EnumerateArray())
        {
            differences.Note(item.GetProperty("name").GetString()!, await ReplayAsync(relay, substitutions, Exchange.OfEdge(item)));
        }

        Report(section, differences);
    }

    [Theory]
    [MemberData(nameof(WireSections))]
    public async Task Requests_of_the_library_are_answered_as_the_real_relay_answers_them(VectorSection section)
    {
        using var file = VectorFolders.Load(section.Path);
        await using var relay = await TestRelay.StartAsync();
        var differences = new Differences(section);
        var substitutions = new Substitutions();
        foreach (var item in file.RootElement.GetProperty(section.Section).EnumerateArray())
        {
            var name = item.GetProperty("name").GetString()!;
            if (item.TryGetProperty("posted_event_text", out var posted))
            {
                differences.Note(name, await PassThroughAsync(relay, posted.GetString()!, item.GetProperty("returned_text").GetString()!));
                continue;
            }

            var exchange = Exchange.OfWire(item);
            var named = exchange.Path + exchange.Body + string.Concat(exchange.Headers.Select(static header => header.Value));
            foreach (var number in substitutions.UnknownSlots(named))
            {
                // the file shows a selection: the allocation of this slot is not in it
                var slot = await relay.Client.AllocateAsync();
                substitutions.Learn($"<slot{number}>", slot.Id);
                substitutions.Learn($"<token{number}>", slot.Token);
            }

            if (exchange.Status != 404 && IntroNick().Match(exchange.Path) is { Success: true } intro)
            {
                await ClaimAsync(relay, intro.Groups[1].Value);
            }

            differences.Note(name, await ReplayAsync(relay, substitutions, exchange));
        }

        Report(section, differences);
    }

    [Theory]
    [MemberData(nameof(Transcripts))]
    public async Task Real_programs_would_have_met_through_this_relay(VectorSection section)
    {
        using var file = VectorFolders.Load(section.Path);
        var time = new ManualTime();
        await using var relay = await TestRelay.StartAsync(time);
        var differences = new Differences(section);
        var substitutions = new Substitutions();
        await using var streams = new OpenStreams(time);
        var number = 0;
        var posted = new List<string>();
        var early = new List<(string Name, JsonElement Item)>();
        foreach (var item in file.RootElement.GetProperty(section.Section).GetProperty("http").EnumerateArray())
        {
            var name = $"http[{number++}]";
            if (item.TryGetProperty("step", out var step))
            {
                if (step.GetString()!.StartsWith("restart_relay", StringComparison.Ordinal))
                {
                    await relay.RestartAsync();
                }

                continue;
            }

            var repeats = item.TryGetProperty("repeated", out var repeated) ? Math.Min(repeated.GetInt32(), MaxRepeats) : 1;
            if (item.TryGetProperty("stream", out _))
            {
                // the recording notes what is sent when it ends: a chunk may stand before the post that caused it
                if (OpenStreams.EventIdOf(item.GetProperty("chunk").GetString()!) is { } id && !posted.Any(body => body.Contains(id, StringComparison.Ordinal)))
                {
                    early.Add((name, item));
                    continue;
                }

                await ExpectAsync(name, item, repeats);
                continue;
            }

            var exchange = Exchange.OfTranscript(item);
            if (exchange.ResponseBody == "<stream>")
            {
                differences.Note(name, await streams.OpenAsync(relay.Client, substitutions, exchange));
                continue;
            }

            string? difference = null;
            for (var i = 0; i < repeats; i++)
            {
                difference ??= await ReplayAsync(relay, substitutions, exchange);
            }

            differences.Note(name, difference);
            if (exchange.Body is null || exchange.Status != 201)
            {
                continue;
            }

            posted.Add(exchange.Body);
            if (IntroNick().IsMatch(exchange.Path))
            {
                streams.Intros.Add(JsonElement.Parse(exchange.Body).GetProperty("event").GetProperty("event_id").GetString()!);
            }

            foreach (var waiting in early)
            {
                await ExpectAsync(waiting.Name, waiting.Item, 1);
            }

            early.Clear();
        }

        Assert.Empty(early);
        Report(section, differences);

        async Task ExpectAsync(string name, JsonElement item, int repeats) => differences.Note(
            name,
            await streams.ExpectAsync(substitutions.Apply(item.GetProperty("stream").GetString()!), substitutions.Apply(item.GetProperty("chunk").GetString()!), repeats));
    }

    private static async Task<string?> ReplayAsync(TestRelay relay, Substitutions substitutions, Exchange exchange)
    {
        var body = exchange.Body is null ? null : System.Text.Encoding.UTF8.GetBytes(substitutions.Apply(exchange.Body));
        var headers = exchange.Headers.Select(header => new KeyValuePair<string, string>(header.Key, substitutions.Apply(header.Value)));
        var answer = await relay.Client.SendAsync(exchange.Method, substitutions.Apply(exchange.Path), body, headers);
        substitutions.LearnFrom(exchange.ResponseBody, answer.Body);
        return substitutions.Compare(exchange, answer.Status, answer.Headers, answer.Body);
    }

    /// <summary>The file shows a selection: the claim of this handle may not be in it.</summary>
    private static async Task ClaimAsync(TestRelay relay, string nick)
    {
        if ((await relay.Client.GetAsync("/.well-known/wire/agent?handle=" + nick)).Status == 404)
        {
            Assert.Equal(201, (await Person.CreateAsync(relay.Client, nick)).Claim.Status);
        }
    }

    [GeneratedRegex("^/v1/handle/intro/([^/]+)$")]
    private static partial Regex IntroNick();

    private static async Task<string?> PassThroughAsync(TestRelay relay, string posted, string returned)
    {
        var slot = await relay.Client.AllocateAsync();
        var answer = await relay.Client.PostEventAsync(slot, posted);
        Assert.Equal(201, answer.Status);
        var list = (await relay.Client.GetAsync($"/v1/events/{slot.Id}", slot.Token)).Body;

        // whatever the real relay did to it: ours hands on what came
        Assert.Equal($"[{posted}]", list);
        return list == returned ? null : list;
    }

    private void Report(VectorSection section, Differences differences)
    {
        output.WriteLine($"{section}: {differences.Count} cases");
        Console.WriteLine($"{section}: {differences.Count} cases");
        differences.AssertAsListed();
    }
}
