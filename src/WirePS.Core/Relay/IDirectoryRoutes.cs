using WirePS.Identity;

namespace WirePS.Relay;

/// <summary>
/// The directory of handles of a relay (wire.md §4.9, §4.10). What it says is the relay's word: a key that comes from it is
/// worth no more than that, whatever card it is in.
/// </summary>
public interface IDirectoryRoutes
{
    /// <summary>POST /v1/handle/claim: enters the card's handle, with the mailbox that introductions go to. May be repeated.</summary>
    /// <param name="mailbox">The mailbox of ours.</param>
    /// <param name="card">The card of this home.</param>
    /// <param name="isListed">False to be found by name only; null to leave that as it is.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<HandleClaim> ClaimAsync(Mailbox mailbox, AgentCard card, bool? isListed, CancellationToken cancellationToken);

    /// <summary>DELETE of a claim. May be repeated.</summary>
    /// <returns>False where the handle is not held through this mailbox.</returns>
    Task<bool> UnclaimAsync(Mailbox mailbox, string handle, CancellationToken cancellationToken);

    /// <summary>GET /.well-known/wire/agent: who holds a handle; null for nobody. <see cref="WireReason.InvalidCard"/> where the card does not hold.</summary>
    Task<DirectoryRecord?> ResolveAsync(string handle, CancellationToken cancellationToken);

    /// <summary>GET /v1/handles: a page of those that let themselves be listed, by handle.</summary>
    /// <param name="after">The last handle of the page before; null for the first page.</param>
    /// <param name="limit">1 to 500.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<DirectoryPage> ListAsync(string? after, int limit, CancellationToken cancellationToken);

    /// <summary>POST /v1/handle/intro: leaves an introduction for whoever holds a handle. May be repeated.</summary>
    Task<PostOutcome> IntroduceAsync(string handle, SignedEvent item, CancellationToken cancellationToken);
}

/// <summary>What a relay said to a claim.</summary>
public enum HandleClaim
{
    /// <summary>The handle is ours.</summary>
    Claimed,

    /// <summary>Somebody else holds it.</summary>
    HeldByAnother,

    /// <summary>This identity holds it through another mailbox, which has to release it first.</summary>
    HeldThroughAnotherMailbox,
}

/// <summary>Who holds a handle, as the relay says.</summary>
/// <param name="Card">The card, verified: handle and key belong together. Whether it is the person one means is not said by that.</param>
/// <param name="ClaimedAt">When it was claimed; null where the relay does not say.</param>
public sealed record DirectoryRecord(AgentCard Card, DateTimeOffset? ClaimedAt);

/// <summary>A page of the directory.</summary>
/// <param name="Handles">The handles, in order.</param>
/// <param name="Next">Where the next page begins; null for the last one.</param>
public sealed record DirectoryPage(IReadOnlyList<string> Handles, string? Next);
