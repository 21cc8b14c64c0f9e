namespace WirePS.Messaging;

/// <summary>
/// Tells what an event has brought about from what is wrong with the home that takes it: the event is recorded and passed
/// over, and never keeps those behind it from being taken; a full disk or a torn file is tried again, and costs no event.
/// </summary>
internal static class EventFault
{
    /// <summary>True where nothing is gained by taking the event once more.</summary>
    internal static bool IsOfEvent(Exception error) => error switch
    {
        WireException known => !IsOfHome(known.Reason),
        _ => error is not (OperationCanceledException or IOException or UnauthorizedAccessException or OutOfMemoryException),
    };

    /// <summary>What becomes of the event.</summary>
    internal static EventOutcome RefusalOf(Exception error) => error is WireException known
        ? EventOutcome.Refuse(known.Reason == WireReason.InvalidCard ? EventRefusal.InvalidCard : EventRefusal.NotExpected, known.Reason.ToWire())
        : EventOutcome.Refuse(EventRefusal.Malformed, $"It cannot be taken: {error.GetType().Name}.");

    private static bool IsOfHome(WireReason reason) => reason is
        WireReason.SodiumUnavailable or WireReason.SodiumSelfTestFailed or WireReason.HomeInUse or WireReason.FileNotPrivate or WireReason.FileForeignOwner
        or WireReason.FileCorrupt or WireReason.FileUnreadable or WireReason.FileNewerVersion or WireReason.StorageFull or WireReason.StorageFailed
        or WireReason.LockTimeout or WireReason.JournalTampered or WireReason.IdentityIncomplete or WireReason.TokenStoreUnsupported;
}
