using System.Text;
using System.Text.Json.Serialization;
using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>An event on its way, as it stands in its file. Holds what we write with; <see cref="ToString"/> does not show it.</summary>
public sealed record OutboxItem
{
    /// <summary>The format.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The recipient's name here; null for somebody who is no peer, and for whom the route stands here.</summary>
    public string? Peer { get; init; }

    /// <summary>The recipient's DID.</summary>
    public required string To { get; init; }

    /// <summary>Where to leave it, where that is not the peer's own route.</summary>
    public OutboxRoute? Route { get; init; }

    /// <summary>The handle whose holder it is left for, where no mailbox of theirs is known; null for an event to a mailbox.</summary>
    public OutboxIntroduction? Introduction { get; init; }

    /// <summary>Where it goes as a message of the handshake, over a connection of its own, before it is left anywhere; null for an event that does not.</summary>
    public OutboxDirect? Direct { get; init; }

    /// <summary>A grant that the event hands over: made at its relay before the event goes; null for none.</summary>
    public OutboxGrant? Grant { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it is no longer tried.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Until then another process is at it; null for nobody.</summary>
    public DateTimeOffset? ClaimedUntil { get; init; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; init; }

    /// <summary>The last trouble, in words.</summary>
    public string? LastError { get; init; }

    /// <summary>The event, compact JSON.</summary>
    public required string Event { get; init; }

    /// <summary>The body as it was before it was sealed, compact JSON, of a message that is to be shown as sent; null for events that are none.</summary>
    public string? Body { get; init; }

    /// <summary>The id of the message that this is a device's copy of; null for what is none.</summary>
    public string? CopyOf { get; init; }

    /// <summary>The copies for the recipient's devices, for as long as they have no files of their own; null where there are none, or they have.</summary>
    public IReadOnlyList<OutboxItem>? Copies { get; init; }

    /// <summary>The event's id.</summary>
    public required string EventId { get; init; }

    /// <summary>The event.</summary>
    internal SignedEvent Signed() => SignedEvent.Parse(Encoding.UTF8.GetBytes(Event));

    /// <inheritdoc/>
    public override string ToString() => $"event {EventId} to {Peer ?? To}";
}

/// <summary>A mailbox to leave an event in.</summary>
/// <param name="RelayUrl">Its relay.</param>
/// <param name="SlotId">The mailbox.</param>
/// <param name="SlotToken">What we write with; a secret.</param>
public sealed record OutboxRoute(string RelayUrl, string SlotId, string SlotToken)
{
    /// <summary>The route of a peer.</summary>
    public static OutboxRoute Of(PeerRoute route) => new(route.RelayUrl, route.SlotId, route.SlotToken);

    /// <inheritdoc/>
    public override string ToString() => $"{SlotId} at {RelayUrl}";
}

/// <summary>A handle at a relay, for whose holder an introduction is left (wire.md §4.10).</summary>
/// <param name="RelayUrl">The relay.</param>
/// <param name="Handle">The handle.</param>
public sealed record OutboxIntroduction(string RelayUrl, string Handle);

/// <summary>A message of the handshake that goes over a connection of its own (wireps.md §8): made anew for each try, for it is good for five minutes.</summary>
/// <param name="Host">Where to.</param>
/// <param name="Port">The port there; 0 where the recipient takes no connections, and only a relay leads to it.</param>
/// <param name="Type">What it says: <c>accept</c>, <c>reject</c> or <c>revoke</c>.</param>
/// <param name="Request">The request that it is about; null for none.</param>
/// <param name="Text">What is said.</param>
/// <param name="Card">The recipient's card, as JSON; null for a program that sent none.</param>
/// <param name="OlderNode">The recipient's node id, where it gets the older signature; null where it does not.</param>
public sealed record OutboxDirect(string Host, int Port, string Type, string? Request, string Text, string? Card, uint? OlderNode)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Type} to {Host}:{Port}";
}

/// <summary>A grant for a mailbox of ours that an event hands over.</summary>
/// <param name="RelayUrl">The mailbox' relay.</param>
/// <param name="SlotId">The mailbox.</param>
/// <param name="GrantId">The grant.</param>
/// <param name="Token">Its token; a secret.</param>
public sealed record OutboxGrant(string RelayUrl, string SlotId, string GrantId, string Token)
{
    /// <inheritdoc/>
    public override string ToString() => $"grant {GrantId}";
}

[JsonSerializable(typeof(OutboxItem))]
internal sealed partial class OutboxJson : JsonSerializerContext;
