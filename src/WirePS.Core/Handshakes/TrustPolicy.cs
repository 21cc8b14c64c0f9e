using System.Net;

namespace WirePS.Handshakes;

/// <summary>What this home does with requests for trust by itself; everything is off until somebody sets it.</summary>
public sealed record TrustPolicy
{
    /// <summary>Nothing by itself.</summary>
    public static TrustPolicy Default { get; } = new();

    /// <summary>True: everybody whose request holds is trusted without a person.</summary>
    public bool AutoApprove { get; init; }

    /// <summary>True: messages that have only the older signature are taken, and sent to peers that know no other (wireps.md §8).</summary>
    public bool AllowOlderSignature { get; init; }

    /// <summary>Where the daemon takes messages of the handshake as connections of their own; port 0 for one that the system picks. Null for nowhere.</summary>
    public IPEndPoint? Listen { get; init; }
}
