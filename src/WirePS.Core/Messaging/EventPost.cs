using System.Text;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>Makes events and puts them into the outbox: signed, sealed where the recipient has published a key for that.</summary>
/// <param name="identity">Who signs.</param>
/// <param name="trust">Who the principals are that this home is a device of.</param>
/// <param name="outbox">Where they go.</param>
/// <param name="random">Fresh random bytes.</param>
/// <param name="time">The clock.</param>
public sealed class EventPost(IdentityStore identity, TrustStore trust, Outbox outbox, IRandomSource random, TimeProvider time)
{
    /// <summary>How long an event is tried: a relay keeps what nobody reads for as long.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>Most bytes of a body as compact JSON.</summary>
    public const int MaxBodyBytes = SealedBody.MaxPlaintextBytes;

    private readonly Lock _gate = new();
    private DateTimeOffset _last;

    /// <summary>Sends an event of ours to a peer, by its route.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="type">One of <see cref="EventTypes"/>.</param>
    /// <param name="body">The body.</param>
    /// <param name="grant">A grant that the body hands over; null for none.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.MessageTooLarge"/>; <see cref="WireReason.InvalidEvent"/> for a number that is not an integer;
    /// <see cref="WireReason.InvalidCard"/> where nothing can be sealed to the peer that has to be.
    /// </exception>
    internal OutboxItem ToPeer(TrustEntry peer, string type, WireJson body, OutboxGrant? grant = null) =>
        Add(Make(peer.Did, peer.DhPublicKey, type, EventTypes.KindOf(type), body) with { Peer = peer.Handle, Grant = grant });

    /// <summary>As <see cref="ToPeer"/>, where one peer that nothing can be made for must not hold up what else is to be done.</summary>
    /// <returns>False where nothing was sent.</returns>
    internal bool TryToPeer(TrustEntry peer, string type, WireJson body, OutboxGrant? grant = null) => Try(() => ToPeer(peer, type, body, grant));

    /// <summary>Sends an event to somebody who is no peer, or not by the peer's route.</summary>
    /// <param name="card">The recipient's card; sealed to its key where it has one.</param>
    /// <param name="route">Where to leave it.</param>
    /// <param name="type">One of <see cref="EventTypes"/>.</param>
    /// <param name="body">The body.</param>
    /// <param name="isSealed">False for the types that are never sealed.</param>
    /// <param name="grant">A grant that the body hands over; null for none.</param>
    internal OutboxItem ToStranger(AgentCard card, OutboxRoute route, string type, WireJson body, bool isSealed = true, OutboxGrant? grant = null) =>
        Add(Make(card.Did, isSealed ? card.DhPublicKey : null, type, EventTypes.KindOf(type), body) with { Route = route, Grant = grant });

    /// <summary>As <see cref="ToStranger"/>, where the recipient must not hold up what else is to be done.</summary>
    /// <returns>False where nothing was sent.</returns>
    internal bool TryToStranger(AgentCard card, OutboxRoute route, string type, WireJson body, OutboxGrant? grant = null) =>
        Try(() => ToStranger(card, route, type, body, grant: grant));

    /// <summary>Leaves an event that somebody else has signed, as it is.</summary>
    /// <param name="signed">The event; it has an id, and names its recipient.</param>
    /// <param name="route">Where to leave it.</param>
    internal OutboxItem Forward(SignedEvent signed, OutboxRoute route) => Add(ItemOf(signed, signed.To!) with { Route = route });

    /// <summary>Leaves an introduction for whoever holds a handle. Its body is open: the other side does not know our key yet.</summary>
    /// <param name="card">The card of whom it is for.</param>
    /// <param name="introduction">The handle.</param>
    /// <param name="type">One of <see cref="EventTypes"/>.</param>
    /// <param name="body">The body.</param>
    /// <param name="grant">A grant that the body hands over; null for none.</param>
    internal OutboxItem Introduce(AgentCard card, OutboxIntroduction introduction, string type, WireJson body, OutboxGrant? grant) =>
        Add(Make(card.Did, null, type, EventTypes.KindOf(type), body) with { Introduction = introduction, Grant = grant });

    /// <summary>Sends an answer of the handshake over a connection of its own, and where that does not work as an event.</summary>
    /// <param name="to">The recipient's DID.</param>
    /// <param name="direct">The message.</param>
    /// <param name="route">Where to leave the event; null for nowhere but with the recipient's handle in a directory.</param>
    /// <param name="dhPublicKey">The recipient's key for sealed bodies; null for an open one.</param>
    /// <param name="type">The event's type.</param>
    /// <param name="body">Its body.</param>
    /// <param name="grant">A grant that message and body hand over; null for none.</param>
    internal OutboxItem Directly(string to, OutboxDirect direct, OutboxRoute? route, byte[]? dhPublicKey, string type, WireJson body, OutboxGrant? grant) =>
        Add(Make(to, dhPublicKey, type, EventTypes.KindOf(type), body) with { Direct = direct, Route = route, Grant = grant });

    /// <summary>
    /// Makes a message to a peer, without putting it anywhere: its body is kept for the history. Each of the peer's devices that
    /// may receive gets an event of its own, sealed to its own key (wireps.md §7); a message to a peer that this home's principal
    /// has shared is made in the principal's name.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">The body.</param>
    /// <exception cref="WireException"><see cref="WireReason.SendRightMissing"/> where the principal does not let this home send in its name.</exception>
    public OutboxItem MakeMessage(TrustEntry peer, string type, uint kind, WireJson body)
    {
        var ownKey = identity.Find()?.Card.PublicKey ?? [];
        var principal = peer.SharedBy is { } did ? PrincipalFor(did, ownKey) : null;
        var message = Make(peer.Did, peer.DhPublicKey, type, kind, body, principal) with { Peer = peer.Handle, Body = body.ToCompactString() };

        // Between the machines of one identity there are messages to each, not to all.
        var devices = peer.Devices.Where(device => device.May(DeviceRights.Receive) && device.Did != peer.Did && !device.HasKey(ownKey)).ToList();
        return devices.Count == 0 || DeviceOperations.IsMember(peer, ownKey) ? message : message with
        {
            Copies = [.. devices.Select(device => Make(device.Did, device.DhPublicKey, type, kind, body, principal) with { Peer = peer.Handle, CopyOf = message.EventId })],
        };
    }

    /// <summary>Signs an event that goes another way than through the outbox.</summary>
    /// <param name="to">The recipient's DID.</param>
    /// <param name="dhPublicKey">The recipient's key for sealed bodies; null for an open body.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">The body.</param>
    /// <param name="principal">The identity in whose name; null for this home's own.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.MessageTooLarge"/>; <see cref="WireReason.InvalidCard"/> where the type is never sent open and there is
    /// no key to seal it with, or the key is one that nobody may use.
    /// </exception>
    public SignedEvent Sign(string to, byte[]? dhPublicKey, string type, uint kind, WireJson body, EventPrincipal? principal = null)
    {
        if (dhPublicKey is null && EventTypes.IsAlwaysSealed(type))
        {
            throw new WireException(WireReason.InvalidCard, "The recipient has published no key for sealed bodies, and this is never sent open.", to);
        }

        if (body.ToCompactBytes().Length > MaxBodyBytes)
        {
            throw new WireException(WireReason.MessageTooLarge, null, to);
        }

        using var own = identity.Open();
        return own.CreateEvent(to, type, kind, body, NextTime(), dhPublicKey, random, principal);
    }

    /// <summary>The time for a new event: later than the last one's, for events of the same content and time would be one event.</summary>
    private DateTimeOffset NextTime()
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            _last = now - _last >= TimeSpan.FromMicroseconds(1) ? now : _last.AddMicroseconds(1);
            return _last;
        }
    }

    private EventPrincipal PrincipalFor(string did, byte[] ownKey) =>
        trust.Find(did) is { IsTrusted: true } principal && principal.Devices.Any(device => device.HasKey(ownKey) && device.May(DeviceRights.Send))
            ? new EventPrincipal(did, principal.CardSeq)
            : throw new WireException(WireReason.SendRightMissing, null, did);

    private OutboxItem Make(string to, byte[]? dhPublicKey, string type, uint kind, WireJson body, EventPrincipal? principal = null) =>
        ItemOf(Sign(to, dhPublicKey, type, kind, body, principal), to);

    private OutboxItem ItemOf(SignedEvent signed, string to)
    {
        var made = Timestamps.TryParse(signed.Json.GetString("timestamp"), out var timestamp) ? timestamp : time.GetUtcNow();
        return new OutboxItem
        {
            To = to,
            CreatedAt = made,
            ExpiresAt = made + Lifetime,
            EventId = signed.EventId!,
            Event = Encoding.UTF8.GetString(signed.Json.ToCompactBytes()),
        };
    }

    private static bool Try(Action send)
    {
        try
        {
            send();
            return true;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.MessageTooLarge or WireReason.InvalidEvent)
        {
            return false;
        }
    }

    private OutboxItem Add(OutboxItem item)
    {
        outbox.Add(item);
        return item;
    }
}
