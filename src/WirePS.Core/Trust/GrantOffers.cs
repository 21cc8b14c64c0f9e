using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;

namespace WirePS.Trust;

/// <summary>An address of ours for one peer: a mailbox, and the grant that this peer alone gets for it.</summary>
/// <param name="Mailbox">The mailbox.</param>
/// <param name="Grant">The grant; null on a relay without grants, where the peer gets the mailbox' own token.</param>
public sealed record GrantOffer(Mailbox Mailbox, Grant? Grant)
{
    /// <summary>What the peer writes with; a secret.</summary>
    public string Token => Grant?.Token ?? Mailbox.SlotToken;

    /// <summary>The grant as the trust store notes it.</summary>
    public GivenGrant? Given => Grant is null ? null : new GivenGrant(Mailbox.RelayUrl, Mailbox.SlotId, Grant.Id);

    /// <summary>The grant as the outbox makes it at the relay before it delivers the event that carries it.</summary>
    public OutboxGrant? Pending => Grant is null ? null : new OutboxGrant(Mailbox.RelayUrl, Mailbox.SlotId, Grant.Id, Grant.Token);

    /// <summary>The members <c>relay_url</c>, <c>slot_id</c>, <c>slot_token</c> and <c>endpoints</c> of a body (wire.md §7.6, §8.3).</summary>
    public WireJson AddTo(WireJson body)
    {
        var endpoint = WireJson.ObjectOf(
            ("relay_url", WireJson.From(Mailbox.RelayUrl)),
            ("slot_id", WireJson.From(Mailbox.SlotId)),
            ("slot_token", WireJson.From(Token)),
            ("scope", WireJson.From(MailboxBook.ScopeOf(Mailbox.RelayUrl))));
        return body
            .With("relay_url", Mailbox.RelayUrl)
            .With("slot_id", Mailbox.SlotId)
            .With("slot_token", Token)
            .With("endpoints", WireJson.ArrayOf((WireJson[])[endpoint]));
    }

    /// <inheritdoc/>
    public override string ToString() => Mailbox.ToString();
}

/// <summary>Makes addresses for peers out of the mailboxes that there are. Nothing is asked of a relay: the grant is made when what carries it is sent.</summary>
/// <param name="mailboxes">The mailboxes.</param>
/// <param name="random">Fresh random bytes.</param>
public sealed class GrantOffers(MailboxBook mailboxes, IRandomSource random)
{
    /// <summary>A new address; null where this home has no mailbox.</summary>
    /// <param name="relayUrl">The relay it should be at, where there is a mailbox; null for any.</param>
    public GrantOffer? Create(string? relayUrl = null)
    {
        var all = mailboxes.List();
        return (all.LastOrDefault(m => m.RelayUrl == relayUrl) ?? (all.Count > 0 ? all[^1] : null)) is { } mailbox ? In(mailbox) : null;
    }

    /// <summary>A new address in a mailbox.</summary>
    public GrantOffer In(Mailbox mailbox) => new(mailbox, mailboxes.HasGrants(mailbox) ? NewGrant() : null);

    private Grant NewGrant()
    {
        Span<byte> bytes = stackalloc byte[48];
        random.Fill(bytes);
        return new Grant(Convert.ToHexStringLower(bytes[..16]), Convert.ToHexStringLower(bytes[16..]));
    }
}
