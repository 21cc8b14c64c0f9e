using System.Text;
using System.Text.Json;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Tests.Support;

namespace WirePS.Tests.Golden;

/// <summary>Batches of events through our intake, against what the real program wrote to its inbox and why it refused the rest.</summary>
internal static class MailRunners
{
    /// <summary>When the events say that they were made, and a little.</summary>
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 4, 0, 0, TimeSpan.Zero);

    private const string Unknown = "not in trust";

    private static readonly Dictionary<string, EventRefusal> Reasons = new(StringComparer.Ordinal)
    {
        ["schema_mismatch"] = EventRefusal.SchemaUnsupported,
        ["unknown_kind"] = EventRefusal.UnknownKind,
        ["signature did not verify"] = EventRefusal.BadSignature,
        ["missing field"] = EventRefusal.Malformed,
        ["event_id mismatch"] = EventRefusal.IdMismatch,
    };

    /// <summary>What is in the inbox afterwards and why the rest is not. Where the cursor stands is not compared: ours always goes on.</summary>
    public static GoldenOutcome Pipeline(GoldenCase golden) => PipelineAsync(golden).GetAwaiter().GetResult();

    private static async Task<GoldenOutcome> PipelineAsync(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var trust = golden.File.Root.GetProperty("contexts").GetProperty("trust").GetProperty(golden.Text("trust")!);
        using var home = new TestHome();
        using var engine = new WireEngine(home.Home, new WireSurroundings { Time = new FakeTime(Now) });
        var files = engine.Files;
        var seed = Convert.FromHexString(golden.File.Root.GetProperty("contexts").GetProperty("keys").GetProperty("bob").GetProperty("seed_hex").GetString()!);
        files.WritePrivate(home.Home.PrivateKeyFile, seed);
        files.WritePrivate(home.Home.CardFile, Encoding.UTF8.GetBytes(AgentCard.Create(seed, "bob").JsonText));
        files.WritePrivate(home.Home.TrustFile, Encoding.UTF8.GetBytes(trust.GetRawText()));
        var mailbox = new Mailbox("https://relay.example.net", new string('5', 32), new string('7', 64));
        if (golden.Data.TryGetProperty("inbox_before", out var before))
        {
            await TakeAsync(engine, mailbox, before.EnumerateObject().SelectMany(static f => f.Value.GetString()!.Split('\n', StringSplitOptions.RemoveEmptyEntries)), 1);
        }

        await TakeAsync(engine, mailbox, golden.Data.GetProperty("events").EnumerateArray().Select(static e => e.GetString()!), 2);
        answers.Equal("inbox_after", Inbox(golden.Data.GetProperty("inbox_after")), Inbox(engine));
        var rejected = golden.Data.GetProperty("result").GetProperty("rejected");
        answers.Equal("rejected", Rejected(rejected), string.Join(' ', engine.Refused.List().Select(static r => r.Reason)));
        answers.Equal("waiting", Texts(rejected).Count(static r => r.EndsWith(Unknown, StringComparison.Ordinal)), new ParkedEvents(home.Home, files).List().Count);
        return answers.Outcome();
    }

    private static async Task TakeAsync(WireEngine engine, Mailbox mailbox, IEnumerable<string> texts, long sequence)
    {
        var place = sequence == 1 || !File.Exists(engine.Home.MailPlacesFile) ? default : new MailPlace(sequence - 1, null);
        MailItem[] items = [.. texts.Select(static t => new MailItem(null, Encoding.UTF8.GetBytes(t)))];
        await engine.Intake.TakePageAsync(mailbox, place, new MailPage(items, new MailPlace(sequence, null), false, 0), CancellationToken.None);
    }

    private static IEnumerable<string> Texts(JsonElement rejected) => rejected.EnumerateArray().Select(static r => r.GetProperty("reason").GetString()!);

    // A duplicate is passed over without a word, and an unknown sender waits beside the mailbox: neither is refused.
    private static string Rejected(JsonElement rejected) => string.Join(
        ' ',
        Texts(rejected).Where(static r => !r.StartsWith("duplicate", StringComparison.Ordinal) && !r.EndsWith(Unknown, StringComparison.Ordinal))
            .Select(static r => Reasons.FirstOrDefault(known => r.StartsWith(known.Key, StringComparison.Ordinal)) is { Key: not null } found ? found.Value.ToString() : r));

    private static string Inbox(JsonElement files) =>
        string.Concat(files.EnumerateObject().OrderBy(static f => f.Name, StringComparer.Ordinal).Select(static f => $"{f.Name}: {f.Value.GetString()}"));

    private static string Inbox(WireEngine engine) =>
        string.Concat(engine.Files.List(engine.Home.InboxFolder).OrderBy(static f => f.Path, StringComparer.Ordinal).Select(static f => $"{Path.GetFileNameWithoutExtension(f.Path)}: {File.ReadAllText(f.Path)}"));
}
