namespace WirePS.Handshakes;

/// <summary>What this home does with requests for trust by itself; everything is off until somebody sets it.</summary>
public sealed record TrustPolicy
{
    /// <summary>The port of the handshake (handshake.md §2).</summary>
    public const int DefaultPort = 444;

    /// <summary>Nothing by itself.</summary>
    public static TrustPolicy Default { get; } = new();

    /// <summary>True: everybody whose request holds is trusted without a person.</summary>
    public bool AutoApprove { get; init; }

    /// <summary>True: messages that have only the older signature are taken, and sent to peers that know no other (wireps.md §8).</summary>
    public bool AllowOlderSignature { get; init; }

    /// <summary>True: the daemon takes handshakes over TCP.</summary>
    public bool Listen { get; init; }

    /// <summary>Where, 1 to 65535; 0 for a port that the system picks.</summary>
    public int Port { get; init; } = DefaultPort;
}
