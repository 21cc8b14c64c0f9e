using WirePS.Relay;

namespace WirePS.Pairing.V1;

/// <summary>What comes back from the work of a v1 pairing.</summary>
internal abstract record V1Input : PairInput
{
    /// <summary>Fresh secrets for a pairing whose file has none.</summary>
    /// <param name="Seed">32 bytes; a secret.</param>
    /// <param name="Grant">The grant that the peer will get.</param>
    internal sealed record SeedDrawn(ReadOnlyMemory<byte> Seed, Grant Grant) : V1Input
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(SeedDrawn);
    }

    /// <summary>The file lacks what nobody can give it again.</summary>
    internal sealed record Lost : V1Input;

    /// <summary>The relay holds our message.</summary>
    internal sealed record Opened(string PairId, DateTimeOffset? ExpiresAt) : V1Input;

    /// <summary>The relay holds another message for our side.</summary>
    internal sealed record RoleTaken : V1Input;

    /// <summary>What the relay holds of the other side.</summary>
    internal sealed record Seen(V1PairView View) : V1Input;

    /// <summary>The relay does not know the rendezvous.</summary>
    /// <param name="RelayId">Which data it has; null on a relay that does not say.</param>
    internal sealed record Gone(string? RelayId) : V1Input;

    /// <summary>A withdrawal came too late: the relay keeps what both sides have decided.</summary>
    internal sealed record Decided(V1PairView View) : V1Input;

    /// <summary>The relay holds our bootstrap.</summary>
    internal sealed record Posted : V1Input;

    /// <summary>The relay holds another bootstrap for our side.</summary>
    internal sealed record PostRefused : V1Input;
}
