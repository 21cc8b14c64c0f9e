using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace WirePS.Relay.Tests.Support;

/// <summary>One side of a rendezvous of protocol v2.</summary>
internal sealed record V2Side(RelayClient Client, string Lookup, string Role, string Token)
{
    public string Path => $"/v2/pair/{Lookup}/{Role}";

    /// <summary>Both sides of a new rendezvous that nobody has opened.</summary>
    public static (V2Side Host, V2Side Guest) NewPair(RelayClient client)
    {
        var lookup = NewHex();
        return (new V2Side(client, lookup, "host", NewHex()), new V2Side(client, lookup, "guest", NewHex()));
    }

    /// <summary>Both sides, with the phases up to <paramref name="phase"/> of each posted.</summary>
    public static async Task<(V2Side Host, V2Side Guest)> PairUpToAsync(RelayClient client, int phase)
    {
        var (host, guest) = NewPair(client);
        for (var i = 0; i <= phase; i++)
        {
            await host.MustPutAsync(i);
            await guest.MustPutAsync(i);
        }

        return (host, guest);
    }

    public static string NewHex() => RandomNumberGenerator.GetHexString(64, lowercase: true);

    /// <summary>What this side says in a phase.</summary>
    public string Body(int phase) => string.Create(CultureInfo.InvariantCulture, $$"""{"v":2,"from":"{{Role}}","phase":{{phase}}}""");

    public Task<Answer> PutAsync(int phase, string? body = null, string query = "") => Client.PutAsync($"{Path}/{phase}{query}", body ?? Body(phase), Token);

    public Task<Answer> PutBytesAsync(int phase, byte[] body) =>
        Client.SendAsync("PUT", $"{Path}/{phase}", body, [new("Authorization", "Bearer " + Token)]);

    public async Task MustPutAsync(int phase, string query = "") => Assert.Equal(201, (await PutAsync(phase, null, query)).Status);

    public Task<Answer> GetAsync(string query = "", CancellationToken cancellationToken = default) => Client.GetAsync(Path + query, Token, cancellationToken);

    public Task<Answer> LeaveAsync(string? reason = null) => Client.DeleteAsync(reason is null ? Path : $"{Path}?reason={reason}", Token);

    /// <summary>An item of a wait for many.</summary>
    public string Item(int after = -1, int own = -1, bool crowded = false) =>
        $$"""{"lookup":"{{Lookup}}","role":"{{Role}}","token":"{{Token}}","after":{{after}},"own":{{own}},"crowded":{{(crowded ? "true" : "false")}}}""";

    public static Task<Answer> WaitAsync(RelayClient client, int wait, params IEnumerable<string> items) =>
        client.PostAsync("/v2/pair/wait", $$"""{"items":[{{string.Join(',', items)}}],"wait":{{wait}}}""");

    public V2Side With(RelayClient client) => this with { Client = client };
}

/// <summary>Shorthands for what v2 routes answer.</summary>
internal static class V2Answers
{
    /// <summary>Status and, where it is an error, its code; where not, the state.</summary>
    public static (int Status, string? Word) Verdict(this Answer answer) => (answer.Status, answer.Body.Length == 0 ? null : answer.Text("code") ?? answer.Text("state"));

    public static string Own(this Answer answer) => answer.Json.GetProperty("own").GetRawText();

    /// <summary>The phases of the messages, in the order in which they came.</summary>
    public static string Phases(this Answer answer) =>
        string.Join(',', answer.Json.GetProperty("messages").EnumerateArray().Select(static message => message.GetProperty("phase").GetInt32()));

    public static byte[] Utf8(this string text) => Encoding.UTF8.GetBytes(text);
}
