using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>What trust requests work with.</summary>
internal sealed record HandshakeSurroundings(
    IdentityStore Identity, TrustStore Trust, TrustPolicies Policies, MailboxBook Mailboxes, GrantOffers Offers, GrantRevocations Revocations, SlotRotations Rotations, EventPost Post, IRelayConnections Relays, Journal Journal, IRandomSource Random, TimeProvider Time);

/// <summary>What people do with trust requests (wireps.md §8): ask for trust without a code, and say yes or no to those who ask.</summary>
public sealed class TrustRequests
{
    /// <summary>How trust by a request is noted.</summary>
    public const string Ceremony = "request";

    /// <summary>Where the key of somebody who asked came from, where nothing else vouches for it: from the request itself.</summary>
    public const string KeySource = "request";

    /// <summary>Who approved what a person decided; a policy stands there as <c>policy:</c> and its name.</summary>
    public const string Person = "person";

    /// <summary>How long a request waits for an answer.</summary>
    public static readonly TimeSpan Patience = HandshakeState.Patience;

    private readonly HandshakeStore _store;
    private readonly HandshakeSurroundings _around;

    internal TrustRequests(HandshakeStore store, HandshakeSurroundings surroundings)
    {
        _store = store;
        _around = surroundings;
    }

    /// <summary>Requests that wait for a person here, in the order in which they came.</summary>
    public IReadOnlyList<PendingRequest> Pending() => [.. _store.Load().Pending.Where(p => _around.Time.GetUtcNow() - p.ReceivedAt < HandshakeState.Patience)];

    /// <summary>Requests of ours: those that wait, and those that ended without trust.</summary>
    public IReadOnlyList<OutgoingRequest> Outgoing() => _store.Load().Outgoing;

    /// <summary>How many requests had to make room for others, ever.</summary>
    public long Displaced() => _store.Load().Displaced;

    /// <summary>
    /// Asks somebody whom a directory has named. The key is the relay's word: it is noted as such, and only the answer of
    /// that key counts. The request is on its way when this returns.
    /// </summary>
    /// <param name="found">Whom.</param>
    /// <param name="justification">Why, for the person there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<OutgoingRequest> AskAsync(FoundPeer found, string? justification, CancellationToken cancellationToken)
    {
        RequireRecipient(found.Card);
        if (_around.Trust.FindKey(found.Card.PublicKey) is { RevokedAt: not null })
        {
            throw new WireException(WireReason.PeerRevoked, null, found.Card.Did);
        }

        var offer = await OfferAsync(found.RelayUrl, cancellationToken).ConfigureAwait(false);
        if (offer.Grant is null)
        {
            throw new WireException(WireReason.RelayWithoutGrants, null, offer.Mailbox.RelayUrl);
        }

        var (message, members) = Sign(TrustMessageType.Request, found.Card, null, justification);
        var request = await NoteAsync(message, found.Card, HandleDirectory.KeySource, offer, cancellationToken).ConfigureAwait(false);
        var body = offer.AddTo(WireJson.ObjectOf(("card", _around.Identity.Find()!.Card.Json), ("trust_request", members)));
        _around.Post.Introduce(found.Card, new OutboxIntroduction(found.RelayUrl, found.Card.Handle), EventTypes.PairDrop, body, offer.Pending);
        return request;
    }

    /// <summary>Asks a peer that is known here, in its mailbox.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="justification">Why, for the person there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<OutgoingRequest> AskAsync(TrustEntry peer, string? justification, CancellationToken cancellationToken)
    {
        if (peer.RevokedAt is not null)
        {
            throw new WireException(WireReason.PeerRevoked, null, peer.Did);
        }

        var card = peer.Card ?? throw new WireException(WireReason.PeerNotWirePS, null, peer.Did);
        RequireRecipient(card);
        var route = _around.Mailboxes.FindRoute(peer.Handle) ?? throw new WireException(WireReason.PeerWithoutRoute, null, peer.Did);
        var offer = await OfferAsync(route.RelayUrl, cancellationToken).ConfigureAwait(false);
        var (message, members) = Sign(TrustMessageType.Request, card, null, justification);
        var request = await NoteAsync(message, card, peer.KeySource ?? KeySource, offer, cancellationToken).ConfigureAwait(false);
        _around.Post.ToPeer(peer, EventTypes.TrustRequest, offer.AddTo(members), offer.Pending);
        return request;
    }

    /// <summary>
    /// Says yes to a request: its key is trusted, and no other one. May be repeated where it did not come to its end.
    /// </summary>
    /// <param name="id">The id of the request.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.TrustRequestNotFound"/>; <see cref="WireReason.IdentityConflict"/> where another key is trusted
    /// under the name; <see cref="WireReason.PeerRevoked"/>.
    /// </exception>
    public async Task<TrustEntry> ApproveAsync(string id, CancellationToken cancellationToken)
    {
        var request = Require(id);
        var offer = OfferFor(request);
        var peer = await AcceptAsync(request, KeySource, Person, offer, null, cancellationToken).ConfigureAwait(false);
        await SettleAsync(request, cancellationToken).ConfigureAwait(false);
        return peer;
    }

    /// <summary>What allowlist and policy, as they stand, or those given, say to the requests that wait: nothing is done.</summary>
    /// <param name="policy">The policy to try; null for the one that is set.</param>
    public IReadOnlyList<(PendingRequest Request, TrustDecision Decision)> Preview(TrustPolicy? policy = null)
    {
        var peers = _around.Trust.ListAll();
        var (allowlist, own) = _around.Policies.TryRead();
        return [.. Pending().Select(request => (request, Decide(request, wasAsked: false, peers, (allowlist, policy ?? own))))];
    }

    /// <summary>Decides a request that was checked; what cannot be read decides nothing.</summary>
    internal TrustDecision Decide(PendingRequest request, bool wasAsked, IReadOnlyList<TrustEntry> peers, (TrustAllowlist? Allowlist, TrustPolicy? Policy) rules)
    {
        var key = request.Card.PublicKey;
        var known = peers.FirstOrDefault(p => p.PublicKey.AsSpan().SequenceEqual(key));
        return TrustDecision.Of(
            new TrustCase
            {
                Key = key,
                NodeId = NodeId.Of(key),
                Did = request.Card.Did,
                WasAsked = wasAsked,
                IsCoolingDown = known?.RevokedByPeerAt is { } ended && _around.Time.GetUtcNow() - ended < TrustDecision.Cooldown,
                Standing = known is not null ? (known.RevokedAt is not null ? PeerKeyFamiliarity.Revoked : known.Tier >= TrustTier.Verified ? PeerKeyFamiliarity.Known : PeerKeyFamiliarity.New)
                    : peers.Any(p => p.Handle == request.Card.Handle || p.Did == request.Card.Did) ? PeerKeyFamiliarity.Different
                    : PeerKeyFamiliarity.New,
            },
            rules.Allowlist,
            rules.Policy);
    }

    /// <summary>Says no to a request, and tells who asked.</summary>
    /// <param name="id">The id of the request.</param>
    /// <param name="reason">Why, for them; null for nothing.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException"><see cref="WireReason.TrustRequestNotFound"/>.</exception>
    public async Task<PendingRequest> DenyAsync(string id, string? reason, CancellationToken cancellationToken)
    {
        var request = Require(id);
        var (_, members) = Sign(TrustMessageType.Reject, request.Card, request.Id, reason);
        _around.Post.ToStranger(request.Card, OutboxRoute.Of(request.Route), EventTypes.TrustReject, members);
        await SettleAsync(request, cancellationToken).ConfigureAwait(false);
        await JournalAsync(request.Card, "requested", "denied", null, cancellationToken).ConfigureAwait(false);
        return request;
    }

    /// <summary>Ends every request from or to a key: it was revoked.</summary>
    internal Task ForgetKeyAsync(byte[] publicKey, CancellationToken cancellationToken)
    {
        var key = Convert.ToHexStringLower(publicKey);
        return ChangeAsync(
            state =>
            {
                var ended = state.Outgoing.FindAll(o => HandshakeState.KeyOf(o.Card) == key);
                state.Outgoing.RemoveAll(ended.Contains);
                return (state.Pending.RemoveAll(p => HandshakeState.KeyOf(p.Card) == key) + ended.Count > 0, ended);
            },
            cancellationToken);
    }

    /// <summary>
    /// Trusts the key of a request, gives it an address, and tells it so. What is known of a peer that is trusted already,
    /// and how that came, stays.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="keySource">Where the key came from.</param>
    /// <param name="approvedBy">By whom it is trusted; null where it is already.</param>
    /// <param name="offer">The address of ours.</param>
    /// <param name="began">The id that the trust is noted to have begun with; null for that of the request.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal async Task<TrustEntry> AcceptAsync(PendingRequest request, string keySource, string? approvedBy, GrantOffer offer, string? began, CancellationToken cancellationToken)
    {
        var (_, members) = Sign(TrustMessageType.Accept, request.Card, request.Id, null);
        var known = await PinAsync(request.Card, keySource, approvedBy, request.Route, offer.Given, began ?? request.Id, cancellationToken).ConfigureAwait(false);
        _around.Post.ToPeer(known, EventTypes.TrustAccept, offer.AddTo(members), offer.Pending);
        return known;
    }

    /// <summary>Trusts a key, or renews the address of a peer that has it. The exceptions are those of <see cref="ApproveAsync"/>.</summary>
    internal async Task<TrustEntry> PinAsync(AgentCard card, string keySource, string? approvedBy, PeerRoute? route, GivenGrant? grant, string requestId, CancellationToken cancellationToken)
    {
        var trust = _around.Trust;
        var known = trust.FindKey(card.PublicKey);
        if (known?.RevokedAt is not null)
        {
            throw new WireException(WireReason.PeerRevoked, null, card.Did);
        }

        // What no person has decided ranks below what one has; being asked again raises nothing.
        var tier = approvedBy is null && known is not null ? known.Tier : approvedBy == Person ? TrustTier.Verified : TrustTier.OrgVerified;
        if (known is not null && known.Tier >= tier && await trust.RenewAsync(known, route, grant, _around.Revocations.AddAsync, cancellationToken).ConfigureAwait(false))
        {
            return known;
        }

        var pin = new PinRequest(card, tier, Ceremony, approvedBy ?? Person, keySource, route, grant) { RequestId = requestId };
        if (await trust.PinAsync(pin, _around.Revocations.AddAsync, cancellationToken).ConfigureAwait(false) is { } conflict)
        {
            throw new WireException(WireReason.IdentityConflict, $"Another key is trusted under the name '{Printable.Of(conflict)}'; nothing was changed.", card.Did);
        }

        await JournalAsync(card, null, "pinned", approvedBy == Person ? null : approvedBy, cancellationToken).ConfigureAwait(false);
        return trust.FindKey(card.PublicKey)!;
    }

    /// <summary>Changes the state; what has ended of ours takes its grants with it.</summary>
    /// <param name="change">Changes it; gives whether it did, and the requests of ours whose grants are no longer wanted.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal Task ChangeAsync(Func<HandshakeState, (bool IsChanged, IEnumerable<OutgoingRequest> Ended)> change, CancellationToken cancellationToken)
    {
        List<GivenGrant> grants = [];
        return _store.UpdateAsync(
            state =>
            {
                var expired = state.Expire(_around.Time.GetUtcNow());
                var (isChanged, ended) = change(state);
                grants = [.. expired.Concat(ended).Select(static o => o.Given).OfType<GivenGrant>()];
                return isChanged || expired.Count > 0;
            },
            async () =>
            {
                foreach (var grant in grants)
                {
                    await _around.Revocations.AddAsync(grant, cancellationToken).ConfigureAwait(false);
                }
            },
            cancellationToken);
    }

    /// <summary>What stands on disk.</summary>
    internal HandshakeState Load() => _store.Load();

    /// <summary>The address of ours for who asks: in the mailbox that the request came to, or where that is given up in another.</summary>
    internal GrantOffer OfferFor(PendingRequest request) =>
        _around.Mailboxes.Find(request.Mailbox.RelayUrl, request.Mailbox.SlotId) is { } mailbox && !_around.Mailboxes.IsRetiring(mailbox) ? _around.Offers.In(mailbox)
        : _around.Offers.Create(request.Mailbox.RelayUrl) ?? throw new WireException(WireReason.MailboxLost, null, request.Mailbox.RelayUrl);

    /// <summary>The address that a request of ours has offered, to be offered once more.</summary>
    internal GrantOffer? OfferOf(OutgoingRequest request) =>
        _around.Mailboxes.Find(request.Mailbox.RelayUrl, request.Mailbox.SlotId) is { } mailbox ? new GrantOffer(mailbox, request.Grant) : null;

    /// <summary>Takes a request that was answered out of those that wait.</summary>
    internal Task SettleAsync(PendingRequest request, CancellationToken cancellationToken) => ChangeAsync(
        state =>
        {
            state.Spend(HandshakeState.KeyOf(request.Card), request.Nonce, _around.Time.GetUtcNow());
            state.Pending.RemoveAll(p => p.Id == request.Id);
            return (true, []);
        },
        cancellationToken);

    /// <summary>Writes down what has become of somebody.</summary>
    internal Task JournalAsync(AgentCard card, string? from, string to, string? reason, CancellationToken cancellationToken) =>
        _around.Journal.AppendAsync(new JournalRecord(_around.Time.GetUtcNow(), "peer", Fingerprint.Short(card.PublicKey), from, to, reason, card.Did), cancellationToken);

    private PendingRequest Require(string id) => Pending().FirstOrDefault(p => p.Id == id) ?? throw new WireException(WireReason.TrustRequestNotFound, null, id);

    private void RequireRecipient(AgentCard card)
    {
        if (_around.Identity.Find() is { } own && own.Card.PublicKey.AsSpan().SequenceEqual(card.PublicKey))
        {
            throw new WireException(WireReason.SelfPairing, "That is this home itself.", card.Did);
        }

        if (!HandleRules.IsSafeFileName(card.Handle))
        {
            throw new WireException(WireReason.InvalidHandle, null, card.Handle);
        }

        if (!card.SpeaksWirePS)
        {
            throw new WireException(WireReason.PeerNotWirePS, null, card.Did);
        }
    }

    /// <summary>Makes a message of this home and its members.</summary>
    internal (TrustMessage Message, WireJson Members) Sign(TrustMessageType type, AgentCard to, string? request, string? text)
    {
        using var own = _around.Identity.Open();
        var message = TrustMessage.Create(type, own.Card, to, request, text, _around.Time.GetUtcNow(), _around.Random);
        return (message, message.Sign(own));
    }

    private async Task<GrantOffer> OfferAsync(string relayUrl, CancellationToken cancellationToken)
    {
        await _around.Identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);
        var relay = _around.Relays.To(relayUrl);
        var info = await relay.GetInfoAsync(cancellationToken).ConfigureAwait(false);
        return _around.Offers.In(await _around.Mailboxes.EnsureAsync(relay, info?.RelayId, cancellationToken).ConfigureAwait(false));
    }

    // Noted before it goes: an answer may be faster than the return of what sends it.
    private async Task<OutgoingRequest> NoteAsync(TrustMessage message, AgentCard card, string keySource, GrantOffer offer, CancellationToken cancellationToken)
    {
        var request = new OutgoingRequest(message.Id, _around.Time.GetUtcNow(), card, keySource, message.Justification, new MailboxPlace(offer.Mailbox.RelayUrl, offer.Mailbox.SlotId), offer.Grant, OutgoingStatus.Waiting, null, null);
        await ChangeAsync(state => (true, state.Send(request) is { EndedAt: null } oldest ? [oldest] : []), cancellationToken).ConfigureAwait(false);
        await JournalAsync(card, null, "asked", null, cancellationToken).ConfigureAwait(false);
        return request;
    }
}
