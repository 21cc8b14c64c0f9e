using System.Text;
using WirePS.Cryptography;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Identity;

/// <summary>The key and card of a home (wire.md §1.1, §1.8).</summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
/// <param name="trust">Its trust store, which holds the entry of the home itself.</param>
/// <param name="random">Fresh random bytes.</param>
public sealed class IdentityStore(WireHome home, IFileSystem files, TrustStore trust, IRandomSource random)
{
    /// <summary>The identity; null where the home has none. <see cref="WireReason.IdentityIncomplete"/>, and the reasons of reading.</summary>
    public WireIdentity? Find()
    {
        if (files.ReadPrivate(home.CardFile, AgentCard.MaxBytes) is not { } text)
        {
            return null;
        }

        using var seed = ReadSeed() ?? throw new WireException(WireReason.IdentityIncomplete, "There is a card, but no private key.", home.PrivateKeyFile);
        try
        {
            var card = AgentCard.Parse(text).Verify().RequireSingleKey();
            return card.PublicKey.AsSpan().SequenceEqual(Ed25519.PublicKey(seed.Span))
                ? new WireIdentity(card)
                : throw new WireException(WireReason.IdentityIncomplete, null, home.CardFile);
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson)
        {
            throw new WireException(WireReason.IdentityIncomplete, $"The card of this home does not hold: {error.Message}", home.CardFile, error);
        }
    }

    /// <summary>The identity with its key, for the moment of signing. <see cref="WireReason.IdentityIncomplete"/> where the home has none.</summary>
    public OwnIdentity Open()
    {
        var identity = Find() ?? throw new WireException(WireReason.IdentityIncomplete, "This home has no identity.", home.CardFile);
        return new OwnIdentity(identity.Card, ReadSeed() ?? throw new WireException(WireReason.IdentityIncomplete, null, home.PrivateKeyFile));
    }

    /// <summary>The identity, made where there is none.</summary>
    /// <param name="handle">The name for a new one; null for two words that follow from its key.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The identity, and whether it is new.</returns>
    public async Task<(WireIdentity Identity, bool IsNew)> EnsureAsync(string? handle, CancellationToken cancellationToken)
    {
        if (handle is not null && !HandleRules.IsUsable(handle))
        {
            throw new WireException(WireReason.InvalidHandle, null, handle);
        }

        if (Find() is { } known)
        {
            return (known, false);
        }

        using (await files.LockAsync(home.LockFile("identity"), cancellationToken).ConfigureAwait(false))
        {
            if (Find() is { } other)
            {
                return (other, false);
            }

            // The key first: a card without its key would be lost, a key without its card is finished here the next time.
            using var seed = ReadSeed() ?? NewSeed();
            var card = AgentCard.Create(seed.Span, handle ?? HandleRules.Generate(Ed25519.PublicKey(seed.Span)));
            await trust.AttestSelfAsync(card, cancellationToken).ConfigureAwait(false);
            files.WritePrivate(home.CardFile, card.Utf8.Span);
            return (new WireIdentity(card), true);
        }
    }

    /// <summary>
    /// Replaces the card of this home by the next one of its chain (<see cref="CardChain"/>); it is on disk when this
    /// returns. <see cref="WireReason.IdentityIncomplete"/> where the home has no identity, and the reasons of
    /// <see cref="CardChain.Next"/>, which leave the card as it is.
    /// </summary>
    /// <param name="change">Gives the new content from the present one, under the lock; null where nothing is to change.</param>
    /// <param name="cancellationToken">Cancels the wait for the lock.</param>
    /// <returns>The card that stands on disk.</returns>
    public async Task<AgentCard> UpdateCardAsync(Func<WireJson, WireJson?> change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        using (await files.LockAsync(home.LockFile("identity"), cancellationToken).ConfigureAwait(false))
        {
            using var own = Open();
            if (change(own.Card.Json) is not { } content)
            {
                return own.Card;
            }

            var next = own.NextCard(_ => content);
            files.WritePrivate(home.CardFile, next.Utf8.Span);
            return next;
        }
    }

    private SecretBytes NewSeed()
    {
        var seed = SecretBytes.Random(Ed25519.SeedBytes, random);
        files.WritePrivate(home.PrivateKeyFile, seed.Span);
        return seed;
    }

    private SecretBytes? ReadSeed()
    {
        if (files.ReadPrivate(home.PrivateKeyFile, 1024) is not { } bytes)
        {
            return null;
        }

        try
        {
            return bytes.Length == Ed25519.SeedBytes
                ? SecretBytes.CopyOf(bytes)
                : throw new WireException(WireReason.FileCorrupt, $"The private key has {bytes.Length} bytes, not {Ed25519.SeedBytes}.", home.PrivateKeyFile);
        }
        finally
        {
            Array.Clear(bytes);
        }
    }
}
