using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Takes what an identity says about its devices, 1101 <c>device_added</c> and 1102 <c>device_revoked</c> (wireps.md §5): it
/// counts only from the identity itself, where this home is one of its devices. A new device does not come unnoticed; a device
/// that was revoked forgets the identity.
/// </summary>
internal sealed class DeviceNewsTaker(IdentityStore identity, PeerOperations peers, Journal journal, INotifier notifier, TimeProvider time) : IEventTaker
{
    private const string JournalKind = "device";
    private const int MaxDid = 256;

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } =
    [
        (EventTypes.KindOf(EventTypes.DeviceAdded), EventTypes.DeviceAdded),
        (EventTypes.KindOf(EventTypes.DeviceRevoked), EventTypes.DeviceRevoked),
    ];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var own = identity.Find()!.Card;
        var outcomes = new List<EventOutcome>(events.Count);
        foreach (var item in events)
        {
            outcomes.Add(await TakeAsync(item, own, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    private async Task<EventOutcome> TakeAsync(IncomingEvent item, AgentCard own, CancellationToken cancellationToken)
    {
        if (!item.IsSealed || item.Body is not { IsObject: true } body
            || body.GetString("device") is not { Length: > 0 and <= MaxDid } device || body.GetInt64("card_seq") is not >= 1)
        {
            return EventOutcome.Refuse(EventRefusal.Malformed);
        }

        var principal = item.Sender!;
        var isAdded = item.Event.Type == EventTypes.DeviceAdded;
        var isThisHome = device == own.Did;

        // The card that no longer lists this home may have come before the news of it.
        var isFarewell = !isAdded && isThisHome && principal.IsPrincipal;
        if (body.GetString("principal") != principal.Did || !(isFarewell || DeviceOperations.IsMember(principal, own.PublicKey)))
        {
            return EventOutcome.Refuse(EventRefusal.RightMissing, "The sender is not an identity that this home is a device of.");
        }

        await journal.AppendAsync(new JournalRecord(time.GetUtcNow(), JournalKind, Fingerprint.Short(principal.PublicKey), isAdded ? null : "added", isAdded ? "added" : "revoked", null, device), cancellationToken).ConfigureAwait(false);
        notifier.DeviceChanged(new DeviceNews(principal.Did, device, null, null, isAdded, isThisHome));
        if (!isAdded && isThisHome)
        {
            await peers.RemoveAsync(principal.Did, cancellationToken).ConfigureAwait(false);
        }

        return EventOutcome.Done;
    }
}
