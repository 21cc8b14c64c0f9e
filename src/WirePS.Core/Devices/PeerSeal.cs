using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Checks and opens what a peer has sent under a type that strangers may send too, so that the intake has not looked at its sender: it must be signed by the pinned
/// key and sealed as peers seal (wire.md §2.8).
/// </summary>
internal static class PeerSeal
{
    /// <summary>Null where the event holds; sender and body are set then.</summary>
    internal static EventRefusal? Open(IncomingEvent item, TrustStore trust, OwnIdentity own, out TrustEntry? sender, out WireJson? body)
    {
        body = null;
        sender = trust.ListAll().FirstOrDefault(peer => peer.Did == item.Event.From);
        return sender?.Card is not { } card ? EventRefusal.UnknownSender
            : item.Event.Verify(card) is var verdict && verdict != EventVerdict.Valid ? (verdict == EventVerdict.IdMismatch ? EventRefusal.IdMismatch : EventRefusal.BadSignature)
            : sender.RevokedAt is not null ? EventRefusal.Revoked
            : sender.Tier == TrustTier.Untrusted ? EventRefusal.TierTooLow
            : !item.IsSealed || card.DhPublicKey is not { } dh || !own.TryOpenBody(item.Event, dh, out body) ? EventRefusal.SealBroken
            : null;
    }
}
