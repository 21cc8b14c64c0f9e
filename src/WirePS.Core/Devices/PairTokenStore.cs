using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// The pair tokens of a home at rest, as hashes (wireps.md §7): those that say nothing but whom they are for in
/// <c>etc/pair-tokens.toml</c>, which another program may read and write, every other in a file of its own. One lock
/// guards all, across processes; what has expired is gone with the next look.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="time">The clock.</param>
/// <param name="endGrant">
/// Notes the grant of a token that goes, so that it gets revoked; it is durable when that returns, and may be asked twice.
/// </param>
public sealed class PairTokenStore(WireHome home, IFileSystem files, TimeProvider time, Func<GivenGrant, CancellationToken, Task> endGrant)
{
    private readonly string _lockFile = home.LockFile("pair-tokens");

    /// <summary>Works on the tokens under their lock. The work must not take it again.</summary>
    /// <exception cref="WireException">
    /// <see cref="WireReason.TokenStoreUnsupported"/>, <see cref="WireReason.FileNewerVersion"/>,
    /// <see cref="WireReason.FileCorrupt"/>: the file of the other program is not one that can be kept up; it is left as it is.
    /// </exception>
    internal async Task<T> WorkAsync<T>(Func<OpenTokens, Task<T>> work, CancellationToken cancellationToken)
    {
        using (await files.LockAsync(_lockFile, cancellationToken).ConfigureAwait(false))
        {
            var open = new OpenTokens(this, PairTokenFile.Read(files.ReadPrivate(home.PairTokensFile, PairTokenFile.MaxBytes), home.PairTokensFile));
            await open.StartAsync(cancellationToken).ConfigureAwait(false);
            return await work(open).ConfigureAwait(false);
        }
    }

    /// <summary>The tokens while they are locked.</summary>
    internal sealed class OpenTokens
    {
        /// <summary>How far clocks may be apart, and how far one may go back, before it counts (seconds).</summary>
        private const long Skew = 60;

        private const int MaxFileBytes = 256 * 1024;
        private const string Ending = ".json";

        private readonly PairTokenStore _store;
        private readonly Dictionary<string, StoredToken> _own = new(StringComparer.Ordinal);
        private readonly Dictionary<string, WireException> _broken = new(StringComparer.Ordinal);
        private readonly HashSet<string> _twice;
        private List<PairTokenRecord> _plain;

        internal OpenTokens(PairTokenStore store, IReadOnlyList<PairTokenRecord> plain)
        {
            _store = store;
            _plain = [.. plain];
            _twice = [.. plain.GroupBy(static record => record.TokenHash).Where(static same => same.Count() > 1).Select(static same => same.Key)];
        }

        /// <summary>The time that counts: seconds since 1970, never less than what the living tokens have seen.</summary>
        internal long Now { get; private set; }

        /// <summary>Every token, oldest first.</summary>
        internal IEnumerable<StoredToken> All =>
            _plain.Select(Plain).Concat(_own.Values).OrderBy(static token => token.IssuedAt);

        /// <summary>Files that cannot be read, by the hash that names them, each with its fault.</summary>
        internal IReadOnlyDictionary<string, WireException> Broken => _broken;

        /// <summary>Finds a token. Every record is compared, in a time that does not depend on which one fits.</summary>
        internal StoredToken? Find(string hash)
        {
            StoredToken? found = null;
            foreach (var token in All)
            {
                if (PairToken.HashEquals(token.Hash, hash) && found is null)
                {
                    found = token;
                }
            }

            WireException? fault = null;
            foreach (var (name, error) in _broken)
            {
                fault = PairToken.HashEquals(name, hash) ? error : fault;
            }

            return fault is null ? found : throw fault;
        }

        /// <summary>Writes a token. One that has grown beyond the other program's file leaves that.</summary>
        internal void Save(StoredToken token)
        {
            SeeTime();
            if (token.CanBePlain && !_own.ContainsKey(token.Hash))
            {
                _plain = [.. _plain.Where(record => record.TokenHash != token.Hash), token.ToRecord()];
                WritePlain();
                return;
            }

            // Its own file first: a crash in between leaves both, and the own file counts.
            var file = FileOf(token.Hash);
            var tree = file.Read() ?? [];
            StoredTokenJson.Write(tree, token);
            file.Write(tree);
            _own[token.Hash] = token with { IsPlain = false };
            DropPlain(record => record.TokenHash == token.Hash);
        }

        /// <summary>Takes a token out, its grant first.</summary>
        internal async Task DeleteAsync(StoredToken token, CancellationToken cancellationToken)
        {
            if (token.Grant is { } grant)
            {
                await _store.EndGrantAsync(grant, cancellationToken).ConfigureAwait(false);
            }

            DropPlain(record => record.TokenHash == token.Hash);
            _store.Files.Delete(PathOf(token.Hash));
            _own.Remove(token.Hash);
        }

        internal async Task StartAsync(CancellationToken cancellationToken)
        {
            ReadOwn();

            // What was in both when a process died.
            DropPlain(record => _own.ContainsKey(record.TokenHash));
            Now = Math.Max(0, _store.Clock.ToUnixTimeSeconds());
            if (_plain.Count + _own.Count == 0)
            {
                return;
            }

            var highest = HighestTime();
            var wentBack = Now < highest - Skew;
            Now = wentBack ? Now : Math.Max(Now, highest);

            // A clock that went back revives nothing: whatever was alive before is dead from here on.
            foreach (var token in All.Where(token => wentBack || token.IsDeadAt(Now)).ToList())
            {
                await DeleteAsync(token, cancellationToken).ConfigureAwait(false);
            }

            SeeTime();
        }

        private StoredToken Plain(PairTokenRecord record) => StoredToken.Of(record, isUsable:
            PairToken.IsHash(record.TokenHash)
            && record.IssuedAt <= Now + Skew
            && PairTokens.IsLifetime(record.ExpiresAt - record.IssuedAt)
            && !_twice.Contains(record.TokenHash));

        private void ReadOwn()
        {
            foreach (var listing in _store.Files.List(_store.Home.PairTokenFolder))
            {
                var name = Path.GetFileName(listing.Path);
                if (!name.EndsWith(Ending, StringComparison.Ordinal) || !PairToken.IsHash(name[..^Ending.Length]))
                {
                    continue;
                }

                var hash = name[..^Ending.Length];
                try
                {
                    var token = StoredTokenJson.Read(FileOf(hash).Read() ?? [], listing.Path);
                    _own.Add(hash, token.Hash == hash ? token : throw new WireException(WireReason.FileCorrupt, null, listing.Path));
                }
                catch (WireException error)
                {
                    // One broken file stops nothing else.
                    _broken.Add(hash, error);
                }
            }
        }

        private void DropPlain(Predicate<PairTokenRecord> which)
        {
            if (_plain.RemoveAll(which) > 0)
            {
                WritePlain();
            }
        }

        private void WritePlain() => _store.Files.WritePrivate(_store.Home.PairTokensFile, PairTokenFile.Write(_plain));

        private long HighestTime() => ClockFile().Get(static tree => (long?)tree?["highest"]) ?? 0;

        /// <summary>Keeps the time, so that no later look counts with an earlier one.</summary>
        private void SeeTime()
        {
            if (HighestTime() == Now)
            {
                return;
            }

            var tree = ClockFile().Read() ?? [];
            tree["version"] ??= 1;
            tree["highest"] = Now;
            ClockFile().Write(tree);
        }

        private JsonFile ClockFile() => new(_store.Files, _store.Home.PairTokenClockFile, _store._lockFile);

        private JsonFile FileOf(string hash) => new(_store.Files, PathOf(hash), _store._lockFile, maxBytes: MaxFileBytes);

        private string PathOf(string hash) => Path.Combine(_store.Home.PairTokenFolder, hash + Ending);
    }

    private WireHome Home => home;

    private IFileSystem Files => files;

    private DateTimeOffset Clock => time.GetUtcNow();

    private Task EndGrantAsync(GivenGrant grant, CancellationToken cancellationToken) => endGrant(grant, cancellationToken);
}
