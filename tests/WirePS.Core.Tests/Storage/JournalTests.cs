using System.Text;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Storage;

/// <summary>The chain of the journal: whole, rotated, torn, tampered with.</summary>
public sealed class JournalTests : IDisposable
{
    private static readonly DateTimeOffset Time = FakeTime.Start;
    private readonly TestHome _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task Every_line_is_canonical_and_follows_the_one_before()
    {
        var journal = New();
        Assert.Equal(0, journal.LastSeq());
        Assert.True(journal.Verify() is { Valid: true, Entries: 0 });
        var one = await AppendAsync(journal, "a", "polling");
        var two = await AppendAsync(journal, "a", "aborted", WireReason.Expired.ToWire());
        Assert.Equal(new string('0', 64), one.Prev);
        Assert.Equal(one.Hash, two.Prev);
        Assert.Equal(2, journal.LastSeq());
        Assert.Equal([one, two], journal.Read(0));
        Assert.Equal([two], journal.Read(1));
        Assert.Empty(journal.Read(2));
        var verdict = journal.Verify();
        Assert.Equal((true, 2, two.Hash), (verdict.Valid, verdict.Entries, verdict.LastHash));
        Assert.StartsWith($"{{\"from\":null,\"hash\":\"{one.Hash}\",\"id\":\"a\",\"kind\":\"pair\",\"prev\":\"{one.Prev}\",\"seq\":1,\"time\":\"2026-01-02T03:04:05.000000Z\",\"to\":\"polling\"}}\n", File.ReadAllText(_home.Home.JournalFile), StringComparison.Ordinal);
        Assert.Contains("\"reason\":\"expired\"", Lines()[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_large_enough_is_closed_and_the_chain_goes_on()
    {
        var journal = New(limit: 2000);
        for (var i = 0; i < 40; i++)
        {
            await AppendAsync(journal, $"pair{i % 3}", "polling");
        }

        var closed = Directory.GetFiles(_home.Home.StateFolder, "journal-*.jsonl").Order(StringComparer.Ordinal).ToList();
        Assert.InRange(closed.Count, 4, 15);
        Assert.Equal("journal-000000000001.jsonl", Path.GetFileName(closed[0]));
        Assert.Equal(40, journal.LastSeq());
        Assert.True(journal.Verify() is { Valid: true, Entries: 40 });
        for (var after = 0; after <= 40; after++)
        {
            Assert.Equal(Enumerable.Range(after + 1, 40 - after).Select(static n => (long)n), journal.Read(after).Select(static e => e.Seq));
        }

        // A new process between the closing of one file and the first line of the next.
        File.Move(_home.Home.JournalFile, Path.Combine(_home.Home.StateFolder, "journal-000000000099.jsonl"));
        Assert.Equal(40, New(2000).LastSeq());
        await AppendAsync(New(2000), "x", "polling");
        Assert.True(New().Verify() is { Valid: true, Entries: 41 });
    }

    [Fact]
    public async Task Lines_are_counted_once_across_rotations()
    {
        // One process that goes on while another one closes files: what each has written is known to the other.
        var (one, other) = (New(1500), New(1500));
        var records = new List<JournalRecord>();
        for (var i = 0; i < 30; i++)
        {
            records.Add(Record("pair", $"state{i}"));
            await (i % 4 == 0 ? one : other).CatchUpAsync([.. records], CancellationToken.None);
            await AppendAsync(other, "another", "polling");
            if (i % 5 == 0)
            {
                await New(1500).CatchUpAsync([.. records], CancellationToken.None);
            }
        }

        Assert.True(Directory.GetFiles(_home.Home.StateFolder, "journal-*.jsonl").Length > 3);
        Assert.Equal(records.Select(static r => r.To), New().Read(0).Where(static e => e.Id == "pair").Select(static e => e.To));
        Assert.True(New().Verify().Valid);
    }

    [Fact]
    public async Task A_torn_last_line_is_set_aside_and_the_missing_ones_are_written()
    {
        var journal = New();
        await AppendAsync(journal, "a", "polling");
        var whole = File.ReadAllText(_home.Home.JournalFile);
        File.AppendAllText(_home.Home.JournalFile, "{\"from\":null,\"hash\":\"abc");

        // A reader passes it over; the next writer moves it away.
        Assert.Single(New().Read(0));
        await New().CatchUpAsync([Record("a", "polling"), Record("a", "sas_ready")], CancellationToken.None);
        Assert.Equal("{\"from\":null,\"hash\":\"abc\n", File.ReadAllText(Path.Combine(_home.Home.StateFolder, "journal.torn")));
        Assert.StartsWith(whole, File.ReadAllText(_home.Home.JournalFile), StringComparison.Ordinal);
        Assert.Equal(["polling", "sas_ready"], New().Read(0).Select(static e => e.To));
        Assert.True(New().Verify() is { Valid: true, Entries: 2 });
        if (!OperatingSystem.IsWindows())
        {
            Assert.Empty(Unix.WideIn(_home.Folder));
        }
    }

    [Fact]
    public async Task An_addition_that_the_disk_cut_in_half_is_made_up_for()
    {
        var files = new FaultyFiles(DiskFileSystem.Instance);
        var journal = new Journal(_home.Home, files);
        await AppendAsync(journal, "a", "polling");
        files.Weather = static (work, path) => work == FileWork.Append ? FileFault.Torn : FileFault.None;
        var error = await Assert.ThrowsAsync<WireException>(() => AppendAsync(journal, "a", "sas_ready"));
        Assert.Equal(WireReason.StorageFull, error.Reason);
        files.Weather = null;
        await journal.CatchUpAsync([Record("a", "polling"), Record("a", "sas_ready")], CancellationToken.None);
        Assert.Equal(["polling", "sas_ready"], journal.Read(0).Select(static e => e.To));
        Assert.True(journal.Verify().Valid);
    }

    public static TheoryData<string> Tampering { get; } =
        ["changed text", "changed hash", "changed both", "removed", "removed first", "doubled", "swapped", "inserted", "not JSON", "other spelling", "added member", "closed file gone", "closed file changed", "empty line"];

    [Theory]
    [MemberData(nameof(Tampering))]
    public async Task Whatever_is_changed_is_found(string what)
    {
        var journal = New(limit: 1200);
        for (var i = 0; i < 12; i++)
        {
            await AppendAsync(journal, "a", $"state{i}");
        }

        Assert.True(New().Verify().Valid);
        var closed = Directory.GetFiles(_home.Home.StateFolder, "journal-*.jsonl").Order(StringComparer.Ordinal).ToList();
        Assert.True(closed.Count >= 2);
        var path = closed[1];
        var lines = File.ReadAllLines(path).ToList();
        Assert.True(lines.Count >= 3, $"{lines.Count} lines");
        switch (what)
        {
            case "changed text":
                lines[1] = lines[1].Replace("state", "State", StringComparison.Ordinal);
                break;
            case "changed hash":
                lines[1] = lines[1].Replace("\"hash\":\"", "\"hash\":\"0", StringComparison.Ordinal);
                break;
            case "changed both":
                {
                    // A whole line forged, its own hash right: the next one does not follow it.
                    var entry = New().Read(0).First(e => lines[1].Contains(e.Hash, StringComparison.Ordinal));
                    lines[1] = Forge(entry with { To = "paired" });
                    break;
                }

            case "removed":
                lines.RemoveAt(1);
                break;
            case "removed first":
                path = closed[0];
                lines = [.. File.ReadAllLines(path).Skip(1)];
                break;
            case "doubled":
                lines.Insert(1, lines[1]);
                break;
            case "swapped":
                (lines[0], lines[1]) = (lines[1], lines[0]);
                break;
            case "inserted":
                lines.Insert(1, lines[0].Replace("\"seq\":", "\"seq\":9", StringComparison.Ordinal));
                break;
            case "not JSON":
                lines[1] = "nonsense";
                break;
            case "other spelling":
                lines[1] = lines[1].Replace(":\"pair\"", ": \"pair\"", StringComparison.Ordinal);
                break;
            case "added member":
                lines[1] = lines[1].Replace("\"kind\"", "\"note\":1,\"kind\"", StringComparison.Ordinal);
                break;
            case "empty line":
                lines.Insert(1, "");
                break;
            case "closed file gone":
                File.Delete(path);
                break;
            default:
                path = closed[^1];
                lines = [.. File.ReadAllLines(path).Reverse()];
                break;
        }

        if (what != "closed file gone")
        {
            File.WriteAllText(path, string.Concat(lines.Select(static l => l + "\n")));
        }

        var verdict = New().Verify();
        Assert.False(verdict.Valid);
        Assert.NotNull(verdict.File);
        Assert.NotNull(verdict.Line);
        Assert.NotNull(verdict.Problem);
    }

    [Fact]
    public async Task Nothing_is_added_to_a_journal_whose_last_line_is_not_one()
    {
        await AppendAsync(New(), "a", "polling");
        File.AppendAllText(_home.Home.JournalFile, "nonsense\n");
        Assert.Equal(WireReason.JournalTampered, (await Assert.ThrowsAsync<WireException>(() => AppendAsync(New(), "a", "x"))).Reason);

        // Nor is anything cut off that no crash can have left.
        File.AppendAllText(_home.Home.JournalFile, new string('x', 200_000));
        var length = new FileInfo(_home.Home.JournalFile).Length;
        Assert.Equal(WireReason.JournalTampered, (await Assert.ThrowsAsync<WireException>(() => AppendAsync(New(), "a", "x"))).Reason);
        Assert.Equal(length, new FileInfo(_home.Home.JournalFile).Length);
    }

    [Fact]
    public async Task Eight_writers_at_once_make_one_chain()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(n => Task.Run(async () =>
        {
            var journal = New(limit: 4000);
            for (var i = 0; i < 15; i++)
            {
                await AppendAsync(journal, $"writer{n}", $"state{i}");
            }
        })));
        var verdict = New().Verify();
        Assert.True(verdict.Valid, verdict.Problem);
        Assert.Equal(120, verdict.Entries);
        foreach (var writer in New().Read(0).GroupBy(static e => e.Id))
        {
            Assert.Equal(Enumerable.Range(0, 15).Select(static i => $"state{i}"), writer.Select(static e => e.To));
        }
    }

    [Fact]
    public async Task A_reader_that_follows_misses_nothing_while_files_are_closed()
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = new List<long>();
        var follower = Task.Run(async () =>
        {
            await foreach (var entry in New().FollowAsync(0, enough.Token))
            {
                seen.Add(entry.Seq);
                if (seen.Count == 120)
                {
                    return;
                }
            }
        });
        var journal = New(limit: 1000);
        for (var i = 0; i < 120; i++)
        {
            await AppendAsync(journal, "a", $"state{i}");
        }

        await follower;
        Assert.Equal(Enumerable.Range(1, 120).Select(static n => (long)n), seen);
    }

    private static JournalRecord Record(string id, string to) => new(Time, "pair", id, null, to);

    private static Task<JournalEntry> AppendAsync(Journal journal, string id, string to, string? reason = null) =>
        journal.AppendAsync(new JournalRecord(Time, "pair", id, null, to, reason), CancellationToken.None);

    private static string Forge(JournalEntry entry)
    {
        string Text(string? hash) =>
            $"{{\"from\":null,{(hash is null ? "" : $"\"hash\":\"{hash}\",")}\"id\":\"{entry.Id}\",\"kind\":\"{entry.Kind}\",\"prev\":\"{entry.Prev}\",\"seq\":{entry.Seq},\"time\":\"{Timestamps.Format(entry.Time)}\",\"to\":\"{entry.To}\"}}";
        return Text(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(Text(null)))));
    }

    private Journal New(long limit = Journal.MaxFileBytes) => new(_home.Home, DiskFileSystem.Instance) { FileLimit = limit };

    private string[] Lines() => File.ReadAllLines(_home.Home.JournalFile);
}
