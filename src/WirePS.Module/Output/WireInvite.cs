using WirePS.Invites;

namespace WirePS.Module.Output;

/// <summary>An invite that this home has issued. Its URL is not here: it was shown when the invite was made, and is kept nowhere.</summary>
public class WireInvite
{
    /// <summary>32 hex digits: its name. No secret.</summary>
    public required string Id { get; init; }

    /// <summary>A name for it, given to those that accept it too.</summary>
    public string? Label { get; init; }

    /// <summary>Where it stands, as a name of <see cref="InviteStatus"/>.</summary>
    public required string Status { get; init; }

    /// <summary>How many others may accept it.</summary>
    public int Uses { get; init; }

    /// <summary>How many may still do so.</summary>
    public int UsesLeft { get; init; }

    /// <summary>The DIDs of those that have accepted it, in order.</summary>
    public required string[] UsedBy { get; init; }

    /// <summary>The relay that answers come by.</summary>
    public required string Relay { get; init; }

    /// <summary>When it was made.</summary>
    public DateTime CreatedAt { get; init; }

    /// <summary>When it ends.</summary>
    public DateTime ExpiresAt { get; init; }

    /// <summary>When it was taken back.</summary>
    public DateTime? RevokedAt { get; init; }

    /// <summary>2; or 1 for an invite that other programs can accept, whose secret travels in the open.</summary>
    public int Protocol { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    internal static WireInvite Of(IssuedInvite invite, WireEngine engine) => new()
    {
        Id = invite.InviteId,
        Label = Printable.Of(invite.Label),
        Status = invite.StatusAt(engine.Time.GetUtcNow()).ToString(),
        Uses = invite.Uses,
        UsesLeft = invite.UsesLeft,
        UsedBy = [.. invite.Accepted.Select(static use => Printable.Of(use.Did)!)],
        Relay = invite.RelayUrl,
        CreatedAt = invite.CreatedAt.LocalDateTime,
        ExpiresAt = invite.ExpiresAt.LocalDateTime,
        RevokedAt = invite.RevokedAt?.LocalDateTime,
        Protocol = invite.Protocol,
        WireHome = engine.Home.Root,
    };

    /// <summary>Names the invite; no secret.</summary>
    public override string ToString() => $"invite {Id}";
}

/// <summary>
/// An invite that was just made, with its URL: whoever has that can accept. As text it is the URL, so that
/// <c>New-WireInvite | Set-Clipboard</c> does what one expects.
/// </summary>
public sealed class WireNewInvite : WireInvite
{
    /// <summary>What is to be passed on; a secret until the invite is used up.</summary>
    public required string Url { get; init; }

    internal static WireNewInvite Of(IssuedInvite invite, string url, WireEngine engine)
    {
        var shown = Of(invite, engine);
        return new WireNewInvite
        {
            Id = shown.Id,
            Label = shown.Label,
            Status = shown.Status,
            Uses = shown.Uses,
            UsesLeft = shown.UsesLeft,
            UsedBy = shown.UsedBy,
            Relay = shown.Relay,
            CreatedAt = shown.CreatedAt,
            ExpiresAt = shown.ExpiresAt,
            Protocol = shown.Protocol,
            WireHome = shown.WireHome,
            Url = url,
        };
    }

    /// <summary>The URL.</summary>
    public override string ToString() => Url;
}

/// <summary>What an invite of somebody says, without its secrets.</summary>
public sealed class WireInviteContent
{
    /// <summary>The name that the issuer gives itself: its claim, without control characters.</summary>
    public required string Issuer { get; init; }

    /// <summary>The fingerprint of the issuer's key: what two people compare. The invite is signed by it.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The issuer's DID: a name, no proof.</summary>
    public required string Did { get; init; }

    /// <summary>Whether the key is <c>Known</c> here, <c>New</c>, or <c>Different</c> from the one that is pinned under the name.</summary>
    public required string PeerKey { get; init; }

    /// <summary>The relay that it is accepted over.</summary>
    public required string Relay { get; init; }

    /// <summary>When it ends.</summary>
    public DateTime ExpiresAt { get; init; }

    /// <summary>2; or 1 for an invite as other programs make it: the issuer does not say that it has taken the answer.</summary>
    public int Protocol { get; init; }

    /// <summary>The invite's id; nothing for one of protocol 1.</summary>
    public string? Id { get; init; }

    internal static WireInviteContent Of(InvitePayload invite, WireEngine engine)
    {
        var fingerprint = Identity.Fingerprint.Display(invite.Card.PublicKey);
        return new WireInviteContent
        {
            Issuer = Printable.Of(invite.Card.Handle)!,
            Fingerprint = fingerprint,
            Did = Printable.Of(invite.Card.Did)!,
            PeerKey = engine.Peers.FamiliarityOf(invite.Card.Handle, invite.Card.Did, fingerprint).ToString(),
            Relay = invite.Route.RelayUrl,
            ExpiresAt = invite.ExpiresAt.LocalDateTime,
            Protocol = invite.AcceptsV2 ? 2 : 1,
            Id = invite.InviteId,
        };
    }

    /// <summary>Who invites.</summary>
    public override string ToString() => $"invite of {Did}";
}
