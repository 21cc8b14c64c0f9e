using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>A checked request with all that a decision about it may depend on (handshake.md §5.1).</summary>
public sealed record TrustCase
{
    /// <summary>The key that signed it, 32 bytes.</summary>
    public required byte[] Key { get; init; }

    /// <summary>The node id that it claims.</summary>
    public required uint NodeId { get; init; }

    /// <summary>The sender's DID; null in messages of other programs.</summary>
    public string? Did { get; init; }

    /// <summary>The address <c>handle@relay</c> under which a directory has this very key; null for none.</summary>
    public string? Address { get; init; }

    /// <summary>What is known of the key.</summary>
    public PeerKeyFamiliarity Standing { get; init; }

    /// <summary>True where a directory that this home asked itself says that the name or node id has this key.</summary>
    public bool IsConfirmed { get; init; }

    /// <summary>True where only the older signature holds (handshake.md §2.1).</summary>
    public bool IsWeak { get; init; }

    /// <summary>True where a request of ours is open that was addressed to this very key.</summary>
    public bool WasAsked { get; init; }

    /// <summary>True within <see cref="TrustDecision.Cooldown"/> after the other side has revoked this home.</summary>
    public bool IsCoolingDown { get; init; }
}

/// <summary>What becomes of a request.</summary>
public enum TrustVerdict
{
    /// <summary>It waits for a person.</summary>
    Pending,

    /// <summary>It is granted now.</summary>
    Granted,

    /// <summary>The sender is trusted already: it is told so again, and nothing changes.</summary>
    AlreadyTrusted,

    /// <summary>It is passed over.</summary>
    Refused,
}

/// <summary>A decision and why: <c>mutual</c>, <c>trusted_agent</c>, <c>policy:auto_approve</c>; for one that waits or is refused, what stands against it.</summary>
/// <param name="Verdict">The decision.</param>
/// <param name="Reason">Why, as in journal and events.</param>
/// <param name="Agent">The name in the allowlist, where that decided.</param>
public sealed record TrustDecision(TrustVerdict Verdict, string Reason, string? Agent = null)
{
    /// <summary>How long after a revocation by the other side nothing is granted without a person (handshake.md §8.4, weakness 15); who revoked here has a tombstone.</summary>
    public static readonly TimeSpan Cooldown = TimeSpan.FromMinutes(5);

    /// <summary>The reason of mutual requests.</summary>
    public const string Mutual = "mutual";

    /// <summary>The reason of the allowlist.</summary>
    public const string TrustedAgent = "trusted_agent";

    /// <summary>The reason of the policy that approves everybody.</summary>
    public const string AutoApprove = "policy:auto_approve";

    /// <summary>Who approved, as the trust store notes it: the person who has asked, or a policy; null where nothing new is granted.</summary>
    public string? ApprovedBy => Reason switch
    {
        _ when Verdict != TrustVerdict.Granted => null,
        TrustedAgent => "policy:" + TrustedAgent,
        AutoApprove => AutoApprove,
        _ => TrustRequests.Person,
    };

    /// <summary>
    /// Decides a request (handshake.md §5.1, wireps.md §4 and §8), the first rule that fits: nothing brings back whom a
    /// person has revoked; a key in conflict waits for a person; then the pin, the open request of ours, the allowlist, the
    /// policy. What is granted without a person needs a signature that cannot be used again, or a directory's word.
    /// </summary>
    /// <param name="request">The request and what is known.</param>
    /// <param name="allowlist">The allowlist; null where it cannot be read: then nothing is granted without a person.</param>
    /// <param name="policy">The policy; null where it cannot be read: the same.</param>
    public static TrustDecision Of(TrustCase request, TrustAllowlist? allowlist, TrustPolicy? policy)
    {
        if (request.Standing == PeerKeyFamiliarity.Revoked)
        {
            return new(TrustVerdict.Refused, "revoked");
        }

        if (request.IsWeak && policy?.AllowOlderSignature != true)
        {
            return new(TrustVerdict.Refused, "older_signature");
        }

        return request.Standing switch
        {
            PeerKeyFamiliarity.Known => new(TrustVerdict.AlreadyTrusted, "trusted"),
            PeerKeyFamiliarity.Different => new(TrustVerdict.Pending, "identity_conflict"),
            _ when request.IsCoolingDown && !request.WasAsked => new(TrustVerdict.Pending, "cooldown"),
            _ when allowlist is null || policy is null => new(TrustVerdict.Pending, "policy_unreadable"),
            _ when request is { IsWeak: true, IsConfirmed: false } && !allowlist.HasPin(request.Key) => new(TrustVerdict.Pending, "unconfirmed_key"),
            _ when request.WasAsked => new(TrustVerdict.Granted, Mutual),
            _ when allowlist.Match(request) is { } agent => new(TrustVerdict.Granted, TrustedAgent, agent.Name),
            _ when policy.AutoApprove => new(TrustVerdict.Granted, AutoApprove),
            _ => new(TrustVerdict.Pending, "person"),
        };
    }

    /// <summary>
    /// Decides an answer that says yes (handshake.md §5.2): it counts only where a request of ours is open that was addressed
    /// to the key that signed it. An answer that nobody asked for grants nothing (weakness 3).
    /// </summary>
    /// <param name="answer">The answer and what is known.</param>
    /// <param name="policy">The policy; null where it cannot be read.</param>
    public static TrustDecision OfAnswer(TrustCase answer, TrustPolicy? policy) =>
        answer.Standing is PeerKeyFamiliarity.Revoked or PeerKeyFamiliarity.Different ? new(TrustVerdict.Refused, answer.Standing == PeerKeyFamiliarity.Revoked ? "revoked" : "identity_conflict")
        : answer.IsWeak && policy?.AllowOlderSignature != true ? new(TrustVerdict.Refused, "older_signature")
        : !answer.WasAsked ? new(TrustVerdict.Refused, "unsolicited")
        : new(TrustVerdict.Granted, "accepted");
}
