using WirePS.Cryptography;

namespace WirePS.Identity;

/// <summary>The identity of a home as something that can sign. Dispose it: it holds the private key.</summary>
/// <param name="card">The card.</param>
/// <param name="seed">The private key; taken over.</param>
public sealed class OwnIdentity(AgentCard card, SecretBytes seed) : IDisposable
{
    /// <summary>The card.</summary>
    public AgentCard Card { get; } = card;

    /// <summary>Signs.</summary>
    /// <returns>64 bytes.</returns>
    public byte[] Sign(ReadOnlySpan<byte> message) => Ed25519.Sign(seed.Span, message);

    /// <summary>Makes and signs the card that follows the present one; <see cref="CardChain.Next"/>. Nothing is stored.</summary>
    public AgentCard NextCard(Func<WireJson, WireJson> change) => CardChain.Next(seed.Span, Card, change);

    /// <inheritdoc/>
    public void Dispose() => seed.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Card.Did;
}
