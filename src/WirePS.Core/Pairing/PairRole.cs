namespace WirePS.Pairing;

/// <summary>The two sides of a pairing.</summary>
public enum PairRole
{
    /// <summary>Made the code.</summary>
    Host,

    /// <summary>Was told the code.</summary>
    Guest,
}
