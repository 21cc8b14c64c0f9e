namespace WirePS.Relay.Storage;

/// <summary>The two sides of a rendezvous.</summary>
public enum PairRole
{
    /// <summary>The side that made the code.</summary>
    Host,
    /// <summary>The side that was given the code.</summary>
    Guest,
}

/// <summary>The names of the sides on the wire.</summary>
internal static class PairRoleNames
{
    public static string Name(this PairRole role) => role == PairRole.Host ? "host" : "guest";

    /// <summary>Null for what is no role.</summary>
    public static PairRole? Parse(string name) => name switch
    {
        "host" => PairRole.Host,
        "guest" => PairRole.Guest,
        _ => null,
    };
}
