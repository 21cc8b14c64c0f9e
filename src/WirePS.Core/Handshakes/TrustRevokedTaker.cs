using WirePS.Messaging;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>Takes the news that a peer trusts this home no more, 1102 <c>trust_revoked</c> (wireps.md §5 and §8).</summary>
internal sealed class TrustRevokedTaker(PeerRevocation revocation, TrustRequests requests, HandshakeSurroundings around) : IEventTaker
{
    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.TrustRevoked), EventTypes.TrustRevoked)];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        var outcomes = new List<EventOutcome>();
        foreach (var incoming in events)
        {
            outcomes.Add(await TakeAsync(incoming.Sender!, incoming, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    private async Task<EventOutcome> TakeAsync(TrustEntry sender, IncomingEvent incoming, CancellationToken cancellationToken)
    {
        if (TrustMessage.Read(TrustMessageType.Revoke, incoming.Body, sender.Did, sender.PublicKey) is not { } message)
        {
            return EventOutcome.Refuse(EventRefusal.BadSignature, "The revocation in it does not hold.");
        }

        return incoming.Body!.GetString("key") == message.ToKey
            ? await EndAsync(sender, message, cancellationToken).ConfigureAwait(false)
            : EventOutcome.Refuse(EventRefusal.WrongRecipient);
    }

    /// <summary>Ends the trust of a peer that has signed a revocation, where that is about the trust that there is.</summary>
    /// <param name="sender">The peer; its key has signed the message.</param>
    /// <param name="message">The revocation.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal async Task<EventOutcome> EndAsync(TrustEntry sender, TrustMessage message, CancellationToken cancellationToken)
    {
        // The older signature names no recipient but by a node id, and was checked for this home's.
        if (message.ToKey is not null && !message.IsTo(around.Identity.Find()!.Card))
        {
            return EventOutcome.Refuse(EventRefusal.WrongRecipient);
        }

        // An old one must not end a trust that was renewed since.
        var isOfBefore = sender.PinnedAt is { } pinned && message.Timestamp < pinned.ToUnixTimeSeconds();
        var isOfAnother = message.Request is not null && sender.RequestId is not null && message.Request != sender.RequestId;
        if (isOfBefore || isOfAnother || requests.Load().IsSpent(message))
        {
            return EventOutcome.Refuse(EventRefusal.NotExpected);
        }

        await revocation.EndByPeerAsync(sender, message.Reason, cancellationToken).ConfigureAwait(false);
        await requests.ChangeAsync(
            state =>
            {
                state.Spend(message.FromKey, message.Nonce, around.Time.GetUtcNow());
                return (true, []);
            },
            cancellationToken).ConfigureAwait(false);
        return EventOutcome.Done;
    }
}
