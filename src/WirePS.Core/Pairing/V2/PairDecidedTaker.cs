using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Trust;

namespace WirePS.Pairing.V2;

/// <summary>
/// Takes the event with which a peer that has pinned us says so past the rendezvous (pairing-v2.md §4, step 8): a relay
/// that withholds the outcome of a pairing keeps nobody from learning it. It counts only from the key that was proven in
/// the pairing, and only where this side has confirmed.
/// </summary>
/// <param name="store">The pairings.</param>
/// <param name="runner">Steps them.</param>
/// <param name="trust">The peers, for pairings whose messages are gone.</param>
/// <param name="identity">Opens what is sealed to us.</param>
internal sealed class PairDecidedTaker(PendingPairStore store, PairRunner runner, TrustStore trust, IdentityStore identity) : IEventTaker
{
    private const int MostPairings = 64;

    /// <inheritdoc/>
    public IReadOnlyList<(uint Kind, string Type)> Types { get; } = [(EventTypes.KindOf(EventTypes.PairDecided), EventTypes.PairDecided)];

    /// <inheritdoc/>
    public bool IsFirstContact => true;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
    {
        using var own = identity.Open();
        var outcomes = new List<EventOutcome>();
        foreach (var incoming in events)
        {
            outcomes.Add(await TakeAsync(incoming.Event, own, cancellationToken).ConfigureAwait(false));
        }

        return outcomes;
    }

    /// <summary>The body that tells a peer (pairing-v2.md §4, step 8); null where there is nothing left to tell with.</summary>
    internal static WireJson? BodyOf(PendingPair pair) =>
        pair.CodeHash.Length > 0 && pair.Messages.Sent.TryGetValue("2", out var accept) && pair.Messages.Sent.TryGetValue("3", out var ack)
            ? WireJson.ObjectOf(
                ("lookup", WireJson.From(pair.CodeHash)),
                ("messages", WireJson.ObjectOf(("2", WireJson.Parse(accept)), ("3", WireJson.Parse(ack)))))
            : null;

    private async Task<EventOutcome> TakeAsync(SignedEvent signed, OwnIdentity own, CancellationToken cancellationToken)
    {
        // The names of peers are on disk before anything is opened: an event of somebody else costs one look at the folder.
        var waiting = store.List().Where(f => f.Pair is { } pair && pair.PeerDid == signed.From && IsWaiting(pair)).Take(MostPairings);
        foreach (var file in waiting)
        {
            if (CardOf(file.Pair!) is { } card && signed.Verify(card) == EventVerdict.Valid && Read(signed, card, own) is var (lookup, accept, ack) && lookup == file.Pair!.CodeHash)
            {
                await runner.TakeAsync(file.Key, new V2Input.Told(accept, ack), cancellationToken).ConfigureAwait(false);
                return EventOutcome.Done;
            }
        }

        return EventOutcome.Refuse(EventRefusal.NotExpected);
    }

    private static bool IsWaiting(PendingPair pair) =>
        pair is { Protocol: 2, Kind: "pair" } and ({ Status: PairStatus.Confirmed } or { Status: PairStatus.Paired, PeerAcked: false, CodeHash.Length: > 0 });

    private AgentCard? CardOf(PendingPair pair) => pair.Status == PairStatus.Confirmed ? V2Protocol.PeerCard(pair) : trust.Find(pair.PeerDid!)?.Card;

    // An event's members have no order: the messages are written anew as every program of ours posts them.
    private static (string Lookup, string Accept, string Ack)? Read(SignedEvent signed, AgentCard card, OwnIdentity own)
    {
        var body = signed.Body;
        if (signed.Enc is not null && (card.DhPublicKey is not { } dh || !own.TryOpenBody(signed, dh, out body)))
        {
            return null;
        }

        return body?.GetString("lookup") is { } lookup && body.GetObject("messages") is { } messages && messages.GetObject("2") is { } accept && messages.GetObject("3") is { } ack
            && accept.GetString("sealed") is { } sealedAccept && ack.GetString("sealed") is { } sealedAck
            && StrictBase64.TryDecode(sealedAccept, out var acceptBytes) && StrictBase64.TryDecode(sealedAck, out var ackBytes)
            ? (lookup, V2Messages.Sealed(acceptBytes), V2Messages.Sealed(ackBytes))
            : null;
    }
}
