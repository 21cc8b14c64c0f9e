using WirePS.Handshakes;

namespace WirePS.Module.Output;

/// <summary>What a policy would say to a request that waits.</summary>
public sealed class WireTrustPreview
{
    /// <summary>The name that the sender gives itself: its claim, without control characters.</summary>
    public required string Handle { get; init; }

    /// <summary>The fingerprint of its key.</summary>
    public required string Fingerprint { get; init; }

    /// <summary><c>Granted</c>, <c>Pending</c>, <c>AlreadyTrusted</c> or <c>Refused</c>.</summary>
    public required string Verdict { get; init; }

    /// <summary>Why: <c>trusted_agent</c>, <c>policy:auto_approve</c>; for one that would still wait, what stands against it.</summary>
    public required string Reason { get; init; }

    /// <summary>The name in the allowlist, where that decided.</summary>
    public string? Agent { get; init; }

    /// <summary>The id of the request.</summary>
    public required string Id { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireTrustPreview Of(PendingRequest request, TrustDecision decision, WireEngine engine) => new()
    {
        Handle = Printable.Of(request.Handle)!,
        Fingerprint = Identity.Fingerprint.Display(request.PublicKey),
        Verdict = decision.Verdict.ToString(),
        Reason = decision.Reason,
        Agent = Printable.Of(decision.Agent),
        Id = request.Id,
        WireHome = engine.Home.Root,
    };

    /// <summary>The id.</summary>
    public override string ToString() => Id;
}
