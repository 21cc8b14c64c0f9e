using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>The work of an accepted invite.</summary>
internal static class InviteWork
{
    /// <summary>The body of a <c>pair_drop</c>: as other programs have it for their invites, with addresses in a list and a proof for ours.</summary>
    internal sealed record Prepare : MailboxRequestWork.Prepare
    {
        protected override AgentCard PeerOf(PendingPair pair) => InviteProtocol.InviteOf(pair).Card;

        protected override bool NeedsGrants(PendingPair pair) => InviteProtocol.InviteOf(pair).AcceptsV2;

        protected override WireJson BodyOf(PendingPair pair, PairInput.MailboxReady ready, OwnIdentity own)
        {
            var invite = InviteProtocol.InviteOf(pair);
            var token = ready.SlotToken ?? pair.OurSlotToken!;
            var body = WireJson.EmptyObject.With("card", own.Card.Json);
            return invite.AcceptsV2
                ? InviteProof.Attach(new GrantOffer(new Mailbox(pair.RelayUrl, ready.SlotId, ""), new Grant(pair.GrantId!, token)).AddTo(body), invite, own.Card.PublicKey)
                : body.With("relay_url", pair.RelayUrl).With("slot_id", ready.SlotId).With("slot_token", token).With(InviteTaker.NonceMember, invite.Nonce);
        }
    }

    /// <summary>Our answer is open: its proof is good for our key alone.</summary>
    internal sealed record Post : MailboxRequestWork.Post
    {
        protected override (AgentCard Card, string SlotId, string SlotToken) RecipientOf(PendingPair pair)
        {
            var invite = InviteProtocol.InviteOf(pair);
            return (invite.Card, invite.Route.SlotId, invite.Route.SlotToken);
        }

        protected override SignedEvent EventOf(PendingPair pair, OwnIdentity own, PairSurroundings surroundings) => own.CreateEvent(
            InviteProtocol.InviteOf(pair).Card.Did,
            EventTypes.PairDrop,
            EventTypes.KindOf(EventTypes.PairDrop),
            WireJson.Parse(pair.Messages.Sent[InviteProtocol.Drop]),
            surroundings.Time.GetUtcNow(),
            null,
            surroundings.Random);
    }

    /// <summary>Pins the issuer.</summary>
    internal sealed record Pin : MailboxRequestWork.Pin
    {
        protected override PinRequest PinOf(PendingPair pair) => new(
            InviteProtocol.InviteOf(pair).Card, TrustTier.Verified, "invite", "person", "invite", InviteProtocol.RouteOf(pair), PairWork.GivenBy(pair));
    }
}
