using WirePS.Identity;

namespace WirePS.Relay;

/// <summary>The events of mailboxes (relay-v2.md, Events; wire.md §4.5 and §4.6 on older relays).</summary>
public interface IMailRoutes
{
    /// <summary>POST /v1/events/{slot}: leaves an event in a mailbox. May be repeated.</summary>
    /// <param name="slotId">The mailbox.</param>
    /// <param name="token">A grant for it, or its own token; a secret.</param>
    /// <param name="item">The event.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<PostOutcome> PostAsync(string slotId, string token, SignedEvent item, CancellationToken cancellationToken);

    /// <summary>
    /// The events of a mailbox of ours after a place. Returns when there are some, or after <paramref name="wait"/>; on a
    /// relay that does not wait it is polled meanwhile. <see cref="WireReason.MailboxLost"/> where the relay does not know it.
    /// </summary>
    Task<MailPage> ReadAsync(Mailbox mailbox, MailPlace after, int limit, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>Tells the relay that the events up to a place are stored here. Nothing on a relay without that.</summary>
    /// <returns>False where the relay has never come as far: its data is older than ours, and it will use those numbers again.</returns>
    Task<bool> AckAsync(Mailbox mailbox, MailPlace upTo, CancellationToken cancellationToken);
}

/// <summary>What a relay said to a posted event.</summary>
public enum PostOutcome
{
    /// <summary>It holds it.</summary>
    Stored,

    /// <summary>It has had it before.</summary>
    Duplicate,

    /// <summary>There is no such mailbox, or what we write with is no longer good for it.</summary>
    Stale,

    /// <summary>It is larger than the relay takes.</summary>
    TooLarge,

    /// <summary>The mailbox is full; that may pass.</summary>
    Full,
}

/// <summary>How far a mailbox has been read: by sequence, or on a relay without one by the id of the last event.</summary>
/// <param name="Sequence">The last sequence number; 0 for the beginning.</param>
/// <param name="EventId">The last event's id on a relay without sequence numbers; null for the beginning.</param>
public readonly record struct MailPlace(long Sequence, string? EventId);

/// <summary>Some events of a mailbox, in the relay's order.</summary>
/// <param name="Items">The events.</param>
/// <param name="Next">The place after the last of them.</param>
/// <param name="More">True where there are more.</param>
/// <param name="Dropped">How many events before the first one the relay has dropped although they were not read here.</param>
public sealed record MailPage(IReadOnlyList<MailItem> Items, MailPlace Next, bool More, long Dropped);

/// <summary>One event of a mailbox, as the relay hands it on; nothing of it is checked.</summary>
/// <param name="GrantId">The grant it came by, as the relay says; null for the mailbox' own token, or where that is not known.</param>
/// <param name="Utf8">The text of the JSON value.</param>
public sealed record MailItem(string? GrantId, ReadOnlyMemory<byte> Utf8)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Utf8.Length} bytes";
}
