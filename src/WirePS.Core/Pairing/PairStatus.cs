namespace WirePS.Pairing;

/// <summary>Where a pairing stands (wire.md §6.2, wireps.md §2).</summary>
public enum PairStatus
{
    /// <summary>A host's wish that no relay has heard of yet.</summary>
    RequestHost,

    /// <summary>A guest's wish that no relay has heard of yet.</summary>
    RequestGuest,

    /// <summary>Open at the relay; waits for the other side.</summary>
    Polling,

    /// <summary>The digits can be compared.</summary>
    SasReady,

    /// <summary>This side's person has confirmed; waits for the other side's.</summary>
    Confirmed,

    /// <summary>The peer is pinned.</summary>
    Paired,

    /// <summary>Ended without a pin; the reason tells why.</summary>
    Aborted,

    /// <summary>Its file could not be read back.</summary>
    AbortedRestart,
}
