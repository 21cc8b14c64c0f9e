using WirePS.Devices;
using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>Where an event came from.</summary>
/// <param name="RelayUrl">The relay.</param>
/// <param name="SlotId">The mailbox of ours.</param>
/// <param name="GrantId">The grant it came by, as the relay says; null where that is not known. A hint, never a proof.</param>
public sealed record EventOrigin(string RelayUrl, string SlotId, string? GrantId);

/// <summary>An event that is about to be taken: its id is that of its content, and its kind and type are known here.</summary>
/// <param name="Event">The event as it came.</param>
/// <param name="Sender">The peer that signed it; null for the types of first contact, whose handlers check the signature themselves.</param>
/// <param name="Body">The body, opened where it was sealed; for first contact as it came.</param>
/// <param name="IsSealed">True where it was sealed.</param>
/// <param name="Origin">Where it came from.</param>
/// <param name="ReceivedAt">When.</param>
public sealed record IncomingEvent(SignedEvent Event, TrustEntry? Sender, WireJson? Body, bool IsSealed, EventOrigin Origin, DateTimeOffset ReceivedAt)
{
    /// <summary>The device of the sender that signed it; null where the sender's root did.</summary>
    public DeviceEntry? Device { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Event.Type} from {Sender?.Handle}";
}

/// <summary>Why an event is passed over. The snake_case form stands in the record of refused events.</summary>
public enum EventRefusal
{
    /// <summary>Not JSON, no object, too large, or a member is missing or of another kind.</summary>
    Malformed,

    /// <summary>Its <c>schema_version</c> is of another major version (wire.md §2.5).</summary>
    SchemaUnsupported,

    /// <summary>A kind or type that nobody here knows.</summary>
    UnknownKind,

    /// <summary>Its id is not that of its content.</summary>
    IdMismatch,

    /// <summary>Nobody of that name is known here, also not after a day.</summary>
    UnknownSender,

    /// <summary>The sender is known with another key.</summary>
    UnknownKey,

    /// <summary>The signature is not that of the key.</summary>
    BadSignature,

    /// <summary>It is addressed to somebody else.</summary>
    WrongRecipient,

    /// <summary>The sender was revoked here.</summary>
    Revoked,

    /// <summary>The sender's tier does not allow it.</summary>
    TierTooLow,

    /// <summary>It is older than the memory that keeps an event from being taken twice.</summary>
    TooOld,

    /// <summary>Its sealed body cannot be opened.</summary>
    SealBroken,

    /// <summary>The card in it does not hold.</summary>
    InvalidCard,

    /// <summary>The card in it is older than one that was seen.</summary>
    CardOutdated,

    /// <summary>The card in it does not follow the one that is known.</summary>
    CardForked,

    /// <summary>The key or name in it is known otherwise here.</summary>
    IdentityConflict,

    /// <summary>What it answers was never asked, or is over.</summary>
    NotExpected,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>What it answers is used up: others have answered it, as many as it was for.</summary>
    UsedUp,

    /// <summary>The sending device may not do this.</summary>
    RightMissing,

    /// <summary>There are too many of its kind.</summary>
    LimitReached,
}

/// <summary>What became of an event.</summary>
public abstract record EventOutcome
{
    private EventOutcome()
    {
    }

    /// <summary>It is a message for people and scripts: it goes to the inbox.</summary>
    public static EventOutcome Message { get; } = new ToInbox();

    /// <summary>It has had its effect.</summary>
    public static EventOutcome Done { get; } = new Handled();

    /// <summary>Its sender is not known yet: it is looked at again when the trust store changes.</summary>
    public static EventOutcome Later { get; } = new Parked();

    /// <summary>It is recorded and passed over.</summary>
    public static EventOutcome Refuse(EventRefusal why, string? detail = null) => new Refused(why, detail);

    internal sealed record ToInbox : EventOutcome;

    internal sealed record Handled : EventOutcome;

    internal sealed record Parked : EventOutcome;

    internal sealed record Refused(EventRefusal Why, string? Detail) : EventOutcome;
}

/// <summary>
/// Takes the events of some types. It works on files only and waits for no network; whatever it is to say goes into the
/// outbox. It may be given the same event again after a crash, and then does no harm.
/// </summary>
public interface IEventTaker
{
    /// <summary>The kinds and types that it takes.</summary>
    IReadOnlyList<(uint Kind, string Type)> Types { get; }

    /// <summary>True where the sender need not be known: the handler checks signature and key itself (wireps.md §5).</summary>
    bool IsFirstContact => false;

    /// <summary>Takes events that came one after the other; one outcome for each, in their order. No single event fails the batch.</summary>
    Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken);
}
