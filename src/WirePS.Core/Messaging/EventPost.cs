using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>Makes events and puts them into the outbox: signed, sealed where the recipient has published a key for that.</summary>
/// <param name="identity">Who signs.</param>
/// <param name="outbox">Where they go.</param>
/// <param name="random">Fresh random bytes.</param>
/// <param name="time">The clock.</param>
public sealed class EventPost(IdentityStore identity, Outbox outbox, IRandomSource random, TimeProvider time)
{
    /// <summary>How long an event is tried: a relay keeps what nobody reads for as long.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>Most bytes of a body as compact JSON.</summary>
    public const int MaxBodyBytes = SealedBody.MaxPlaintextBytes;

    /// <summary>Sends an event to a peer, by its route.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">The body.</param>
    /// <exception cref="WireException"><see cref="WireReason.MessageTooLarge"/>; <see cref="WireReason.InvalidEvent"/> for a number that is not an integer.</exception>
    public OutboxItem ToPeer(TrustEntry peer, string type, uint kind, WireJson body) =>
        Add(Make(peer.Did, peer.DhPublicKey, type, kind, body) with { Peer = peer.Handle });

    /// <summary>Sends an event to somebody who is no peer, or not by the peer's route.</summary>
    /// <param name="card">The recipient's card; sealed to its key where it has one.</param>
    /// <param name="route">Where to leave it.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">The body.</param>
    /// <param name="isSealed">False for the types that are never sealed.</param>
    public OutboxItem ToStranger(AgentCard card, OutboxRoute route, string type, uint kind, WireJson body, bool isSealed = true) =>
        Add(Make(card.Did, isSealed ? card.DhPublicKey : null, type, kind, body) with { Route = route });

    /// <summary>Makes a message to a peer, without putting it anywhere: its body is kept for the history.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">The body.</param>
    public OutboxItem MakeMessage(TrustEntry peer, string type, uint kind, WireJson body) =>
        Make(peer.Did, peer.DhPublicKey, type, kind, body) with { Peer = peer.Handle, Body = body.ToCompactString() };

    /// <summary>Signs an event that goes another way than through the outbox.</summary>
    /// <param name="to">The recipient's DID.</param>
    /// <param name="dhPublicKey">The recipient's key for sealed bodies; null for an open body.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">The body.</param>
    public SignedEvent Sign(string to, byte[]? dhPublicKey, string type, uint kind, WireJson body)
    {
        if (body.ToCompactBytes().Length > MaxBodyBytes)
        {
            throw new WireException(WireReason.MessageTooLarge, null, to);
        }

        using var own = identity.Open();
        return own.CreateEvent(to, type, kind, body, time.GetUtcNow(), dhPublicKey, random);
    }

    private OutboxItem Make(string to, byte[]? dhPublicKey, string type, uint kind, WireJson body)
    {
        var signed = Sign(to, dhPublicKey, type, kind, body);
        var now = time.GetUtcNow();
        return new OutboxItem
        {
            To = to,
            CreatedAt = now,
            ExpiresAt = now + Lifetime,
            EventId = signed.EventId!,
            Event = Encoding.UTF8.GetString(signed.Json.ToCompactBytes()),
        };
    }

    private OutboxItem Add(OutboxItem item)
    {
        outbox.Add(item);
        return item;
    }
}
