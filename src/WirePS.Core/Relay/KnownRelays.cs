using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;

namespace WirePS.Relay;

/// <summary>
/// What a home knows of relays from before: which have served protocol v2. One that no longer does is not used with a
/// weaker protocol in its place (pairing-v2.md §5).
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="time">The clock.</param>
public sealed class KnownRelays(WireHome home, IFileSystem files, TimeProvider time)
{
    private readonly JsonFile _file = new(files, home.KnownRelaysFile, home.LockFile("relays"));
    private string? _lastRemembered;

    /// <summary>True where the relay has served v2 to this home.</summary>
    public bool HasSpokenV2(string url) => _file.Get(tree => tree?["v2"]?.AsObject() is { } known && known.ContainsKey(url));

    /// <summary>Notes that the relay serves v2.</summary>
    public async Task RememberV2Async(string url, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _lastRemembered) == url)
        {
            return;
        }

        if (!HasSpokenV2(url))
        {
            await _file.UpdateAsync(
                tree =>
                {
                    tree["version"] = 1;
                    JsonFile.ObjectIn(tree, "v2")[url] = Timestamps.Format(time.GetUtcNow());
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
        }

        Volatile.Write(ref _lastRemembered, url);
    }

    /// <summary>Forgets a relay; true where it was known.</summary>
    public async Task<bool> ForgetAsync(string url, CancellationToken cancellationToken)
    {
        var forgotten = false;
        await _file.UpdateAsync(tree => forgotten = tree["v2"]?.AsObject() is { } known && known.Remove(url), cancellationToken).ConfigureAwait(false);
        return forgotten;
    }
}
