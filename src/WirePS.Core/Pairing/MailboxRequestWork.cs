using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Pairing;

/// <summary>The work that a request through a mailbox asks for. Each may be done twice without harm.</summary>
internal abstract record MailboxRequestWork : PairEffect.Work
{
    /// <summary>
    /// Keeps the other side's name free, so that its pin cannot be refused when it has pinned us; finds or makes a mailbox on
    /// the URL's relay, which the other side can reach (flaw I18); and makes the request.
    /// </summary>
    internal abstract record Prepare : MailboxRequestWork
    {
        public sealed override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            if (await surroundings.Trust.ReserveAsync(PeerOf(pair), pair.Id, cancellationToken).ConfigureAwait(false) is { } conflict)
            {
                return new PairInput.PinRefused(conflict);
            }

            var ready = (PairInput.MailboxReady)(await new PairWork.UseMailbox().RunAsync(surroundings, pair, wait, cancellationToken).ConfigureAwait(false))!;
            if (ready.SlotToken is not null && NeedsGrants(pair))
            {
                // The URL could not have been made there: a relay without grants has taken the place of one with them.
                throw PairWork.Downgraded(pair.RelayUrl);
            }

            using var own = surroundings.Identity.Open();
            return new MailboxRequestInput.Prepared(ready, BodyOf(pair, ready, own).ToCompactString());
        }

        /// <summary>Whom this side will pin.</summary>
        protected abstract AgentCard PeerOf(PendingPair pair);

        /// <summary>True where the URL was made on a relay with grants.</summary>
        protected abstract bool NeedsGrants(PendingPair pair);

        /// <summary>The body of the request.</summary>
        protected abstract WireJson BodyOf(PendingPair pair, PairInput.MailboxReady ready, OwnIdentity own);
    }

    /// <summary>Leaves the request in the other side's mailbox: a new event each time, with the body unchanged.</summary>
    internal abstract record Post : MailboxRequestWork
    {
        public sealed override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var (card, slotId, slotToken) = RecipientOf(pair);
            SignedEvent request;
            using (var own = surroundings.Identity.Open())
            {
                request = EventOf(pair, own, surroundings);
            }

            return await surroundings.Relay.Mail.PostAsync(slotId, slotToken, request, cancellationToken).ConfigureAwait(false) switch
            {
                PostOutcome.Stored or PostOutcome.Duplicate => new MailboxRequestInput.Posted(),
                PostOutcome.Stale => new MailboxRequestInput.Stale(),
                PostOutcome.TooLarge => new MailboxRequestInput.Refused(WireReason.ProtocolError),
                _ => throw new RelayException(WireReason.MailboxFull, $"The mailbox of {card.Handle} at {pair.RelayUrl} is full.", pair.RelayUrl),
            };
        }

        /// <summary>Who is asked, in which mailbox, and with what that is written to.</summary>
        protected abstract (AgentCard Card, string SlotId, string SlotToken) RecipientOf(PendingPair pair);

        /// <summary>The request, signed.</summary>
        protected abstract SignedEvent EventOf(PendingPair pair, OwnIdentity own, PairSurroundings surroundings);
    }

    /// <summary>Pins the other side, with the address it gave.</summary>
    internal abstract record Pin : MailboxRequestWork
    {
        public sealed override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var conflict = await surroundings.Trust.PinAsync(PinOf(pair), surroundings.Revocations.AddAsync, cancellationToken).ConfigureAwait(false);
            return conflict is null ? new PairInput.Pinned() : new PairInput.PinRefused(conflict);
        }

        /// <summary>The pin.</summary>
        protected abstract PinRequest PinOf(PendingPair pair);
    }
}
