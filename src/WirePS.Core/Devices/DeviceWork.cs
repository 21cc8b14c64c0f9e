using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>The work that a registration asks for. Each may be done twice without harm.</summary>
internal abstract record DeviceWork : PairEffect.Work
{
    /// <summary>How an identity is trusted that this home is a device of, and the devices of this home's own identity.</summary>
    internal const string Ceremony = "device";

    /// <summary>Where the key of such an identity came from.</summary>
    internal const string PrincipalKeySource = "device-url";

    /// <summary>
    /// Keeps the identity's name free, so that its pin cannot be refused when this machine was admitted; finds or makes a
    /// mailbox on the URL's relay, which the issuer can reach; and makes the request.
    /// </summary>
    internal sealed record Prepare : DeviceWork
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var url = DeviceProtocol.UrlOf(pair);
            if (await surroundings.Trust.ReserveAsync(DeviceProtocol.PrincipalOf(url), pair.Id, cancellationToken).ConfigureAwait(false) is { } conflict)
            {
                return new PairInput.PinRefused(conflict);
            }

            var ready = (PairInput.MailboxReady)(await new PairWork.UseMailbox().RunAsync(surroundings, pair, wait, cancellationToken).ConfigureAwait(false))!;
            if (ready.SlotToken is not null)
            {
                // Its issuer could not have made the URL there: a relay without grants has taken the place of one with them.
                throw PairWork.Downgraded(pair.RelayUrl);
            }

            using var own = surroundings.Identity.Open();
            var endpoint = new DeviceEndpoint(pair.RelayUrl, ready.SlotId, pair.OurSlotToken!);
            var request = RedeemRequest.Create(own, url.Token, url.IssuerCard.PublicKey, url.Principal, pair.DeviceLabel, [endpoint]);
            return new DeviceInput.Prepared(ready, request.ToBody(url.Token).ToCompactString());
        }
    }

    /// <summary>
    /// Leaves the request in the issuer's mailbox: a new event each time, sealed to the issuer by a key made for it alone, with
    /// the body unchanged. The relay sees neither the token nor the proof.
    /// </summary>
    internal sealed record Post : DeviceWork
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var url = DeviceProtocol.UrlOf(pair);
            using var own = surroundings.Identity.Open();
            var request = own.CreateEphemeralEvent(
                url.IssuerCard.Did,
                EventTypes.DeviceRedeem,
                EventTypes.KindOf(EventTypes.DeviceRedeem),
                WireJson.Parse(pair.Messages.Sent[DeviceProtocol.Redeem]),
                surroundings.Time.GetUtcNow(),
                url.IssuerCard.DhPublicKey!,
                surroundings.Random);
            var endpoint = url.Endpoints[0];
            return await surroundings.Relay.Mail.PostAsync(endpoint.SlotId, endpoint.SlotToken, request, cancellationToken).ConfigureAwait(false) switch
            {
                PostOutcome.Stored or PostOutcome.Duplicate => new DeviceInput.Requested(),
                PostOutcome.Stale => new DeviceInput.Stale(),
                PostOutcome.TooLarge => new DeviceInput.Refused(WireReason.ProtocolError),
                _ => throw new RelayException(WireReason.MailboxFull, $"The mailbox of {url.IssuerCard.Handle} at {pair.RelayUrl} is full.", pair.RelayUrl),
            };
        }
    }

    /// <summary>Pins the identity, with the card that lists this machine and the address that it gave.</summary>
    internal sealed record Pin : DeviceWork
    {
        public override async Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken)
        {
            var (card, route) = DeviceProtocol.AnswerOf(pair);
            var request = new PinRequest(card, TrustTier.Verified, Ceremony, "person", PrincipalKeySource, route, PairWork.GivenBy(pair));
            var conflict = await surroundings.Trust.PinAsync(request, surroundings.Revocations.AddAsync, cancellationToken).ConfigureAwait(false);
            return conflict is null ? new PairInput.Pinned() : new PairInput.PinRefused(conflict);
        }
    }
}
