using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Takes the requests of new machines, 1002 <c>device_redeem</c> (wireps.md §7): sealed to this home by a key made for the one
/// event, signed by the machine's own key. Who presents a token of this home is told what became of it; nobody else is told
/// anything.
/// </summary>
internal sealed class DeviceRedeemTaker(
    DeviceAdmission admission, PairTokens tokens, IdentityStore identity, TrustStore trust, MailboxBook mailboxes, EventPost post) : IEventTaker
{
    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.DeviceRedeem), EventTypes.DeviceRedeem)];

    /// <inheritdoc/>
    public bool IsFirstContact => true;

    /// <summary>True for a refusal that the machine is told. Others may pass: it asks again.</summary>
    internal static bool IsTold(WireReason reason) =>
        reason is WireReason.TokenRefused or WireReason.InvalidDeviceProof || DeviceRefusals.Contains(reason);

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
            if (Read(item, own, revoked, out var request) is { } refusal)
            {
                outcomes.Add(EventOutcome.Refuse(refusal));
            }
            else
            {
                var isFirst = answered.Add((Convert.ToHexString(request!.Card.PublicKey), request.TokenHash));
                outcomes.Add(isFirst ? await TakeAsync(item, request, cancellationToken).ConfigureAwait(false) : EventOutcome.Done);
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

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, RedeemRequest request, CancellationToken cancellationToken)
    {
        try
        {
            if (!await tokens.IsKnownAsync(request.TokenHash, cancellationToken).ConfigureAwait(false))
            {
                return EventOutcome.Refuse(EventRefusal.NotExpected, "No token of this home, or an expired one.");
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
                Answer(item, request, new DeviceAnswer(
                    WireJson.ObjectOf(("token_hash", WireJson.From(request.TokenHash)), ("reason", WireJson.From(error.Reason.ToWire()))), null));
            }

            return EventOutcome.Refuse(EventRefusal.NotExpected, error.Reason.ToWire());
        }
    }

    // Without an address that may be used there is no way to answer; its request was taken all the same.
    private void Answer(IncomingEvent item, RedeemRequest request, DeviceAnswer answer)
    {
        if (request.Card.DhPublicKey is not null && DeviceAdmission.RouteTo(request.Endpoints, item.Origin.RelayUrl) is { } route)
        {
            post.ToStranger(request.Card, OutboxRoute.Of(route), EventTypes.DeviceRedeemed, answer.Body, grant: answer.Grant);
        }
    }
}
