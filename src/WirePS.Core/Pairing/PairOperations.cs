using System.IO.Enumeration;
using System.Security.Cryptography;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Pairing;

/// <summary>What a pairing is waited for.</summary>
public enum PairMilestone
{
    /// <summary>The digits can be compared.</summary>
    SasReady,

    /// <summary>The peer is pinned.</summary>
    Paired,
}

/// <summary>What a person asks for who wants to pair.</summary>
public sealed record PairWish
{
    /// <summary>The code, as it was typed; null to make one. Its shape says which protocol it belongs to.</summary>
    public string? Code { get; init; }

    /// <summary>The relay; null for the home's.</summary>
    public string? Relay { get; init; }

    /// <summary>True where plain http to another machine is accepted.</summary>
    public bool AllowInsecureRelay { get; init; }

    /// <summary>From 60 seconds to 7 days; null for a day.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>The protocol of a new code: 2, or 1 to pair with programs that know nothing else.</summary>
    public int Protocol { get; init; } = 2;

    /// <inheritdoc/>
    public override string ToString() => nameof(PairWish);
}

/// <summary>What people do with pairings. Each is short: the network is left to the tick and the daemon.</summary>
/// <param name="identity">Who the home is.</param>
/// <param name="settings">Its settings.</param>
/// <param name="trust">Whom it trusts.</param>
/// <param name="store">Its pairings.</param>
/// <param name="protocols">The protocols, by number.</param>
/// <param name="random">Fresh random bytes.</param>
/// <param name="time">The clock.</param>
/// <param name="home">The home.</param>
public sealed class PairOperations(
    IdentityStore identity,
    HomeSettings settings,
    TrustStore trust,
    PendingPairStore store,
    IReadOnlyDictionary<int, IPairProtocol> protocols,
    IRandomSource random,
    TimeProvider time,
    WireHome home)
{
    /// <summary>The lifetime of a pairing that does not ask for another one.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(24);

    /// <summary>The shortest lifetime of a new pairing.</summary>
    public static readonly TimeSpan ShortestLifetime = TimeSpan.FromSeconds(60);

    /// <summary>The longest.</summary>
    public static readonly TimeSpan LongestLifetime = TimeSpan.FromDays(7);

    /// <summary>
    /// Asks for a pairing: makes a code, or takes the one that was typed, and writes the pairing's file. Nothing is
    /// sent. The identity is made where there is none.
    /// </summary>
    /// <param name="wish">What is asked for.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<(string Key, PendingPair Pair)> RequestAsync(PairWish wish, CancellationToken cancellationToken)
    {
        var span = wish.Lifetime ?? DefaultLifetime;
        if (span < ShortestLifetime || span > LongestLifetime)
        {
            throw new WireException(WireReason.InvalidDuration, null, span.ToString());
        }

        // The code is read before anything is made: a typing error costs nothing. Its shape says which protocol it belongs to.
        var typed = wish.Code is null ? (TypedCode?)null : PairingCode.Parse(wish.Code);
        var protocol = protocols[typed?.Protocol ?? wish.Protocol];
        var code = typed?.Canonical ?? (protocol.Number == 1 ? CodePhrase.Generate(random) : PairingCode.Generate(random));
        var relayUrl = settings.ResolveRelay(wish.Relay, wish.AllowInsecureRelay);
        var (own, _) = await identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);
        var now = time.GetUtcNow();
        using var fresh = SecretBytes.Random(PairRequest.RandomBytes, random);
        var secrets = fresh.Span.ToArray();
        PendingPair pair;
        try
        {
            pair = protocol.Create(new PairRequest(code, typed is null ? PairRole.Host : PairRole.Guest, relayUrl, own.Card.PublicKey, secrets, now, now + span));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secrets);
        }

        var key = await store.CreateAsync(pair, cancellationToken).ConfigureAwait(false);
        return (key, store.Load(key) ?? pair);
    }

    /// <summary>The pairings whose code or id fits one of the patterns (all, where there is none), by age, with the files that cannot be read.</summary>
    public IReadOnlyList<PairFile> List(IReadOnlyCollection<string>? patterns) =>
        [.. store.List().Where(f => patterns is null || patterns.Count == 0 || patterns.Any(p => Fits(f, p)))];

    /// <summary>
    /// Compares the digits that the other side read out. <see cref="WireReason.InvalidDigits"/> and
    /// <see cref="WireReason.PairNotReady"/> change nothing; other digits end the pairing with
    /// <see cref="WireReason.SasMismatch"/>. Confirming again what is confirmed is harmless.
    /// </summary>
    /// <param name="key">The name of its file.</param>
    /// <param name="typedDigits">What was typed.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<PendingPair> ConfirmAsync(string key, string typedDigits, CancellationToken cancellationToken)
    {
        var digits = ShortAuthenticationString.ParseTyped(typedDigits);
        var own = identity.Find() ?? throw new WireException(WireReason.IdentityIncomplete, "This home has pairings, but no identity.", home.CardFile);
        var fresh = new byte[32];
        random.Fill(fresh);
        while (true)
        {
            var current = store.Load(key) ?? throw NotFound(key);
            switch (current.Status)
            {
                case PairStatus.SasReady:
                    break;
                case PairStatus.Confirmed or PairStatus.Paired:
                    return current;
                case PairStatus.Aborted or PairStatus.AbortedRestart:
                    throw new WireException(WireReason.PairEnded, null, current.Id);
                default:
                    throw new WireException(WireReason.PairNotReady, null, current.Id);
            }

            var protocol = protocols[current.Protocol];
            var planned = protocol.Step(current, new PairInput.Confirmed(digits, own.Card, fresh), time.GetUtcNow());
            if (planned.Status == PairStatus.SasReady)
            {
                // There is no mailbox yet for the peer to write to.
                throw new WireException(WireReason.PairNotReady, null, current.Id);
            }

            if (planned.Status == PairStatus.Confirmed && protocol.PeerToReserve(current) is { } peer
                && await trust.ReserveAsync(peer, current.Id, cancellationToken).ConfigureAwait(false) is { } conflict)
            {
                throw trust.FindKey(peer.PublicKey) is { RevokedAt: not null }
                    ? new WireException(WireReason.PeerRevoked, null, current.Id)
                    : new WireException(WireReason.IdentityConflict, $"Another key is trusted under the name '{conflict}'; nothing was changed.", current.Id);
            }

            var applied = false;
            var pair = await store.UpdateAsync(
                key,
                current.Version,
                _ =>
                {
                    applied = true;
                    return planned;
                },
                cancellationToken).ConfigureAwait(false) ?? throw NotFound(key);
            if (!applied && pair.IsEnded)
            {
                // It ended meanwhile, and what its end gives back came after this.
                await trust.ReleaseAsync(current.Id, cancellationToken).ConfigureAwait(false);
            }

            if (applied)
            {
                return pair is { Status: PairStatus.Aborted, Reason: { } reason } ? throw new WireException(reason, null, pair.Id) : pair;
            }
        }
    }

    /// <summary>
    /// Stops a pairing: it ends at once, or, where this side had confirmed, when the relay has said whether it came
    /// too late. What is to be told to the relay is left to the tick and the daemon.
    /// </summary>
    /// <param name="key">The name of its file.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<PendingPair> StopAsync(string key, CancellationToken cancellationToken) =>
        await store.UpdateAsync(
            key,
            null,
            current => current.IsEnded
                ? throw new WireException(WireReason.PairEnded, null, current.Id)
                : protocols[current.Protocol].Step(current, new PairInput.Stopped(), time.GetUtcNow()),
            cancellationToken).ConfigureAwait(false) ?? throw NotFound(key);

    /// <summary>Removes an ended pairing from the list; <see cref="WireReason.PairActive"/> where it has not ended.</summary>
    /// <param name="key">The name of its file.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task RemoveAsync(string key, CancellationToken cancellationToken)
    {
        var pair = store.Load(key) ?? throw NotFound(key);
        if (!pair.IsEnded || !await store.RemoveAsync(key, time.GetUtcNow(), cancellationToken).ConfigureAwait(false))
        {
            throw new WireException(WireReason.PairActive, null, pair.Id);
        }
    }

    /// <summary>
    /// Waits until a pairing has come to a point. An end without a pin is its reason as an error; a time-out is
    /// <see cref="WireReason.WaitTimeout"/> and changes nothing.
    /// </summary>
    /// <param name="key">The name of its file.</param>
    /// <param name="id">Its id, by which its file goes when its code has gone.</param>
    /// <param name="milestone">The point.</param>
    /// <param name="timeout">How long; null for as long as the pairing lives.</param>
    /// <param name="cancellationToken">Ends the wait; the pairing goes on.</param>
    public async Task<PendingPair> WaitAsync(string key, string id, PairMilestone milestone, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        await foreach (var pair in WatchAsync(key, id, timeout, cancellationToken).ConfigureAwait(false))
        {
            if (pair.Status == PairStatus.Paired || (milestone == PairMilestone.SasReady && pair.Status is PairStatus.SasReady or PairStatus.Confirmed))
            {
                return pair;
            }

            if (pair.IsEnded)
            {
                throw new WireException(pair.Reason ?? WireReason.AbortedRestart, null, pair.Id);
            }
        }

        throw NotFound(key);
    }

    /// <summary>A pairing as it is now and after every change, until its file is gone.</summary>
    /// <param name="key">The name of its file.</param>
    /// <param name="id">Its id, by which its file goes when its code has gone.</param>
    /// <param name="timeout">Throws <see cref="WireReason.WaitTimeout"/> after that; null for never.</param>
    /// <param name="cancellationToken">Ends the watch.</param>
    public async IAsyncEnumerable<PendingPair> WatchAsync(string key, string id, TimeSpan? timeout, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = new FolderWatch(home.PendingPairFolder, TimeSpan.FromMilliseconds(500));
        using var limit = new CancellationTokenSource(timeout ?? Timeout.InfiniteTimeSpan, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var version = -1L;

        // When its code has gone, a pairing's file goes by its id.
        while ((store.Load(key) ?? store.Load(id)) is { } pair)
        {
            if (pair.Version != version)
            {
                version = pair.Version;
                yield return pair;
            }

            try
            {
                await watch.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new WireException(WireReason.WaitTimeout, null, pair.Id);
            }
        }
    }

    private static bool Fits(PairFile file, string pattern) =>
        FileSystemName.MatchesSimpleExpression(pattern, file.Pair?.Code ?? file.Key)
        || (file.Pair is { } pair && FileSystemName.MatchesSimpleExpression(pattern, pair.Id));

    // The name of a file is a code, and a code is a secret: it is no target.
    private static WireException NotFound(string key) => new(WireReason.PairNotFound, key.Length == 0 ? null : "There is no pairing with this code.");
}
