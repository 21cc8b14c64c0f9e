using System.Security.Cryptography;

namespace WirePS.Identity;

/// <summary>Where a card stands in the chain of its owner's cards; the highest seen of each peer is kept durably.</summary>
/// <param name="Seq">Its <c>card_seq</c>, from 1; 0 for a card without one.</param>
/// <param name="Hash">64 lowercase hex digits: the hash of its whole canonical text.</param>
public readonly record struct CardPosition(long Seq, string Hash);

/// <summary>What a card that was accepted is to the highest one seen before.</summary>
public enum CardStep
{
    /// <summary>The same card: nothing to store.</summary>
    Same,

    /// <summary>The very next one.</summary>
    Next,

    /// <summary>A later one; cards between the two were never seen here, so somebody may have withheld them.</summary>
    Ahead,
}

/// <summary>
/// The chain of an identity's cards (wireps.md §5, Card updates): every card after the first carries <c>card_seq</c>, one
/// more than before, and <c>prev</c>, the hash of the card before. Pure: nothing is read or stored here.
/// </summary>
public static class CardChain
{
    private const string SeqMember = "card_seq";
    private const string PrevMember = "prev";

    /// <summary>Where a card stands.</summary>
    /// <param name="card">A card that has verified.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidCard"/>: number or <c>prev</c> are not in their form.</exception>
    public static CardPosition PositionOf(AgentCard card)
    {
        ArgumentNullException.ThrowIfNull(card);
        return new(SeqOf(card), HashOf(card));
    }

    /// <summary>Makes and signs the card that follows.</summary>
    /// <param name="seed">The 32-byte private seed of the identity.</param>
    /// <param name="present">The identity's present card.</param>
    /// <param name="change">
    /// Gives the new content; <c>card_seq</c>, <c>prev</c>, <c>dh_pubkey</c> and <c>signature</c> are set afterwards. It must
    /// leave key and DID alone.
    /// </param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidCard"/>: the new card would not pass the checks of others, is larger than
    /// <see cref="AgentCard.MaxBytes"/>, or is not one of this identity.
    /// </exception>
    public static AgentCard Next(ReadOnlySpan<byte> seed, AgentCard present, Func<WireJson, WireJson> change)
    {
        ArgumentNullException.ThrowIfNull(present);
        ArgumentNullException.ThrowIfNull(change);
        var before = PositionOf(present);
        if (before.Seq == long.MaxValue)
        {
            throw Invalid("its number cannot be counted up");
        }

        var content = change(present.Json)
            .With(SeqMember, before.Seq + 1)
            .With(PrevMember, WireJson.FromNullable(PrevAfter(before)));
        var next = AgentCard.From(AgentCard.Sign(seed, content)).Verify().RequireSingleKey();
        RequireSameOwner(present.PublicKey, present.Did, next);
        return next;
    }

    /// <summary>Checks a card that came against the highest one seen of the same identity.</summary>
    /// <param name="pinnedKey">The 32-byte root key that is pinned.</param>
    /// <param name="did">The DID that is pinned.</param>
    /// <param name="highest">The highest position seen.</param>
    /// <param name="card">The card that came; it is verified here.</param>
    /// <returns>What it is to the highest; its position is the highest from then on.</returns>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidCard"/>; <see cref="WireReason.IdentityMismatch"/> for another key or DID;
    /// <see cref="WireReason.CardOutdated"/> for a lower number; <see cref="WireReason.CardForked"/> for another card with
    /// the same number, or one that does not follow the highest.
    /// </exception>
    public static CardStep Check(ReadOnlySpan<byte> pinnedKey, string did, CardPosition highest, AgentCard card)
    {
        ArgumentNullException.ThrowIfNull(did);
        ArgumentNullException.ThrowIfNull(card);
        card.Verify().RequireSingleKey();
        RequireSameOwner(pinnedKey, did, card);
        var came = PositionOf(card);
        if (came.Seq < highest.Seq)
        {
            throw new WireException(WireReason.CardOutdated, $"Card {came.Seq} came after card {highest.Seq} of the same identity.", did);
        }

        if (came.Seq == highest.Seq)
        {
            // Without a number there is no order: of two such cards neither is the newer one.
            return came.Hash == highest.Hash
                ? CardStep.Same
                : throw new WireException(WireReason.CardForked, $"There are two cards with number {came.Seq}.", did);
        }

        if (came.Seq > highest.Seq + 1)
        {
            return CardStep.Ahead;
        }

        return card.Json.GetString(PrevMember) == PrevAfter(highest)
            ? CardStep.Next
            : throw new WireException(WireReason.CardForked, $"Card {came.Seq} does not follow the card {highest.Seq} that is known here.", did);
    }

    private static long SeqOf(AgentCard card)
    {
        var hasPrev = card.Json.TryGet(PrevMember, out var prev);
        if (!card.Json.TryGet(SeqMember, out var number))
        {
            return hasPrev ? throw Invalid("it has prev without card_seq") : 0;
        }

        if (number.AsInt64() is not { } seq || seq < 1)
        {
            throw Invalid("card_seq is not a number from 1");
        }

        // The first has nothing before it; every other names a hash.
        var isInForm = seq == 1 ? !hasPrev || prev!.Kind == WireJsonKind.Null : IsHash(prev?.AsString());
        return isInForm ? seq : throw Invalid("prev is not that of its card_seq");
    }

    private static string HashOf(AgentCard card) => Convert.ToHexStringLower(CanonicalJson.Hash(card.Json, CanonicalMode.WholeObject));

    private static string? PrevAfter(CardPosition position) => position.Seq == 0 ? null : position.Hash;

    private static bool IsHash(string? text) => text?.Length == SHA256.HashSizeInBytes * 2 && text.All(char.IsAsciiHexDigitLower);

    private static void RequireSameOwner(ReadOnlySpan<byte> key, string did, AgentCard card)
    {
        if (!key.SequenceEqual(card.PublicKey) || did != card.Did)
        {
            throw new WireException(WireReason.IdentityMismatch, "The card is not one of the identity that it should be an update of.", did);
        }
    }

    private static WireException Invalid(string what) => new(WireReason.InvalidCard, $"The agent card did not pass: {what}.");
}
