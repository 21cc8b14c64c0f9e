using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Pairing;

/// <summary>
/// The codes that a home has opened, as hashes of their lookups, for 8 days: a code is opened once, so that a relay that
/// knows it gets one try and not many (pairing-v2.md §1).
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="time">The clock.</param>
public sealed class UsedCodes(WireHome home, IFileSystem files, TimeProvider time)
{
    private static readonly TimeSpan Keep = TimeSpan.FromDays(8);
    private readonly JsonFile _file = new(files, home.UsedCodesFile, home.LockFile("used-codes"));

    /// <summary>True where a code with this hash has been opened here.</summary>
    public bool Contains(string lookupHash) => _file.Get(tree => tree?["codes"]?.AsObject() is { } codes && codes.ContainsKey(lookupHash));

    /// <summary>Notes a code, and drops those that are old enough.</summary>
    /// <param name="lookupHash">Hex SHA-256 of the lookup.</param>
    /// <param name="openedAt">When it was opened.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task AddAsync(string lookupHash, DateTimeOffset openedAt, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            tree["version"] = 1;
            var kept = new JsonObject { [lookupHash] = Timestamps.Format(openedAt) };
            foreach (var (hash, opened) in JsonFile.ObjectIn(tree, "codes"))
            {
                if (hash != lookupHash && Timestamps.TryParse((string?)opened, out var at) && time.GetUtcNow() - at < Keep)
                {
                    kept[hash] = opened!.DeepClone();
                }
            }

            tree["codes"] = kept;
            return true;
        },
        cancellationToken);
}
