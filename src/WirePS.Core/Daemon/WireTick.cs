using WirePS.Devices;
using WirePS.Handshakes;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Daemon;

/// <summary>What one pass over everything did.</summary>
/// <param name="Moves">The changes of status.</param>
/// <param name="Failures">What went wrong, for each thing that it went wrong with; the others were not affected.</param>
/// <param name="Mail">What was taken from mailboxes and delivered.</param>
public sealed record TickReport(IReadOnlyList<PairMoved> Moves, IReadOnlyList<TickFailure> Failures, MailPassReport Mail);

/// <summary>Something that went wrong in a pass.</summary>
/// <param name="PairId">The pairing; null where it is not about one.</param>
/// <param name="Error">What.</param>
public sealed record TickFailure(string? PairId, WireException Error);

/// <summary>One pass over everything that waits in a home: needs no memory of the one before.</summary>
/// <param name="store">The pairings.</param>
/// <param name="runner">Drives a pairing.</param>
/// <param name="devices">The devices of this home's identity.</param>
/// <param name="revocations">Grants to be revoked.</param>
/// <param name="rotation">Moves mailboxes.</param>
/// <param name="ownCard">The card of the home, which peers are to have.</param>
/// <param name="requests">Trust requests of this home.</param>
/// <param name="mail">Mailboxes and outbox.</param>
public sealed class WireTick(PendingPairStore store, PairRunner runner, DeviceOperations devices, GrantRevocations revocations, SlotRotation rotation, OwnCard ownCard, TrustRequests requests, MailPass mail)
{
    private const int AtOnce = 16;

    /// <summary>Makes the pass. Nothing is waited for but answers.</summary>
    public async Task<TickReport> RunAsync(CancellationToken cancellationToken)
    {
        var moves = new List<PairMoved>();
        var failures = new List<TickFailure>();
        var gate = new Lock();
        await PairAsync([.. store.Keys().Select(static entry => entry.Key)]).ConfigureAwait(false);

        try
        {
            await ownCard.SendDueAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error)
        {
            failures.Add(new TickFailure(null, error));
        }

        // Before the mail: peers are told of a mailbox that was moved in the same pass.
        try
        {
            failures.AddRange((await rotation.RunAsync(cancellationToken).ConfigureAwait(false)).Select(static trouble => new TickFailure(null, trouble)));
        }
        catch (WireException error)
        {
            failures.Add(new TickFailure(null, error));
        }

        // After the pairings: a peer that was pinned just now may have written already.
        var mailed = await mail.RunAsync(error => failures.Add(new TickFailure(null, error)), cancellationToken).ConfigureAwait(false);
        if (mailed.Taken.Handled > 0)
        {
            // What came may be the answer that an accepted invite or a registration waits for.
            await PairAsync([.. store.List().Where(static f => f.Pair is { IsEnded: false, Kind: not PairKinds.Code }).Select(static f => f.Key)]).ConfigureAwait(false);
        }

        try
        {
            // Before the revocations: a token that has expired, or a request that nobody has answered, has a grant that goes with it.
            await devices.ResumeAsync(cancellationToken).ConfigureAwait(false);
            await requests.ExpireAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error)
        {
            failures.Add(new TickFailure(null, error));
        }

        try
        {
            if (await revocations.RunAsync(cancellationToken).ConfigureAwait(false) is { } trouble)
            {
                failures.Add(new TickFailure(null, trouble));
            }
        }
        catch (WireException error)
        {
            failures.Add(new TickFailure(null, error));
        }

        moves.Sort(static (a, b) => a.Time.CompareTo(b.Time));
        return new TickReport(moves, failures, mailed);

        Task PairAsync(IReadOnlyList<string> keys) => Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (key, token) =>
        {
            PairPass pass;
            try
            {
                pass = await runner.RunAsync(key, new PairPassOptions(IsFirst: true, TimeSpan.Zero), token).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                lock (gate)
                {
                    failures.Add(new TickFailure(null, error));
                }

                return;
            }

            lock (gate)
            {
                moves.AddRange(pass.Moves);
                if (pass.Trouble is not null)
                {
                    failures.Add(new TickFailure(pass.Pair?.Id, pass.Trouble));
                }
            }
        });
    }
}
