using WirePS.Cryptography;
using WirePS.Handshakes;

namespace WirePS.Module.Output;

/// <summary>An agent that is trusted when it asks.</summary>
public sealed class WireTrustedAgent
{
    /// <summary>The name given here.</summary>
    public required string Name { get; init; }

    /// <summary>The fingerprint of the key that it must have; nothing for an entry without a key.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>That key, as base64.</summary>
    public string? PublicKey { get; init; }

    /// <summary>The DID that it must have; nothing for any.</summary>
    public string? Did { get; init; }

    /// <summary>The address that it was found at.</summary>
    public string? Address { get; init; }

    /// <summary>The node id that it must have; 0 for any.</summary>
    public long NodeId { get; init; }

    /// <summary>When it was put in.</summary>
    public DateTime? AddedAt { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireTrustedAgent Of(TrustedAgent agent, WireEngine engine) => new()
    {
        Name = Printable.Of(agent.Name)!,
        Fingerprint = agent.Key is null ? null : Identity.Fingerprint.Display(agent.Key),
        PublicKey = agent.Key is null ? null : StrictBase64.Encode(agent.Key),
        Did = Printable.Of(agent.Did),
        Address = Printable.Of(agent.Address),
        NodeId = agent.NodeId,
        AddedAt = agent.AddedAt == default ? null : agent.AddedAt.LocalDateTime,
        WireHome = engine.Home.Root,
    };

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
