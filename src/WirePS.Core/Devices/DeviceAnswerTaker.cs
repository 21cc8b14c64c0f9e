using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Takes what the issuer of a device URL says: that this machine was admitted, or why not (wireps.md §7). It must be signed by
/// the issuer in the URL or by the identity's own key, sealed to this machine, and be about the token that it presented;
/// whatever else claims to be an answer changes nothing. What the root says of a token of this home goes to <see cref="DevicePassing"/>.
/// </summary>
internal sealed class DeviceAnswerTaker(PendingPairStore store, DeviceProtocol protocol, DevicePassing passing, IdentityStore identity, TrustStore trust, TimeProvider time) : IEventTaker
{
    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.DeviceRedeemed), EventTypes.DeviceRedeemed)];

    /// <inheritdoc/>
    public bool IsFirstContact => true;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        using var own = identity.Open();
        var waiting = store.List().Where(static f => f.Pair is { Kind: PairKinds.Device }).Select(static f => f.Key).ToList();
        var outcomes = new List<EventOutcome>(events.Count);
        foreach (var item in events)
        {
            outcomes.Add(await TakeAsync(item, waiting, own, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, IReadOnlyList<string> waiting, OwnIdentity own, CancellationToken cancellationToken)
    {
        foreach (var key in waiting)
        {
            // The file may have gone on since it was listed.
            if (store.TryLoad(key)?.Pair is not { } pair || SignerOf(item, pair) is not { } signer)
            {
                continue;
            }

            if (item.Event.Verify(signer) != EventVerdict.Valid)
            {
                return EventOutcome.Refuse(EventRefusal.BadSignature);
            }

            // The card in it may be read by nobody else, and the address in it is ours to write with.
            if (!item.IsSealed || signer.DhPublicKey is not { } dh || !own.TryOpenBody(item.Event, dh, out var body))
            {
                return EventOutcome.Refuse(EventRefusal.SealBroken);
            }

            if (body.GetString("token_hash") != pair.LookupHash)
            {
                continue;
            }

            if (pair.IsEnded)
            {
                // The same answer once more, to a request that was repeated.
                return pair.Status == PairStatus.Paired ? EventOutcome.Done : EventOutcome.Refuse(EventRefusal.NotExpected);
            }

            if (AnswerIn(body, pair, own.Card.PublicKey) is not { } input)
            {
                return EventOutcome.Refuse(EventRefusal.Malformed);
            }

            await store.UpdateAsync(key, null, latest => protocol.Step(latest, input, time.GetUtcNow()), cancellationToken).ConfigureAwait(false);
            return EventOutcome.Done;
        }

        return await passing.TakeAnswerAsync(item, own, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The card that an answer to a registration must be signed by; null where the event is from somebody else.</summary>
    private AgentCard? SignerOf(IncomingEvent item, PendingPair pair)
    {
        if (pair.IsEnded)
        {
            return pair.PeerDid == item.Event.From ? trust.Find(pair.PeerDid!)?.Card : null;
        }

        var url = DeviceProtocol.UrlOf(pair);
        return item.Event.From == url.IssuerCard.Did ? url.IssuerCard
            : item.Event.From == url.PrincipalCard?.Did ? url.PrincipalCard
            : null;
    }

    private static PairInput? AnswerIn(WireJson body, PendingPair pair, byte[] ownKey)
    {
        if (body.GetString("reason") is { } said)
        {
            return WireErrorCatalogue.TryParseWire(said, out var reason) && DeviceRedeemTaker.IsTold(reason) ? new MailboxRequestInput.Refused(reason) : null;
        }

        try
        {
            var known = DeviceProtocol.PrincipalOf(DeviceProtocol.UrlOf(pair));
            var card = body.GetObject("card") is { } json ? AgentCard.From(json) : null;
            if (card is null || !DeviceEntry.ListOf(card.Verify()).Any(device => device.HasKey(ownKey)))
            {
                return null;
            }

            // The identity of the URL and no other, with a card that follows the one in the URL.
            CardChain.Check(known.PublicKey, known.Did, CardChain.PositionOf(known), card);
            return new DeviceAdmitted(card, PeerRoute.In(body, pair.RelayUrl));
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.IdentityMismatch or WireReason.CardOutdated or WireReason.CardForked)
        {
            return null;
        }
    }
}
