using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>What a person asks for who wants to invite.</summary>
public sealed record InviteWish
{
    /// <summary>The relay; null for the home's.</summary>
    public string? Relay { get; init; }

    /// <summary>True where plain http to another machine is accepted.</summary>
    public bool AllowInsecureRelay { get; init; }

    /// <summary>From 60 seconds to 30 days; null for a day.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>How many others may accept it, from 1 to <see cref="InviteOperations.MostUses"/>.</summary>
    public int Uses { get; init; } = 1;

    /// <summary>A name for it, given to those that accept it too.</summary>
    public string? Label { get; init; }

    /// <summary>2, or 1 for an invite that other programs can accept: whoever sees the answer on its way could accept in its place.</summary>
    public int Protocol { get; init; } = 2;
}

/// <summary>What people do with invites (wireps.md §6).</summary>
public sealed class InviteOperations
{
    /// <summary>Most uses of one invite.</summary>
    public const int MostUses = 5000;

    /// <summary>The lifetime of an invite that does not ask for another one.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(24);

    /// <summary>The shortest lifetime of an invite.</summary>
    public static readonly TimeSpan ShortestLifetime = TimeSpan.FromSeconds(60);

    /// <summary>The longest.</summary>
    public static readonly TimeSpan LongestLifetime = TimeSpan.FromDays(30);

    // An answer is repeated about six times in its first hour; strangers that got hold of the invite get no more than this.
    private const int AnswersPerUse = 8;
    private const int AnswersBeside = 60;

    private readonly WireHome _home;
    private readonly InviteStore _store;
    private readonly PendingPairStore _pairs;
    private readonly IReadOnlyList<InviteProtocol> _protocols;
    private readonly IdentityStore _identity;
    private readonly HomeSettings _settings;
    private readonly TrustStore _trust;
    private readonly MailboxBook _mailboxes;
    private readonly GrantRevocations _revocations;
    private readonly IRelayConnections _relays;
    private readonly Journal _journal;
    private readonly IRandomSource _random;
    private readonly TimeProvider _time;

    internal InviteOperations(
        WireHome home,
        InviteStore store,
        PendingPairStore pairs,
        IReadOnlyList<InviteProtocol> protocols,
        IdentityStore identity,
        HomeSettings settings,
        TrustStore trust,
        MailboxBook mailboxes,
        GrantRevocations revocations,
        IRelayConnections relays,
        Journal journal,
        IRandomSource random,
        TimeProvider time)
    {
        _home = home;
        _store = store;
        _pairs = pairs;
        _protocols = protocols;
        _identity = identity;
        _settings = settings;
        _trust = trust;
        _mailboxes = mailboxes;
        _revocations = revocations;
        _relays = relays;
        _journal = journal;
        _random = random;
        _time = time;
    }

    /// <summary>
    /// Makes an invite: a grant of its own at the relay, and a file here that holds no secret. The URL is shown once and
    /// cannot be made again.
    /// </summary>
    /// <param name="wish">What is asked for.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidDuration"/>, <see cref="WireReason.RelayNotConfigured"/>, <see cref="WireReason.RelayWithoutGrants"/>,
    /// and what the relay says.
    /// </exception>
    public async Task<(IssuedInvite Invite, InviteUrl Url)> MintAsync(InviteWish wish, CancellationToken cancellationToken)
    {
        var span = wish.Lifetime ?? DefaultLifetime;
        if (span < ShortestLifetime || span > LongestLifetime)
        {
            throw new WireException(WireReason.InvalidDuration, "An invite lives from 60 seconds to 30 days.", span.ToString());
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(wish.Uses, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(wish.Uses, MostUses);
        var relay = _relays.To(_settings.ResolveRelay(wish.Relay, wish.AllowInsecureRelay));
        await _identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);

        // Without grants there is only the mailbox' own token, which reads as well and never ends (flaw I3).
        var info = await relay.GetInfoAsync(cancellationToken).ConfigureAwait(false) ?? throw new WireException(WireReason.RelayWithoutGrants, null, relay.Url);
        var mailbox = await _mailboxes.EnsureAsync(relay, info.RelayId, cancellationToken).ConfigureAwait(false);
        using var random = SecretBytes.Random(96, _random);
        var (invite, url, grant) = Make(wish, span, mailbox, random.Span);
        using (await _store.LockAsync(cancellationToken).ConfigureAwait(false))
        {
            Collect();

            // Before the grant: what the relay honours is known here, whatever dies in between.
            _store.Write(invite);
        }

        try
        {
            await relay.PutGrantAsync(mailbox, grant, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is WireException or OperationCanceledException)
        {
            // Nobody has seen it; whether the relay has made the grant is not known.
            await _revocations.AddAsync(invite.Grant, CancellationToken.None).ConfigureAwait(false);
            using (await _store.LockAsync(CancellationToken.None).ConfigureAwait(false))
            {
                _store.Delete(invite.InviteId);
            }

            throw;
        }

        await _journal.CatchUpAsync(invite.ToJournal(), cancellationToken).ConfigureAwait(false);
        return (invite, url);
    }

    /// <summary>
    /// Leaves an invite's URL with its relay, under a short one. The relay then knows the secret, and can accept in the
    /// place of who was meant.
    /// </summary>
    /// <param name="invite">The invite.</param>
    /// <param name="url">Its URL.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The short URL, and when the relay forgets it.</returns>
    /// <exception cref="WireException">What the relay says.</exception>
    public async Task<(string Url, DateTimeOffset ExpiresAt)> ShortenAsync(IssuedInvite invite, InviteUrl url, CancellationToken cancellationToken) =>
        await ShortInvitesOf(invite.RelayUrl).RegisterAsync(url.Text, invite.ExpiresAt - _time.GetUtcNow(), invite.Uses == 1 ? 1 : null, cancellationToken).ConfigureAwait(false);

    /// <summary>Fetches the invite that a short URL stands for; any other text is given back as it is. To look at it may use the short URL up.</summary>
    /// <param name="text">What was pasted.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.RelayInsecure"/> for plain http to another machine; <see cref="WireReason.InviteExpired"/>,
    /// <see cref="WireReason.InvalidInvite"/>, and what the relay says.
    /// </exception>
    public async Task<string> FetchAsync(string text, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(text.Trim(), UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp))
        {
            return text;
        }

        if (uri.UserInfo.Length > 0 || text.Length > InviteUrl.MaxCharacters)
        {
            throw InvitePayload.Invalid("it is not the short URL of one");
        }

        var relay = RelayUrl.Parse(uri.GetLeftPart(UriPartial.Authority));
        var path = uri.AbsolutePath + (uri.Query.Length == 0 ? "?" : uri.Query + "&") + "format=url";
        return await ShortInvitesOf(relay).GetAsync(path, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The invites that were issued here, oldest first; those that are over for 30 days are forgotten.</summary>
    /// <param name="unreadable">Takes the trouble with each file that cannot be read.</param>
    public IReadOnlyList<IssuedInvite> List(Action<WireException>? unreadable = null)
    {
        var now = _time.GetUtcNow();
        return [.. _store.List(unreadable).Where(i => !i.IsForgottenAt(now))];
    }

    /// <summary>
    /// Takes an invite back: nobody can accept it any more, and the relay stops to honour its grant. Those that have accepted
    /// it stay peers. Doing it again is harmless. Null where there is none of that id.
    /// </summary>
    /// <param name="inviteId">Its id.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IssuedInvite?> RemoveAsync(string inviteId, CancellationToken cancellationToken)
    {
        IssuedInvite? invite;
        using (await _store.LockAsync(cancellationToken).ConfigureAwait(false))
        {
            invite = _store.Load(inviteId);
            if (invite is null)
            {
                return null;
            }

            if (invite.RevokedAt is null)
            {
                invite = invite with { RevokedAt = _time.GetUtcNow() };
                _store.Write(invite);
            }
        }

        await _revocations.AddAsync(invite.Grant, cancellationToken).ConfigureAwait(false);
        await _journal.CatchUpAsync(invite.ToJournal(), cancellationToken).ConfigureAwait(false);
        return invite;
    }

    /// <summary>Reads an invite without accepting it.</summary>
    /// <param name="text">The URL, as it was pasted.</param>
    /// <exception cref="WireException">As <see cref="InviteUrl.Parse"/>.</exception>
    public InviteUrl Read(string text) => InviteUrl.Parse(text, _time.GetUtcNow());

    /// <summary>
    /// Accepts an invite: writes the pairing's file. Nothing is sent, and nobody is pinned, before the daemon or a tick goes on
    /// and the issuer has acknowledged. Accepting an invite again that is still under way, or was accepted, gives the same pairing.
    /// </summary>
    /// <param name="text">The URL, as it was pasted.</param>
    /// <param name="allowInsecureRelay">True where the invite's relay may be one that this home would not use by itself.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">
    /// As <see cref="InviteUrl.Parse"/>; <see cref="WireReason.OwnInvite"/>, <see cref="WireReason.IdentityConflict"/>,
    /// <see cref="WireReason.RelayInsecure"/>; <see cref="WireReason.PairActive"/> while another invite of this issuer is being answered.
    /// </exception>
    public async Task<(string Key, PendingPair Pair)> AcceptAsync(string text, bool allowInsecureRelay, CancellationToken cancellationToken)
    {
        var invite = Read(text);
        RequireUsable(invite.Payload.Route.RelayUrl, allowInsecureRelay);
        var (own, _) = await _identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);
        if (own.Card.PublicKey.AsSpan().SequenceEqual(invite.Payload.Card.PublicKey) || own.Did == invite.Payload.Card.Did)
        {
            throw new WireException(WireReason.OwnInvite, null, own.Did);
        }

        var lookup = InviteProtocol.LookupOf(invite);
        if (_pairs.List().FirstOrDefault(f => f.Pair is { Kind: PairKinds.Invite, Status: not PairStatus.Aborted } pair && pair.LookupHash == lookup) is { Pair: { } known } file)
        {
            return (file.Key, known);
        }

        // Two answers to one issuer at a time could leave each side with the other one's address.
        if (_pairs.List().FirstOrDefault(f => f.Pair is { Kind: PairKinds.Invite, IsEnded: false } pair && pair.PeerDid == invite.Payload.Card.Did) is { Pair: { } waiting })
        {
            throw new WireException(WireReason.PairActive, "Another invite of this issuer is being answered already.", waiting.Id);
        }

        if (_trust.ConflictsOf([invite.Payload.Card])[0] is { } conflict)
        {
            throw new WireException(WireReason.IdentityConflict, $"Another key is trusted under the name '{conflict}', or this one was revoked; nothing was changed.", invite.Payload.Card.Did);
        }

        using var random = SecretBytes.Random(64, _random);
        var pair = _protocols.First(p => p.Number == (invite.Payload.AcceptsV2 ? 2 : 1)).Create(invite, random.Span, Timestamps.Round(_time.GetUtcNow()));
        var key = await _pairs.CreateAsync(pair, cancellationToken).ConfigureAwait(false);
        return (key, _pairs.Load(key) ?? pair);
    }

    /// <summary>Waits until an invite has no use left, or is over.</summary>
    /// <param name="inviteId">Its id.</param>
    /// <param name="timeout">How long; null for as long as it lives.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InviteExpired"/> and <see cref="WireReason.InviteRevoked"/> where it is over with uses left,
    /// <see cref="WireReason.InviteNotFound"/>, <see cref="WireReason.WaitTimeout"/>.
    /// </exception>
    public async Task<IssuedInvite> WaitAsync(string inviteId, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        using var watch = new FolderWatch(_home.PendingInviteFolder, TimeSpan.FromMilliseconds(500));
        using var limit = new CancellationTokenSource(timeout ?? Timeout.InfiniteTimeSpan, _time);
        while (true)
        {
            var invite = _store.Load(inviteId) ?? throw new WireException(WireReason.InviteNotFound, null, inviteId);
            if (invite.UsesLeft == 0)
            {
                return invite;
            }

            switch (invite.StatusAt(_time.GetUtcNow()))
            {
                case InviteStatus.Revoked:
                    throw new WireException(WireReason.InviteRevoked, null, inviteId);
                case InviteStatus.Expired:
                    throw new WireException(WireReason.InviteExpired, null, inviteId);
                default:
                    break;
            }

            // It ends without a change of its file.
            using var end = new CancellationTokenSource(Until(invite.ExpiresAt), _time);
            using var any = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, end.Token, cancellationToken);
            try
            {
                await watch.WaitAsync(any.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                if (limit.IsCancellationRequested)
                {
                    throw new WireException(WireReason.WaitTimeout, "The time to wait is over; the invite stays as it is.", inviteId);
                }
            }
        }
    }

    private IShortInvites ShortInvitesOf(string relayUrl) =>
        _relays.To(relayUrl) as IShortInvites ?? throw new WireException(WireReason.RelayRefused, "The relay has no short URLs.", relayUrl);

    private TimeSpan Until(DateTimeOffset end) => end - _time.GetUtcNow() is { } left && left > TimeSpan.Zero ? left + TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(1);

    private (IssuedInvite Invite, InviteUrl Url, Grant Grant) Make(InviteWish wish, TimeSpan span, Mailbox mailbox, ReadOnlySpan<byte> random)
    {
        var now = _time.GetUtcNow();
        var ends = DateTimeOffset.FromUnixTimeSeconds((now + span).ToUnixTimeSeconds());
        var nonce = random[..InvitePayload.NonceBytes];
        var grant = new Grant(Convert.ToHexStringLower(random[32..48]), Convert.ToHexStringLower(random[48..80]))
        {
            ExpiresAt = ends,
            PerHour = (wish.Uses * AnswersPerUse) + AnswersBeside,
        };
        var id = Convert.ToHexStringLower(random[80..96]);
        var invite = new IssuedInvite
        {
            InviteId = id,
            Protocol = wish.Protocol,
            PublicKey = Convert.ToHexStringLower(InviteProof.PublicKey(nonce)),
            RelayUrl = mailbox.RelayUrl,
            SlotId = mailbox.SlotId,
            GrantId = grant.Id,
            Uses = wish.Uses,
            Label = wish.Label,
            CreatedAt = now,
            ExpiresAt = ends,
        };
        using var own = _identity.Open();
        var url = InviteUrl.Mint(own, new PeerRoute(mailbox.RelayUrl, mailbox.SlotId, grant.Token), nonce, ends, wish.Protocol == 2 ? id : null);
        return (invite, url, grant);
    }

    // Only under the store's lock.
    private void Collect()
    {
        var now = _time.GetUtcNow();
        foreach (var invite in _store.List().Where(i => i.IsForgottenAt(now)))
        {
            _store.Delete(invite.InviteId);
        }
    }

    /// <summary>An invite's relay is used by the rule of peers' addresses: none on this machine or in its network, unless the home's own relay is there as well.</summary>
    private void RequireUsable(string relayUrl, bool allowInsecureRelay)
    {
        if (!allowInsecureRelay && !_settings.MayUse(relayUrl))
        {
            throw new WireException(WireReason.RelayInsecure, $"The invite's relay '{relayUrl}' is not one that this home would use by itself: it is on this machine, in a private network, or reached without encryption. If that is right, make it this home's own first: Set-WireRelay {relayUrl}.", relayUrl);
        }
    }
}
