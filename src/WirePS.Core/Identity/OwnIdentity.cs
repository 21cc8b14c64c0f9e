using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using WirePS.Cryptography;

namespace WirePS.Identity;

/// <summary>The identity of a home as something that can sign, seal and open. Dispose it: it holds the private key.</summary>
/// <param name="card">The card.</param>
/// <param name="seed">The private key; taken over.</param>
public sealed class OwnIdentity(AgentCard card, SecretBytes seed) : IDisposable
{
    private const string CiphertextMember = "ct";

    /// <summary>The card.</summary>
    public AgentCard Card { get; } = card;

    /// <summary>Signs.</summary>
    /// <returns>64 bytes.</returns>
    public byte[] Sign(ReadOnlySpan<byte> message) => Ed25519.Sign(seed.Span, message);

    /// <summary>
    /// Derives a secret of this identity, the same each time: for what must be given again after a crash and is stored nowhere.
    /// </summary>
    /// <param name="purpose">What it is for, with everything that it depends on; no two purposes may be spelled alike.</param>
    /// <param name="length">Its length in bytes.</param>
    public SecretBytes DeriveSecret(ReadOnlySpan<byte> purpose, int length)
    {
        var secret = new SecretBytes(length);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, seed.Span, secret.Span, [], purpose);
        return secret;
    }

    /// <summary>Makes and signs an event, sealed where the peer has a key for that.</summary>
    /// <param name="to">The recipient's DID.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">Any JSON without floats; sealed at most 65535 bytes of compact text.</param>
    /// <param name="timestamp">When it is made.</param>
    /// <param name="peerDhPublicKey">The 32 bytes of the recipient's <c>dh_pubkey</c>; null for a plain body.</param>
    /// <param name="random">Where the nonce of the seal comes from.</param>
    /// <param name="principal">The identity in whose name it is made; null for this one.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidEvent"/> for an unknown kind, a float or a body that is too large;
    /// <see cref="WireReason.InvalidCard"/> for a peer's key that nobody may use.
    /// </exception>
    public SignedEvent CreateEvent(
        string to, string type, uint kind, WireJson body, DateTimeOffset timestamp, byte[]? peerDhPublicKey, IRandomSource random,
        EventPrincipal? principal = null)
        => peerDhPublicKey is null
            ? SignedEvent.Create(seed.Span, Card, to, type, kind, body, timestamp, principal: principal)
            : SignedEvent.Create(seed.Span, Card, to, type, kind, SealBody(body, to, peerDhPublicKey, random), timestamp, isSealed: true, principal: principal);

    /// <summary>
    /// Makes and signs an event whose body is sealed by a key made for it alone (wireps.md §7): for a recipient that does not
    /// know our card yet. The key goes along as <c>epk</c>; nobody but the recipient can open it afterwards, not even we.
    /// </summary>
    /// <param name="to">The recipient's DID.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">Any JSON without floats, at most 65535 bytes of compact text.</param>
    /// <param name="timestamp">When it is made.</param>
    /// <param name="recipientDhPublicKey">The 32 bytes of the recipient's <c>dh_pubkey</c>.</param>
    /// <param name="random">Where the key and the nonce come from.</param>
    /// <exception cref="WireException">As <see cref="CreateEvent"/>.</exception>
    public SignedEvent CreateEphemeralEvent(
        string to, string type, uint kind, WireJson body, DateTimeOffset timestamp, byte[] recipientDhPublicKey, IRandomSource random)
    {
        using var scalar = SecretBytes.Random(X25519.PublicKeyBytes, random);
        var sealedBody = Seal(scalar.Span, body, to, recipientDhPublicKey, random);
        return SignedEvent.Create(
            seed.Span, Card, to, type, kind, sealedBody, timestamp, isSealed: true, ephemeralKey: X25519.PublicKey(scalar.Span));
    }

    /// <summary>Seals a body for an event of ours (wire.md §2.8).</summary>
    /// <param name="body">Any JSON without floats, at most 65535 bytes of compact text.</param>
    /// <param name="to">The recipient's DID, exactly as the event will have it.</param>
    /// <param name="peerDhPublicKey">The 32 bytes of the recipient's <c>dh_pubkey</c>.</param>
    /// <param name="random">Where the nonce comes from.</param>
    /// <returns><c>{"ct":…}</c></returns>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidEvent"/> for a float or a body that is too large;
    /// <see cref="WireReason.InvalidCard"/> for a peer's key that nobody may use.
    /// </exception>
    public WireJson SealBody(WireJson body, string to, byte[] peerDhPublicKey, IRandomSource random)
    {
        using var scalar = X25519.DhScalar(seed.Span);
        return Seal(scalar.Span, body, to, peerDhPublicKey, random);
    }

    /// <summary>
    /// Opens the body of an event that was sealed to us by its sender's own key. Call it after the event has verified: the
    /// seal is no signature. False for an event that is plain or sealed in another way, and for one that does not open.
    /// </summary>
    /// <param name="signedEvent">The event.</param>
    /// <param name="peerDhPublicKey">The 32 bytes of the <c>dh_pubkey</c> in the sender's pinned card.</param>
    /// <param name="body">The body.</param>
    public bool TryOpenBody(SignedEvent signedEvent, byte[] peerDhPublicKey, [NotNullWhen(true)] out WireJson? body)
    {
        ArgumentNullException.ThrowIfNull(signedEvent);
        body = null;
        if (!signedEvent.IsSealed
            || signedEvent.From is not { } from
            || signedEvent.To is not { } to
            || signedEvent.Body?.GetString(CiphertextMember) is not { } payload)
        {
            return false;
        }

        return TryOpen(payload, from, to, peerDhPublicKey, out body);
    }

    /// <summary>Opens what <see cref="SealBody"/> of another identity has sealed for this one, outside an event.</summary>
    /// <param name="payload">The text of the member <c>ct</c>.</param>
    /// <param name="from">The sender's DID.</param>
    /// <param name="peerDhPublicKey">The 32 bytes of the <c>dh_pubkey</c> of its card.</param>
    /// <param name="body">The body.</param>
    public bool TryOpen(string payload, string from, byte[] peerDhPublicKey, [NotNullWhen(true)] out WireJson? body) =>
        TryOpen(payload, from, Card.Did, peerDhPublicKey, out body);

    /// <summary>Opens the body of an event that <see cref="CreateEphemeralEvent"/> made; otherwise as <see cref="TryOpenBody"/>.</summary>
    /// <param name="signedEvent">The event.</param>
    /// <param name="body">The body.</param>
    public bool TryOpenEphemeralBody(SignedEvent signedEvent, [NotNullWhen(true)] out WireJson? body)
    {
        ArgumentNullException.ThrowIfNull(signedEvent);
        body = null;
        return signedEvent.EphemeralKey is { } key && TryOpenBody(signedEvent, key, out body);
    }

    private bool TryOpen(string payload, string from, string to, byte[] peerDhPublicKey, [NotNullWhen(true)] out WireJson? body)
    {
        body = null;
        using var scalar = X25519.DhScalar(seed.Span);
        using var key = SealedBody.DeriveKey(scalar.Span, peerDhPublicKey);
        using var plaintext = key is null ? null : SealedBody.Open(key.Span, payload, from, to);
        return plaintext is not null && WireJson.TryParse(plaintext.Span, out body);
    }

    /// <summary>Makes and signs the card that follows the present one; <see cref="CardChain.Next"/>. Nothing is stored.</summary>
    public AgentCard NextCard(Func<WireJson, WireJson> change) => CardChain.Next(seed.Span, Card, change);

    /// <inheritdoc/>
    public void Dispose() => seed.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Card.Did;

    private WireJson Seal(ReadOnlySpan<byte> scalar, WireJson body, string to, byte[] peerDhPublicKey, IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (body.ContainsFloat)
        {
            throw new WireException(WireReason.InvalidEvent, "A body with a number that is not an integer is not sent.");
        }

        var plaintext = body.ToCompactBytes();
        if (plaintext.Length > SealedBody.MaxPlaintextBytes)
        {
            throw new WireException(WireReason.InvalidEvent, $"The body is larger than the {SealedBody.MaxPlaintextBytes} bytes that can be sealed.");
        }

        using var key = SealedBody.DeriveKey(scalar, peerDhPublicKey)
            ?? throw new WireException(WireReason.InvalidCard, "The recipient's key for sealed bodies is one that nobody may use.", to);
        return WireJson.ObjectOf((CiphertextMember, WireJson.From(SealedBody.Seal(key.Span, plaintext, Card.Did, to, random))));
    }
}
