namespace WirePS.Relay.Storage;

/// <summary>A grant that the owner wants to exist (relay-v2.md, Grants).</summary>
/// <param name="GrantId">32 hex digits, made by the owner's client.</param>
/// <param name="Token">Hash of the token.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
/// <param name="PerHour">Events it may post in an hour; null for any number.</param>
public sealed record NewGrant(string GrantId, TokenHash Token, DateTimeOffset? ExpiresAt, long? PerHour);

/// <summary>What became of a <see cref="NewGrant"/>.</summary>
public enum PutGrantOutcome
{
    /// <summary>It exists now.</summary>
    Created,
    /// <summary>The same one was there.</summary>
    Repeated,
    /// <summary>The id stands for another grant, or the token for another id.</summary>
    Conflict,
    /// <summary>The id was revoked.</summary>
    Revoked,
    /// <summary>The slot has as many as it may have.</summary>
    TooMany,
}

/// <summary>A grant as its owner sees it, without the token.</summary>
/// <param name="GrantId">Its id.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
/// <param name="PerHour">Events it may post in an hour; null for any number.</param>
/// <param name="Events">Events that were stored through it.</param>
/// <param name="LastUsedAt">When the last one was.</param>
public sealed record GrantView(string GrantId, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, long? PerHour, long Events, DateTimeOffset? LastUsedAt);

/// <summary>The answer to a <see cref="NewGrant"/>.</summary>
/// <param name="Outcome">What happened.</param>
/// <param name="Grant">The grant, where it is there.</param>
public readonly record struct PutGrantResult(PutGrantOutcome Outcome, GrantView? Grant);

/// <summary>One page of a list.</summary>
/// <param name="Items">The grants, by id.</param>
/// <param name="More">Whether there are more behind them.</param>
public sealed record GrantPage(IReadOnlyList<GrantView> Items, bool More);
