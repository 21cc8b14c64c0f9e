using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Messaging;

/// <summary>
/// The events on their way: one file each in <c>state/wire/outbox</c>, named so that they sort by age. One that is
/// there is delivered, or shown as failed, whatever dies meanwhile.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class Outbox(WireHome home, IFileSystem files)
{
    // One message to a root and to 16 devices, each sealed for itself.
    private const int MaxFileBytes = 8 * 1024 * 1024;
    private const string Ending = ".json";

    private static readonly OutboxJson Json = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        AllowDuplicateProperties = false,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    // Two processes may be at one event, once a claim is over.
    private readonly string _lockFile = home.LockFile("outbox");

    /// <summary>Writes an event down; it is on its way when this returns.</summary>
    public void Add(OutboxItem item) => files.WritePrivate(PathOf(item), JsonSerializer.SerializeToUtf8Bytes(item, Json.OutboxItem));

    /// <summary>
    /// Gives the copies of a message files of their own, so that each is on its way by itself. A message is written down with its
    /// copies in one step, so that it goes to all machines of its recipient or, where nothing was written, to none.
    /// </summary>
    /// <returns>The message without its copies, and these.</returns>
    internal async Task<IReadOnlyList<OutboxItem>> SpreadAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        if (item.Copies is not { } copies)
        {
            return [item];
        }

        item = item with { Copies = null };
        IReadOnlyList<OutboxItem> all = [item, .. copies.Select(copy => copy with { ClaimedUntil = item.ClaimedUntil })];
        using (await files.LockAsync(_lockFile, cancellationToken).ConfigureAwait(false))
        {
            // Whoever was faster has done it, and may have delivered some.
            if (files.Exists(PathOf(item)) && Read(PathOf(item)) is { Copies: not null })
            {
                // The message itself last: until then a crash begins anew, and what went twice is known by its id.
                foreach (var one in all.Reverse())
                {
                    Add(one);
                }
            }
        }

        return all;
    }

    /// <summary>Replaces one by what is known of it now; nothing where it is no longer on its way.</summary>
    internal async Task UpdateAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        using (await files.LockAsync(_lockFile, cancellationToken).ConfigureAwait(false))
        {
            if (files.Exists(PathOf(item)))
            {
                Add(item);
            }
        }
    }

    /// <summary>Takes one out, after <paramref name="before"/>; nothing of both where it is no longer on its way.</summary>
    /// <returns>False where another process has taken it out.</returns>
    internal async Task<bool> RemoveAsync(OutboxItem item, Action before, CancellationToken cancellationToken)
    {
        using (await files.LockAsync(_lockFile, cancellationToken).ConfigureAwait(false))
        {
            if (!files.Exists(PathOf(item)))
            {
                return false;
            }

            before();
            files.Delete(PathOf(item));
            return true;
        }
    }

    /// <summary>How many are on their way.</summary>
    public int Count() => Paths().Count();

    /// <summary>All, oldest first. A file that cannot be read stays and is not among them; it stops nothing.</summary>
    /// <param name="unreadable">Takes the trouble with each that cannot be read.</param>
    public IReadOnlyList<OutboxItem> List(Action<WireException>? unreadable = null)
    {
        var items = new List<OutboxItem>();
        foreach (var path in Paths().Order(StringComparer.Ordinal))
        {
            try
            {
                if (Read(path) is { } item)
                {
                    items.Add(item);
                }
            }
            catch (WireException error)
            {
                unreadable?.Invoke(error);
            }
        }

        return items;
    }

    private IEnumerable<string> Paths() => files.List(home.OutboxFolder).Select(static f => f.Path).Where(static p => p.EndsWith(Ending, StringComparison.Ordinal));

    private OutboxItem? Read(string path)
    {
        if (files.ReadPrivate(path, MaxFileBytes) is not { } text)
        {
            return null;
        }

        try
        {
            var item = JsonSerializer.Deserialize(text, Json.OutboxItem);
            return item is null ? throw new WireException(WireReason.FileCorrupt, null, path)
                : item.Version > 1 ? throw new WireException(WireReason.FileNewerVersion, null, path)
                : PathOf(item) == path && item.Signed().EventId == item.EventId ? item
                : throw new WireException(WireReason.FileCorrupt, null, path);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException or WireException { Reason: WireReason.InvalidJson or WireReason.InvalidEvent })
        {
            throw new WireException(WireReason.FileCorrupt, null, path, error);
        }
    }

    private string PathOf(OutboxItem item)
    {
        var id = item.EventId.Length == 64 && item.EventId.All(char.IsAsciiHexDigitLower) ? item.EventId : throw new WireException(WireReason.FileCorrupt, null, home.OutboxFolder);
        return Path.Combine(home.OutboxFolder, string.Create(CultureInfo.InvariantCulture, $"{item.CreatedAt.UtcTicks:D20}-{id[..32]}{Ending}"));
    }
}
