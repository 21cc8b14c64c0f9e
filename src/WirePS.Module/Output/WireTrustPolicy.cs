namespace WirePS.Module.Output;

/// <summary>What a home does with requests for trust without a person.</summary>
public sealed class WireTrustPolicy
{
    /// <summary>True: everybody who asks and whose request holds is trusted.</summary>
    public required bool AutoApprove { get; init; }

    /// <summary>True: requests with the older signature alone are taken, and shown as weak.</summary>
    public required bool AllowOlderSignature { get; init; }

    /// <summary>Where the daemon takes requests as connections, as <c>address:port</c>; nothing for nowhere. Get-WireDaemon says where it does so now.</summary>
    public string? Listen { get; init; }

    /// <summary>How many agents the allowlist has.</summary>
    public required int TrustedAgents { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireTrustPolicy Of(WireEngine engine)
    {
        var policy = engine.TrustPolicies.Policy();
        return new WireTrustPolicy
        {
            AutoApprove = policy.AutoApprove,
            AllowOlderSignature = policy.AllowOlderSignature,
            Listen = policy.Listen?.ToString(),
            TrustedAgents = engine.TrustPolicies.Allowlist().Agents.Count,
            WireHome = engine.Home.Root,
        };
    }

    /// <summary>What it does with everybody who asks.</summary>
    public override string ToString() => AutoApprove ? "approves everybody" : "asks a person";
}
