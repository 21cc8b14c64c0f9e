using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Pairing;

/// <summary>The work that every pairing protocol asks for.</summary>
internal static class PairWork
{
    /// <summary>
    /// Finds or makes the mailbox for the peer, and the grant for it where the relay has grants. The grant's id and token
    /// stand in the pairing's file from the beginning, so making it again after a crash makes the same one.
    /// </summary>
    internal sealed record UseMailbox : PairEffect.Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var info = await surroundings.Relay.GetInfoAsync(cancellationToken).ConfigureAwait(false);
            if (info?.Protocols.Contains("v2") != true && surroundings.Relays.HasSpokenV2(pair.RelayUrl))
            {
                throw Downgraded(pair.RelayUrl);
            }

            var mailbox = await surroundings.Mailboxes.EnsureAsync(surroundings.Relay, info?.RelayId, cancellationToken).ConfigureAwait(false);
            if (info is null)
            {
                return new PairInput.MailboxReady(mailbox.SlotId, mailbox.SlotToken, null);
            }

            var grant = new Grant(pair.GrantId!, pair.OurSlotToken!);
            if (!await surroundings.Relay.PutGrantAsync(mailbox, grant, cancellationToken).ConfigureAwait(false))
            {
                // The data has the name of before and lacks the mailbox: it comes from a backup. One attempt, so that a relay that lies is not asked without end.
                mailbox = await surroundings.Mailboxes.ReplaceAsync(surroundings.Relay, info.RelayId, mailbox, cancellationToken).ConfigureAwait(false);
                if (!await surroundings.Relay.PutGrantAsync(mailbox, grant, cancellationToken).ConfigureAwait(false))
                {
                    throw new RelayException(WireReason.RelayBadReply, $"The relay {pair.RelayUrl} does not know a mailbox that it has just made.", pair.RelayUrl);
                }
            }

            return new PairInput.MailboxReady(mailbox.SlotId, null, info.RelayId);
        }
    }

    /// <summary>Hands the grant of a peer that was not pinned to those that are to be revoked.</summary>
    internal sealed record RevokeGrant : PairEffect.Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            if (GivenBy(pair) is { } grant)
            {
                await surroundings.Revocations.AddAsync(grant, cancellationToken).ConfigureAwait(false);
            }

            return new PairInput.Left(PairLeaving.RevokeGrant);
        }
    }

    /// <summary>Removes the peer of a pairing that was decided before a stop reached the relay.</summary>
    internal sealed record RemovePeer : PairEffect.Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            await surroundings.Peers.RemoveAsync(pair.PeerDid!, cancellationToken).ConfigureAwait(false);
            return new PairInput.Left(PairLeaving.RemovePeer);
        }
    }

    /// <summary>Gives back the name that was kept free for the peer.</summary>
    internal sealed record ReleaseName : PairEffect.Work
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            await surroundings.Trust.ReleaseAsync(pair.Id, cancellationToken).ConfigureAwait(false);
            return new PairInput.Left(PairLeaving.ReleaseName);
        }
    }

    /// <summary>The trouble with a relay that has served v2 and no longer does.</summary>
    internal static RelayException Downgraded(string relayUrl) =>
        new(WireReason.RelayDowngraded, $"The relay {relayUrl} has served pairing protocol v2 before, and no longer does.", relayUrl);

    /// <summary>The grant that a pairing's peer gets; null where it gets the mailbox' own token, or nothing yet.</summary>
    internal static GivenGrant? GivenBy(PendingPair pair) =>
        pair is { GrantId: { } grant, OurSlotId: { } slot } ? new GivenGrant(pair.RelayUrl, slot, grant) : null;
}
