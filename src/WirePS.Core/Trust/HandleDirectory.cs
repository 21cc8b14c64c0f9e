using System.Runtime.CompilerServices;
using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Trust;

/// <summary>Somebody whom a relay's directory knows.</summary>
/// <param name="RelayUrl">The relay.</param>
/// <param name="Card">The card that it gives, verified: handle and key belong together, and nothing more is known.</param>
/// <param name="ClaimedAt">When the handle was claimed, as the relay says.</param>
/// <param name="Familiarity">What this home knows of the key.</param>
public sealed record FoundPeer(string RelayUrl, AgentCard Card, DateTimeOffset? ClaimedAt, PeerKeyFamiliarity Familiarity);

/// <summary>The directories of relays: being found there under the own handle, and finding others.</summary>
/// <param name="identity">Who the home is.</param>
/// <param name="mailboxes">Its mailboxes.</param>
/// <param name="peers">What is known of keys.</param>
/// <param name="relays">The relays.</param>
public sealed class HandleDirectory(IdentityStore identity, MailboxBook mailboxes, PeerOperations peers, IRelayConnections relays)
{
    /// <summary>Where a key came from that nobody but a directory has vouched for.</summary>
    public const string KeySource = "directory";

    private const int PageHandles = 500;

    /// <summary>
    /// Enters this home's handle at a relay, with its mailbox there; makes identity and mailbox where there is none.
    /// <see cref="WireReason.HandleTaken"/> where somebody else holds it. May be repeated, also with a new card or mailbox.
    /// </summary>
    /// <param name="relayUrl">The relay, in the one spelling.</param>
    /// <param name="isListed">False to be found by name only; null to leave that as it is.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<FoundPeer> RegisterAsync(string relayUrl, bool? isListed, CancellationToken cancellationToken)
    {
        var (own, _) = await identity.EnsureAsync(null, cancellationToken).ConfigureAwait(false);
        var relay = relays.To(relayUrl);
        var info = await relay.GetInfoAsync(cancellationToken).ConfigureAwait(false);
        var mailbox = await mailboxes.EnsureAsync(relay, info?.RelayId, cancellationToken).ConfigureAwait(false);
        var outcome = await relay.Directory.ClaimAsync(mailbox, own.Card, isListed, cancellationToken).ConfigureAwait(false);
        if (outcome == HandleClaim.HeldThroughAnotherMailbox && await ReleaseAsync(relay, own.Handle, cancellationToken).ConfigureAwait(false))
        {
            outcome = await relay.Directory.ClaimAsync(mailbox, own.Card, isListed, cancellationToken).ConfigureAwait(false);
        }

        return outcome == HandleClaim.Claimed
            ? new FoundPeer(relayUrl, own.Card, null, PeerKeyFamiliarity.Known)
            : throw new WireException(WireReason.HandleTaken, outcome == HandleClaim.HeldByAnother ? null : $"The handle '{own.Handle}' is held through a mailbox of this identity that this home does not have.", own.Handle);
    }

    /// <summary>Leads those who look for this home's handle to its present mailbox, where the handle stands there for this home. Nothing where it does not.</summary>
    internal async Task MoveAsync(string relayUrl, CancellationToken cancellationToken)
    {
        try
        {
            if (identity.Find() is { } own && await FindAsync(relayUrl, own.Handle, cancellationToken).ConfigureAwait(false) is { } found && found.Card.PublicKey.AsSpan().SequenceEqual(own.Card.PublicKey))
            {
                await RegisterAsync(relayUrl, null, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson or WireReason.HandleTaken)
        {
            // It stands there for somebody else, or through a mailbox that this home does not have.
        }
    }

    /// <summary>Takes this home's handle out of a relay's directory.</summary>
    /// <returns>False where it was not there through a mailbox of this home.</returns>
    public Task<bool> UnregisterAsync(string relayUrl, CancellationToken cancellationToken) =>
        identity.Find() is { } own ? ReleaseAsync(relays.To(relayUrl), own.Handle, cancellationToken) : Task.FromResult(false);

    /// <summary>Who holds a handle; null for nobody.</summary>
    public async Task<FoundPeer?> FindAsync(string relayUrl, string handle, CancellationToken cancellationToken) =>
        HandleRules.IsWellFormed(handle) && await relays.To(relayUrl).Directory.ResolveAsync(handle, cancellationToken).ConfigureAwait(false) is { } record
            ? new FoundPeer(relayUrl, record.Card, record.ClaimedAt, peers.FamiliarityOf(record.Card))
            : null;

    /// <summary>Those who let themselves be listed, by handle. One whose card does not hold, or who is gone meanwhile, is passed over.</summary>
    /// <param name="relayUrl">The relay, in the one spelling.</param>
    /// <param name="fits">Which handles to ask for.</param>
    /// <param name="most">Most entries.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async IAsyncEnumerable<FoundPeer> ListAsync(string relayUrl, Func<string, bool> fits, int most, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? after = null;
        do
        {
            var page = await relays.To(relayUrl).Directory.ListAsync(after, PageHandles, cancellationToken).ConfigureAwait(false);
            foreach (var handle in page.Handles.Where(fits))
            {
                if (await TryFindAsync(relayUrl, handle, cancellationToken).ConfigureAwait(false) is { } found)
                {
                    yield return found;
                    if (--most <= 0)
                    {
                        yield break;
                    }
                }
            }

            after = page.Next;
        }
        while (after is not null);
    }

    private async Task<FoundPeer?> TryFindAsync(string relayUrl, string handle, CancellationToken cancellationToken)
    {
        try
        {
            return await FindAsync(relayUrl, handle, cancellationToken).ConfigureAwait(false);
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson)
        {
            return null;
        }
    }

    private async Task<bool> ReleaseAsync(IRelay relay, string handle, CancellationToken cancellationToken)
    {
        foreach (var mailbox in mailboxes.List().Where(m => m.RelayUrl == relay.Url))
        {
            if (await relay.Directory.UnclaimAsync(mailbox, handle, cancellationToken).ConfigureAwait(false))
            {
                return true;
            }
        }

        return false;
    }
}
