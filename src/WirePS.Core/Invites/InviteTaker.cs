using System.Security.Cryptography;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>
/// The issuer's side of invites (wireps.md §6): takes the answers, pins those that prove to hold an invite that is still good,
/// and tells each what became of it. The uses of an invite count keys. They are reserved on disk before anybody is pinned, and
/// the same key again costs nothing, so that neither a crash nor a repetition burns a use or lets in one more.
/// </summary>
internal sealed class InviteTaker(
    InviteStore store,
    IdentityStore identity,
    TrustStore trust,
    MailboxBook mailboxes,
    GrantRevocations revocations,
    EventPost post,
    Journal journal,
    IRandomSource random,
    TimeProvider time) : IPairDropShape
{
    /// <summary>The member that holds the bare nonce of an invite that asks for no proof (wire.md §7.4).</summary>
    internal const string NonceMember = "pair_nonce";

    /// <inheritdoc/>
    public bool Fits(WireJson body) => body.TryGet(InviteProof.Member, out _) || body.GetString(NonceMember) is not null;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<EventOutcome>> TakeAsync(IReadOnlyList<PairDrop> drops, CancellationToken cancellationToken)
    {
        if (identity.Find() is not { } own)
        {
            return [.. drops.Select(static _ => EventOutcome.Refuse(EventRefusal.NotExpected))];
        }

        using (await store.LockAsync(cancellationToken).ConfigureAwait(false))
        {
            var now = time.GetUtcNow();
            var batch = new Batch(store, own.Card.PublicKey, now);
            var items = drops.Select(batch.Read).ToList();
            Decide(batch, [.. items.Where(static i => i.Outcome is null)], now);
            batch.Save();
            await PinAsync(items, cancellationToken).ConfigureAwait(false);

            // Those too that did not change: a process may have died between their change and the journal.
            foreach (var invite in batch.Known)
            {
                await journal.CatchUpAsync(invite.ToJournal(), cancellationToken).ConfigureAwait(false);
            }

            Tell(items);
            return [.. items.Select(static i => i.Outcome ?? EventOutcome.Done)];
        }
    }

    private void Decide(Batch batch, IReadOnlyList<Item> items, DateTimeOffset now)
    {
        var conflicts = trust.ConflictsOf([.. items.Select(static i => i.Card!)]);
        var trusted = new Lazy<Dictionary<string, string?>>(() => trust.List().ToDictionary(static p => Convert.ToHexStringLower(p.PublicKey), static p => p.Grant?.GrantId));

        // Two that come together under one name are in conflict with each other as well.
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < items.Count; i++)
        {
            var item = items[i];
            var conflict = conflicts[i] ?? (names.TryGetValue(item.Card!.Handle, out var key) && key != item.Key ? item.Card!.Handle : null);
            if (conflict is not null)
            {
                item.Refuse(EventRefusal.IdentityConflict, WireReason.InviteNameConflict, $"Known here as '{conflict}', or revoked.");
                continue;
            }

            names[item.Card!.Handle] = item.Key;
            Decide(batch, item, trusted, now);
        }
    }

    private void Decide(Batch batch, Item item, Lazy<Dictionary<string, string?>> trusted, DateTimeOffset now)
    {
        var invite = batch.Of(item.InviteId!)!;
        var use = invite.Accepted.FirstOrDefault(u => u.Key == item.Key);
        if (use is not null && (batch.IsPinned(use) || trusted.Value.ContainsKey(item.Key)))
        {
            if (!batch.IsPinned(use) && trusted.Value[item.Key] != use.GrantId)
            {
                // It has come by another way since, and has another address: the old one would be a dead one.
                item.Outcome = EventOutcome.Refuse(EventRefusal.NotExpected, "This peer has paired otherwise since.");
                return;
            }

            // An answer that is older than the newest one of this key brings back no address (flaw I10).
            item.IsNewer = item.MadeAt > use.AnsweredAt;
            item.Use = use with { AnsweredAt = item.IsNewer ? item.MadeAt : use.AnsweredAt };
            batch.Put(invite, item.Use);
            return;
        }

        var refusal = invite.StatusAt(now) switch
        {
            InviteStatus.Revoked => (EventRefusal.Revoked, WireReason.InviteRevoked),
            InviteStatus.Expired => (EventRefusal.Expired, WireReason.InviteExpired),
            InviteStatus.UsedUp when use is null => (EventRefusal.UsedUp, WireReason.InviteUsedUp),
            _ => ((EventRefusal Why, WireReason Reason)?)null,
        };
        if (refusal is { } refused)
        {
            item.Refuse(refused.Why, refused.Reason, refused.Reason.ToWire());
            return;
        }

        // A grant that was revoked with the peer is gone for good, so that one who comes back gets another.
        var grant = NewGrant();
        item.Use = new InviteUse(item.Key, item.Card!.Did, use?.At ?? now, item.MadeAt, grant.Id, grant.Token);
        item.Pin = new PinRequest(item.Card, TrustTier.Verified, "invite", "person", "invite", item.Route, new GivenGrant(invite.RelayUrl, invite.SlotId, grant.Id), invite.Label);
        batch.Put(invite, item.Use);
        batch.NotePinned(item.Use);
    }

    private async Task PinAsync(IReadOnlyList<Item> items, CancellationToken cancellationToken)
    {
        var pins = items.Where(static i => i.Pin is not null).ToList();
        if (pins.Count > 0)
        {
            var conflicts = await trust.PinAllAsync([.. pins.Select(static i => i.Pin!)], revocations.AddAsync, cancellationToken).ConfigureAwait(false);
            foreach (var (item, conflict) in pins.Zip(conflicts).Where(static p => p.Second is not null))
            {
                item.Refuse(EventRefusal.IdentityConflict, WireReason.InviteNameConflict, $"Known here as '{conflict}'.");
            }
        }

        var moved = items.Where(static i => i is { Outcome: null, Pin: null, IsNewer: true }).Select(static i => (i.Card!.Handle, i.Route!));
        await mailboxes.SetRoutesAsync([.. moved], cancellationToken).ConfigureAwait(false);
    }

    // One word for each key, however often it came: the last grant and the last address count.
    private void Tell(IReadOnlyList<Item> items)
    {
        foreach (var item in items.Where(static i => i.Outcome is null).GroupBy(static i => i.Key).Select(static g => g.Last()))
        {
            Acknowledge(item);
        }

        foreach (var item in items.Where(static i => i.Refusal is not null).GroupBy(static i => (i.InviteId, i.Key)).Select(static g => g.Last()))
        {
            TellRefusal(item, item.Refusal!.Value);
        }
    }

    private void Acknowledge(Item item)
    {
        var invite = item.Invite!;
        if (mailboxes.Find(invite.RelayUrl, invite.SlotId) is { } mailbox)
        {
            var offer = new GrantOffer(mailbox, new Grant(item.Use!.GrantId, item.Use.GrantToken));
            var body = offer.AddTo(WireJson.ObjectOf(("invite_id", WireJson.From(invite.InviteId)), ("for_key", WireJson.From(item.Key))));

            // What other programs open of a sealed one is not known; they read it as it is.
            post.ToStranger(item.Card!, OutboxRoute.Of(item.Route!), EventTypes.PairDropAck, body, item.Card!.SpeaksWirePS, offer.Pending);
        }
    }

    private void TellRefusal(Item item, WireReason reason)
    {
        if (item.Card!.SpeaksWirePS)
        {
            var body = WireJson.ObjectOf(("invite_id", WireJson.From(item.InviteId!)), ("reason", WireJson.From(reason.ToWire())));
            post.ToStranger(item.Card, OutboxRoute.Of(item.Route!), EventTypes.PairDropRefused, body);
        }
    }

    private Grant NewGrant()
    {
        Span<byte> bytes = stackalloc byte[48];
        random.Fill(bytes);
        return new Grant(Convert.ToHexStringLower(bytes[..16]), Convert.ToHexStringLower(bytes[16..]));
    }

    /// <summary>One answer, and what becomes of it.</summary>
    private sealed class Item
    {
        public AgentCard? Card { get; init; }

        public PeerRoute? Route { get; init; }

        public IssuedInvite? Invite { get; init; }

        public DateTimeOffset MadeAt { get; init; }

        public string Key { get; init; } = "";

        public string? InviteId => Invite?.InviteId;

        public InviteUse? Use { get; set; }

        public PinRequest? Pin { get; set; }

        public bool IsNewer { get; set; }

        /// <summary>What the sender is told; null where it is told nothing.</summary>
        public WireReason? Refusal { get; private set; }

        /// <summary>Null while nothing speaks against it.</summary>
        public EventOutcome? Outcome { get; set; }

        public void Refuse(EventRefusal why, WireReason told, string detail)
        {
            Outcome = EventOutcome.Refuse(why, detail);
            Refusal = told;
        }

        public static Item Refused(EventRefusal why, string? detail = null) => new() { Outcome = EventOutcome.Refuse(why, detail) };
    }

    /// <summary>The invites that a batch is about, as they are after each of its answers.</summary>
    private sealed class Batch(InviteStore store, byte[] ownKey, DateTimeOffset now)
    {
        private readonly Dictionary<string, IssuedInvite?> _invites = new(StringComparer.Ordinal);
        private readonly HashSet<string> _changed = new(StringComparer.Ordinal);
        private readonly HashSet<string> _pinned = new(StringComparer.Ordinal);
        private IReadOnlyList<IssuedInvite>? _bare;

        public IEnumerable<IssuedInvite> Known => _invites.Values.OfType<IssuedInvite>();

        private IEnumerable<IssuedInvite> Changed => _changed.Select(id => _invites[id]!);

        public IssuedInvite? Of(string inviteId)
        {
            if (!_invites.TryGetValue(inviteId, out var invite))
            {
                invite = Load(inviteId);
                _invites[inviteId] = invite = invite?.IsForgottenAt(now) == true ? null : invite;
            }

            return invite;
        }

        public void Put(IssuedInvite invite, InviteUse use)
        {
            var place = invite.Accepted.IndexOf(invite.Accepted.FirstOrDefault(u => u.Key == use.Key)!);
            if (place >= 0 && invite.Accepted[place] == use)
            {
                return;
            }

            _invites[invite.InviteId] = invite with { Accepted = place < 0 ? invite.Accepted.Add(use) : invite.Accepted.SetItem(place, use) };
            _changed.Add(invite.InviteId);
        }

        public bool IsPinned(InviteUse use) => _pinned.Contains(use.GrantId);

        public void NotePinned(InviteUse use) => _pinned.Add(use.GrantId);

        public void Save()
        {
            foreach (var invite in Changed)
            {
                store.Write(invite);
            }
        }

        /// <summary>Checks an answer by itself: its invite is known here, and the sender has the secret.</summary>
        public Item Read(PairDrop drop)
        {
            if (InviteIn(drop.Body) is not { } invite)
            {
                // What names no invite of ours is never answered.
                return Item.Refused(EventRefusal.NotExpected, "It names no invite of this home.");
            }

            return !HandleRules.IsSafeFileName(drop.Card.Handle) ? Item.Refused(EventRefusal.InvalidCard, "Its handle cannot be used here.")
                : !TrustStore.IsStorable(drop.Card) ? Item.Refused(EventRefusal.InvalidCard, "Its card is nested too deeply.")
                : invite.Protocol == 2 && !InviteProof.Verify(drop.Body, Convert.FromHexString(invite.PublicKey), invite.InviteId, ownKey, drop.Card.PublicKey) ? Item.Refused(EventRefusal.BadSignature)
                : Complete(drop, invite);
        }

        private static Item Complete(PairDrop drop, IssuedInvite invite) =>
            PeerRoute.In(drop.Body, invite.RelayUrl) is { } route && Timestamps.TryParse(drop.Event.Event.Json.GetString("timestamp"), out var madeAt)
                ? new Item { Card = drop.Card, Route = route, Invite = invite, MadeAt = madeAt, Key = Convert.ToHexStringLower(drop.Card.PublicKey) }
                : Item.Refused(EventRefusal.Malformed, "It has no usable address.");

        private IssuedInvite? InviteIn(WireJson body) =>
            InviteProof.IdOf(body) is { } id ? (Of(id) is { Protocol: 2 } known ? known : null)
            : body.TryGet(InviteProof.Member, out _) ? null
            : OfNonce(body.GetString(NonceMember));

        // A bare nonce is good for the invites that were made for it alone, and only for one that is known (flaw I1).
        private IssuedInvite? OfNonce(string? text)
        {
            if (text is not { Length: 2 * InvitePayload.NonceBytes } || !text.All(char.IsAsciiHexDigitLower))
            {
                return null;
            }

            _bare ??= [.. store.List().Where(static i => i.Protocol == 1)];
            if (_bare.Count == 0)
            {
                return null;
            }

            using var nonce = new SecretBytes(InvitePayload.NonceBytes);
            _ = Convert.FromHexString(text, nonce.Span, out _, out _);
            var key = InviteProof.PublicKey(nonce.Span);
            return _bare.FirstOrDefault(i => CryptographicOperations.FixedTimeEquals(Convert.FromHexString(i.PublicKey), key)) is { } invite ? Of(invite.InviteId) : null;
        }

        // A file that cannot be read must not keep the others from being taken; who answers repeats it.
        private IssuedInvite? Load(string inviteId)
        {
            try
            {
                return store.Load(inviteId);
            }
            catch (WireException)
            {
                return null;
            }
        }
    }
}
