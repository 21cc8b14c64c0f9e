using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// The root's side of a token that one of its devices has made (wireps.md §7): verifies by itself what the device passes on, publishes the card, and tells the
/// device. The answer to the new machine is sealed to that one, so that the device in between cannot read what the machine is to write with.
/// </summary>
internal sealed class PassedRedeemTaker(DeviceAdmission admission, TrustStore trust, MailboxBook mailboxes, EventPost post)
{
    /// <summary>Takes one; whoever is no device of this home's identity is told nothing.</summary>
    internal async Task<EventOutcome> TakeAsync(IncomingEvent item, OwnIdentity own, CancellationToken cancellationToken)
    {
        if (PeerSeal.Open(item, trust, own, out var sender, out var body) is { } refusal)
        {
            return EventOutcome.Refuse(refusal);
        }

        if (!DeviceEntry.ListOf(own.Card).Any(device => device.HasKey(sender!.PublicKey)))
        {
            return EventOutcome.Refuse(EventRefusal.RightMissing, "The sender is not a device of this identity.");
        }

        PassedRedeem passed;
        try
        {
            passed = PassedRedeem.FromBody(body!);
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidEvent or WireReason.InvalidCard or WireReason.InvalidLabel or WireReason.InvalidRights)
        {
            return EventOutcome.Refuse(error.Reason == WireReason.InvalidCard ? EventRefusal.InvalidCard : EventRefusal.Malformed);
        }

        return await TakeAsync(item, sender!, passed, cancellationToken).ConfigureAwait(false);
    }

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, TrustEntry sender, PassedRedeem passed, CancellationToken cancellationToken)
    {
        var device = passed.Request.Card;
        try
        {
            var answer = await admission.AdmitPassedAsync(passed, sender.PublicKey, mailboxes.Find(item.Origin.RelayUrl, item.Origin.SlotId), cancellationToken).ConfigureAwait(false);
            var signed = post.Sign(device.Did, device.DhPublicKey, EventTypes.DeviceRedeemed, EventTypes.KindOf(EventTypes.DeviceRedeemed), answer.Body);
            Tell(sender, passed, ("answer", signed.Json), answer.Grant);
            return EventOutcome.Done;
        }
        catch (WireException error)
        {
            // What may pass, such as a full disk, is asked again: the machine repeats its request.
            if (DeviceRedeemTaker.IsTold(error.Reason))
            {
                Tell(sender, passed, ("reason", WireJson.From(error.Reason.ToWire())), null);
            }

            return EventOutcome.Refuse(error.Reason == WireReason.RightsExceeded ? EventRefusal.RightMissing : EventRefusal.NotExpected, error.Reason.ToWire());
        }
    }

    private void Tell(TrustEntry sender, PassedRedeem passed, (string Name, WireJson Value) word, OutboxGrant? grant) => post.TryToPeer(
        sender,
        EventTypes.DeviceRedeemed,
        WireJson.ObjectOf(
            ("token_hash", WireJson.From(passed.Request.TokenHash)),
            ("key", WireJson.From(Convert.ToHexStringLower(passed.Request.Card.PublicKey))),
            ("request", WireJson.From(passed.RequestId)),
            word),
        grant);
}
