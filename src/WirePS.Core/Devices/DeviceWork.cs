using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>The work of a registration.</summary>
internal static class DeviceWork
{
    /// <summary>How an identity is trusted that this home is a device of, and the devices of this home's own identity.</summary>
    internal const string Ceremony = "device";

    /// <summary>Where the key of such an identity came from.</summary>
    internal const string PrincipalKeySource = "device-url";

    /// <summary>The request: what the token admits this machine by.</summary>
    internal sealed record Prepare : MailboxRequestWork.Prepare
    {
        protected override AgentCard PeerOf(PendingPair pair) => DeviceProtocol.PrincipalOf(DeviceProtocol.UrlOf(pair));

        protected override bool NeedsGrants(PendingPair pair) => true;

        protected override WireJson BodyOf(PendingPair pair, PairInput.MailboxReady ready, OwnIdentity own)
        {
            var url = DeviceProtocol.UrlOf(pair);
            var endpoint = new DeviceEndpoint(pair.RelayUrl, ready.SlotId, pair.OurSlotToken!);
            return RedeemRequest.Create(own, url.Token, url.IssuerCard.PublicKey, url.Principal, pair.DeviceLabel, [endpoint]).ToBody(url.Token);
        }
    }

    /// <summary>Seals the request to the issuer by a key made for the one event: the relay sees neither the token nor the proof.</summary>
    internal sealed record Post : MailboxRequestWork.Post
    {
        protected override (AgentCard Card, string SlotId, string SlotToken) RecipientOf(PendingPair pair)
        {
            var url = DeviceProtocol.UrlOf(pair);
            return (url.IssuerCard, url.Endpoints[0].SlotId, url.Endpoints[0].SlotToken);
        }

        protected override SignedEvent EventOf(PendingPair pair, OwnIdentity own, PairSurroundings surroundings)
        {
            var issuer = DeviceProtocol.UrlOf(pair).IssuerCard;
            return own.CreateEphemeralEvent(
                issuer.Did,
                EventTypes.DeviceRedeem,
                EventTypes.KindOf(EventTypes.DeviceRedeem),
                WireJson.Parse(pair.Messages.Sent[DeviceProtocol.Redeem]),
                surroundings.Time.GetUtcNow(),
                issuer.DhPublicKey!,
                surroundings.Random);
        }
    }

    /// <summary>Pins the identity, with the card that lists this machine.</summary>
    internal sealed record Pin : MailboxRequestWork.Pin
    {
        protected override PinRequest PinOf(PendingPair pair)
        {
            var (card, route) = DeviceProtocol.AnswerOf(pair);
            return new PinRequest(card, TrustTier.Verified, Ceremony, "person", PrincipalKeySource, route, PairWork.GivenBy(pair)) { IsPrincipal = true };
        }
    }
}
