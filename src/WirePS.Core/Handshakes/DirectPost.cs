using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;

namespace WirePS.Handshakes;

/// <summary>Sends answers of the handshake over connections of their own, and finds another way where there is none.</summary>
/// <param name="identity">Who signs.</param>
/// <param name="mailboxes">At whose relays others are looked for.</param>
/// <param name="relays">The relays.</param>
/// <param name="daemon">Where this home takes answers.</param>
/// <param name="dial">Makes the connections.</param>
/// <param name="random">Fresh random bytes.</param>
/// <param name="time">The clock.</param>
public sealed class DirectPost(IdentityStore identity, MailboxBook mailboxes, IRelayConnections relays, Daemon.DaemonFiles daemon, HandshakeDial dial, IRandomSource random, TimeProvider time)
{
    /// <summary>How long a connection is tried; after that only relays are.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(1);

    /// <summary>The port at which this home takes messages of the handshake now; null for none.</summary>
    public int? AnswerPort => daemon.IsRunning() ? daemon.Read()?.ListenPort : null;

    /// <summary>Sends a request.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="message">The request.</param>
    /// <param name="olderReceiver">The node id of the receiver, where policy allows the older signature beside ours; null for ours alone.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException"><see cref="WireReason.PeerUnreachable"/>.</exception>
    internal async Task SendRequestAsync(DirectAddress address, TrustMessage message, uint? olderReceiver, CancellationToken cancellationToken)
    {
        byte[] bytes;
        using (var own = identity.Open())
        {
            bytes = DirectMessage.Write(message, own, AnswerPort, null, olderReceiver).ToBytes();
        }

        await dial.SendAsync(address, bytes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends the answer that an item of the outbox stands for, as it is good now.</summary>
    /// <exception cref="WireException"><see cref="WireReason.PeerUnreachable"/>.</exception>
    internal Task SendAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        var direct = item.Direct!;
        return dial.SendAsync(new DirectAddress(direct.Host, direct.Port), Make(item, direct), cancellationToken);
    }

    /// <summary>
    /// Finds the recipient in the directories of this home's own relays; null where none has exactly its key. No relay is asked
    /// that somebody else has named.
    /// </summary>
    internal async Task<OutboxIntroduction?> FindAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        if (item.Direct?.Card is not { } text)
        {
            return null;
        }

        var card = AgentCard.Parse(Encoding.UTF8.GetBytes(text));
        foreach (var relay in mailboxes.List().Select(static m => m.RelayUrl).Distinct(StringComparer.Ordinal))
        {
            try
            {
                if (HandleRules.IsWellFormed(card.Handle)
                    && await relays.To(relay).Directory.ResolveAsync(card.Handle, cancellationToken).ConfigureAwait(false) is { } found
                    && found.Card.PublicKey.AsSpan().SequenceEqual(card.PublicKey))
                {
                    return new OutboxIntroduction(relay, card.Handle);
                }
            }
            catch (WireException)
            {
                // That relay is no way now; it is asked again with the next try.
            }
        }

        return null;
    }

    /// <summary>Opens the address that an accept has handed over; null where it does not open, or is for another request.</summary>
    internal WireJson? Open(DirectMessage message)
    {
        using var own = identity.Open();
        return message is { Sealed: { } text, Card.DhPublicKey: { } dh } && own.TryOpen(text, message.Message.From, dh, out var body)
            && body.GetString("request") == message.Message.Request ? body : null;
    }

    private byte[] Make(OutboxItem item, OutboxDirect direct)
    {
        using var own = identity.Open();
        var type = Enum.Parse<TrustMessageType>(direct.Type, ignoreCase: true);
        var now = time.GetUtcNow();
        if (direct.Card is null)
        {
            return DirectMessage.WriteOlder(type, own, direct.Text, now.ToUnixTimeSeconds(), direct.OlderNode).ToBytes();
        }

        var card = AgentCard.Parse(Encoding.UTF8.GetBytes(direct.Card));
        var message = TrustMessage.Create(type, own.Card, card, direct.Request, direct.Text, now, random);
        string? address = null;
        if (item.Grant is { } grant && card.DhPublicKey is { } dh)
        {
            var body = WireJson.ObjectOf(
                ("request", WireJson.FromNullable(direct.Request)),
                ("relay_url", WireJson.From(grant.RelayUrl)),
                ("slot_id", WireJson.From(grant.SlotId)),
                ("slot_token", WireJson.From(grant.Token)));
            address = own.SealBody(body, card.Did, dh, random).GetString("ct");
        }

        return DirectMessage.Write(message, own, AnswerPort, address, direct.OlderNode).ToBytes();
    }
}
