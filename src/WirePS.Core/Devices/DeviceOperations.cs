using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>A pair token that was made, with the URL that takes it to another machine.</summary>
/// <param name="Minted">The token.</param>
/// <param name="Url">The URL; a secret, as the token is.</param>
/// <param name="Relay">The relay that the other machine asks over.</param>
public sealed record MintedDeviceUrl(MintedPairToken Minted, string Url, string Relay)
{
    /// <summary>The token's hash, never a text that lets anybody in.</summary>
    public override string ToString() => Minted.ToString();
}

/// <summary>An identity that this home is a device of.</summary>
/// <param name="Principal">The identity.</param>
/// <param name="Device">This home's entry on its card.</param>
public sealed record DeviceMembership(TrustEntry Principal, DeviceEntry Device);

/// <summary>What people do with devices and pair tokens: "my second machine" (wireps.md §7).</summary>
public sealed class DeviceOperations
{
    // A request is repeated about 17 times in the longest life of a token, and machines that come too late are told so: 64 that come at once, and a few times again.
    // Strangers that got hold of the URL get no more than this.
    private const int RequestsPerHour = 256;

    // The relay's clock and ours may differ, and the token decides.
    private static readonly TimeSpan GrantSlack = TimeSpan.FromMinutes(5);

    private readonly DeviceAdmission _admission;
    private readonly DeviceProtocol _protocol;
    private readonly PairTokens _tokens;
    private readonly PendingPairStore _pairs;
    private readonly IdentityStore _identity;
    private readonly HomeSettings _settings;
    private readonly TrustStore _trust;
    private readonly MailboxBook _mailboxes;
    private readonly IRelayConnections _relays;
    private readonly Journal _journal;
    private readonly IRandomSource _random;
    private readonly TimeProvider _time;

    internal DeviceOperations(
        DeviceAdmission admission,
        DeviceProtocol protocol,
        PairTokens tokens,
        PendingPairStore pairs,
        IdentityStore identity,
        HomeSettings settings,
        TrustStore trust,
        MailboxBook mailboxes,
        IRelayConnections relays,
        Journal journal,
        IRandomSource random,
        TimeProvider time)
    {
        _admission = admission;
        _protocol = protocol;
        _tokens = tokens;
        _pairs = pairs;
        _identity = identity;
        _settings = settings;
        _trust = trust;
        _mailboxes = mailboxes;
        _relays = relays;
        _journal = journal;
        _random = random;
        _time = time;
    }

    /// <summary>
    /// Makes a token and its URL, with a grant of the token's own at the relay. Both are shown once and cannot be made again.
    /// </summary>
    /// <param name="wish">
    /// What the token is to be; a principal that is null or empty stands for this home's own identity. That of an identity that this home is a device of
    /// makes a token that the root has to agree to when it is used.
    /// </param>
    /// <param name="relay">The relay that the new machine asks over; null for the home's.</param>
    /// <param name="allowInsecureRelay">True where plain http to another machine is accepted.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">
    /// As <see cref="PairTokens.MintAsync"/>; <see cref="WireReason.RelayNotConfigured"/>, <see cref="WireReason.RelayWithoutGrants"/>,
    /// and what the relay says: no token is left.
    /// </exception>
    public async Task<MintedDeviceUrl> MintAsync(PairTokenWish wish, string? relay, bool allowInsecureRelay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(wish);
        var connection = _relays.To(_settings.ResolveRelay(relay, allowInsecureRelay));
        var (own, _) = await _identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);
        wish = string.IsNullOrEmpty(wish.Principal) ? wish with { Principal = own.Did } : wish;
        if (wish.Principal != own.Did)
        {
            RequireRoot(wish.Principal);
        }

        var mailbox = await MailboxAtAsync(connection, cancellationToken).ConfigureAwait(false);
        var grant = NewGrant();
        var minted = await _tokens.MintAsync(wish with { Grant = new GivenGrant(mailbox.RelayUrl, mailbox.SlotId, grant.Id) }, cancellationToken).ConfigureAwait(false);
        try
        {
            var url = await UrlOfAsync(connection, mailbox, grant, minted, cancellationToken).ConfigureAwait(false);
            await _journal.AppendAsync(TokenJournal.OfMade(minted.Info), cancellationToken).ConfigureAwait(false);
            return new MintedDeviceUrl(minted, url, mailbox.RelayUrl);
        }
        catch (Exception error) when (error is WireException or OperationCanceledException)
        {
            // Nobody has seen it; whether the relay has made the grant is not known, and its removal is queued with the token's.
            await _tokens.RemoveAsync(minted.Info.TokenHash, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// The URL of a bare token of this home: for a machine that reaches this home's files, and asks over the relay all the same.
    /// Its grant ends with the token.
    /// </summary>
    /// <param name="token">The token text, exactly as it is.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException"><see cref="WireReason.TokenRefused"/>: unknown, expired or used; <see cref="WireReason.RelayNotConfigured"/>, <see cref="WireReason.RelayWithoutGrants"/>, and what the relay says.</exception>
    public async Task<string> UrlOfAsync(string token, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(token);
        var hash = PairToken.HashOf(token);
        var info = (await _tokens.ListAsync(cancellationToken).ConfigureAwait(false))
            .FirstOrDefault(known => PairToken.HashEquals(known.TokenHash, hash) && known is { State: PairTokenState.Live, Fault: null })
            ?? throw new WireException(WireReason.TokenRefused);
        var connection = _relays.To(_settings.ResolveRelay(null, allowInsecure: true));
        var mailbox = await MailboxAtAsync(connection, cancellationToken).ConfigureAwait(false);
        return await UrlOfAsync(connection, mailbox, NewGrant(), new MintedPairToken(token, info), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes a token, used or not; the device that it brought stays.</summary>
    /// <returns>The token as it was.</returns>
    /// <exception cref="WireException">As <see cref="PairTokens.RemoveAsync"/>.</exception>
    public async Task<PairTokenInfo> RemoveTokenAsync(string tokenHash, CancellationToken cancellationToken)
    {
        var removed = await _tokens.RemoveAsync(tokenHash, cancellationToken).ConfigureAwait(false);
        await _journal.AppendAsync(TokenJournal.OfRemoved(removed, _time.GetUtcNow()), cancellationToken).ConfigureAwait(false);
        return removed;
    }

    /// <summary>
    /// Begins to register this machine: writes the file of the pending entry. Nothing is sent before the daemon or a tick goes on.
    /// Registering again by a URL that is still under way, or has worked, gives the same entry.
    /// </summary>
    /// <param name="text">The URL, as it was pasted.</param>
    /// <param name="label">A name for this machine; null for the token's. At most 256 bytes of UTF-8 without control characters.</param>
    /// <param name="allowInsecureRelay">True where the URL's relay may be one that this home would not use by itself.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">
    /// As <see cref="DeviceUrl.Parse"/>; <see cref="WireReason.InvalidLabel"/>, <see cref="WireReason.SelfPairing"/>,
    /// <see cref="WireReason.IdentityConflict"/>, <see cref="WireReason.RelayInsecure"/>: nothing was changed.
    /// </exception>
    public async Task<(string Key, PendingPair Pair)> RegisterAsync(string text, string? label, bool allowInsecureRelay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        var url = DeviceUrl.Parse(text, _time.GetUtcNow());
        DeviceLabel.Require(label);
        var relayUrl = url.Endpoints[0].RelayUrl;
        if (!allowInsecureRelay && !_settings.MayUse(relayUrl))
        {
            throw new WireException(WireReason.RelayInsecure, $"The URL's relay '{relayUrl}' is not one that this home would use by itself: it is on this machine, in a private network, or reached without encryption. If that is right, make it this home's own first: Set-WireRelay {relayUrl}.", relayUrl);
        }

        var principal = DeviceProtocol.PrincipalOf(url);
        if (url.IssuerCard.DhPublicKey is null)
        {
            throw new WireException(WireReason.InvalidDeviceUrl, "The device URL cannot be used: nothing can be sealed to its issuer.");
        }

        var (own, _) = await _identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);
        if (new[] { url.IssuerCard, principal }.Any(card => card.PublicKey.AsSpan().SequenceEqual(own.Card.PublicKey)))
        {
            throw new WireException(WireReason.SelfPairing, "This home has made the device URL itself: use it on the other machine.", own.Did);
        }

        var lookup = PairToken.HashOf(url.Token);
        if (_pairs.List().FirstOrDefault(f => f.Pair is { Kind: PairKinds.Device, Status: not PairStatus.Aborted } pair && pair.LookupHash == lookup) is { Pair: { } known } file)
        {
            return (file.Key, known);
        }

        if (_trust.ConflictsOf([principal])[0] is { } conflict)
        {
            throw new WireException(WireReason.IdentityConflict, $"Another key is trusted under the name '{conflict}', or this one was revoked; nothing was changed.", principal.Did);
        }

        using var random = SecretBytes.Random(64, _random);
        var pair = _protocol.Create(text.Trim(), url, label, random.Span, Timestamps.Round(_time.GetUtcNow()));
        var key = await _pairs.CreateAsync(pair, cancellationToken).ConfigureAwait(false);
        return (key, _pairs.Load(key) ?? pair);
    }

    /// <summary>The identities that this home is a device of.</summary>
    public IReadOnlyList<DeviceMembership> Memberships()
    {
        if (_identity.Find() is not { } own)
        {
            return [];
        }

        return [.. _trust.List().Select(peer => EntryOn(peer, own.Card.PublicKey) is { } entry ? new DeviceMembership(peer, entry) : null).OfType<DeviceMembership>()];
    }

    /// <summary>
    /// Revokes a device of this home's identity: it comes off the card with the next one, its access ends, the token that brought
    /// it is removed, and it and the other devices are told. Doing it again is harmless. Null where there is none with this key.
    /// </summary>
    /// <param name="key">Its 32-byte key.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task<ListedDevice?> RevokeAsync(byte[] key, CancellationToken cancellationToken) => _admission.RevokeAsync(key, cancellationToken);

    /// <summary>Goes on where a process died, and removes what has expired: for the daemon and the tick.</summary>
    /// <exception cref="WireException">The reasons of the token store.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken) => _admission.ResumeAsync(cancellationToken);

    /// <summary>True where this home has registered with a peer as a device, and the peer still lists its key.</summary>
    internal static bool IsMember(TrustEntry principal, byte[] key) => EntryOn(principal, key) is not null;

    /// <summary>The entry of this home's key on the card of an identity that it has registered with; null for none.</summary>
    internal static DeviceEntry? EntryOn(TrustEntry peer, byte[] key)
    {
        try
        {
            return peer is { IsPrincipal: true, Card: { } card } ? DeviceEntry.ListOf(card).FirstOrDefault(device => device.HasKey(key)) : null;
        }
        catch (WireException error) when (error.Reason == WireReason.InvalidCard)
        {
            return null;
        }
    }

    // A token that could never be used is not made.
    private void RequireRoot(string principal)
    {
        var membership = Memberships().FirstOrDefault(known => known.Principal.Did == principal) ?? throw new WireException(WireReason.PrincipalUnknown, null, principal);
        if (!membership.Device.Rights.HasFlag(DeviceRights.Add))
        {
            throw new WireException(WireReason.RightsExceeded, "This device may not add others to the identity.", principal);
        }

        if (_mailboxes.FindRoute(membership.Principal.Handle) is null)
        {
            throw new WireException(WireReason.PrincipalUnknown, "This device has no address of the identity, which has to agree to each device.", principal);
        }
    }

    private async Task<Mailbox> MailboxAtAsync(IRelay relay, CancellationToken cancellationToken)
    {
        // Without grants there is only the mailbox' own token, which reads as well and never ends.
        var info = await relay.GetInfoAsync(cancellationToken).ConfigureAwait(false) ?? throw new WireException(WireReason.RelayWithoutGrants, null, relay.Url);
        return await _mailboxes.EnsureAsync(relay, info.RelayId, cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> UrlOfAsync(IRelay relay, Mailbox mailbox, Grant grant, MintedPairToken minted, CancellationToken cancellationToken)
    {
        await relay.PutGrantAsync(mailbox, grant with { ExpiresAt = minted.Info.ExpiresAt + GrantSlack, PerHour = RequestsPerHour }, cancellationToken).ConfigureAwait(false);
        using var own = _identity.Open();
        var principal = minted.Info.Principal!;
        var card = principal == own.Card.Did ? null : _trust.Find(principal)?.Card ?? throw new WireException(WireReason.PrincipalUnknown, null, principal);
        return DeviceUrl.Mint(own, card, [new DeviceEndpoint(mailbox.RelayUrl, mailbox.SlotId, grant.Token)], minted);
    }

    private Grant NewGrant()
    {
        using var random = SecretBytes.Random(48, _random);
        return new Grant(Convert.ToHexStringLower(random.Span[..16]), Convert.ToHexStringLower(random.Span[16..]));
    }
}
