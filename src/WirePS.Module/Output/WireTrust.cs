using WirePS.Handshakes;
using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>A decision about trust that stands in a home: whom it is about, how it came, and by whom.</summary>
public sealed class WireTrust
{
    /// <summary>
    /// <c>Trusted</c>; <c>Revoked</c> here, which nothing lifts but a person; <c>RevokedByPeer</c>; <c>Known</c> without being
    /// trusted; <c>Allowed</c> by the allowlist when it asks; <c>Unbound</c>, taken over from another program without a key, and
    /// trusted by nothing.
    /// </summary>
    public required string State { get; init; }

    /// <summary>The name that the peer gives itself, its claim; the name in the allowlist of one that has not asked yet.</summary>
    public required string Handle { get; init; }

    /// <summary>How far it is trusted, as a name of <see cref="TrustTier"/>; nothing for somebody who is no peer.</summary>
    public string? Tier { get; init; }

    /// <summary>Since when it stands like this.</summary>
    public DateTime? Since { get; init; }

    /// <summary>By which ceremony it came to be trusted: <c>sas-v2</c>, <c>invite</c>, <c>request</c>, <c>handshake</c> and so on.</summary>
    public string? Ceremony { get; init; }

    /// <summary>Who approved it: <c>person</c>, or <c>policy:</c> and its name.</summary>
    public string? ApprovedBy { get; init; }

    /// <summary>Where its key came from: <c>sas</c>, <c>directory</c>, <c>address</c>, <c>request</c> and so on.</summary>
    public string? KeySource { get; init; }

    /// <summary>The entry of the allowlist that is pinned to this key.</summary>
    public string? Agent { get; init; }

    /// <summary>The id of the trust request that it began with.</summary>
    public string? RequestId { get; init; }

    /// <summary>Why it was revoked, in the words of who did; without control characters.</summary>
    public string? Reason { get; init; }

    /// <summary>The fingerprint of its key; nothing where none is known.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Its DID: a name, no proof.</summary>
    public string? Did { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireTrust Of(TrustEntry peer, TrustAllowlist allowlist, WireEngine engine) => new()
    {
        State = peer.RevokedAt is not null ? "Revoked" : peer.RevokedByPeerAt is not null ? "RevokedByPeer" : peer.IsTrusted ? "Trusted" : "Known",
        Handle = Printable.Of(peer.Handle)!,
        Tier = peer.Tier.ToString(),
        Since = (peer.RevokedAt ?? peer.RevokedByPeerAt ?? peer.PinnedAt)?.LocalDateTime,
        Ceremony = Printable.Of(peer.Ceremony),
        ApprovedBy = Printable.Of(peer.ApprovedBy),
        KeySource = Printable.Of(peer.KeySource),
        Agent = Printable.Of(allowlist.Agents.FirstOrDefault(a => a.Key is not null && a.Key.AsSpan().SequenceEqual(peer.PublicKey))?.Name),
        RequestId = peer.RequestId,
        Reason = Printable.Of(peer.RevokedReason),
        Fingerprint = peer.Fingerprint,
        Did = Printable.Of(peer.Did),
        WireHome = engine.Home.Root,
    };

    internal static WireTrust Of(TrustedAgent agent, WireEngine engine) => new()
    {
        State = "Allowed",
        Handle = Printable.Of(agent.Name)!,
        Since = agent.AddedAt == default ? null : agent.AddedAt.LocalDateTime,
        ApprovedBy = TrustRequests.Person,
        Agent = Printable.Of(agent.Name),
        Fingerprint = agent.Key is null ? null : Identity.Fingerprint.Display(agent.Key),
        Did = Printable.Of(agent.Did),
        WireHome = engine.Home.Root,
    };

    internal static WireTrust Of(ForeignTrust record, WireEngine engine) => new()
    {
        State = "Unbound",
        Handle = TrustExchange.HandleOf(record.NodeId),
        Since = record.ApprovedAt.LocalDateTime,
        Ceremony = TrustExchange.Ceremony,
        ApprovedBy = TrustExchange.ApprovedBy,
        KeySource = TrustStore.ImportedKeySource,
        WireHome = engine.Home.Root,
    };

    /// <summary>The name and where it stands.</summary>
    public override string ToString() => $"{Handle}: {State}";
}
