using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>What trust requests work with.</summary>
internal sealed record HandshakeSurroundings(
    IdentityStore Identity, TrustStore Trust, TrustPolicies Policies, MailboxBook Mailboxes, GrantOffers Offers, GrantRevocations Revocations, SlotRotations Rotations, HomeSettings Settings, EventPost Post, Outbox Outbox, DirectPost Direct, IRelayConnections Relays, Journal Journal, IRandomSource Random, TimeProvider Time);

/// <summary>What people do with trust requests (wireps.md §8): ask for trust without a code, and say yes or no to those who ask.</summary>
public sealed class TrustRequests
{
    /// <summary>How trust by a request is noted.</summary>
    public const string Ceremony = "request";

    /// <summary>Where the key of somebody who asked came from, where nothing else vouches for it: from the request itself.</summary>
    public const string KeySource = "request";

    /// <summary>Where the key of somebody came from who was asked at an address: whoever answers there. It ranks below one that was compared.</summary>
    public const string AddressKeySource = "address";

    /// <summary>The same, where the fingerprint was told beforehand and fits.</summary>
    public const string FingerprintKeySource = "fingerprint";

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
    public IReadOnlyList<OutgoingRequest> Outgoing() => [.. _store.Load().Outgoing.Select(o => HandshakeState.AsOf(o, _around.Time.GetUtcNow()))];

    /// <summary>Ends what nobody has answered in its time, and takes back what it offered.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    public Task ExpireAsync(CancellationToken cancellationToken) =>
        _store.Load().HasExpired(_around.Time.GetUtcNow()) ? ChangeAsync(static _ => (true, []), cancellationToken) : Task.CompletedTask;

    /// <summary>How many requests had to make room for others, ever.</summary>
    public long Displaced() => _store.Load().Displaced;

    /// <summary>
    /// Asks somebody whom a directory has named. The key is the relay's word: it is noted as such, and only the answer of
    /// that key counts. The request is on its way when this returns; one that waits for an answer already is given out as it is.
    /// </summary>
    /// <param name="found">Whom.</param>
    /// <param name="justification">Why, for the person there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="isAnew">True to ask also where a request waits: the other side may decide otherwise by now.</param>
    public async Task<OutgoingRequest> AskAsync(FoundPeer found, string? justification, CancellationToken cancellationToken, bool isAnew = false)
    {
        RequireRecipient(found.Card);
        RequireNotRevoked(found.Card);
        if (!isAnew && OpenTo(found.Card) is { } open)
        {
            return open;
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

    /// <summary>Asks a peer that is known here, in its mailbox; a request that waits for an answer already is given out as it is.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="justification">Why, for the person there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="isAnew">True to ask also where a request waits: the other side may decide otherwise by now.</param>
    public async Task<OutgoingRequest> AskAsync(TrustEntry peer, string? justification, CancellationToken cancellationToken, bool isAnew = false)
    {
        if (peer.RevokedAt is not null)
        {
            throw new WireException(WireReason.PeerRevoked, null, peer.Did);
        }

        var card = peer.Card ?? throw new WireException(WireReason.PeerNotWirePS, null, peer.Did);
        RequireRecipient(card);
        if (!isAnew && OpenTo(card) is { } open)
        {
            return open;
        }

        var route = _around.Mailboxes.FindRoute(peer.Handle) ?? throw new WireException(WireReason.PeerWithoutRoute, null, peer.Did);
        var offer = await OfferAsync(route.RelayUrl, cancellationToken).ConfigureAwait(false);
        var (message, members) = Sign(TrustMessageType.Request, card, null, justification);
        var request = await NoteAsync(message, card, peer.KeySource ?? KeySource, offer, cancellationToken).ConfigureAwait(false);
        _around.Post.ToPeer(peer, EventTypes.TrustRequest, offer.AddTo(members), offer.Pending);
        return request;
    }

    /// <summary>
    /// Asks whoever takes requests at an address, over a connection of its own (wireps.md §8). Where the key is not known before,
    /// that of the first answer counts; it ranks below one that was compared. The request hands over no mailbox: the connection
    /// may be read along. The message has gone when this returns.
    /// </summary>
    /// <param name="address">Where.</param>
    /// <param name="card">The card of whom; null where only the address is known.</param>
    /// <param name="keySource">Where that card came from; null without one.</param>
    /// <param name="fingerprint">The fingerprint that the key of the answer must have, as people compare it; null for none.</param>
    /// <param name="justification">Why, for the person there.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="isAnew">True to ask also where a request waits: this home may take the answer elsewhere by now.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.PeerUnreachable"/>, and nothing is left of the request; <see cref="WireReason.InvalidFingerprint"/>; otherwise as with a handle.
    /// </exception>
    public async Task<OutgoingRequest> AskAtAsync(DirectAddress address, AgentCard? card, string? keySource, string? fingerprint, string? justification, CancellationToken cancellationToken, bool isAnew = false)
    {
        fingerprint = fingerprint is null ? null : Fingerprint.TryNormalize(fingerprint) ?? throw new WireException(WireReason.InvalidFingerprint, null, fingerprint);
        if (card is not null)
        {
            RequireRecipient(card);
            RequireNotRevoked(card);
        }

        if (!isAnew && Outgoing().FirstOrDefault(o => o.Status == OutgoingStatus.Waiting && (card is null ? o.Address == address && o.Fingerprint == fingerprint : IsTo(o, card))) is { } open)
        {
            return open;
        }

        await _around.Identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);
        var (message, _) = Sign(TrustMessageType.Request, card, null, justification);
        var source = keySource ?? (fingerprint is null ? AddressKeySource : FingerprintKeySource);
        var mailbox = await MailboxAsync(cancellationToken).ConfigureAwait(false);
        var place = mailbox is null ? null : new MailboxPlace(mailbox.RelayUrl, mailbox.SlotId);
        var request = new OutgoingRequest(message.Id, _around.Time.GetUtcNow(), card, source, message.Justification, place, null, OutgoingStatus.Waiting, null, null) { Address = address, Fingerprint = fingerprint };
        await NoteAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            var older = card is not null && _around.Policies.TryRead().Policy?.AllowOlderSignature == true ? NodeId.Of(card.PublicKey) : (uint?)null;
            await _around.Direct.SendRequestAsync(address, message, older, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Nobody has it, so nobody will answer it.
            await ChangeAsync(state => (state.Outgoing.RemoveAll(o => o.Id == request.Id) > 0, []), CancellationToken.None).ConfigureAwait(false);
            throw;
        }

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
        if (request is { Mailbox: null, IsWeak: false })
        {
            // The first mailbox of this home, where it has a relay and none yet: what came as a connection names none.
            await MailboxAsync(cancellationToken).ConfigureAwait(false);
        }

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
        var key = request.PublicKey;
        var known = peers.FirstOrDefault(p => p.PublicKey.AsSpan().SequenceEqual(key));
        return TrustDecision.Of(
            new TrustCase
            {
                Key = key,
                NodeId = request.NodeId,
                Did = request.Did,
                IsWeak = request.IsWeak,
                WasAsked = wasAsked,
                IsCoolingDown = known?.RevokedByPeerAt is { } ended && _around.Time.GetUtcNow() - ended < TrustDecision.Cooldown,
                Standing = known is not null ? (known.RevokedAt is not null ? PeerKeyFamiliarity.Revoked : known.Tier >= TrustTier.Verified ? PeerKeyFamiliarity.Known : PeerKeyFamiliarity.New)
                    : peers.Any(p => p.Handle == request.Handle || p.Did == request.Did) ? PeerKeyFamiliarity.Different
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
        if (request is { Route: { } route, Card: { } card })
        {
            var (_, members) = Sign(TrustMessageType.Reject, card, request.Id, reason);
            _around.Post.TryToStranger(card, OutboxRoute.Of(route), EventTypes.TrustReject, members);
        }
        else
        {
            AnswerDirectly(request, TrustMessageType.Reject, reason, null);
        }

        await SettleAsync(request, cancellationToken).ConfigureAwait(false);
        await JournalAsync(request.PublicKey, request.Did, "requested", "denied", null, cancellationToken).ConfigureAwait(false);
        return request;
    }

    /// <summary>Ends every request from or to a key: it was revoked.</summary>
    internal Task ForgetKeyAsync(byte[] publicKey, CancellationToken cancellationToken)
    {
        var key = Convert.ToHexStringLower(publicKey);
        return ChangeAsync(
            state =>
            {
                var ended = state.Outgoing.FindAll(o => o.Card is not null && HandshakeState.KeyOf(o.Card) == key);
                state.Outgoing.RemoveAll(ended.Contains);
                return (state.Pending.RemoveAll(p => Convert.ToHexStringLower(p.PublicKey) == key) + ended.Count > 0, ended);
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
    internal async Task<TrustEntry> AcceptAsync(PendingRequest request, string keySource, string? approvedBy, GrantOffer? offer, string? began, CancellationToken cancellationToken)
    {
        if (request.Card is not { } card)
        {
            var peer = await PinOlderAsync(request, approvedBy, cancellationToken).ConfigureAwait(false);
            AnswerDirectly(request, TrustMessageType.Accept, null, null);
            return peer;
        }

        var (_, members) = Sign(TrustMessageType.Accept, card, request.Id, null);
        var known = await PinAsync(card, keySource, approvedBy, request.Route, offer?.Given, began ?? request.Id, cancellationToken, request.Answer).ConfigureAwait(false);
        if (request.Route is not null && offer is not null)
        {
            _around.Post.ToPeer(known, EventTypes.TrustAccept, offer.AddTo(members), offer.Pending);
        }
        else
        {
            AnswerDirectly(request, TrustMessageType.Accept, null, offer);
        }

        return known;
    }

    /// <summary>
    /// Answers over a connection of its own, to the address that the request came from and no other, so that nobody can have
    /// this home connect to a third one; where that does not work, by the ways over a relay that this home knows itself.
    /// </summary>
    private void AnswerDirectly(PendingRequest request, TrustMessageType type, string? text, GrantOffer? offer)
    {
        if (request.Answer is null && request.Card is null)
        {
            return;
        }

        var older = request.IsWeak || _around.Policies.TryRead().Policy?.AllowOlderSignature == true ? request.NodeId : (uint?)null;
        var place = request.Answer is { } answer ? new OutboxDirect(answer.Host, answer.Port, TrustMessage.NameOf(type), request.Id, text ?? "", request.Card?.JsonText, older) : null;
        PostDirectly(request.Card, request.Did, place, type, request.Id, text, offer);
    }

    /// <summary>Tells a peer that it was revoked, over a connection of its own or in its mailbox.</summary>
    internal void TellRevoked(AgentCard card, DirectAddress? address, PeerRoute? route, string? request, string? reason)
    {
        // Whoever has a key that nobody may use is revoked like anybody, and told nothing.
        if (card is { DhPublicKey: not null, CanBeSealedTo: false })
        {
            return;
        }

        var (message, members) = Sign(TrustMessageType.Revoke, card, request, reason);
        var body = members.With("key", message.ToKey!);
        if (address is not null)
        {
            var direct = new OutboxDirect(address.Host, address.Port, TrustMessage.NameOf(TrustMessageType.Revoke), request, message.Reason, card.JsonText, null);
            _around.Post.Directly(card.Did, direct, route is null ? null : OutboxRoute.Of(route), card.DhPublicKey, EventTypes.TrustRevoked, body, null);
        }
        else if (route is not null)
        {
            _around.Post.ToStranger(card, OutboxRoute.Of(route), EventTypes.TrustRevoked, body);
        }
    }

    private void PostDirectly(AgentCard? card, string did, OutboxDirect? place, TrustMessageType type, string request, string? text, GrantOffer? offer)
    {
        if (card is null)
        {
            // The event goes nowhere: who knows the older signature alone has no mailbox.
            _around.Post.Directly(did, place!, null, null, EventTypes.TrustAccept, WireJson.EmptyObject, null);
            return;
        }

        var name = type == TrustMessageType.Accept ? EventTypes.TrustAccept : EventTypes.TrustReject;
        var (_, members) = Sign(type, card, request, text);
        var grant = offer?.Pending;
        var route = _around.Trust.FindKey(card.PublicKey) is { IsTrusted: true } peer ? _around.Mailboxes.FindRoute(peer.Handle) : null;
        var direct = place ?? new OutboxDirect("", 0, TrustMessage.NameOf(type), request, text ?? "", card.JsonText, null);
        if (route is not null)
        {
            _around.Post.Directly(did, direct, OutboxRoute.Of(route), card.DhPublicKey, name, grant is null ? members : offer!.AddTo(members), grant);
            return;
        }

        // Left with a handle it is what a stranger leaves: open, with the card.
        var body = WireJson.ObjectOf(("card", _around.Identity.Find()!.Card.Json), (name, members));
        _around.Post.Directly(did, direct, null, null, EventTypes.PairDrop, grant is null ? body : offer!.AddTo(body), grant);
    }

    // Below what a person has compared, and without a card: another one may come with ours later.
    private async Task<TrustEntry> PinOlderAsync(PendingRequest request, string? approvedBy, CancellationToken cancellationToken)
    {
        var entry = new TrustEntry(request.Handle, request.Did, request.PublicKey, TrustTier.OrgVerified, TrustExchange.Ceremony, approvedBy ?? Person, _around.Time.GetUtcNow(), TrustStore.OlderKeySource, null, false, null) { Address = request.Answer?.ToString() };
        if (await _around.Trust.ImportAsync(entry, cancellationToken).ConfigureAwait(false) is { } conflict
            && !(_around.Trust.FindKey(request.PublicKey) is { RevokedAt: null } known && known.Handle == conflict))
        {
            throw new WireException(_around.Trust.FindKey(request.PublicKey)?.RevokedAt is null ? WireReason.IdentityConflict : WireReason.PeerRevoked, null, request.Did);
        }

        await JournalAsync(request.PublicKey, request.Did, null, "pinned", approvedBy == Person ? null : approvedBy, cancellationToken).ConfigureAwait(false);
        return _around.Trust.FindKey(request.PublicKey)!;
    }

    /// <summary>Trusts a key, or renews the address of a peer that has it. The exceptions are those of <see cref="ApproveAsync"/>.</summary>
    internal async Task<TrustEntry> PinAsync(AgentCard card, string keySource, string? approvedBy, PeerRoute? route, GivenGrant? grant, string requestId, CancellationToken cancellationToken, DirectAddress? address = null)
    {
        var trust = _around.Trust;
        var known = trust.FindKey(card.PublicKey);
        if (known?.RevokedAt is not null)
        {
            throw new WireException(WireReason.PeerRevoked, null, card.Did);
        }

        // What no person has decided ranks below what one has; being asked again raises nothing.
        var isCompared = approvedBy == Person && keySource != AddressKeySource;
        var tier = approvedBy is null && known is not null ? known.Tier : isCompared ? TrustTier.Verified : TrustTier.OrgVerified;
        if (known is not null && known.Tier >= tier && await trust.RenewAsync(known, route, grant, _around.Revocations.AddAsync, cancellationToken).ConfigureAwait(false))
        {
            return known;
        }

        var pin = new PinRequest(card, tier, Ceremony, approvedBy ?? Person, keySource, route, grant) { RequestId = requestId, Address = address?.ToString() };
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

    /// <summary>The address of ours for who asks: in the mailbox that the request came to, or where that is given up in another. Null where it came without one and this home has none.</summary>
    internal GrantOffer? OfferFor(PendingRequest request)
    {
        if (request.Mailbox is not { } place)
        {
            return request.Card is null ? null : _around.Offers.Create();
        }

        return _around.Mailboxes.Find(place.RelayUrl, place.SlotId) is { } mailbox && !_around.Mailboxes.IsRetiring(mailbox) ? _around.Offers.In(mailbox)
            : _around.Offers.Create(place.RelayUrl) ?? throw new WireException(WireReason.MailboxLost, null, place.RelayUrl);
    }

    /// <summary>The address that a request of ours has offered, to be offered once more.</summary>
    internal GrantOffer? OfferOf(OutgoingRequest request) =>
        request.Mailbox is { } place && _around.Mailboxes.Find(place.RelayUrl, place.SlotId) is { } mailbox ? new GrantOffer(mailbox, request.Grant) : null;

    /// <summary>
    /// Gives a peer that was asked over a connection an address of this home, sealed and through its mailbox: by asking once
    /// more there, which a home that trusts this one already answers by itself. Nothing where this home has no mailbox to offer.
    /// </summary>
    internal async Task HandOverAsync(TrustEntry peer, OutgoingRequest answered, CancellationToken cancellationToken)
    {
        if (peer.Card is not { } card || answered.Mailbox is not { } place || _around.Mailboxes.Find(place.RelayUrl, place.SlotId) is not { } mailbox || !_around.Mailboxes.HasGrants(mailbox))
        {
            return;
        }

        var offer = _around.Offers.In(mailbox);
        var (message, members) = Sign(TrustMessageType.Request, card, null, answered.Justification);
        await NoteAsync(message, card, answered.KeySource, offer, cancellationToken).ConfigureAwait(false);
        _around.Post.ToPeer(peer, EventTypes.TrustRequest, offer.AddTo(members), offer.Pending);
    }

    /// <summary>Takes a request that was answered out of those that wait.</summary>
    internal Task SettleAsync(PendingRequest request, CancellationToken cancellationToken) => ChangeAsync(
        state =>
        {
            state.Spend(Convert.ToHexStringLower(request.PublicKey), request.Nonce, _around.Time.GetUtcNow());
            state.Pending.RemoveAll(p => p.Id == request.Id);
            return (true, []);
        },
        cancellationToken);

    /// <summary>Writes down what has become of somebody.</summary>
    internal Task JournalAsync(AgentCard card, string? from, string to, string? reason, CancellationToken cancellationToken) =>
        JournalAsync(card.PublicKey, card.Did, from, to, reason, cancellationToken);

    private Task<JournalEntry> JournalAsync(byte[] key, string did, string? from, string to, string? reason, CancellationToken cancellationToken) =>
        _around.Journal.AppendAsync(new JournalRecord(_around.Time.GetUtcNow(), "peer", Fingerprint.Short(key), from, to, reason, did), cancellationToken);

    /// <summary>The request to this key that waits for an answer; null for none. Two would say the same twice.</summary>
    private OutgoingRequest? OpenTo(AgentCard card) => Outgoing().FirstOrDefault(o => o.Status == OutgoingStatus.Waiting && IsTo(o, card));

    private static bool IsTo(OutgoingRequest request, AgentCard card) => request.Card?.PublicKey.AsSpan().SequenceEqual(card.PublicKey) == true;

    private void RequireNotRevoked(AgentCard card)
    {
        if (_around.Trust.FindKey(card.PublicKey) is { RevokedAt: not null })
        {
            throw new WireException(WireReason.PeerRevoked, null, card.Did);
        }
    }

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
    internal (TrustMessage Message, WireJson Members) Sign(TrustMessageType type, AgentCard? to, string? request, string? text)
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

    /// <summary>A mailbox of this home: the newest, or one at the home's own relay; null where it has neither.</summary>
    private async Task<Mailbox?> MailboxAsync(CancellationToken cancellationToken) =>
        _around.Offers.Create() is { } offer ? offer.Mailbox
        : _around.Settings.FindRelay() is { } relay ? (await OfferAsync(relay, cancellationToken).ConfigureAwait(false)).Mailbox
        : null;

    private async Task<OutgoingRequest> NoteAsync(TrustMessage message, AgentCard card, string keySource, GrantOffer offer, CancellationToken cancellationToken)
    {
        var request = new OutgoingRequest(message.Id, _around.Time.GetUtcNow(), card, keySource, message.Justification, new MailboxPlace(offer.Mailbox.RelayUrl, offer.Mailbox.SlotId), offer.Grant, OutgoingStatus.Waiting, null, null);
        await NoteAsync(request, cancellationToken).ConfigureAwait(false);
        return request;
    }

    // Noted before it goes: an answer may be faster than the return of what sends it.
    private async Task NoteAsync(OutgoingRequest request, CancellationToken cancellationToken)
    {
        await ChangeAsync(state => (true, state.Send(request) is { EndedAt: null } oldest ? [oldest] : []), cancellationToken).ConfigureAwait(false);
        if (request.Card is { } card)
        {
            await JournalAsync(card, null, "asked", null, cancellationToken).ConfigureAwait(false);
        }
    }
}
