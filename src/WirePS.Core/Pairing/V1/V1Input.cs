using WirePS.Relay;

namespace WirePS.Pairing.V1;

/// <summary>What comes back from the work of a v1 pairing.</summary>
internal abstract record V1Input : PairInput
{
    /// <summary>The relay holds our message.</summary>
    internal sealed record Opened(string PairId, DateTimeOffset? ExpiresAt) : V1Input;

    /// <summary>The relay holds another message for our side.</summary>
    internal sealed record RoleTaken : V1Input;

    /// <summary>What the relay holds of the other side.</summary>
    internal sealed record Seen(V1PairView View) : V1Input;

    /// <summary>The relay does not know the rendezvous.</summary>
    /// <param name="RelayId">Which data it has; null on a relay that does not say.</param>
    internal sealed record Gone(string? RelayId) : V1Input;

    /// <summary>The relay holds our bootstrap.</summary>
    internal sealed record Posted : V1Input;

    /// <summary>The relay holds another bootstrap for our side.</summary>
    internal sealed record PostRefused : V1Input;
}
