using WirePS.Cryptography;
using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Pairing;

/// <summary>A change of status, as the tick and the daemon report it. Holds no secret.</summary>
/// <param name="Id">The pairing's name.</param>
/// <param name="Role">This side.</param>
/// <param name="From">Before.</param>
/// <param name="To">After.</param>
/// <param name="Reason">Why; null where nothing needs a reason.</param>
/// <param name="PeerDid">The peer, where it is known.</param>
/// <param name="Time">When.</param>
public sealed record PairMoved(string Id, PairRole Role, PairStatus? From, PairStatus To, WireReason? Reason, string? PeerDid, DateTimeOffset Time);

/// <summary>How far one pass over a pairing came.</summary>
/// <param name="Pair">Its state; null where the file is gone.</param>
/// <param name="Moves">The changes of status on the way.</param>
/// <param name="ResumeAt">When to go on; null: only when the file changes.</param>
/// <param name="Trouble">The relay trouble that ended the pass.</param>
public sealed record PairPass(PendingPair? Pair, IReadOnlyList<PairMoved> Moves, DateTimeOffset? ResumeAt, RelayException? Trouble = null);

/// <summary>How a pass over a pairing is to be made.</summary>
/// <param name="IsFirst">True for the first pass of this process over it.</param>
/// <param name="Wait">How long to wait for the other side; zero to look once.</param>
/// <param name="Seen">Is told the version of every state that the pass goes by.</param>
/// <param name="Wake">Cuts the wait short, and nothing else.</param>
public sealed record PairPassOptions(bool IsFirst, TimeSpan Wait, Action<long>? Seen = null, CancellationToken Wake = default);

/// <summary>
/// Drives one pairing as far as it goes: asks its machine what to do, does it, stores what came of it. The state on
/// disk is all it goes by, so any process can go on where another one died.
/// </summary>
/// <param name="store">The pairings.</param>
/// <param name="protocols">The protocols.</param>
/// <param name="relays">The relays.</param>
/// <param name="known">What the home knows of relays.</param>
/// <param name="mailboxes">The home's mailboxes.</param>
/// <param name="identity">Who the home is.</param>
/// <param name="trust">Whom the home trusts.</param>
/// <param name="peers">Removal of peers.</param>
/// <param name="revocations">Grants to be revoked.</param>
/// <param name="post">Sends events to peers.</param>
/// <param name="notifier">Tells the person.</param>
/// <param name="random">Fresh random bytes.</param>
/// <param name="time">The clock.</param>
public sealed class PairRunner(
    PendingPairStore store,
    PairProtocols protocols,
    IRelayConnections relays,
    KnownRelays known,
    MailboxBook mailboxes,
    IdentityStore identity,
    TrustStore trust,
    PeerOperations peers,
    GrantRevocations revocations,
    EventPost post,
    INotifier notifier,
    IRandomSource random,
    TimeProvider time)
{
    /// <summary>How long a pairing rests whose next step needs something that is not there, such as a name to become free.</summary>
    private static readonly TimeSpan Stuck = TimeSpan.FromSeconds(5);

    /// <summary>A whole pairing takes fewer steps than this.</summary>
    private const int MostSteps = 64;

    /// <summary>One pass: until the pairing rests, the relay has trouble, or the wait is over.</summary>
    /// <param name="key">The name of its file.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends the pass; what was stored stays.</param>
    public async Task<PairPass> RunAsync(string key, PairPassOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await PassAsync(key, options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not (WireException or OperationCanceledException))
        {
            // What nobody foresaw in one pairing must not stop the others; its message may hold what the file does.
            throw new WireException(WireReason.FileCorrupt, $"The pairing's file holds what this version cannot go on with ({error.GetType().Name}).", store.PathOf(key), error);
        }
    }

    /// <summary>Steps a pairing by what came past its relay; nothing where it does not fit the state that the pairing is in.</summary>
    public async Task TakeAsync(string key, PairInput input, CancellationToken cancellationToken)
    {
        var isDone = false;
        var options = new PairPassOptions(IsFirst: false, TimeSpan.Zero, _ => isDone = true);
        while (!isDone && store.Load(key) is { } pair)
        {
            var planned = ProtocolOf(pair).Step(pair, input, time.GetUtcNow());
            if (planned == pair)
            {
                return;
            }

            // Where another writer was faster, the input is for the state that it has left.
            await StoreAsync(key, pair, planned, [], options, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<PairPass> PassAsync(string key, PairPassOptions options, CancellationToken cancellationToken)
    {
        var moves = new List<PairMoved>();
        var pair = store.Load(key);
        if (pair is null)
        {
            return new PairPass(null, moves, null);
        }

        // A command may have died between its write and the journal, while this process lived on.
        await store.JournalAsync(pair, cancellationToken).ConfigureAwait(false);
        if (PendingPairStore.KeyOf(pair, key) != key)
        {
            await store.RetireAsync(key, cancellationToken).ConfigureAwait(false);
            key = PendingPairStore.KeyOf(pair, key);
        }

        if (options.IsFirst)
        {
            pair = ProtocolOf(pair).Step(pair, new PairInput.Restored(), time.GetUtcNow()) is var restored && restored != pair
                ? await StoreAsync(key, pair, restored, moves, options, cancellationToken).ConfigureAwait(false)
                : pair;
        }

        // True while the state here holds something that may be forgotten, and that its file does not hold yet.
        var isAhead = false;
        for (var steps = 0; pair is not null; steps++)
        {
            // A relay that takes back whatever it has said must not keep this process busy.
            if (steps == MostSteps)
            {
                return await EndAsync(time.GetUtcNow() + Stuck).ConfigureAwait(false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            key = PendingPairStore.KeyOf(pair, key);
            options.Seen?.Invoke(pair.Version);
            var now = time.GetUtcNow();
            var isWait = false;
            PairInput? input;
            switch (ProtocolOf(pair).Next(pair, now))
            {
                case PairEffect.Rest rest:
                    return await EndAsync(rest.Until).ConfigureAwait(false);
                case PairEffect.Collect:
                    await store.RemoveAsync(key, now, cancellationToken).ConfigureAwait(false);
                    return new PairPass(null, moves, null);
                case PairEffect.Apply apply:
                    input = apply.Input;
                    break;
                case PairEffect.Work work:
                    try
                    {
                        input = await WorkAsync(work, pair, options, cancellationToken).ConfigureAwait(false);
                    }
                    catch (OperationCanceledException) when (options.Wake.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                    {
                        return await EndAsync(now).ConfigureAwait(false);
                    }
                    catch (RelayException trouble)
                    {
                        await StepAsync(new PairInput.Trouble(trouble.Message, trouble.Reason is WireReason.RelayWithoutV2 or WireReason.RelayDowngraded ? trouble.Reason : null)).ConfigureAwait(false);
                        return await EndAsync(null, trouble).ConfigureAwait(false);
                    }

                    if (pair is { LastError: not null, Reason: null or WireReason.RelayWithoutV2 or WireReason.RelayDowngraded })
                    {
                        await StepAsync(new PairInput.Trouble(null)).ConfigureAwait(false);
                    }

                    isWait = work.IsWait;
                    break;
                default:
                    throw new InvalidOperationException("The protocol asked for something that no runner knows.");
            }

            // An input may hold a key for the moment of its step.
            using var held = input as IDisposable;
            if (pair is null)
            {
                break;
            }

            var before = pair;
            await StepAsync(input).ConfigureAwait(false);
            if (ReferenceEquals(pair, before))
            {
                return await EndAsync(!isWait ? now + Stuck : options.Wait > TimeSpan.Zero ? now : null).ConfigureAwait(false);
            }
        }

        return new PairPass(null, moves, null);

        async Task StepAsync(PairInput? given)
        {
            var planned = given is null ? pair : ProtocolOf(pair).Step(pair, given, time.GetUtcNow());
            if (planned == pair)
            {
                return;
            }

            planned = WithSkew(pair, planned);
            isAhead = MayBeForgotten(pair, given!, planned);
            pair = isAhead ? planned : await StoreAsync(key, pair, planned, moves, options, cancellationToken).ConfigureAwait(false);
        }

        async Task<PairPass> EndAsync(DateTimeOffset? resumeAt, RelayException? trouble = null)
        {
            if (isAhead && pair is not null)
            {
                pair = await StoreAsync(key, pair, pair, moves, options, cancellationToken).ConfigureAwait(false);
            }

            return new PairPass(pair, moves, resumeAt, trouble);
        }
    }

    private IPairProtocol ProtocolOf(PendingPair pair) => protocols.Of(pair);

    /// <summary>An end that clocks which differ may have brought about says so: nobody would look for that.</summary>
    private PendingPair WithSkew(PendingPair pair, PendingPair planned) =>
        !pair.IsEnded && planned is { Status: PairStatus.Aborted, Reason: WireReason.Expired or WireReason.RelayInterference }
        && ClockSkew.Describe(time.GetUtcNow(), relays.To(planned.RelayUrl).ClockSkew) is { } skew
            ? planned with { LastError = planned.LastError is { } error ? $"{error} {skew}" : skew }
            : planned;

    /// <summary>What people see is in the file before anything is waited for.</summary>
    private bool MayBeForgotten(PendingPair pair, PairInput input, PendingPair planned) =>
        ProtocolOf(pair).MayBeForgotten(pair, input)
        && (planned.Status == pair.Status || ProtocolOf(planned).Next(planned, time.GetUtcNow()) is PairEffect.Work { IsWait: false });

    private async Task<PairInput?> WorkAsync(PairEffect.Work work, PendingPair pair, PairPassOptions options, CancellationToken cancellationToken)
    {
        var surroundings = new PairSurroundings(relays.To(pair.RelayUrl), known, mailboxes, identity, trust, peers, revocations, post, random, time);
        if (!work.IsWait)
        {
            return await work.RunAsync(surroundings, pair, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        }

        var wait = options.Wait;
        if (pair.ExpiresAt is { } expires && !pair.IsEnded && expires - time.GetUtcNow() is { } left && left > TimeSpan.Zero && left < wait)
        {
            wait = left;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(options.Wake, cancellationToken);
        return await work.RunAsync(surroundings, pair, wait, either.Token).ConfigureAwait(false);
    }

    /// <summary>Stores what an input leads to; where another writer was faster, its state is gone on from and the work done again.</summary>
    private async Task<PendingPair?> StoreAsync(string key, PendingPair pair, PendingPair planned, List<PairMoved> moves, PairPassOptions options, CancellationToken cancellationToken)
    {
        if (planned.PeerAcked && !pair.PeerAcked && planned.PeerDid is { } acked)
        {
            await trust.SetPeerAckedAsync(acked, cancellationToken).ConfigureAwait(false);
        }

        var known = -1;
        var next = await store.UpdateAsync(
            key,
            pair.Version,
            current =>
            {
                // Told before the file changes: whoever watches it must know this change for our own.
                options.Seen?.Invoke(pair.Version + 1);
                known = current.Transitions.Length;
                return planned;
            },
            cancellationToken).ConfigureAwait(false);
        if (known >= 0 && next is not null)
        {
            foreach (var move in next.Transitions.Skip(known))
            {
                moves.Add(new PairMoved(next.Id, next.Role, move.From, move.To, next.Reason, next.PeerDid, move.Time));
                notifier.PairMoved(next);
            }
        }

        return next;
    }
}
