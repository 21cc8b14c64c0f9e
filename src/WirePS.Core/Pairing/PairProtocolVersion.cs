namespace WirePS.Pairing;

/// <summary>The pairing protocols.</summary>
public enum PairProtocolVersion
{
    /// <summary>wire.md §5: for programs that know nothing else. The relay can work out the code and impersonate the peer.</summary>
    V1 = 1,

    /// <summary>pairing-v2.md: the default.</summary>
    V2 = 2,
}
