namespace WirePS.Relay.Storage;

/// <summary>The two sides of a rendezvous.</summary>
public enum PairRole
{
    /// <summary>The side that made the code.</summary>
    Host,
    /// <summary>The side that was given the code.</summary>
    Guest,
}
