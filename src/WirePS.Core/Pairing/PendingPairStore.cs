using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Pairing;

/// <summary>One file of the pending folder: a pairing, or the reason why it cannot be read.</summary>
/// <param name="Key">Its name without the ending.</param>
/// <param name="Pair">The pairing; null where the file cannot be used.</param>
/// <param name="Error">Why not.</param>
public sealed record PairFile(string Key, PendingPair? Pair, WireException? Error)
{
    /// <inheritdoc/>
    public override string ToString() => Pair?.ToString() ?? $"a pairing's file: {Error?.ErrorId}";
}

/// <summary>
/// The files of the pairings (wireps.md §2): one each, private, replaced in one step, written under the lock of its name
/// after a look at the version, and followed by the journal's line where the status has changed.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="journal">Its journal.</param>
/// <param name="usedCodes">The codes that it has opened.</param>
public sealed class PendingPairStore(WireHome home, IFileSystem files, Journal journal, UsedCodes usedCodes)
{
    // Four messages of 64 KiB, each escaped to at most three times its size, and what is ours.
    private const int MaxFileBytes = 2 * 1024 * 1024;
    private const int MostLooks = 5;
    private const string Ending = ".json";
    private const string GuestEnding = ".guest";

    // Enough that many pairings seldom wait for each other. Their number is fixed: locks stay, and a code's name must not.
    private const int Locks = 64;

    /// <summary>The names of all files, in no order.</summary>
    public IReadOnlyList<(string Key, DateTimeOffset LastWriteUtc)> Keys() =>
        [.. files.List(home.PendingPairFolder)
            .Where(static f => IsPairFile(f.Path))
            .Select(static f => (KeyOf(f.Path), f.LastWriteUtc))];

    /// <summary>
    /// Every file, read; by age. One that cannot be read is in the list with its reason, and stops nothing. One that gets
    /// another name meanwhile, as that of a pairing that ends does, is in the list once.
    /// </summary>
    public IReadOnlyList<PairFile> List()
    {
        var found = new ConcurrentDictionary<string, PairFile>(StringComparer.Ordinal);
        for (var look = 0; look < MostLooks; look++)
        {
            var vanished = false;
            Parallel.ForEach(Keys().Where(entry => !found.ContainsKey(entry.Key)), entry =>
            {
                if (TryLoad(entry.Key) is { } file)
                {
                    found[entry.Key] = file;
                }
                else
                {
                    vanished = true;
                }
            });

            // Where a name was gone before it was read, the file may stand under another one now.
            if (!vanished)
            {
                break;
            }
        }

        return
        [
            .. found.Values.Where(f => f.Pair is not { } pair || f.Key == pair.Id || !found.ContainsKey(pair.Id))
                .OrderBy(static f => f.Pair?.CreatedAt ?? DateTimeOffset.MaxValue).ThenBy(static f => f.Key, StringComparer.Ordinal),
        ];
    }

    /// <summary>One file; null where there is none.</summary>
    public PairFile? TryLoad(string key)
    {
        try
        {
            return Load(key) is { } pair ? new PairFile(key, pair, null) : null;
        }
        catch (WireException error)
        {
            return new PairFile(key, null, error);
        }
    }

    /// <summary>One pairing; null where there is no file. The reasons of <see cref="IFileSystem.ReadPrivate"/> and of the format.</summary>
    public PendingPair? Load(string key)
    {
        var path = PathOf(key);
        if (files.ReadPrivate(path, MaxFileBytes) is not { } text)
        {
            return null;
        }

        var pair = PendingPairFormat.Read(text, path);
        return pair.Id.Length > 0 ? pair : V1.V1Adoption.Adopt(pair);
    }

    /// <summary>
    /// Writes the file of a new pairing. Its exclusive creation records the opening: <see cref="WireReason.CodeUsed"/>
    /// where this home has one with this code for this side.
    /// </summary>
    /// <returns>The name of its file.</returns>
    public async Task<string> CreateAsync(PendingPair pair, CancellationToken cancellationToken)
    {
        string key;

        // The lock under which a file with this code would be retired: between the two looks for it, it cannot go by.
        using (await LockAsync(pair.Code, cancellationToken).ConfigureAwait(false))
        {
            key = FreeKey(pair);
            files.WritePrivate(PathOf(key), PendingPairFormat.Write(pair with { Version = 1 }));
        }

        await JournalAsync(pair, cancellationToken).ConfigureAwait(false);
        return key;
    }

    /// <summary>
    /// Changes a pairing: re-reads it under the lock, lets <paramref name="change"/> make the next state of it, and
    /// writes that where it differs.
    /// </summary>
    /// <param name="key">The name of its file.</param>
    /// <param name="expectedVersion">The version that the change was worked out from; null for any.</param>
    /// <param name="change">Makes the next state. Called at most once.</param>
    /// <param name="cancellationToken">Cancels the wait for the lock.</param>
    /// <returns>The state that is in the file now, changed or, where another writer was faster, not; null where there is no file.</returns>
    public async Task<PendingPair?> UpdateAsync(string key, long? expectedVersion, Func<PendingPair, PendingPair> change, CancellationToken cancellationToken)
    {
        PendingPair next;
        using (await LockAsync(key, cancellationToken).ConfigureAwait(false))
        {
            if (Load(key) is not { } current)
            {
                return null;
            }

            if (expectedVersion is not null && current.Version != expectedVersion)
            {
                return current;
            }

            next = change(current);
            if (ReferenceEquals(next, current))
            {
                return current;
            }

            next = next with { Version = current.Version + 1 };
            files.WritePrivate(PathOf(key), PendingPairFormat.Write(next));
            await RetireAsync(key, next, cancellationToken).ConfigureAwait(false);
            if (next.Transitions.Length == current.Transitions.Length)
            {
                return next;
            }
        }

        await JournalAsync(next, cancellationToken).ConfigureAwait(false);
        return next;
    }

    /// <summary>Removes the file of a pairing that has ended, and notes that in the journal.</summary>
    /// <returns>False where it has not ended, or is gone.</returns>
    public async Task<bool> RemoveAsync(string key, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // Where a crash came before its other name, this file alone says that the code was opened.
        if (await RetireAsync(key, cancellationToken).ConfigureAwait(false) is not { IsEnded: true } ended)
        {
            return false;
        }

        PendingPair? pair;
        key = KeyOf(ended, key);
        using (await LockAsync(key, cancellationToken).ConfigureAwait(false))
        {
            pair = Load(key);
            if (pair is not { IsEnded: true })
            {
                return false;
            }

            // With the file goes what the journal could be brought up to.
            await JournalAsync(pair, cancellationToken).ConfigureAwait(false);
            files.Delete(PathOf(key));
        }

        await journal.AppendAsync(new JournalRecord(now, pair.Kind, pair.Id, NameOf(pair.Status), "removed", null, pair.PeerDid), cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// Brings the journal up to a pairing's transitions: appends those that are not there yet, of this process or of one
    /// that was killed before it came to that.
    /// </summary>
    public Task JournalAsync(PendingPair pair, CancellationToken cancellationToken)
    {
        // The reason and the peer belong to the state that the last transition led to.
        var records = pair.Transitions.Select((t, i) => new JournalRecord(
            t.Time,
            pair.Kind,
            pair.Id,
            t.From is { } from ? NameOf(from) : null,
            NameOf(t.To),
            i == pair.Transitions.Length - 1 ? pair.Reason?.ToWire() : null,
            i == pair.Transitions.Length - 1 ? pair.PeerDid : null));
        return journal.CatchUpAsync([.. records], cancellationToken);
    }

    /// <summary>The name of a pairing's file: its code, and once that is gone its id.</summary>
    /// <param name="pair">The pairing.</param>
    /// <param name="key">The name it was found under.</param>
    public static string KeyOf(PendingPair pair, string key) => pair.Code.Length == 0 ? pair.Id : key;

    /// <summary>Gives the file of a pairing whose code is gone a name that does not tell it, where a crash has kept that from being done.</summary>
    /// <returns>The pairing; null where there is no file.</returns>
    public async Task<PendingPair?> RetireAsync(string key, CancellationToken cancellationToken)
    {
        using (await LockAsync(key, cancellationToken).ConfigureAwait(false))
        {
            var pair = Load(key);
            if (pair is not null)
            {
                await RetireAsync(key, pair, cancellationToken).ConfigureAwait(false);
            }

            return pair;
        }
    }

    /// <summary>The file of a pairing.</summary>
    public string PathOf(string key) => Path.Combine(home.PendingPairFolder, key + Ending);

    /// <summary>True for the file of a pairing; false for what is on its way to be one.</summary>
    public static bool IsPairFile(string path) =>
        path.EndsWith(Ending, StringComparison.Ordinal) && !Path.GetFileName(path.AsSpan()).StartsWith('.');

    /// <summary>The name that a path of the folder stands for.</summary>
    public static string KeyOf(string path) => Path.GetFileNameWithoutExtension(path);

    /// <summary>The status as files and the journal have it.</summary>
    public static string NameOf(PairStatus status) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString());

    private ValueTask<IDisposable> LockAsync(string key, CancellationToken cancellationToken) =>
        files.LockAsync(home.LockFile(string.Create(CultureInfo.InvariantCulture, $"pending-pair-{SHA256.HashData(Encoding.UTF8.GetBytes(key))[0] % Locks:x2}")), cancellationToken);

    // The code is remembered as used before its file stops to say so.
    private async Task RetireAsync(string key, PendingPair pair, CancellationToken cancellationToken)
    {
        if (KeyOf(pair, key) is var retired && retired != key)
        {
            if (pair.LookupHash is not null)
            {
                await usedCodes.AddAsync(pair.LookupHash, pair.CreatedAt, cancellationToken).ConfigureAwait(false);
            }

            files.Rename(PathOf(key), PathOf(retired));
        }
    }

    private string FreeKey(PendingPair pair)
    {
        if (pair.Code.Length == 0)
        {
            return pair.Id;
        }

        if (pair.LookupHash is not null && usedCodes.Contains(pair.LookupHash))
        {
            throw new WireException(WireReason.CodeUsed);
        }

        var path = PathOf(pair.Code);
        if (!files.Exists(path))
        {
            return pair.Code;
        }

        // Host and guest of one v1 code may live in one home; the guest then stands beside its host.
        var beside = pair.Code + GuestEnding;
        return pair is { Role: PairRole.Guest, Protocol: 1 } && TryLoad(pair.Code)?.Pair?.Role == PairRole.Host && !files.Exists(PathOf(beside))
            ? beside
            : throw new WireException(WireReason.CodeUsed);
    }
}
