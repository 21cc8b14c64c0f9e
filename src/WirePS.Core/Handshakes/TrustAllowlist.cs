using System.Security.Cryptography;
using WirePS.Cryptography;

namespace WirePS.Handshakes;

/// <summary>One agent that is trusted when it asks. What is given of key, DID, address and node id must all fit.</summary>
public sealed record TrustedAgent
{
    /// <summary>The name given here.</summary>
    public required string Name { get; init; }

    /// <summary>Its DID.</summary>
    public string? Did { get; init; }

    /// <summary>Its address <c>handle@relay</c>.</summary>
    public string? Address { get; init; }

    /// <summary>Its node id; 0 for none.</summary>
    public uint NodeId { get; init; }

    /// <summary>The key it must have, 32 bytes: its pin. Null for none.</summary>
    public byte[]? Key { get; init; }

    /// <summary>When it was put in.</summary>
    public DateTimeOffset AddedAt { get; init; }

    /// <summary>
    /// True where a request is from this agent. A DID and a node id hold 32 bits of the key, and an address is what a relay
    /// says: without a pin they need a directory's word for this very key.
    /// </summary>
    /// <param name="request">The request.</param>
    internal bool Is(TrustCase request)
    {
        if (Key is not null && !CryptographicOperations.FixedTimeEquals(Key, request.Key))
        {
            return false;
        }

        var isNamed = (Did is null || Did == request.Did)
            && (Address is null || Address == request.Address)
            && (NodeId == 0 || NodeId == request.NodeId);
        return isNamed && (Key is not null || request.IsConfirmed);
    }
}

/// <summary>The agents that are trusted when they ask (handshake.md §7).</summary>
/// <param name="Agents">The agents, by name.</param>
public sealed record TrustAllowlist(IReadOnlyList<TrustedAgent> Agents)
{
    /// <summary>Nobody.</summary>
    public static TrustAllowlist Empty { get; } = new([]);

    /// <summary>The agent that a request is from; null for none.</summary>
    /// <param name="request">The request.</param>
    public TrustedAgent? Match(TrustCase request) => Agents.FirstOrDefault(agent => agent.Is(request));

    /// <summary>True where an agent is pinned to this key: room is kept for its requests.</summary>
    /// <param name="key">32 bytes.</param>
    public bool HasPin(byte[] key) => Agents.Any(agent => agent.Key is not null && CryptographicOperations.FixedTimeEquals(agent.Key, key));
}
