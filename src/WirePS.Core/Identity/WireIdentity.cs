namespace WirePS.Identity;

/// <summary>Who a home is. Holds no secret: the private key stays in its file.</summary>
/// <param name="Card">The signed card.</param>
public sealed record WireIdentity(AgentCard Card)
{
    /// <summary>The name.</summary>
    public string Handle => Card.Handle;

    /// <summary>The DID.</summary>
    public string Did => Card.Did;

    /// <summary>The fingerprint as people compare it.</summary>
    public string Fingerprint => Identity.Fingerprint.Display(Card.PublicKey);
}
