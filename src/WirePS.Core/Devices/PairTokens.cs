using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>What a new token is to be.</summary>
/// <param name="Principal">The DID of the identity that it adds a device to.</param>
public sealed record PairTokenWish(string Principal)
{
    /// <summary>A name; null for none. At most 256 bytes of UTF-8 without control characters.</summary>
    public string? Label { get; init; }

    /// <summary>How long it lives, in whole seconds from 1 to 3600; null for 5 minutes.</summary>
    public TimeSpan? ExpiresIn { get; init; }

    /// <summary>What the device may do; null for everything that this home may.</summary>
    public DeviceRights? Rights { get; init; }

    /// <summary>The grant that the token's URL carries; revoked when the token goes. Null for none.</summary>
    public GivenGrant? Grant { get; init; }
}

/// <summary>A pair token as people and scripts see it.</summary>
/// <param name="TokenHash">64 hex digits: what it is known and removed by. No secret.</param>
/// <param name="Principal">The DID of the identity that it adds a device to.</param>
/// <param name="Label">A name; null for none.</param>
/// <param name="Rights">What the device may do.</param>
/// <param name="IssuedAt">When it was made.</param>
/// <param name="ExpiresAt">From when on it is dead.</param>
/// <param name="State">Where it stands.</param>
/// <param name="DeviceDid">The device that used it; null for none.</param>
/// <param name="DeviceKey">That device's 32-byte key; null for none.</param>
/// <param name="Fault">Why its file cannot be read, where it cannot; then only the hash and this say something.</param>
public sealed record PairTokenInfo(
    string TokenHash,
    string? Principal,
    string? Label,
    DeviceRights Rights,
    DateTimeOffset IssuedAt,
    DateTimeOffset ExpiresAt,
    PairTokenState State,
    string? DeviceDid,
    byte[]? DeviceKey,
    WireException? Fault);

/// <summary>A token that was made: the only moment at which its text exists here.</summary>
/// <param name="Token">The text, 32 characters; a secret, to be shown once.</param>
/// <param name="Info">The rest.</param>
public sealed record MintedPairToken(string Token, PairTokenInfo Info)
{
    /// <summary>The hash, never the text.</summary>
    public override string ToString() => Info.TokenHash;
}

/// <summary>What a device is answered.</summary>
/// <param name="Principal">The DID of the identity that it belongs to now.</param>
/// <param name="DeviceKey">Its own 32-byte key.</param>
/// <param name="Rights">What the token gave it.</param>
/// <param name="PrincipalCard">The identity's card with the device on it; null where the root has yet to publish it.</param>
/// <param name="IsRepeated">True where the same request had been answered before.</param>
/// <param name="Token">The token that it used.</param>
public sealed record RedeemAnswer(string Principal, byte[] DeviceKey, DeviceRights Rights, AgentCard? PrincipalCard, bool IsRepeated, PairTokenInfo Token);

/// <summary>
/// Pair tokens, "my second machine" (wireps.md §7): made, listed, removed, and redeemed in three durable steps (reserve, add
/// the key, consume), each of which can be repeated. A crash between any two neither burns the token for the device that
/// used it nor leaves it for another.
/// </summary>
/// <param name="store">The tokens at rest.</param>
/// <param name="book">The device list.</param>
/// <param name="random">Fresh random bytes.</param>
public sealed class PairTokens(PairTokenStore store, IDeviceBook book, IRandomSource random)
{
    /// <summary>The longest life of a token (seconds).</summary>
    public const int MaxLifetimeSeconds = 3600;

    /// <summary>Most tokens outstanding for one identity.</summary>
    public const int MaxPerPrincipal = 16;

    /// <summary>Most tokens outstanding in a home.</summary>
    public const int MaxInAll = 4096;

    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromMinutes(5);

    /// <summary>Makes a token; it is durable when this returns.</summary>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidTokenLifetime"/>, <see cref="WireReason.InvalidLabel"/>,
    /// <see cref="WireReason.InvalidRights"/>, <see cref="WireReason.RightsExceeded"/>,
    /// <see cref="WireReason.PrincipalUnknown"/>, <see cref="WireReason.TooManyTokens"/>, and the reasons of the store:
    /// nothing was made.
    /// </exception>
    public async Task<MintedPairToken> MintAsync(PairTokenWish wish, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(wish);
        var lifetime = Lifetime(wish.ExpiresIn ?? DefaultLifetime);
        var label = DeviceLabel.Require(wish.Label);
        var issuer = await book.IssuerAsync(wish.Principal, cancellationToken).ConfigureAwait(false);
        var rights = wish.Rights ?? issuer.Rights;
        rights.RequireWithin(issuer.Rights);
        var text = PairToken.Generate(random);
        var made = await store.WorkAsync(
            tokens =>
            {
                RequireRoom(tokens, wish.Principal);
                var token = new StoredToken
                {
                    Hash = PairToken.HashOf(text),
                    Principal = wish.Principal,
                    Label = label,
                    IssuedAt = tokens.Now,
                    ExpiresAt = tokens.Now + lifetime,
                    Rights = rights,
                    Grant = wish.Grant,
                };
                tokens.Save(token);
                return Task.FromResult(token);
            },
            cancellationToken).ConfigureAwait(false);
        return new(text, Info(made));
    }

    /// <summary>The tokens that have not expired, oldest first; expired ones are removed by the way.</summary>
    /// <exception cref="WireException">The reasons of the store.</exception>
    public Task<IReadOnlyList<PairTokenInfo>> ListAsync(CancellationToken cancellationToken) => store.WorkAsync<IReadOnlyList<PairTokenInfo>>(
        static tokens => Task.FromResult<IReadOnlyList<PairTokenInfo>>([.. tokens.All.Select(Info), .. tokens.Broken.Select(static file => Broken(file.Key, file.Value))]),
        cancellationToken);

    /// <summary>A token that this home has made and that has not expired, used or not: only about such a one anybody is told anything. Null for any other.</summary>
    /// <param name="tokenHash">Its hash.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">The reasons of the store.</exception>
    public Task<PairTokenInfo?> FindAsync(string tokenHash, CancellationToken cancellationToken) =>
        store.WorkAsync(tokens => Task.FromResult(tokens.Find(tokenHash) is { State: not PairTokenState.Unusable } token ? Info(token) : null), cancellationToken);

    /// <summary>
    /// Removes a token, used or not. What it has added stays: <see cref="PairTokenInfo.DeviceKey"/> says which device that is.
    /// </summary>
    /// <param name="tokenOrHash">The token text, or its hash in any case.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The token as it was.</returns>
    /// <exception cref="WireException"><see cref="WireReason.TokenNotFound"/>, and the reasons of the store.</exception>
    public Task<PairTokenInfo> RemoveAsync(string tokenOrHash, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tokenOrHash);
        var lower = tokenOrHash.ToLowerInvariant();
        var hash = PairToken.IsHash(lower) ? lower : PairToken.HashOf(tokenOrHash);
        return store.WorkAsync(
            async tokens =>
            {
                var token = tokens.Find(hash) ?? throw new WireException(WireReason.TokenNotFound);
                await tokens.DeleteAsync(token, cancellationToken).ConfigureAwait(false);
                return Info(token);
            },
            cancellationToken);
    }

    /// <summary>
    /// Adds a device by a token. The first key to come with a good proof has the token; the same request again goes on where
    /// the first one stopped, or gets the answer again, until expiry.
    /// </summary>
    /// <exception cref="WireException">
    /// <see cref="WireReason.TokenRefused"/>: unknown, expired, or used by another key, without a difference;
    /// <see cref="WireReason.InvalidDeviceProof"/>, <see cref="WireReason.InvalidEvent"/>, <see cref="WireReason.InvalidLabel"/>,
    /// <see cref="WireReason.InvalidCard"/>, and <see cref="DeviceRefusals"/>: the token is as it was. Anything
    /// else, such as a full disk: ask again with the same request.
    /// </exception>
    public async Task<RedeemAnswer> RedeemAsync(RedeemRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Checked();
        var token = await store.WorkAsync(tokens => ReserveAsync(tokens, request, null, cancellationToken), cancellationToken).ConfigureAwait(false);
        return token.State == PairTokenState.Used
            ? Answer(token, isRepeated: true)
            : await CompleteAsync(token, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// The first step where the root of the identity is elsewhere: the token belongs to one key from here on, and waits for the root. The same request again
    /// gives the token as it stands.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="requestId">The id of the event that it came with.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="WireException">As <see cref="RedeemAsync"/>.</exception>
    internal Task<StoredToken> ReserveAsync(RedeemRequest request, string requestId, CancellationToken cancellationToken) =>
        store.WorkAsync(tokens => ReserveAsync(tokens, request.Checked(), requestId, cancellationToken), cancellationToken);

    /// <summary>The last step where the root has added the device.</summary>
    /// <param name="principal">The DID of the identity whose root said so.</param>
    /// <param name="tokenHash">The token.</param>
    /// <param name="deviceKey">The 32-byte key that it was about.</param>
    /// <param name="answer">What the device is answered, also when it asks again.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The token; null where it does not wait for that.</returns>
    internal Task<StoredToken?> ConsumeAsync(string principal, string tokenHash, byte[] deviceKey, WireJson answer, CancellationToken cancellationToken) =>
        store.WorkAsync(
            tokens =>
            {
                var token = Passed(tokens, principal, tokenHash, deviceKey);
                if (token is not null)
                {
                    // The root may answer again; its newest word counts.
                    token = token with { State = PairTokenState.Used, Answer = answer };
                    tokens.Save(token);
                }

                return Task.FromResult(token);
            },
            cancellationToken);

    /// <summary>The last step where the root has refused: the token is free again, or gone where the root knows it as used.</summary>
    /// <param name="principal">The DID of the identity whose root said so.</param>
    /// <param name="tokenHash">The token.</param>
    /// <param name="deviceKey">The 32-byte key that it was about.</param>
    /// <param name="isSpent">True where no other device could use it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The token as it was; null where it does not wait for that.</returns>
    internal Task<StoredToken?> ReleaseAsync(string principal, string tokenHash, byte[] deviceKey, bool isSpent, CancellationToken cancellationToken) =>
        store.WorkAsync(
            async tokens =>
            {
                if (Passed(tokens, principal, tokenHash, deviceKey) is not { State: PairTokenState.Reserved } token)
                {
                    return null;
                }

                if (isSpent)
                {
                    await tokens.DeleteAsync(token, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    Release(tokens, token);
                }

                return token;
            },
            cancellationToken);

    /// <summary>
    /// Goes on with redemptions that a crash or a full disk stopped; the proof was checked before they were reserved. Those that wait for the root are its
    /// answer's, and the device's that asks again.
    /// </summary>
    /// <returns>The answers of those that are complete now. A device that the book refuses has its token free again.</returns>
    /// <exception cref="WireException">The reasons of the store, and of a book that cannot write.</exception>
    public async Task<IReadOnlyList<RedeemAnswer>> ResumeAsync(CancellationToken cancellationToken)
    {
        var reserved = await store.WorkAsync(
            static tokens => Task.FromResult(tokens.All.Where(static token => token is { State: PairTokenState.Reserved, Reservation.Passing: null }).ToList()), cancellationToken).ConfigureAwait(false);
        var answers = new List<RedeemAnswer>();
        foreach (var token in reserved)
        {
            try
            {
                answers.Add(await CompleteAsync(token, cancellationToken).ConfigureAwait(false));
            }
            catch (WireException error) when (error.Reason == WireReason.TokenRefused || DeviceRefusals.Contains(error.Reason))
            {
                // Its end is in the file, or there is no file any more; the others go on.
            }
        }

        return answers;
    }

    internal static bool IsLifetime(long seconds) => seconds is > 0 and <= MaxLifetimeSeconds;

    /// <summary>The first step: the token belongs to one key from here on. Done before: the token as it is.</summary>
    private async Task<StoredToken> ReserveAsync(PairTokenStore.OpenTokens tokens, RedeemRequest request, string? requestId, CancellationToken cancellationToken)
    {
        var token = tokens.Find(request.TokenHash);
        if (token is null or { State: PairTokenState.Unusable } || (token.Reservation is { } taken && !taken.IsFor(request.Card)))
        {
            throw Refused();
        }

        var issuer = await book.IssuerAsync(token.Principal, cancellationToken).ConfigureAwait(false);
        DeviceProof.Require(request.Card.PublicKey, issuer.Key, token.Hash, token.Principal, request.Proof);
        if (token.State != PairTokenState.Live)
        {
            return token;
        }

        // What the issuer may give counts now, not when the token was made.
        token.Rights.RequireWithin(issuer.Rights);
        var reserved = token with
        {
            State = PairTokenState.Reserved,
            Reservation = new(request.Card, request.Label ?? token.Label, request.Endpoints, DateTimeOffset.FromUnixTimeSeconds(tokens.Now), requestId is null ? null : new(request.Proof, requestId)),
        };
        await book.CheckAsync(Candidate(reserved), cancellationToken).ConfigureAwait(false);
        tokens.Save(reserved);
        return reserved;
    }

    /// <summary>The second and third step.</summary>
    private async Task<RedeemAnswer> CompleteAsync(StoredToken token, CancellationToken cancellationToken)
    {
        DeviceAdded added;
        try
        {
            added = await book.AddAsync(Candidate(token), cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error) when (DeviceRefusals.Contains(error.Reason))
        {
            await store.WorkAsync(tokens => Task.FromResult(Release(tokens, token)), cancellationToken).ConfigureAwait(false);
            throw;
        }

        var (end, isRepeated) = await store.WorkAsync(tokens => Task.FromResult(Consume(tokens, token, added)), cancellationToken).ConfigureAwait(false);
        if (end is null)
        {
            // Removed by a person meanwhile: what it has just added goes with it.
            if (added.IsNew)
            {
                await book.RemoveAsync(token.Principal, token.Reservation!.Card.PublicKey, cancellationToken).ConfigureAwait(false);
            }

            throw Refused();
        }

        return Answer(end, isRepeated);
    }

    private static StoredToken? Passed(PairTokenStore.OpenTokens tokens, string principal, string tokenHash, byte[] deviceKey) =>
        tokens.Find(tokenHash) is { Reservation: { Passing: not null } reservation } token && token.Principal == principal && deviceKey.AsSpan().SequenceEqual(reservation.Card.PublicKey)
            ? token
            : null;

    private static bool Release(PairTokenStore.OpenTokens tokens, StoredToken token)
    {
        var isMine = tokens.Find(token.Hash) is { State: PairTokenState.Reserved } found && found.Reservation!.IsFor(token.Reservation!.Card);
        if (isMine)
        {
            tokens.Save(token with { State = PairTokenState.Live, Reservation = null, IsPlain = false });
        }

        return isMine;
    }

    /// <summary>The last step; null where the token was taken away meanwhile.</summary>
    private static (StoredToken? Token, bool IsRepeated) Consume(PairTokenStore.OpenTokens tokens, StoredToken token, DeviceAdded added)
    {
        var used = token with { State = PairTokenState.Used, Answer = AnswerJson(token, added) };
        if (tokens.Find(token.Hash) is not { } found)
        {
            // It ran out while its device was being added: nothing is left to consume.
            return (token.IsDeadAt(tokens.Now) ? used : null, false);
        }

        if (found.Reservation is not { } reservation || !reservation.IsFor(token.Reservation!.Card))
        {
            return (null, false);
        }

        if (found.State == PairTokenState.Used)
        {
            return (found, true);
        }

        tokens.Save(used);
        return (used, false);
    }

    private static WireJson AnswerJson(StoredToken token, DeviceAdded added)
    {
        var answer = WireJson.ObjectOf(("token_hash", WireJson.From(token.Hash)));
        return added.PrincipalCard is { } card ? answer.With("card", card.Json) : answer;
    }

    private static RedeemAnswer Answer(StoredToken token, bool isRepeated) => new(
        token.Principal,
        token.Reservation!.Card.PublicKey,
        token.Rights,
        token.Answer!.GetObject("card") is { } card ? AgentCard.From(card) : null,
        isRepeated,
        Info(token));

    private static DeviceCandidate Candidate(StoredToken token)
    {
        var reservation = token.Reservation!;
        return new(token.Principal, reservation.Card, token.Rights, reservation.Label, reservation.Endpoints, reservation.At, token.Hash);
    }

    private static void RequireRoom(PairTokenStore.OpenTokens tokens, string principal)
    {
        // A used token waits for its expiry only to repeat its answer.
        var outstanding = tokens.All.Where(static token => token.State != PairTokenState.Used).ToList();
        if (outstanding.Count + tokens.Broken.Count >= MaxInAll || outstanding.Count(token => token.Principal == principal) >= MaxPerPrincipal)
        {
            throw new WireException(WireReason.TooManyTokens);
        }
    }

    private static long Lifetime(TimeSpan expiresIn) =>
        expiresIn.Ticks % TimeSpan.TicksPerSecond == 0 && IsLifetime(expiresIn.Ticks / TimeSpan.TicksPerSecond)
            ? expiresIn.Ticks / TimeSpan.TicksPerSecond
            : throw new WireException(WireReason.InvalidTokenLifetime);

    internal static PairTokenInfo Info(StoredToken token) => new(
        token.Hash,
        token.Principal,
        token.Label,
        token.Rights,
        At(token.IssuedAt),
        At(token.ExpiresAt),
        token.State,
        token.Reservation?.Card.Did,
        token.Reservation?.Card.PublicKey,
        null);

    private static PairTokenInfo Broken(string hash, WireException fault) =>
        new(hash, null, null, DeviceRights.None, default, default, PairTokenState.Unusable, null, null, fault);

    // A record of another program may name a time that no calendar has.
    private static DateTimeOffset At(long seconds) =>
        seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeSeconds(seconds) : DateTimeOffset.MaxValue;

    private static WireException Refused() => new(WireReason.TokenRefused);
}
