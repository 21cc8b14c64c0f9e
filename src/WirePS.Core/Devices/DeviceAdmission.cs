using System.Text;
using WirePS.Daemon;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>What a device that was admitted is answered.</summary>
/// <param name="Body">The body of <c>device_redeemed</c>; holds what the device is to write with.</param>
/// <param name="Grant">The grant that it hands over; null for none.</param>
internal sealed record DeviceAnswer(WireJson Body, OutboxGrant? Grant)
{
    /// <inheritdoc/>
    public override string ToString() => nameof(DeviceAnswer);
}

/// <summary>
/// The issuer's side of a pair token (wireps.md §7): redeems it, makes the device a peer that may write to this home, and makes
/// sure that it does not come unnoticed. Whatever a crash interrupts is done when the device asks again.
/// </summary>
internal sealed class DeviceAdmission(
    PairTokens tokens,
    CardDeviceBook book,
    IdentityStore identity,
    TrustStore trust,
    PeerOperations peers,
    MailboxBook mailboxes,
    GrantRevocations revocations,
    EventPost post,
    OwnCard ownCard,
    Journal journal,
    INotifier notifier,
    TimeProvider time)
{
    /// <summary>Where the key of a device of this home's identity came from.</summary>
    private const string KeySource = "pair-token";

    private const string JournalKind = "device";

    // How late what a device has passed on is still taken: for as long as the new machine looks for its answer.
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);

    // Its clock may be ahead of ours, but what it claims is not remembered for longer.
    private static readonly TimeSpan LongestClaim = TimeSpan.FromSeconds(2 * PairTokens.MaxLifetimeSeconds);

    /// <summary>Admits a device, or finds that it was admitted.</summary>
    /// <param name="request">What it asks with.</param>
    /// <param name="mailbox">Our mailbox that it asked by, where it will write to; null for none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The same answer for the same request.</returns>
    /// <exception cref="WireException">As <see cref="PairTokens.RedeemAsync"/>.</exception>
    internal async Task<DeviceAnswer> AdmitAsync(RedeemRequest request, Mailbox? mailbox, CancellationToken cancellationToken)
    {
        RequireFitting(request.Card);
        var answer = await tokens.RedeemAsync(request, cancellationToken).ConfigureAwait(false);
        await JournalUsedAsync(answer.Token, cancellationToken).ConfigureAwait(false);
        return await WelcomeAsync(request, answer.PrincipalCard!, mailbox, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Admits a device that another device of this home's identity has let in, or finds that it was admitted.</summary>
    /// <param name="passed">What that device has passed on.</param>
    /// <param name="issuerKey">Its 32-byte key.</param>
    /// <param name="mailbox">Our mailbox that it came by, where the new device will write to; null for none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The same answer for the same request.</returns>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidDeviceProof"/>; <see cref="WireReason.TokenRefused"/>: expired, used by another key, or its device was revoked;
    /// <see cref="WireReason.TooManyTokens"/>; <see cref="DeviceRefusals"/>.
    /// </exception>
    internal async Task<DeviceAnswer> AdmitPassedAsync(PassedRedeem passed, byte[] issuerKey, Mailbox? mailbox, CancellationToken cancellationToken)
    {
        var request = passed.Request;
        var own = identity.Find()!;
        DeviceProof.Require(request.Card.PublicKey, issuerKey, request.TokenHash, own.Did, request.Proof);
        RequireFitting(request.Card);
        var now = time.GetUtcNow();
        if (now >= passed.ExpiresAt + Skew || passed.ExpiresAt > now + LongestClaim)
        {
            throw new WireException(WireReason.TokenRefused);
        }

        var candidate = new DeviceCandidate(
            own.Did, request.Card, passed.Rights, request.Label, request.Endpoints, Timestamps.Round(now), request.TokenHash, new DeviceClaim(issuerKey, passed.ExpiresAt));
        var added = await book.AddAsync(candidate, cancellationToken).ConfigureAwait(false);
        return !added.IsNew && book.List().FirstOrDefault(listed => listed.Device.HasKey(request.Card.PublicKey)) is { } listed
            && listed.TokenHash != request.TokenHash && trust.Find(request.Card.Did) is { } known
            ? AnswerKnown(request, listed, known, added.PrincipalCard!)
            : await WelcomeAsync(request, added.PrincipalCard!, mailbox, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Goes on where a process died: finishes redemptions, removes tokens that have expired, and forgets the devices that are on
    /// the card no more.
    /// </summary>
    /// <exception cref="WireException">The reasons of the token store.</exception>
    internal async Task ResumeAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var answer in await tokens.ResumeAsync(cancellationToken).ConfigureAwait(false))
            {
                await JournalUsedAsync(answer.Token, cancellationToken).ConfigureAwait(false);
                if (identity.Find() is { } own && DeviceEntry.ListOf(own.Card).FirstOrDefault(entry => entry.HasKey(answer.DeviceKey)) is { } device)
                {
                    await AnnounceAsync(device, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (WireException error) when (IsOfOthers(error))
        {
            // The store is another program's and is left alone; who asks for a token here is told so.
        }

        await ForgetRevokedAsync(null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Revokes a device: from the next card on it is none. The token that brought it goes first, so that it cannot come back by
    /// it; it is told, and so are the other devices.
    /// </summary>
    /// <returns>The device as it was; null where there is none with this key.</returns>
    internal async Task<ListedDevice?> RevokeAsync(byte[] key, CancellationToken cancellationToken)
    {
        if (identity.Find() is not { } own || book.List().FirstOrDefault(listed => listed.Device.HasKey(key)) is not { } device)
        {
            return null;
        }

        try
        {
            if (device.TokenHash is { } hash && await tokens.FindAsync(hash, cancellationToken).ConfigureAwait(false) is not null)
            {
                await tokens.RemoveAsync(hash, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (WireException error) when (IsOfOthers(error) || error.Reason is WireReason.FileCorrupt or WireReason.TokenNotFound)
        {
            // Nothing is admitted by tokens that cannot be read, and no file keeps a lost machine on the card.
        }

        if (await book.RemoveAsync(own.Did, key, cancellationToken).ConfigureAwait(false))
        {
            await journal.AppendAsync(Record(device.Device, "added", "revoked"), cancellationToken).ConfigureAwait(false);
        }

        // However else it may have come to be trusted: who revokes a machine does not want to hear from it.
        await ForgetRevokedAsync(key, cancellationToken).ConfigureAwait(false);
        await ownCard.SendDueAsync(cancellationToken).ConfigureAwait(false);
        return device;
    }

    /// <summary>The first address of a device that may be used; null for none.</summary>
    internal static PeerRoute? RouteTo(IEnumerable<DeviceEndpoint> endpoints, string ownRelay) =>
        endpoints.Select(e => PeerRoute.TryCreate(e.RelayUrl, e.SlotId, e.SlotToken, ownRelay)).FirstOrDefault(static route => route is not null);

    private static bool IsOfOthers(WireException error) => error.Reason is WireReason.TokenStoreUnsupported or WireReason.FileNewerVersion;

    private void RequireFitting(AgentCard card)
    {
        if (!HandleRules.IsSafeFileName(card.Handle))
        {
            throw new WireException(WireReason.InvalidCard, "The agent card did not pass: its handle cannot be used here.", card.Did);
        }

        if (trust.ConflictsOf([card])[0] is not null)
        {
            throw new WireException(WireReason.IdentityConflict, "Another key is already known under the name of this device, or this one was revoked.", card.Did);
        }
    }

    private async Task<DeviceAnswer> WelcomeAsync(RedeemRequest request, AgentCard principalCard, Mailbox? mailbox, CancellationToken cancellationToken)
    {
        var card = request.Card;
        using var own = identity.Open();
        var device = DeviceEntry.ListOf(own.Card).FirstOrDefault(entry => entry.HasKey(card.PublicKey))

            // It was revoked since: the token brings it back no more.
            ?? throw new WireException(WireReason.TokenRefused);
        var offer = mailbox is not null && mailboxes.HasGrants(mailbox) ? new GrantOffer(mailbox, GrantFor(own, request.TokenHash, request.Card)) : null;
        if (trust.Find(card.Did) is not { } known || (offer is not null && known.Grant != offer.Given))
        {
            await AnnounceAsync(device, cancellationToken).ConfigureAwait(false);
            var route = mailbox is null ? null : RouteTo(request.Endpoints, mailbox.RelayUrl);
            var pin = new PinRequest(card, TrustTier.Verified, DeviceWork.Ceremony, "person", KeySource, route, offer?.Given, request.Label);
            await trust.PinAsync(pin, revocations.AddAsync, cancellationToken).ConfigureAwait(false);
            await ownCard.SendDueAsync(cancellationToken).ConfigureAwait(false);
        }

        return Answer(request, principalCard, offer);
    }

    // Tokens of a device are its own to make up: a machine that is there already by another one is no news, and keeps the grant that it has.
    private DeviceAnswer AnswerKnown(RedeemRequest request, ListedDevice listed, TrustEntry known, AgentCard principalCard)
    {
        using var own = identity.Open();
        var offer = listed.TokenHash is { } first && known.Grant is { } given && mailboxes.Find(given.RelayUrl, given.SlotId) is { } mailbox
            ? new GrantOffer(mailbox, GrantFor(own, first, request.Card))
            : null;
        return Answer(request, principalCard, offer?.Given == known.Grant ? offer : null);
    }

    private static DeviceAnswer Answer(RedeemRequest request, AgentCard principalCard, GrantOffer? offer)
    {
        var body = WireJson.ObjectOf(("token_hash", WireJson.From(request.TokenHash)), ("card", principalCard.Json));
        return new DeviceAnswer(offer?.AddTo(body) ?? body, offer?.Pending);
    }

    private Task JournalUsedAsync(PairTokenInfo token, CancellationToken cancellationToken) => journal.CatchUpAsync(TokenJournal.OfUsed(token, time.GetUtcNow()), cancellationToken);

    // Before the pin, which stands for it: after a crash it is said twice rather than not at all.
    private async Task AnnounceAsync(DeviceEntry device, CancellationToken cancellationToken)
    {
        var own = identity.Find()!;
        var label = book.List().FirstOrDefault(listed => listed.Device.HasKey(device.Key))?.Label;
        await journal.AppendAsync(Record(device, null, "added"), cancellationToken).ConfigureAwait(false);
        notifier.DeviceChanged(new DeviceNews(own.Did, device.Did, label, device.Fingerprint, IsAdded: true, IsThisHome: false));
        TellDevices(EventTypes.DeviceAdded, device.Did, own.Card);
    }

    private async Task ForgetRevokedAsync(byte[]? revoked, CancellationToken cancellationToken)
    {
        if (identity.Find() is not { } own)
        {
            return;
        }

        var devices = DeviceEntry.ListOf(own.Card);
        foreach (var peer in trust.List().Where(peer =>
            (peer.KeySource == KeySource || peer.PublicKey.AsSpan().SequenceEqual(revoked)) && !devices.Any(device => device.HasKey(peer.PublicKey))))
        {
            if (peer.Card is { } card && mailboxes.FindRoute(peer.Handle) is { } route)
            {
                post.TryToStranger(card, OutboxRoute.Of(route), EventTypes.DeviceRevoked, NewsBody(own.Card, peer.Did));
            }

            TellDevices(EventTypes.DeviceRevoked, peer.Did, own.Card);
            await peers.RemoveAsync(peer.Did, cancellationToken).ConfigureAwait(false);
        }
    }

    private void TellDevices(string type, string about, AgentCard own)
    {
        foreach (var device in DeviceEntry.ListOf(own).Where(device => device.Did != about))
        {
            if (trust.Find(device.Did) is { SpeaksWirePS: true } peer)
            {
                post.TryToPeer(peer, type, NewsBody(own, about));
            }
        }
    }

    private static WireJson NewsBody(AgentCard own, string device) => WireJson.ObjectOf(
        ("principal", WireJson.From(own.Did)),
        ("device", WireJson.From(device)),
        ("card_seq", WireJson.From(CardChain.PositionOf(own).Seq)));

    private JournalRecord Record(DeviceEntry device, string? from, string to) =>
        new(time.GetUtcNow(), JournalKind, Fingerprint.Short(device.Key), from, to, null, device.Did);

    // The same for the same token and device, so that the answer can be given again and is stored nowhere.
    private static Grant GrantFor(OwnIdentity own, string tokenHash, AgentCard device)
    {
        byte[] purpose = [.. "WirePS/v2 device grant"u8, 0, .. Encoding.ASCII.GetBytes(tokenHash), .. device.PublicKey];
        using var secret = own.DeriveSecret(purpose, 48);
        return new Grant(Convert.ToHexStringLower(secret.Span[..16]), Convert.ToHexStringLower(secret.Span[16..]));
    }
}
