using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// The issuer's side of a pair token where the issuer is itself a device (wireps.md §7): what a new machine asks with is verified here and passed on to the root of
/// the identity, and the machine is told nothing final before the root has answered. Reserved, added by the root, consumed: whatever a crash interrupts is done when
/// the machine asks again.
/// </summary>
internal sealed class DevicePassing(PairTokens tokens, TrustStore trust, EventPost post, Journal journal, TimeProvider time)
{
    private const string EventMember = "event";

    /// <summary>
    /// Passes a request on. One that the root has answered gets that answer again, and is passed on all the same: a relay that has lost the answer takes no event
    /// for a second time, so that a new one is needed.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="requestId">The id of its event.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">As <see cref="PairTokens.RedeemAsync"/>: the machine is told those that are final.</exception>
    internal async Task PassOnAsync(RedeemRequest request, string requestId, CancellationToken cancellationToken)
    {
        var token = await tokens.ReserveAsync(request, requestId, cancellationToken).ConfigureAwait(false);
        if (token.State == PairTokenState.Used)
        {
            await AnswerAsync(token, cancellationToken).ConfigureAwait(false);
        }

        var root = trust.Find(token.Principal) ?? throw new WireException(WireReason.PrincipalUnknown, null, token.Principal);
        post.ToPeer(root, EventTypes.DeviceRedeem, PassedRedeem.Of(token).ToBody());
    }

    /// <summary>Takes what the root says of a token of this home. It counts only from the token's own identity, and about the key that waits.</summary>
    internal async Task<EventOutcome> TakeAnswerAsync(IncomingEvent item, OwnIdentity own, CancellationToken cancellationToken)
    {
        if (trust.Find(item.Event.From!) is null)
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected);
        }

        if (PeerSeal.Open(item, trust, own, out var root, out var body) is { } refusal)
        {
            return EventOutcome.Refuse(refusal);
        }

        if (body!.GetString("token_hash") is not { } hash || !PairToken.IsHash(hash)
            || body.GetString("key") is not { Length: Ed25519.PublicKeyBytes * 2 } hex || !hex.All(char.IsAsciiHexDigitLower))
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected);
        }

        var key = Convert.FromHexString(hex);
        return body.GetString("reason") is { } said ? await RefuseAsync(root!, hash, key, said, cancellationToken).ConfigureAwait(false)
            : body.GetObject("answer") is { } answer ? await ConsumeAsync(root!, hash, key, answer, cancellationToken).ConfigureAwait(false)
            : EventOutcome.Refuse(EventRefusal.Malformed);
    }

    private async Task<EventOutcome> ConsumeAsync(TrustEntry root, string hash, byte[] key, WireJson answer, CancellationToken cancellationToken)
    {
        if (Read(answer) is not { IsSealed: true, Type: EventTypes.DeviceRedeemed, EventId: not null, To: { } to } signed
            || signed.From != root.Did || !WireDid.CommitsTo(to, key) || signed.Verify(root.Card!) != EventVerdict.Valid)
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        var stored = WireJson.ObjectOf(("token_hash", WireJson.From(hash)), (EventMember, answer));
        if (await tokens.ConsumeAsync(root.Did, hash, key, stored, cancellationToken).ConfigureAwait(false) is not { } token)
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected);
        }

        await AnswerAsync(token, cancellationToken).ConfigureAwait(false);
        return EventOutcome.Done;
    }

    private async Task<EventOutcome> RefuseAsync(TrustEntry root, string hash, byte[] key, string said, CancellationToken cancellationToken)
    {
        if (!WireErrorCatalogue.TryParseWire(said, out var reason) || !DeviceRedeemTaker.IsTold(reason))
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        if (await tokens.ReleaseAsync(root.Did, hash, key, isSpent: reason == WireReason.TokenRefused, cancellationToken).ConfigureAwait(false) is not { } token)
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected);
        }

        if (RouteOf(token) is { } route)
        {
            post.TryToStranger(token.Reservation!.Card, OutboxRoute.Of(route), EventTypes.DeviceRedeemed, DeviceRedeemTaker.RefusalBody(hash, reason));
        }

        return EventOutcome.Done;
    }

    private async Task AnswerAsync(StoredToken token, CancellationToken cancellationToken)
    {
        await journal.CatchUpAsync(TokenJournal.OfUsed(PairTokens.Info(token), time.GetUtcNow()), cancellationToken).ConfigureAwait(false);
        if (token.Answer?.GetObject(EventMember) is { } answer && Read(answer) is { } signed && RouteOf(token) is { } route)
        {
            post.Forward(signed, OutboxRoute.Of(route));
        }
    }

    // Where the token was used: at the relay of its own grant.
    private static PeerRoute? RouteOf(StoredToken token) => DeviceAdmission.RouteTo(token.Reservation!.Endpoints, token.Grant?.RelayUrl ?? "");

    private static SignedEvent? Read(WireJson json)
    {
        try
        {
            return SignedEvent.Parse(json.ToCompactBytes());
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidJson or WireReason.InvalidEvent)
        {
            return null;
        }
    }
}
