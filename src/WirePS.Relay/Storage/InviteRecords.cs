namespace WirePS.Relay.Storage;

/// <summary>A short URL that is to stand for an invite.</summary>
/// <param name="Token">Hash of the token in the short URL.</param>
/// <param name="SealedUrl">The invite's URL, which only the token opens.</param>
/// <param name="Uses">How often it may be looked at; null for any number.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record NewInvite(TokenHash Token, byte[] SealedUrl, long? Uses, DateTimeOffset ExpiresAt);

/// <summary>What came of a look at a short URL.</summary>
public enum InviteOutcome
{
    /// <summary>The invite is there; this was one of its uses.</summary>
    Given,
    /// <summary>There is none with this token, or no longer.</summary>
    Unknown,
    /// <summary>Its time is over.</summary>
    Expired,
    /// <summary>It was looked at as often as it may.</summary>
    UsedUp,
}

/// <summary>The answer to a look.</summary>
/// <param name="Outcome">What happened.</param>
/// <param name="SealedUrl">The invite's URL, where it is given.</param>
public readonly record struct InviteUse(InviteOutcome Outcome, byte[] SealedUrl);
