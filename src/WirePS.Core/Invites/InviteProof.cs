using System.Security.Cryptography;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Invites;

/// <summary>
/// The proof that somebody holds an invite, without showing its nonce (wireps.md §6): a signature by a key that follows from
/// the nonce, over both sides and the whole body it comes in. The issuer keeps the public key alone, so neither the relay
/// nor who steals its file can accept.
/// </summary>
public static class InviteProof
{
    /// <summary>The member of a <c>pair_drop</c> body that holds the proof.</summary>
    public const string Member = "invite_proof";

    private const string IdMember = "id";
    private const string SignatureMember = "sig";

    /// <summary>What the issuer keeps of an invite: 32 bytes.</summary>
    /// <param name="nonce">The nonce, 32 bytes.</param>
    /// <exception cref="ArgumentException">The nonce is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static byte[] PublicKey(ReadOnlySpan<byte> nonce)
    {
        using var seed = DeriveSeed(nonce);
        return Ed25519.PublicKey(seed.Span);
    }

    /// <summary>Adds the acceptor's proof to a body; an older one is replaced.</summary>
    /// <param name="body">The body, an object that is complete but for the proof.</param>
    /// <param name="invite">The invite; it asks for a proof.</param>
    /// <param name="acceptorPublicKey">Our Ed25519 key, 32 bytes.</param>
    /// <exception cref="ArgumentException">The invite takes the bare nonce, or a size is wrong.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static WireJson Attach(WireJson body, InvitePayload invite, ReadOnlySpan<byte> acceptorPublicKey)
    {
        ArgumentNullException.ThrowIfNull(body);
        ArgumentNullException.ThrowIfNull(invite);
        var id = invite.InviteId ?? throw new ArgumentException("This invite asks for no proof.", nameof(invite));
        using var nonce = new SecretBytes(InvitePayload.NonceBytes);
        _ = Convert.FromHexString(invite.Nonce, nonce.Span, out _, out _);
        using var seed = DeriveSeed(nonce.Span);
        var text = SignedText(id, invite.Card.PublicKey, acceptorPublicKey, body);
        return body.With(Member, WireJson.ObjectOf(
            (IdMember, WireJson.From(id)),
            (SignatureMember, WireJson.From(StrictBase64.Encode(Ed25519.Sign(seed.Span, text))))));
    }

    /// <summary>The id of the invite that a body claims to accept: 32 lowercase hex digits; null where there is none.</summary>
    public static string? IdOf(WireJson body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var id = body.GetObject(Member)?.GetString(IdMember);
        return InvitePayload.IsInviteId(id) ? id : null;
    }

    /// <summary>True when the body has a proof that is good for this invite and these two sides.</summary>
    /// <param name="body">The body as received.</param>
    /// <param name="publicKey">The invite's key, as <see cref="PublicKey"/> gave it.</param>
    /// <param name="inviteId">The invite's id.</param>
    /// <param name="issuerPublicKey">Our Ed25519 key, 32 bytes.</param>
    /// <param name="acceptorPublicKey">The Ed25519 key of the card in the body, 32 bytes, which also signed the event.</param>
    /// <exception cref="ArgumentException">A key of the two sides is not 32 bytes.</exception>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public static bool Verify(
        WireJson body, ReadOnlySpan<byte> publicKey, string inviteId, ReadOnlySpan<byte> issuerPublicKey, ReadOnlySpan<byte> acceptorPublicKey)
    {
        ArgumentNullException.ThrowIfNull(body);
        ArgumentNullException.ThrowIfNull(inviteId);
        return IdOf(body) == inviteId
            && StrictBase64.TryDecode(body.GetObject(Member)?.GetString(SignatureMember), Ed25519.SignatureBytes, out var signature)
            && Ed25519.Verify(publicKey, SignedText(inviteId, issuerPublicKey, acceptorPublicKey, body), signature);
    }

    // The domain, a zero byte, the id, both keys, and the hash of the body without the proof.
    private static byte[] SignedText(string inviteId, ReadOnlySpan<byte> issuerPublicKey, ReadOnlySpan<byte> acceptorPublicKey, WireJson body)
    {
        RequireKey(issuerPublicKey, nameof(issuerPublicKey));
        RequireKey(acceptorPublicKey, nameof(acceptorPublicKey));
        return
        [
            .. "WirePS/v2 invite"u8,
            0,
            .. Convert.FromHexString(inviteId),
            .. issuerPublicKey,
            .. acceptorPublicKey,
            .. CanonicalJson.Hash(body.Without(Member), CanonicalMode.WholeObject),
        ];
    }

    private static SecretBytes DeriveSeed(ReadOnlySpan<byte> nonce)
    {
        if (nonce.Length != InvitePayload.NonceBytes)
        {
            throw new ArgumentException($"A nonce has {InvitePayload.NonceBytes} bytes.", nameof(nonce));
        }

        var seed = new SecretBytes(Ed25519.SeedBytes);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, nonce, seed.Span, [], "WirePS/v2 invite key"u8);
        return seed;
    }

    private static void RequireKey(ReadOnlySpan<byte> key, string name)
    {
        if (key.Length != Ed25519.PublicKeyBytes)
        {
            throw new ArgumentException($"A key has {Ed25519.PublicKeyBytes} bytes.", name);
        }
    }
}
