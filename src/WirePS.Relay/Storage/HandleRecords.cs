namespace WirePS.Relay.Storage;

/// <summary>A wish to have a handle in the directory; the card has been verified.</summary>
/// <param name="Nick">The handle.</param>
/// <param name="Did">The card's DID.</param>
/// <param name="PublicKey">The card's key: what the handle is bound to.</param>
/// <param name="Card">The card's text as it came.</param>
/// <param name="Profile">What the list shows of its profile, as JSON.</param>
/// <param name="Vibes">Words of the profile by which it is found, in lower case.</param>
/// <param name="IsListable">Whether nick and profile let it appear in the list.</param>
/// <param name="RelayUrl">The relay that its owner names.</param>
/// <param name="IsDiscoverable">Whether it is to be listed; null for as before, or yes.</param>
public sealed record NewHandle(
    string Nick,
    string Did,
    byte[] PublicKey,
    byte[] Card,
    byte[] Profile,
    IReadOnlyList<string> Vibes,
    bool IsListable,
    string? RelayUrl,
    bool? IsDiscoverable);

/// <summary>What became of a claim.</summary>
public enum ClaimOutcome
{
    /// <summary>The handle was free.</summary>
    Claimed,
    /// <summary>It was this key's already.</summary>
    Reclaimed,
    /// <summary>It belongs to another key.</summary>
    HeldByAnother,
    /// <summary>It is this key's, through another slot that is in use.</summary>
    HeldThroughAnotherSlot,
    /// <summary>The directory is full.</summary>
    Full,
}

/// <summary>The answer to a <see cref="NewHandle"/>.</summary>
/// <param name="Outcome">What happened.</param>
/// <param name="HolderDid">Whose the handle is.</param>
public readonly record struct ClaimResult(ClaimOutcome Outcome, string HolderDid);

/// <summary>A handle in the directory.</summary>
/// <param name="Nick">The handle.</param>
/// <param name="Did">Whose it is.</param>
/// <param name="Card">The card's text as it came.</param>
/// <param name="SlotId">The mailbox of its owner.</param>
/// <param name="Slot">The store's own key of the mailbox.</param>
/// <param name="RelayUrl">The relay that its owner names.</param>
/// <param name="ClaimedAt">When it was claimed the last time.</param>
public sealed record HandleView(string Nick, string Did, byte[] Card, string SlotId, long Slot, string? RelayUrl, DateTimeOffset ClaimedAt);

/// <summary>A handle in the list.</summary>
/// <param name="Nick">The handle.</param>
/// <param name="Did">Whose it is.</param>
/// <param name="Profile">What the list shows of its profile, as JSON.</param>
/// <param name="ClaimedAt">When it was claimed the last time.</param>
public sealed record HandleItem(string Nick, string Did, byte[] Profile, DateTimeOffset ClaimedAt);

/// <summary>One page of the list.</summary>
/// <param name="Items">The handles, by nick.</param>
/// <param name="More">Whether there are more behind them.</param>
public sealed record HandlePage(IReadOnlyList<HandleItem> Items, bool More);
