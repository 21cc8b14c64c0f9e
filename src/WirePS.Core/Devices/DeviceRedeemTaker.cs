using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Takes the requests of new machines, 1002 <c>device_redeem</c> (wireps.md §7): sealed to this home by a key made for the one
/// event, signed by the machine's own key. Who presents a token of this home is told what became of it; nobody else is told
/// anything. A request that is sealed as peers seal is one that a device of this home's identity passes on.
/// </summary>
internal sealed class DeviceRedeemTaker(
    DeviceAdmission admission, DevicePassing passing, PassedRedeemTaker passed, PairTokens tokens, IdentityStore identity, TrustStore trust, MailboxBook mailboxes, EventPost post) : IEventTaker
{
    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.DeviceRedeem), EventTypes.DeviceRedeem)];

    /// <inheritdoc/>
    public bool IsFirstContact => true;

    /// <summary>True for a refusal that the machine is told. Others may pass: it asks again.</summary>
    internal static bool IsTold(WireReason reason) =>
        reason is WireReason.TokenRefused or WireReason.InvalidDeviceProof || DeviceRefusals.Contains(reason);

    /// <summary>The body of a <c>device_redeemed</c> that refuses.</summary>
    internal static WireJson RefusalBody(string tokenHash, WireReason reason) =>
        WireJson.ObjectOf(("token_hash", WireJson.From(tokenHash)), ("reason", WireJson.From(reason.ToWire())));

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        using var own = identity.Open();
        var revoked = trust.ListAll().Where(static p => p.RevokedAt is not null).Select(static p => p.PublicKey).ToList();
        var outcomes = new List<EventOutcome>(events.Count);

        // One word for each machine and token, however often it asked.
        var answered = new HashSet<(string Key, string Token)>();
        foreach (var item in events)
        {
            if (item.Event.EphemeralKey is null)
            {
                outcomes.Add(await passed.TakeAsync(item, own, cancellationToken).ConfigureAwait(false));
            }
            else if (Read(item, own, revoked, out var request) is { } refusal)
            {
                outcomes.Add(EventOutcome.Refuse(refusal));
            }
            else
            {
                var isFirst = answered.Add((Convert.ToHexString(request!.Card.PublicKey), request.TokenHash));
                outcomes.Add(isFirst ? await TakeAsync(item, request, own.Card.Did, cancellationToken).ConfigureAwait(false) : EventOutcome.Done);
            }
        }

        return outcomes;
    }

    private static EventRefusal? Read(IncomingEvent item, OwnIdentity own, List<byte[]> revoked, out RedeemRequest? request)
    {
        request = null;
        if (!own.TryOpenEphemeralBody(item.Event, out var body))
        {
            return EventRefusal.SealBroken;
        }

        try
        {
            request = RedeemRequest.FromBody(body);
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidEvent or WireReason.InvalidCard or WireReason.InvalidLabel)
        {
            return error.Reason == WireReason.InvalidCard ? EventRefusal.InvalidCard : EventRefusal.Malformed;
        }

        var key = request.Card.PublicKey;
        return item.Event.Verify(request.Card) switch
        {
            EventVerdict.Valid => revoked.Exists(known => known.AsSpan().SequenceEqual(key)) ? EventRefusal.Revoked : null,
            EventVerdict.IdMismatch => EventRefusal.IdMismatch,
            _ => EventRefusal.BadSignature,
        };
    }

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, RedeemRequest request, string ownDid, CancellationToken cancellationToken)
    {
        try
        {
            if (await tokens.FindAsync(request.TokenHash, cancellationToken).ConfigureAwait(false) is not { } token)
            {
                return EventOutcome.Refuse(EventRefusal.NotExpected, "No token of this home, or an expired one.");
            }

            if (token.Principal != ownDid)
            {
                await passing.PassOnAsync(request, item.Event.EventId!, cancellationToken).ConfigureAwait(false);
                return EventOutcome.Done;
            }

            var mailbox = mailboxes.Find(item.Origin.RelayUrl, item.Origin.SlotId);
            var answer = await admission.AdmitAsync(request, mailbox, cancellationToken).ConfigureAwait(false);
            Answer(item, request, answer);
            return EventOutcome.Done;
        }
        catch (WireException error)
        {
            // Neither a torn file nor a full store keeps the mailbox from being read: the machine asks again.
            if (IsTold(error.Reason))
            {
                Answer(item, request, new DeviceAnswer(RefusalBody(request.TokenHash, error.Reason), null));
            }

            return EventOutcome.Refuse(EventRefusal.NotExpected, error.Reason.ToWire());
        }
    }

    // Without an address and a key that may be used there is no way to answer; its request was taken all the same.
    private void Answer(IncomingEvent item, RedeemRequest request, DeviceAnswer answer)
    {
        if (DeviceAdmission.RouteTo(request.Endpoints, item.Origin.RelayUrl) is { } route)
        {
            post.TryToStranger(request.Card, OutboxRoute.Of(route), EventTypes.DeviceRedeemed, answer.Body, answer.Grant);
        }
    }
}
