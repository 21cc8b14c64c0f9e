using System.Text;
using System.Text.Json;
using WirePS.Identity;
using WirePS.Tests.Support;

namespace WirePS.Tests.Golden;

/// <summary>One request to the real relay and its answer.</summary>
internal sealed record RecordedExchange(string Method, string Target, string? Authorization, int Status, string? RequestBody, string ResponseBody)
{
    /// <summary>The answer as it goes over the wire.</summary>
    public string Reply => TestServer.Reply(Status, ResponseBody);
}

/// <summary>The files of a real program when it was stopped.</summary>
internal sealed class RecordedHome(JsonElement files)
{
    public byte[] Seed => Convert.FromHexString(files.GetProperty("config/wire/private.key").GetProperty("hex").GetString()!);

    public AgentCard Card => AgentCard.Parse(Encoding.UTF8.GetBytes(this["config/wire/agent-card.json"]));

    /// <summary>The texts of all files.</summary>
    public IEnumerable<string> Texts =>
        files.EnumerateObject().Where(static f => f.Value.TryGetProperty("text", out _)).Select(static f => f.Value.GetProperty("text").GetString()!);

    /// <summary>The text of a file.</summary>
    public string this[string path] => files.GetProperty(path).GetProperty("text").GetString()!;

    /// <summary>The lines of every file of a folder.</summary>
    public IReadOnlyList<string> Lines(string folder) =>
    [
        .. files.EnumerateObject().Where(f => f.Name.StartsWith(folder, StringComparison.Ordinal))
            .SelectMany(static f => f.Value.GetProperty("text").GetString()!.Split('\n', StringSplitOptions.RemoveEmptyEntries)),
    ];
}

/// <summary>
/// What two couples of real <c>wire</c> programs said over a real relay, with the files that they left
/// (<c>transcript-wire-H.json</c>). c has invited d, by an invite for two; f has accepted e, who found it in the directory.
/// </summary>
internal sealed class RecordedWire
{
    private const string StreamedEvent = "data: ";

    private readonly JsonElement _recording = JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine(GoldenFolders.Own, "transcript-wire-H.json"))).GetProperty("invite_and_directory");

    private RecordedWire()
    {
        var http = _recording.GetProperty("http").EnumerateArray().ToList();
        Exchanges =
        [
            .. http.Where(static e => e.TryGetProperty("method", out _)).Select(static e => new RecordedExchange(
                e.GetProperty("method").GetString()!,
                e.GetProperty("path").GetString()!,
                e.GetProperty("request_headers").TryGetProperty("authorization", out var token) ? token.GetString() : null,
                e.GetProperty("status").GetInt32(),
                e.TryGetProperty("request_body", out var body) ? body.GetString() : null,
                e.GetProperty("response_body").GetString()!)),
        ];
        Streamed =
        [
            .. http.Where(static e => e.TryGetProperty("chunk", out _))
                .SelectMany(static e => e.GetProperty("chunk").GetString()!.Split('\n'))
                .Where(static line => line.StartsWith(StreamedEvent, StringComparison.Ordinal))
                .Select(static line => WireJson.Parse(line[StreamedEvent.Length..])),
        ];
        Posted = Parsed(Exchanges.Select(static e => e.RequestBody ?? ""));
        Answered = Parsed(Exchanges.Select(static e => e.ResponseBody));
        var homes = new[] { "c", "d", "e", "f" }.Select(Home).ToList();
        Kept = Parsed([.. homes.SelectMany(static h => h.Texts).SelectMany(Documents), Text("pending_inbound_file"), PendingInvite]);
    }

    public static RecordedWire Instance { get; } = new();

    /// <summary>The requests and answers, in order; those of a stream that stayed open are beside them.</summary>
    public IReadOnlyList<RecordedExchange> Exchanges { get; }

    /// <summary>What programs sent.</summary>
    public IReadOnlyList<WireJson> Posted { get; }

    /// <summary>What the relay answered.</summary>
    public IReadOnlyList<WireJson> Answered { get; }

    /// <summary>The events that the relay pushed over streams.</summary>
    public IReadOnlyList<WireJson> Streamed { get; }

    /// <summary>What stands in the programs' files.</summary>
    public IReadOnlyList<WireJson> Kept { get; }

    /// <summary>The file of c's invite after the first of two had accepted it.</summary>
    public string PendingInvite => Text("pending_invite_file_after_one_of_two");

    /// <summary>The events in some values, however deep, each as often as it stands there.</summary>
    public static IEnumerable<SignedEvent> EventsIn(IEnumerable<WireJson> values) =>
        values.SelectMany(Within).Where(static v => v.GetString("event_id") is not null && v.GetString("signature") is not null).Select(SignedEvent.FromJson);

    /// <summary>The cards in some values, however deep, each as often as it stands there.</summary>
    public static IEnumerable<WireJson> CardsIn(IEnumerable<WireJson> values) =>
        values.SelectMany(Within).Where(static v => v.GetObject("verify_keys") is not null);

    /// <summary>The files of one of the programs: c, d, e or f.</summary>
    public RecordedHome Home(string name) => new(_recording.GetProperty($"home_{name}_after"));

    /// <summary>The one exchange with this method and path.</summary>
    public RecordedExchange Single(string method, string target) => Exchanges.Single(e => e.Method == method && e.Target == target);

    private string Text(string member) => _recording.GetProperty(member).GetString()!;

    private static IEnumerable<string> Documents(string text) =>
        WireJson.TryParse(Encoding.UTF8.GetBytes(text), out _) ? [text] : text.Split('\n');

    private static List<WireJson> Parsed(IEnumerable<string> texts) =>
        [.. texts.Select(static t => WireJson.TryParse(Encoding.UTF8.GetBytes(t), out var value) ? value : null).OfType<WireJson>()];

    private static IEnumerable<WireJson> Within(WireJson value) =>
        value.Items.Concat(value.Members.Select(static m => m.Value)).SelectMany(Within).Prepend(value);
}
