namespace WirePS.Module.Output;

/// <summary>What a home does with requests for trust without a person.</summary>
public sealed class WireTrustPolicy
{
    /// <summary>True: everybody who asks and whose request holds is trusted.</summary>
    public required bool AutoApprove { get; init; }

    /// <summary>How many agents the allowlist has.</summary>
    public required int TrustedAgents { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireTrustPolicy Of(WireEngine engine) => new()
    {
        AutoApprove = engine.TrustPolicies.Policy().AutoApprove,
        TrustedAgents = engine.TrustPolicies.Allowlist().Agents.Count,
        WireHome = engine.Home.Root,
    };

    /// <summary>What it does with everybody who asks.</summary>
    public override string ToString() => AutoApprove ? "approves everybody" : "asks a person";
}
