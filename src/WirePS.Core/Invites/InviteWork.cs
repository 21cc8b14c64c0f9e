using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>The work that an accepted invite asks for. Each may be done twice without harm.</summary>
internal abstract record InviteWork : PairEffect.Work
{
    /// <summary>
    /// Keeps the issuer's name free, so that its pin cannot be refused when it has acknowledged; finds or makes a mailbox on
    /// the invite's relay, which the issuer can reach (flaw I18); and makes our answer.
    /// </summary>
    internal sealed record Prepare : InviteWork
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var invite = InviteProtocol.InviteOf(pair);
            if (await surroundings.Trust.ReserveAsync(invite.Card, pair.Id, cancellationToken).ConfigureAwait(false) is { } conflict)
            {
                return new PairInput.PinRefused(conflict);
            }

            var ready = (PairInput.MailboxReady)(await new PairWork.UseMailbox().RunAsync(surroundings, pair, wait, cancellationToken).ConfigureAwait(false))!;
            if (invite.AcceptsV2 && ready.SlotToken is not null)
            {
                // Its issuer could not have made the invite there: a relay without grants has taken the place of one with them.
                throw PairWork.Downgraded(pair.RelayUrl);
            }

            using var own = surroundings.Identity.Open();
            return new InviteInput.Prepared(ready, BodyOf(pair, invite, ready, own.Card).ToCompactString());
        }

        /// <summary>The body of a <c>pair_drop</c>: as other programs have it for their invites, with addresses in a list and a proof for ours.</summary>
        private static WireJson BodyOf(PendingPair pair, InvitePayload invite, PairInput.MailboxReady ready, AgentCard card)
        {
            var token = ready.SlotToken ?? pair.OurSlotToken!;
            var body = WireJson.EmptyObject.With("card", card.Json);
            return invite.AcceptsV2
                ? InviteProof.Attach(new GrantOffer(new Mailbox(pair.RelayUrl, ready.SlotId, ""), new Grant(pair.GrantId!, token)).AddTo(body), invite, card.PublicKey)
                : body.With("relay_url", pair.RelayUrl).With("slot_id", ready.SlotId).With("slot_token", token).With(InviteTaker.NonceMember, invite.Nonce);
        }
    }

    /// <summary>Leaves our answer in the issuer's mailbox: a new event each time, with the body and the proof unchanged.</summary>
    internal sealed record Post : InviteWork
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var invite = InviteProtocol.InviteOf(pair);
            using var own = surroundings.Identity.Open();
            var drop = own.CreateEvent(
                invite.Card.Did,
                EventTypes.PairDrop,
                EventTypes.KindOf(EventTypes.PairDrop),
                WireJson.Parse(pair.Messages.Sent[InviteProtocol.Drop]),
                surroundings.Time.GetUtcNow(),
                null,
                surroundings.Random);
            return await surroundings.Relay.Mail.PostAsync(invite.Route.SlotId, invite.Route.SlotToken, drop, cancellationToken).ConfigureAwait(false) switch
            {
                PostOutcome.Stored or PostOutcome.Duplicate => new InviteInput.Dropped(),
                PostOutcome.Stale => new InviteInput.Stale(),
                PostOutcome.TooLarge => new InviteInput.Refused(WireReason.ProtocolError),
                _ => throw new RelayException(WireReason.MailboxFull, $"The mailbox of {invite.Card.Handle} at {pair.RelayUrl} is full.", pair.RelayUrl),
            };
        }
    }

    /// <summary>Pins the issuer, with the address it gave.</summary>
    internal sealed record Pin : InviteWork
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var request = new PinRequest(InviteProtocol.InviteOf(pair).Card, TrustTier.Verified, "invite", "person", "invite", InviteProtocol.RouteOf(pair), PairWork.GivenBy(pair));
            var conflict = await surroundings.Trust.PinAsync(request, surroundings.Revocations.AddAsync, cancellationToken).ConfigureAwait(false);
            return conflict is null ? new PairInput.Pinned() : new PairInput.PinRefused(conflict);
        }
    }
}
