using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using WirePS.Identity;

namespace WirePS.Storage;

/// <summary>
/// The hash-chained journal of a home (wireps.md §3): what happened, in order, for people, scripts and waiting
/// cmdlets. The state files are the truth; a line that a crash kept from being written is added at the next load.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class Journal(WireHome home, IFileSystem files)
{
    /// <summary>A file of this size is closed, and the chain goes on in the next (bytes).</summary>
    public const long MaxFileBytes = 16 * 1024 * 1024;

    // Longer than all but odd lines.
    private const int HeadBytes = 1024;
    private const int TailBytes = 64 * 1024;
    private const int ReadBlock = 1024 * 1024;
    private static readonly string NoHash = new('0', 64);

    /// <summary>The same limit, smaller where rotation is tested.</summary>
    internal long FileLimit { get; init; } = MaxFileBytes;

    private readonly string _lockFile = home.LockFile("journal");
    private readonly ConcurrentDictionary<(string Kind, string Id), int> _counts = [];
    private readonly Lock _gate = new();
    private Counted _counted;
    private List<Batch> _waiting = [];
    private bool _isWriting;

    /// <summary>Appends a line; it is on disk when this returns.</summary>
    public async Task<JournalEntry> AppendAsync(JournalRecord record, CancellationToken cancellationToken)
    {
        var written = await WriteAsync(new Batch([record], IsWhole: false), cancellationToken).ConfigureAwait(false);
        return written[0];
    }

    /// <summary>
    /// Appends the lines of one thing that the journal does not hold yet. Whoever comes first writes them, so that a
    /// process that was killed between its state file and the journal leaves no gap, and two leave no line twice.
    /// </summary>
    /// <param name="records">All transitions of one thing so far, in order.</param>
    /// <param name="cancellationToken">Cancels the wait for the lock.</param>
    public async Task CatchUpAsync(IReadOnlyList<JournalRecord> records, CancellationToken cancellationToken)
    {
        // Lines do not go away: what has been seen there once needs no look.
        if (records.Count > 0 && _counts.GetValueOrDefault((records[0].Kind, records[0].Id)) < records.Count)
        {
            await WriteAsync(new Batch(records, IsWhole: true), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The sequence number of the last line; 0 for an empty journal.</summary>
    public long LastSeq()
    {
        foreach (var file in FilesNewestFirst())
        {
            if (LastLine(file) is { } last)
            {
                return last.Seq;
            }
        }

        return 0;
    }

    /// <summary>The entries after a sequence number, in order. Lines that cannot be read are passed over; see <see cref="Verify"/>.</summary>
    public IEnumerable<JournalEntry> Read(long afterSeq)
    {
        var all = FilesOldestFirst();
        while (true)
        {
            foreach (var file in From(all, afterSeq))
            {
                foreach (var line in Lines(file, 0))
                {
                    if (Parse(line.Text) is not { } entry || entry.Seq <= afterSeq)
                    {
                        continue;
                    }

                    // A gap, because the file that was open has become a closed one meanwhile: there it goes on.
                    if (entry.Seq > afterSeq + 1 && !FilesOldestFirst().SequenceEqual(all))
                    {
                        break;
                    }

                    afterSeq = entry.Seq;
                    yield return entry;
                }
            }

            var now = FilesOldestFirst();
            if (now.SequenceEqual(all))
            {
                yield break;
            }

            all = now;
        }
    }

    /// <summary>The entries after a sequence number, and then every new one as it is written, until cancelled.</summary>
    public async IAsyncEnumerable<JournalEntry> FollowAsync(long afterSeq, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = new FolderWatch(home.StateFolder, TimeSpan.FromSeconds(1), Path.GetFileName(home.JournalFile));
        while (true)
        {
            foreach (var entry in Read(afterSeq))
            {
                afterSeq = entry.Seq;
                yield return entry;
            }

            await watch.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Recomputes the whole chain.</summary>
    public JournalVerdict Verify()
    {
        var all = FilesOldestFirst();
        long seq = 0;
        var prev = NoHash;
        foreach (var file in all)
        {
            var number = 0;
            foreach (var line in Lines(file, 0))
            {
                number++;
                var problem = Parse(line.Text) is not { } entry ? "The line is not an entry."
                    : entry.Seq != seq + 1 ? $"Entry {seq + 1} is missing; {entry.Seq} stands in its place."
                    : entry.Prev != prev ? "It does not follow the line before it."
                    : Convert.ToHexStringLower(SHA256.HashData(Canonical(entry, entry.Seq, entry.Prev, null))) != entry.Hash ? "It was changed: its hash does not fit."
                    : !Canonical(entry, entry.Seq, entry.Prev, entry.Hash).AsSpan().SequenceEqual(line.Text) ? "It is not in the form that WirePS writes."
                    : null;
                if (problem is not null)
                {
                    return new JournalVerdict(false, seq, prev, file, number, problem);
                }

                var good = Parse(line.Text)!;
                (seq, prev) = (good.Seq, good.Hash);
            }
        }

        return new JournalVerdict(true, seq, prev, null, null, null);
    }

    /// <summary>Has a batch written with those that come meanwhile: one lock and one flush for all of them.</summary>
    private Task<IReadOnlyList<JournalEntry>> WriteAsync(Batch batch, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bool isFirst;
        lock (_gate)
        {
            _waiting.Add(batch);
            isFirst = !_isWriting;
            _isWriting = true;
        }

        // It goes on for the others where this caller gives up.
        _ = isFirst ? WriteAllAsync() : Task.CompletedTask;
        return batch.Written.Task.WaitAsync(cancellationToken);
    }

    private async Task WriteAllAsync()
    {
        while (true)
        {
            Exception? failure = null;
            List<Batch> batches = [];
            try
            {
                using (await files.LockAsync(_lockFile, CancellationToken.None).ConfigureAwait(false))
                {
                    batches = TakeWaiting();
                    Append(batches);
                }
            }
            catch (Exception error)
            {
                // Every caller learns of it.
                failure = error;
                batches = batches.Count > 0 ? batches : TakeWaiting();
            }

            foreach (var batch in batches)
            {
                batch.End(failure);
            }

            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _isWriting = false;
                    return;
                }
            }
        }
    }

    private List<Batch> TakeWaiting()
    {
        lock (_gate)
        {
            var batches = _waiting;
            _waiting = [];
            return batches;
        }
    }

    private void Append(List<Batch> batches)
    {
        CountNewLines();
        var counts = new Dictionary<(string Kind, string Id), int>();
        var records = new List<(Batch Batch, JournalRecord Record)>();
        foreach (var batch in batches)
        {
            var key = (batch.Records[0].Kind, batch.Records[0].Id);
            var known = counts.GetValueOrDefault(key, _counts.GetValueOrDefault(key));
            foreach (var record in batch.IsWhole ? batch.Records.Skip(known) : batch.Records)
            {
                records.Add((batch, record));
                known++;
            }

            counts[key] = known;
        }

        if (records.Count > 0)
        {
            Append(records);
        }
    }

    private void Append(List<(Batch Batch, JournalRecord Record)> records)
    {
        var length = files.Length(home.JournalFile);
        var isCounted = _counted.Hash is not null && _counted.Offset == length;
        var (seq, prev) = isCounted ? (_counted.Seq, _counted.Hash!) : RepairTail();
        length = isCounted ? length : files.Length(home.JournalFile);
        var lines = new ArrayBufferWriter<byte>();
        foreach (var (batch, record) in records)
        {
            if (length + lines.WrittenCount >= FileLimit)
            {
                Flush();
                Close();
                (length, isCounted) = (0, false);
            }

            var bare = new JournalEntry(seq + 1, record.Time.ToUniversalTime(), record.Kind, record.Id, record.From, record.To, record.Reason, record.Peer, prev, "");
            var entry = bare with { Hash = Convert.ToHexStringLower(SHA256.HashData(Canonical(bare, seq + 1, prev, null))) };
            lines.Write(Canonical(entry, entry.Seq, entry.Prev, entry.Hash));
            lines.Write("\n"u8);
            batch.Entries.Add(entry);
            (seq, prev) = (entry.Seq, entry.Hash);
        }

        Flush();
        if (isCounted)
        {
            // Nobody else has written meanwhile: these lines need not be read again.
            _counted = _counted with { Offset = length, Seq = seq, Hash = prev };
            foreach (var (_, record) in records)
            {
                _counts.AddOrUpdate((record.Kind, record.Id), 1, static (_, count) => count + 1);
            }
        }

        void Flush()
        {
            if (lines.WrittenCount > 0)
            {
                files.AppendPrivate(home.JournalFile, lines.WrittenSpan);
                length += lines.WrittenCount;
                lines.ResetWrittenCount();
            }
        }
    }

    /// <summary>Closes the open file: the chain goes on in a new one.</summary>
    private void Close()
    {
        var first = FirstSeq(home.JournalFile) ?? 0;
        files.Rename(home.JournalFile, Path.Combine(home.StateFolder, $"journal-{first:D12}.jsonl"));
    }

    /// <summary>Moves a torn last line out of the way, and tells where the chain stands.</summary>
    private (long Seq, string Hash) RepairTail()
    {
        var length = files.Length(home.JournalFile);
        if (length > 0)
        {
            var from = Math.Max(0, length - TailBytes);
            var tail = files.ReadPrivateRange(home.JournalFile, from, (int)(length - from));
            var end = tail.AsSpan().LastIndexOf((byte)'\n') + 1;
            if (end == 0 && from > 0)
            {
                throw new WireException(WireReason.JournalTampered, "The journal's last line is longer than any that WirePS writes; nothing is added to it.", home.JournalFile);
            }

            if (end < tail.Length)
            {
                files.AppendPrivate(Path.Combine(home.StateFolder, "journal.torn"), [.. tail.AsSpan(end), (byte)'\n']);
                files.Truncate(home.JournalFile, from + end);
            }
        }

        foreach (var file in FilesNewestFirst())
        {
            if (files.Length(file) == 0)
            {
                continue;
            }

            return LastLine(file) is { } last
                ? (last.Seq, last.Hash)
                : throw new WireException(WireReason.JournalTampered, "The journal's last line cannot be read; nothing is added to it.", file);
        }

        return (0, NoHash);
    }

    private void CountNewLines()
    {
        // As long as the open file is the one that was counted last, no other one has grown.
        var isSame = _counted.FirstSeq != 0 && FirstSeq(home.JournalFile) == _counted.FirstSeq;
        foreach (var file in isSame ? [home.JournalFile] : From(FilesOldestFirst(), _counted.Seq))
        {
            // A file is known by its first line: its name changes when it is closed.
            var first = FirstSeq(file) ?? 0;
            var isKnown = first != 0 && first == _counted.FirstSeq;
            var (offset, seq, hash) = (isKnown ? _counted.Offset : 0, _counted.Seq, isKnown ? _counted.Hash : null);
            foreach (var line in Lines(file, offset))
            {
                offset = line.End;
                hash = null;
                if (Parse(line.Text) is { } entry && entry.Seq > seq)
                {
                    (seq, hash) = (entry.Seq, entry.Hash);
                    _counts.AddOrUpdate((entry.Kind, entry.Id), 1, static (_, count) => count + 1);
                }
            }

            _counted = new Counted(first, offset, seq, hash);
        }
    }

    /// <summary>The files that can hold entries after a sequence number.</summary>
    private IEnumerable<string> From(List<string> all, long afterSeq) =>
        all.Where((_, i) => i + 1 == all.Count || FirstSeq(all[i + 1]) is not { } next || next > afterSeq + 1);

    private JournalEntry? LastLine(string file)
    {
        var length = files.Length(file);
        var from = Math.Max(0, length - TailBytes);
        var tail = files.ReadPrivateRange(file, from, (int)(length - from)).AsSpan();
        var end = tail.LastIndexOf((byte)'\n');
        if (end < 0)
        {
            return null;
        }

        var start = tail[..end].LastIndexOf((byte)'\n') + 1;
        return Parse(tail[start..end]);
    }

    private long? FirstSeq(string file)
    {
        foreach (var bytes in (ReadOnlySpan<int>)[HeadBytes, TailBytes])
        {
            var head = files.ReadPrivateRange(file, 0, bytes).AsSpan();
            if (head.IndexOf((byte)'\n') is var end and >= 0)
            {
                return Parse(head[..end])?.Seq;
            }
        }

        return null;
    }

    private List<string> FilesOldestFirst()
    {
        var all = FilesNewestFirst();
        all.Reverse();
        return all;
    }

    // Closed files carry their first sequence number, zero-padded, so names sort as the chain does; the open one is last.
    private List<string> FilesNewestFirst()
    {
        var all = new List<string>();
        foreach (var file in files.List(home.StateFolder))
        {
            var name = Path.GetFileName(file.Path);
            if (name.StartsWith("journal-", StringComparison.Ordinal) && name.EndsWith(".jsonl", StringComparison.Ordinal))
            {
                all.Add(file.Path);
            }
        }

        all.Sort(static (a, b) => string.CompareOrdinal(b, a));
        if (files.Exists(home.JournalFile))
        {
            all.Insert(0, home.JournalFile);
        }

        return all;
    }

    private IEnumerable<(byte[] Text, long End)> Lines(string file, long offset)
    {
        var rest = Array.Empty<byte>();
        while (true)
        {
            var block = files.ReadPrivateRange(file, offset + rest.Length, ReadBlock);
            if (block.Length == 0)
            {
                yield break;
            }

            byte[] text = [.. rest, .. block];
            var start = 0;
            int end;
            while ((end = text.AsSpan(start).IndexOf((byte)'\n')) >= 0)
            {
                offset += end + 1;
                yield return (text[start..(start + end)], offset);
                start += end + 1;
            }

            rest = text[start..];
        }
    }

    private static byte[] Canonical(JournalEntry entry, long seq, string prev, string? hash)
    {
        var line = new JsonObject
        {
            ["seq"] = seq,
            ["time"] = Timestamps.Format(entry.Time),
            ["kind"] = entry.Kind,
            ["id"] = entry.Id,
            ["from"] = entry.From,
            ["to"] = entry.To,
            ["prev"] = prev,
        };
        if (entry.Reason is not null)
        {
            line["reason"] = entry.Reason;
        }

        if (entry.Peer is not null)
        {
            line["peer"] = entry.Peer;
        }

        if (hash is not null)
        {
            line["hash"] = hash;
        }

        return CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(line.ToJsonString()), CanonicalMode.WholeObject);
    }

    private static JournalEntry? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, JournalJson.Default.JournalLine) is { Seq: > 0, Kind: { } kind, Id: { } id, To: { } to, Prev: { } prev, Hash: { } hash } found
                && Timestamps.TryParse(found.Time, out var time)
                ? new JournalEntry(found.Seq, time, kind, id, found.From, to, found.Reason, found.Peer, prev, hash)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>How far the lines have been counted.</summary>
    /// <param name="FirstSeq">The first line of the file that was counted last; 0 before there was one.</param>
    /// <param name="Offset">Where its counted lines end.</param>
    /// <param name="Seq">The last line counted.</param>
    /// <param name="Hash">Its hash; null where the last line there is not the next of the chain.</param>
    private readonly record struct Counted(long FirstSeq, long Offset, long Seq, string? Hash);

    /// <summary>Lines that one caller waits for.</summary>
    /// <param name="Records">Of one thing.</param>
    /// <param name="IsWhole">True where these are all of it so far, and those that are there are left out.</param>
    private sealed record Batch(IReadOnlyList<JournalRecord> Records, bool IsWhole)
    {
        public List<JournalEntry> Entries { get; } = [];

        public TaskCompletionSource<IReadOnlyList<JournalEntry>> Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void End(Exception? failure)
        {
            if (failure is null)
            {
                Written.TrySetResult(Entries);
            }
            else
            {
                Written.TrySetException(failure);
            }
        }
    }

    internal sealed record JournalLine(long Seq, string? Time, string? Kind, string? Id, string? From, string? To, string? Reason, string? Peer, string? Prev, string? Hash);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Journal.JournalLine))]
internal sealed partial class JournalJson : JsonSerializerContext;
