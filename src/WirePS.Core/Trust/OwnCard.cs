using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;

namespace WirePS.Trust;

/// <summary>The card of this home as its peers have it: a change goes to all of them that can read it (wireps.md §5, Card updates).</summary>
/// <param name="identity">Who the home is.</param>
/// <param name="trust">Whom it trusts.</param>
/// <param name="mailboxes">The routes to peers.</param>
/// <param name="post">Makes events.</param>
public sealed class OwnCard(IdentityStore identity, TrustStore trust, MailboxBook mailboxes, EventPost post)
{
    /// <summary>Changes the card. It is on its way to the peers when this returns; the exceptions are those of <see cref="IdentityStore.UpdateCardAsync"/>.</summary>
    /// <param name="change">Gives the new content from the present one; null where nothing is to change.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<AgentCard> ChangeAsync(Func<WireJson, WireJson?> change, CancellationToken cancellationToken)
    {
        var card = await identity.UpdateCardAsync(change, cancellationToken).ConfigureAwait(false);
        await SendDueAsync(cancellationToken).ConfigureAwait(false);
        return card;
    }

    /// <summary>Sends the card to the peers that it has not been sent to yet; one that has it already takes it for the same.</summary>
    public async Task SendDueAsync(CancellationToken cancellationToken)
    {
        if (identity.Find() is not { } own || CardChain.PositionOf(own.Card).Seq is not (> 0 and var seq))
        {
            return;
        }

        foreach (var peer in trust.List().Where(p => p is { SpeaksWirePS: true, SharedBy: null } && p.Tier != TrustTier.Untrusted && p.CardSeqSent < seq && mailboxes.FindRoute(p.Handle) is not null))
        {
            // One that nothing can be sent to keeps no other from the card that drops a device.
            if (post.TryToPeer(peer, EventTypes.AgentCard, WireJson.EmptyObject.With("card", own.Card.Json)))
            {
                await trust.NoteCardSeqSentAsync(peer, seq, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
