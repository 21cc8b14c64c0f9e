using System.Collections.Immutable;
using System.Globalization;
using WirePS.Cryptography;

namespace WirePS.Identity;

/// <summary>What became of checking an event, in the order of the checks (wire.md §2.4).</summary>
public enum EventVerdict
{
    /// <summary>The event is good.</summary>
    Valid,
    /// <summary>There is no text <c>from</c>.</summary>
    MissingFrom,
    /// <summary>There is no text <c>public_key_id</c>.</summary>
    MissingKeyId,
    /// <summary>There is no text <c>signature</c>.</summary>
    MissingSignature,
    /// <summary>There is no text <c>event_id</c>.</summary>
    MissingEventId,
    /// <summary>The id is not that of the content.</summary>
    IdMismatch,
    /// <summary>Nobody is known under the sender's handle; may change when the sender gets pinned.</summary>
    UnknownAgent,
    /// <summary>The sender has no key of that id here; may change as well.</summary>
    UnknownKey,
    /// <summary>The key is known and not active.</summary>
    KeyInactive,
    /// <summary>The record of the key has no key.</summary>
    MissingKey,
    /// <summary>Key or signature cannot be read, or the key is one that nobody may use.</summary>
    DecodeFailed,
    /// <summary>The signature is not that of the key.</summary>
    SignatureRejected,
}

/// <summary>A key that a sender may sign with, as the trust store holds it.</summary>
/// <param name="KeyId">Its id, <c>handle:fingerprint</c>.</param>
/// <param name="Key">The base64 of its 32 bytes; null where the record has none.</param>
/// <param name="IsActive">False once it was deactivated.</param>
public sealed record EventKey(string KeyId, string? Key, bool IsActive = true)
{
    /// <summary>The active key of a card.</summary>
    public static EventKey Of(AgentCard card)
    {
        ArgumentNullException.ThrowIfNull(card);
        return new(card.KeyId, StrictBase64.Encode(card.PublicKey));
    }
}

/// <summary>The identity in whose name a device speaks (wireps.md §7).</summary>
/// <param name="Did">Its DID.</param>
/// <param name="CardSeq">The number of the card of it that the device has; 0 where it does not say.</param>
public sealed record EventPrincipal(string Did, long CardSeq);

/// <summary>
/// A signed event (wire.md §2): its id is the hash of its canonical content, its signature is over that hash. Immutable.
/// Reading one checks that it is a JSON object and nothing else.
/// </summary>
public sealed class SignedEvent
{
    private const string SchemaVersion = "v3.1";
    private const string CardSeqMember = "card_seq";
    private const string PrincipalMember = "principal";
    private const string PrincipalCardSeqMember = "principal_card_seq";

    private SignedEvent(WireJson json) => Json = json;

    /// <summary>The event with every member, known or not.</summary>
    public WireJson Json { get; }

    /// <summary>The id that the event claims: 64 lowercase hex digits once it verified; null when it has none.</summary>
    public string? EventId => Json.GetString("event_id");

    /// <summary>The sender's DID; null when there is none.</summary>
    public string? From => Json.GetString("from");

    /// <summary>The recipient's DID; null when there is none. Nothing but the receiver checks it.</summary>
    public string? To => Json.GetString("to");

    /// <summary>The name of the type; null when there is none.</summary>
    public string? Type => Json.GetString("type");

    /// <summary>The kind as receivers read it, 0 when it is not an unsigned integer.</summary>
    public uint Kind => EventKinds.Read(Json);

    /// <summary>The body; null when there is none.</summary>
    public WireJson? Body => Json.TryGet("body", out var body) ? body : null;

    /// <summary>How the body is sealed; null for a plain body, and where the member is not a text, as other programs read it.</summary>
    public string? Enc => Json.GetString("enc");

    /// <summary>True when the body is sealed in the way that this program can open (wire.md §2.8).</summary>
    public bool IsSealed => Enc == SealedBody.Scheme;

    /// <summary>The 32-byte key that the sender made for this event alone (wireps.md §7); null when there is none or it is malformed.</summary>
    public byte[]? EphemeralKey => StrictBase64.TryDecode(Json.GetString("epk"), X25519.PublicKeyBytes, out var key) ? key : null;

    /// <summary>The number of the sender's card when it made the event (wireps.md §5); 0 where it does not say.</summary>
    public long CardSeq => Json.GetInt64(CardSeqMember) is { } seq and > 0 ? seq : 0;

    /// <summary>The identity in whose name a device has made the event (wireps.md §7); null where the sender speaks for itself.</summary>
    public EventPrincipal? Principal => Json.GetString(PrincipalMember) is { } did
        ? new(did, Json.GetInt64(PrincipalCardSeqMember) is { } seq and > 0 ? seq : 0)
        : null;

    /// <summary>Reads an event.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidJson"/>; <see cref="WireReason.InvalidEvent"/> for anything but an object.</exception>
    public static SignedEvent Parse(ReadOnlySpan<byte> utf8) => FromJson(WireJson.Parse(utf8));

    /// <summary>Takes an event out of a larger JSON value.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidEvent"/> for anything but an object.</exception>
    public static SignedEvent FromJson(WireJson json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return json.IsObject ? new(json) : throw new WireException(WireReason.InvalidEvent, "The event is not a JSON object.");
    }

    /// <summary>Makes and signs an event.</summary>
    /// <param name="seed">The 32-byte private seed.</param>
    /// <param name="card">The sender's card.</param>
    /// <param name="to">The recipient's DID.</param>
    /// <param name="type">The name of the type.</param>
    /// <param name="kind">A known kind.</param>
    /// <param name="body">Any JSON without floats.</param>
    /// <param name="timestamp">When it is made; written in UTC with a fraction of fixed width, so that texts sort by time.</param>
    /// <param name="isSealed">The body is <c>{"ct":…}</c>, which <c>enc</c> says. <see cref="OwnIdentity"/> seals.</param>
    /// <param name="ephemeralKey">The 32-byte key that the body is sealed by, where it is not the sender's own.</param>
    /// <param name="principal">The identity in whose name it is made; null for the sender's own.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidEvent"/> for an unknown kind or a float.</exception>
    public static SignedEvent Create(
        ReadOnlySpan<byte> seed, AgentCard card, string to, string type, uint kind, WireJson body, DateTimeOffset timestamp,
        bool isSealed = false, byte[]? ephemeralKey = null, EventPrincipal? principal = null)
    {
        ArgumentNullException.ThrowIfNull(card);
        ArgumentNullException.ThrowIfNull(to);
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(body);
        if (!EventKinds.IsKnown(kind))
        {
            throw new WireException(WireReason.InvalidEvent, "An event of an unknown kind would block the recipient's mailbox.");
        }

        var content = WireJson.ObjectOf(
            ("schema_version", WireJson.From(SchemaVersion)),
            ("timestamp", WireJson.From(timestamp.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture))),
            ("from", WireJson.From(card.Did)),
            ("to", WireJson.From(to)),
            ("type", WireJson.From(type)),
            ("kind", WireJson.From((ulong)kind)),
            ("body", body));
        if (isSealed)
        {
            content = content.With("enc", SealedBody.Scheme);
        }

        // So that whoever does not have that card notices (wireps.md §5).
        if (card.Json.GetInt64(CardSeqMember) is { } seq and > 0)
        {
            content = content.With(CardSeqMember, seq);
        }

        if (principal is not null)
        {
            content = content.With(PrincipalMember, principal.Did).With(PrincipalCardSeqMember, principal.CardSeq);
        }

        if (ephemeralKey is not null)
        {
            content = content.With("epk", StrictBase64.Encode(ephemeralKey));
        }

        return Sign(seed, card.Handle, content);
    }

    /// <summary>Signs the content of an event: id, key id and signature are set, older ones replaced.</summary>
    /// <param name="seed">The 32-byte private seed.</param>
    /// <param name="handle">The handle for the key id.</param>
    /// <param name="content">The event, an object without floats.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidEvent"/> for a float or anything but an object.</exception>
    public static SignedEvent Sign(ReadOnlySpan<byte> seed, string handle, WireJson content)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentNullException.ThrowIfNull(content);
        if (!content.IsObject)
        {
            throw new WireException(WireReason.InvalidEvent, "The event is not a JSON object.");
        }

        if (content.ContainsFloat)
        {
            // The text of a float differs between builds and may change in transit; the id would no longer fit.
            throw new WireException(WireReason.InvalidEvent, "An event with a number that is not an integer cannot be signed.");
        }

        var digest = CanonicalJson.Hash(content, CanonicalMode.Event);
        return new(content
            .With("event_id", Convert.ToHexStringLower(digest))
            .With("public_key_id", Fingerprint.KeyId(handle, Ed25519.PublicKey(seed)))
            .With("signature", StrictBase64.Encode(Ed25519.Sign(seed, digest))));
    }

    /// <summary>Checks the event against the keys of its sender.</summary>
    /// <param name="keysOfHandle">
    /// Gives the keys known under a handle, in the store's order; null when nobody is known under it.
    /// </param>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public EventVerdict Verify(Func<string, IReadOnlyList<EventKey>?> keysOfHandle)
    {
        ArgumentNullException.ThrowIfNull(keysOfHandle);
        if (From is not { } from)
        {
            return EventVerdict.MissingFrom;
        }

        if (Json.GetString("public_key_id") is not { } keyId)
        {
            return EventVerdict.MissingKeyId;
        }

        if (Json.GetString("signature") is not { } signatureText)
        {
            return EventVerdict.MissingSignature;
        }

        if (EventId is not { } eventId)
        {
            return EventVerdict.MissingEventId;
        }

        var digest = CanonicalJson.Hash(Json, CanonicalMode.Event);
        if (!string.Equals(Convert.ToHexStringLower(digest), eventId, StringComparison.Ordinal))
        {
            return EventVerdict.IdMismatch;
        }

        if (keysOfHandle(WireDid.DisplayHandle(from)) is not { } keys)
        {
            return EventVerdict.UnknownAgent;
        }

        if (keys.FirstOrDefault(key => key.KeyId == keyId) is not { } record)
        {
            return EventVerdict.UnknownKey;
        }

        return !record.IsActive ? EventVerdict.KeyInactive : VerifySignature(record.Key, signatureText, digest);
    }

    /// <summary>Checks the event against one card: its key, and that it is from that card's DID.</summary>
    /// <exception cref="WireException">libsodium is missing or broken.</exception>
    public EventVerdict Verify(AgentCard card)
    {
        ArgumentNullException.ThrowIfNull(card);
        var keys = ImmutableArray.Create(EventKey.Of(card));
        return Verify(_ => From == card.Did ? keys : null);
    }

    /// <summary>The name of the type; the content may be secret.</summary>
    public override string ToString() => nameof(SignedEvent);

    private static EventVerdict VerifySignature(string? keyText, string signatureText, ReadOnlySpan<byte> digest)
    {
        if (keyText is null)
        {
            return EventVerdict.MissingKey;
        }

        if (!StrictBase64.TryDecode(keyText, Ed25519.PublicKeyBytes, out var key)
            || !Ed25519.IsValidPublicKey(key)
            || !StrictBase64.TryDecode(signatureText, Ed25519.SignatureBytes, out var signature))
        {
            return EventVerdict.DecodeFailed;
        }

        return Ed25519.Verify(key, digest, signature) ? EventVerdict.Valid : EventVerdict.SignatureRejected;
    }
}
