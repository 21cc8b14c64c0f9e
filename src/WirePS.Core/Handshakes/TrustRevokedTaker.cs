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
        var own = around.Identity.Find()!.Card;
        if (TrustMessage.Read(TrustMessageType.Revoke, incoming.Body, sender.Did, sender.PublicKey) is not { } message)
        {
            return EventOutcome.Refuse(EventRefusal.BadSignature, "The revocation in it does not hold.");
        }

        if (!message.IsTo(own) || incoming.Body!.GetString("key") != message.ToKey)
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
