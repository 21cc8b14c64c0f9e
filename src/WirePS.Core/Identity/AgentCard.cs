using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using WirePS.Cryptography;

namespace WirePS.Identity;

/// <summary>
/// A signed agent card (wire.md §1.4, §1.6): who somebody is, by their own word. Immutable; the text that was read is kept
/// byte for byte. <see cref="Parse(ReadOnlySpan{byte})"/> checks the structure, <see cref="Verify"/> everything else: use
/// nothing of a card before it has verified.
/// </summary>
public sealed class AgentCard
{
    /// <summary>Most bytes of a card's text.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>The capability of programs that speak wireps.md.</summary>
    public const string WirePSCapability = "wireps/2";

    private const string SchemaVersion = "v3.2";
    private const string WireCapability = "wire/v3.2";
    private const string Algorithm = "ed25519";
    private const int MaxMessageBodyKb = 64;

    private readonly byte[] _utf8;
    private readonly byte[] _publicKey;
    private readonly byte[] _signature;
    private readonly byte[]? _dhPublicKey;

    private AgentCard(byte[] utf8, WireJson json, byte[] publicKey, byte[] signature)
    {
        _utf8 = utf8;
        _publicKey = publicKey;
        _signature = signature;
        Json = json;
        Did = json.GetString("did") ?? throw Invalid("missing field: did");
        Handle = json.GetString("handle") ?? WireDid.DisplayHandle(Did);
        Name = json.GetString("name") ?? Handle;
        Capabilities = json.GetArray("capabilities") is { } list
            ? [.. list.Items.Select(item => item.AsString()).OfType<string>()]
            : [];
        if (json.GetString("dh_pubkey") is { } dh && StrictBase64.TryDecode(dh, X25519.PublicKeyBytes, out var dhPublicKey))
        {
            _dhPublicKey = dhPublicKey;
        }
    }

    /// <summary>The parsed card with every member, known or not.</summary>
    public WireJson Json { get; }

    /// <summary>The bytes as read or made.</summary>
    public ReadOnlyMemory<byte> Utf8 => _utf8;

    /// <summary>The text as read or made.</summary>
    public string JsonText => Encoding.UTF8.GetString(_utf8);

    /// <summary>The session DID.</summary>
    public string Did { get; }

    /// <summary>The bare handle; the DID's where the card has none.</summary>
    public string Handle { get; }

    /// <summary>The name to show: the owner's claim, to be printed without control characters.</summary>
    public string Name { get; }

    /// <summary>The 32-byte Ed25519 key: the first entry of <c>verify_keys</c> by the UTF-8 bytes of the names.</summary>
    public byte[] PublicKey => [.. _publicKey];

    /// <summary>The 32-byte X25519 key for sealed bodies; null where the card has none.</summary>
    public byte[]? DhPublicKey => _dhPublicKey is null ? null : [.. _dhPublicKey];

    /// <summary>True where the card has a key for sealed bodies that may be used: cards that were pinned earlier are read without <see cref="Verify"/>.</summary>
    public bool CanBeSealedTo => _dhPublicKey is not null && X25519.IsUsable(_dhPublicKey);

    /// <summary>What the owner's program says that it speaks.</summary>
    public ImmutableArray<string> Capabilities { get; }

    /// <summary>The key id that events of this identity carry.</summary>
    public string KeyId => Fingerprint.KeyId(Handle, _publicKey);

    /// <summary>True when the owner's program speaks wireps.md.</summary>
    public bool SpeaksWirePS => Capabilities.Contains(WirePSCapability);

    /// <summary>Reads a card and checks that it has the members of one; nothing is verified yet.</summary>
    /// <param name="utf8">The JSON text, at most 64 KiB.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidJson"/>, or <see cref="WireReason.InvalidCard"/> naming what is missing or unreadable.
    /// </exception>
    public static AgentCard Parse(ReadOnlySpan<byte> utf8)
    {
        RequireSize(utf8.Length);
        return Read(utf8.ToArray(), WireJson.Parse(utf8));
    }

    /// <summary>Takes a card out of a larger JSON value; its text is the compact one.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidCard"/> naming what is missing or unreadable.</exception>
    public static AgentCard From(WireJson json)
    {
        ArgumentNullException.ThrowIfNull(json);
        var utf8 = json.ToCompactBytes();
        RequireSize(utf8.Length);
        return Read(utf8, json);
    }

    /// <summary>Makes and signs the card of an identity.</summary>
    /// <param name="seed">The 32-byte private seed.</param>
    /// <param name="handle">The handle: claimable, usable as a file name, and not ending in <c>-</c> and eight hex digits.</param>
    /// <param name="name">The name to show; null for the handle with its first letter in upper case.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidHandle"/>; <see cref="WireReason.InvalidCard"/> when the name makes it too large.
    /// </exception>
    public static AgentCard Create(ReadOnlySpan<byte> seed, string handle, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (!HandleRules.IsUsable(handle))
        {
            throw new WireException(WireReason.InvalidHandle);
        }

        var publicKey = Ed25519.PublicKey(seed);
        var card = WireJson.ObjectOf(
            ("schema_version", WireJson.From(SchemaVersion)),
            ("did", WireJson.From(WireDid.ForSession(handle, publicKey))),
            ("handle", WireJson.From(handle)),
            ("name", WireJson.From(name ?? char.ToUpperInvariant(handle[0]) + handle[1..])),
            ("capabilities", WireJson.ArrayOf([WireCapability, WirePSCapability])),
            ("verify_keys", WireJson.EmptyObject.With(Fingerprint.CardKeyName(handle, publicKey), WireJson.ObjectOf(
                ("key", WireJson.From(StrictBase64.Encode(publicKey))),
                ("alg", WireJson.From(Algorithm)),
                ("active", WireJson.True)))),
            ("policies", WireJson.EmptyObject.With("max_message_body_kb", MaxMessageBodyKb)));
        return From(Sign(seed, card));
    }

    /// <summary>Signs a card's JSON: <c>dh_pubkey</c> and <c>signature</c> are set, older ones replaced.</summary>
    /// <param name="seed">The 32-byte private seed.</param>
    /// <param name="card">The card, an object.</param>
    /// <param name="publishDhKey">Set <c>dh_pubkey</c>; programs of the older revision do not.</param>
    public static WireJson Sign(ReadOnlySpan<byte> seed, WireJson card, bool publishDhKey = true)
    {
        ArgumentNullException.ThrowIfNull(card);
        if (publishDhKey)
        {
            card = card.With("dh_pubkey", StrictBase64.Encode(X25519.DhPublicKey(seed)));
        }

        var signature = Ed25519.Sign(seed, CanonicalJson.Canonicalize(card, CanonicalMode.Card));
        return card.With("signature", StrictBase64.Encode(signature));
    }

    /// <summary>
    /// Checks the card (wire.md §1.6) and what we ask beyond it: a strong canonical key that is active and Ed25519, a DID that
    /// commits to the key, and a claimable handle that is the one of the DID (flaw C11).
    /// </summary>
    /// <returns>This card.</returns>
    /// <exception cref="WireException"><see cref="WireReason.InvalidCard"/>; the message names the first check that failed.</exception>
    public AgentCard Verify()
    {
        if (!Ed25519.IsValidPublicKey(_publicKey))
        {
            throw Invalid("signature decode failed: the key is not a point of the prime-order group");
        }

        if (!Ed25519.Verify(_publicKey, CanonicalJson.Canonicalize(Json, CanonicalMode.Card), _signature))
        {
            throw Invalid("signature did not verify");
        }

        if (!WireDid.CommitsTo(Did, _publicKey))
        {
            throw Invalid("card DID does not commit to its verify key (suffix mismatch)");
        }

        var key = FirstKey(Json.GetObject("verify_keys")!);
        if (key.TryGet("alg", out var algorithm) && algorithm.AsString() != Algorithm)
        {
            throw Invalid("the key is not for Ed25519");
        }

        if (key.TryGet("active", out var active) && active.AsBoolean() != true)
        {
            throw Invalid("the key is not active");
        }

        if (Handle != WireDid.DisplayHandle(Did))
        {
            throw Invalid("the handle is not the one of the DID");
        }

        if (!HandleRules.IsClaimable(Handle))
        {
            throw Invalid("the handle is one that nobody can claim");
        }

        if (Json.TryGet("dh_pubkey", out _) && _dhPublicKey is null)
        {
            throw Invalid("the dh_pubkey is not 32 bytes of base64");
        }

        if (_dhPublicKey is not null && !CanBeSealedTo)
        {
            throw Invalid("the dh_pubkey is of low order, so that anybody could open what is sealed to it");
        }

        return this;
    }

    /// <summary>Asks for exactly one key: with several, the one that gets pinned would be a matter of sorting.</summary>
    /// <returns>This card.</returns>
    /// <exception cref="WireException"><see cref="WireReason.InvalidCard"/>.</exception>
    public AgentCard RequireSingleKey()
    {
        var count = Json.GetObject("verify_keys")!.Count;
        return count == 1 ? this : throw Invalid(string.Create(CultureInfo.InvariantCulture, $"it has {count} verify keys instead of one"));
    }

    /// <summary>The DID.</summary>
    public override string ToString() => Did;

    private static AgentCard Read(byte[] utf8, WireJson json)
    {
        // In the order of the other programs, so that both name the same fault.
        var signatureText = json.GetString("signature") ?? throw Invalid("missing field: signature");
        var keys = json.GetObject("verify_keys") ?? throw Invalid("missing field: verify_keys");
        if (keys.Count == 0)
        {
            throw Invalid("verify_keys is empty or malformed");
        }

        var keyText = FirstKey(keys).GetString("key") ?? throw Invalid("missing field: verify_keys[*].key");
        if (!StrictBase64.TryDecode(keyText, Ed25519.PublicKeyBytes, out var publicKey))
        {
            throw Invalid("signature decode failed: the key is not 32 bytes of base64");
        }

        if (!StrictBase64.TryDecode(signatureText, Ed25519.SignatureBytes, out var signature))
        {
            throw Invalid("signature decode failed: it is not 64 bytes of base64");
        }

        return new AgentCard(utf8, json, publicKey, signature);
    }

    private static WireJson FirstKey(WireJson keys) => keys.MemberAt(0, WireJsonOrder.Sorted).Value;

    private static void RequireSize(int bytes)
    {
        if (bytes > MaxBytes)
        {
            throw Invalid($"it is larger than {MaxBytes / 1024} KiB");
        }
    }

    private static WireException Invalid(string what) => new(WireReason.InvalidCard, $"The agent card did not pass: {what}.");
}
