using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>A message that somebody wants to send.</summary>
/// <param name="Body">Any JSON without floats, at most <see cref="EventPost.MaxBodyBytes"/> bytes as compact text.</param>
public sealed record MessageWish(WireJson Body)
{
    /// <summary>The name of the type where nobody says one.</summary>
    public const string DefaultType = "message";

    /// <summary>The name of the type.</summary>
    public string Type { get; init; } = DefaultType;

    /// <summary>A kind that is a message (wire.md §2.3).</summary>
    public uint Kind { get; init; } = EventKinds.Message;

    /// <summary>True where the daemon or the next tick delivers it, and nothing is tried now.</summary>
    public bool OnlyQueue { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Type}, kind {Kind}";
}

/// <summary>Sends messages to peers (wire.md §9.1): written down first, so that one is delivered, or shown as failed, whatever dies.</summary>
/// <param name="post">Makes events.</param>
/// <param name="outbox">The events on their way.</param>
/// <param name="sender">Delivers them.</param>
/// <param name="time">The clock.</param>
public sealed class Messenger(EventPost post, Outbox outbox, OutboxSender sender, TimeProvider time)
{
    private const int MaxTypeLength = 64;

    /// <summary>The kinds of messages.</summary>
    public static IReadOnlyList<uint> Kinds { get; } = [EventKinds.Message, EventKinds.Decision, EventKinds.Claim, EventKinds.Ack];

    /// <summary>
    /// Sends a message, and tries once to deliver it; what waits for the same peer goes first. A relay in trouble leaves
    /// it on its way: <see cref="Delivery.Trouble"/> says which.
    /// </summary>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidMessage"/> for a float, a type or a kind that is no message's; <see cref="WireReason.MessageTooLarge"/>;
    /// <see cref="WireReason.SendRightMissing"/> on a device that may not send in its principal's name;
    /// <see cref="WireReason.InvalidHandle"/> for a peer of another program whose name cannot be a file's.
    /// </exception>
    public async Task<Delivery> SendAsync(TrustEntry peer, MessageWish wish, CancellationToken cancellationToken)
    {
        Require(peer, wish);
        var item = post.MakeMessage(peer, wish.Type, wish.Kind, wish.Body);
        if (wish.OnlyQueue)
        {
            outbox.Add(item);
            return new Delivery(item, DeliveryStatus.Queued);
        }

        item = item with { ClaimedUntil = time.GetUtcNow() + OutboxSender.Claim };
        outbox.Add(item);
        var all = await outbox.SpreadAsync(item, cancellationToken).ConfigureAwait(false);

        // Each on its own: a machine that cannot be reached holds up no other.
        var deliveries = await Task.WhenAll(all.Select(one => TryAsync(one, cancellationToken))).ConfigureAwait(false);
        return deliveries[0] with { Copies = deliveries[1..] };
    }

    private async Task<Delivery> TryAsync(OutboxItem item, CancellationToken cancellationToken)
    {
        try
        {
            return await sender.TryInOrderAsync(item, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It is on its way; whoever delivers it need not wait for the end of the claim.
            await outbox.UpdateAsync(item with { ClaimedUntil = null }, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    private static void Require(TrustEntry peer, MessageWish wish)
    {
        if (!HandleRules.IsSafeFileName(peer.Handle))
        {
            throw new WireException(WireReason.InvalidHandle, "The peer's name cannot be the name of a file.", Printable.Of(peer.Did));
        }

        // Types of ours have effects; a message that bears one's name would be taken for it, or refused.
        if (wish.Type.Length is 0 or > MaxTypeLength || Printable.Of(wish.Type) != wish.Type || EventTypes.IsOurs(wish.Type))
        {
            throw new WireException(WireReason.InvalidMessage, $"The type is up to {MaxTypeLength} visible characters, and not one that WirePS uses itself.", Printable.Of(wish.Type));
        }

        if (!Kinds.Contains(wish.Kind))
        {
            throw new WireException(WireReason.InvalidMessage, $"Messages are of the kinds {string.Join(", ", Kinds)}.");
        }

        if (wish.Body.ContainsFloat)
        {
            throw new WireException(WireReason.InvalidMessage, "The message has a number that is not an integer. Programs write such numbers in different ways, and its signature would not hold.");
        }
    }
}
