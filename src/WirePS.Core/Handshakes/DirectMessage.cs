using System.Globalization;
using System.Security.Cryptography;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Handshakes;

/// <summary>A message of the handshake that came over a connection of its own, and whose signature holds.</summary>
/// <param name="Message">What it says. With the older signature alone, its nonce is the hash of its content.</param>
/// <param name="Card">The card in it; null with the older signature alone.</param>
/// <param name="PublicKey">The key that signed it, 32 bytes.</param>
/// <param name="NodeId">The node id that it claims.</param>
/// <param name="AnswerPort">The port that its sender takes answers at; null for none.</param>
/// <param name="Sealed">The address that it hands over, sealed; null for none.</param>
internal sealed record DirectMessage(TrustMessage Message, AgentCard? Card, byte[] PublicKey, uint NodeId, int? AnswerPort, string? Sealed)
{
    private const int MaxCardBytes = 16 * 1024;

    /// <summary>Puts a message of ours into the form in which it goes over a connection of its own (wireps.md §8).</summary>
    /// <param name="message">The message.</param>
    /// <param name="own">Its sender.</param>
    /// <param name="answerPort">Where answers are taken; null for nowhere.</param>
    /// <param name="sealedAddress">The address that it hands over, sealed; null for none.</param>
    /// <param name="olderReceiver">The node id of the receiver, where policy allows the older signature; null for a message without it.</param>
    internal static HandshakeMessage Write(TrustMessage message, OwnIdentity own, int? answerPort, string? sealedAddress, uint? olderReceiver)
    {
        var signed = message.Sign(own);
        var ours = new Dictionary<string, string>(StringComparer.Ordinal) { ["v2_card"] = own.Card.JsonText };
        foreach (var name in (string[])["v2_nonce", "v2_from", "v2_to", "v2_to_key", "v2_request", "v2_signature"])
        {
            if (signed.GetString(name) is { } value)
            {
                ours[name] = value;
            }
        }

        if (answerPort is { } port)
        {
            ours["v2_answer"] = port.ToString(CultureInfo.InvariantCulture);
        }

        if (sealedAddress is not null)
        {
            ours["v2_sealed"] = sealedAddress;
        }

        return WriteOlder(message.Type, own, message.Type == TrustMessageType.Request ? message.Justification : message.Reason, message.Timestamp, olderReceiver) with { Ours = ours };
    }

    /// <summary>The seven members alone, for programs that know no other.</summary>
    internal static HandshakeMessage WriteOlder(TrustMessageType type, OwnIdentity own, string text, long timestamp, uint? receiver)
    {
        var id = Handshakes.NodeId.Of(own.Card.PublicKey);
        return new HandshakeMessage
        {
            Type = "handshake_" + TrustMessage.NameOf(type),
            NodeId = id,
            PublicKey = StrictBase64.Encode(own.Card.PublicKey),
            Justification = type == TrustMessageType.Request ? text : "",
            Reason = type == TrustMessageType.Request ? "" : text,
            Signature = receiver is { } to ? StrictBase64.Encode(own.Sign(HandshakeMessage.SignedText(id, to))) : "",
            Timestamp = timestamp,
        };
    }

    /// <summary>Checks a message as far as it can tell by itself: form, time, key, card, signature, and whom it is for.</summary>
    /// <param name="bytes">The whole message.</param>
    /// <param name="own">The card of this home.</param>
    /// <param name="allowsOlder">True where the older signature is enough.</param>
    /// <param name="now">The time.</param>
    /// <param name="fault">What is wrong with it.</param>
    /// <returns>The message; null where something is.</returns>
    internal static DirectMessage? Read(ReadOnlySpan<byte> bytes, AgentCard own, bool allowsOlder, DateTimeOffset now, out HandshakeFault fault)
    {
        fault = HandshakeFault.Malformed;
        if (HandshakeMessage.TryParse(bytes) is not { } message)
        {
            return null;
        }

        fault = HandshakeInspection.CheckClaims(message, own.PublicKey, now, out var key);
        if (fault != HandshakeFault.None)
        {
            return null;
        }

        // Who has sent a signature of ours is held to it: what fails there does not pass as something weaker.
        var read = message.Ours.Count > 0 ? ReadOurs(message, key, own, out fault) : ReadOlder(message, key, own, allowsOlder, out fault);
        return fault == HandshakeFault.None ? read : null;
    }

    private static DirectMessage? ReadOurs(HandshakeMessage message, byte[] key, AgentCard own, out HandshakeFault fault)
    {
        fault = HandshakeFault.BadKey;
        if (CardOf(message, key) is not { } card)
        {
            return null;
        }

        var id = Handshakes.NodeId.Of(key);
        fault = id == message.NodeId ? HandshakeFault.BadSignature : HandshakeFault.WrongNode;
        if (fault == HandshakeFault.WrongNode || TrustMessage.Read(TypeOf(message), MembersOf(message), card.Did, key) is not { } read)
        {
            return null;
        }

        int? port = null;
        if (message.Ours.TryGetValue("v2_answer", out var answer))
        {
            port = int.TryParse(answer, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= ushort.MaxValue ? number : null;
        }

        // Only a request may go to somebody whose key its sender does not know.
        var isForUs = read.IsTo(own) || (read.Type == TrustMessageType.Request && read.ToKey is null);
        fault = isForUs ? HandshakeFault.None : HandshakeFault.WrongRecipient;
        return new DirectMessage(read, card, key, id, port, message.Ours.GetValueOrDefault("v2_sealed"));
    }

    private static DirectMessage? ReadOlder(HandshakeMessage message, byte[] key, AgentCard own, bool allowsOlder, out HandshakeFault fault)
    {
        fault = allowsOlder ? HandshakeInspection.CheckOlderSignature(message, key, Handshakes.NodeId.Of(own.PublicKey)) : HandshakeFault.BadSignature;
        if (fault != HandshakeFault.None)
        {
            return null;
        }

        // The same content again is the same message, however it is spelled.
        var content = WireJson.ObjectOf(
            ("type", WireJson.From(message.Type)),
            ("key", WireJson.From(Convert.ToHexStringLower(key))),
            ("node_id", WireJson.From((long)message.NodeId)),
            ("justification", WireJson.From(message.Justification)),
            ("reason", WireJson.From(message.Reason)),
            ("timestamp", WireJson.From(message.Timestamp)));
        var hash = Convert.ToHexStringLower(SHA256.HashData([.. "WirePS/handshake older\0"u8, .. CanonicalJson.Canonicalize(content, CanonicalMode.WholeObject)]));
        var handle = TrustExchange.HandleOf(message.NodeId);
        var read = new TrustMessage
        {
            Type = TypeOf(message),
            From = WireDid.ForSession(handle, key),
            FromKey = Convert.ToHexStringLower(key),
            Justification = HandshakeText.Clean(message.Justification),
            Reason = HandshakeText.Clean(message.Reason),
            Timestamp = message.Timestamp,
            Nonce = hash[..32],
        };
        return new DirectMessage(read, null, key, message.NodeId, DirectAddress.DefaultPort, null);
    }

    private static TrustMessageType TypeOf(HandshakeMessage message) => message.Type switch
    {
        HandshakeMessage.RequestType => TrustMessageType.Request,
        HandshakeMessage.AcceptType => TrustMessageType.Accept,
        HandshakeMessage.RejectType => TrustMessageType.Reject,
        _ => TrustMessageType.Revoke,
    };

    private static WireJson MembersOf(HandshakeMessage message)
    {
        var members = WireJson.ObjectOf(("justification", WireJson.From(message.Justification)), ("reason", WireJson.From(message.Reason)), ("timestamp", WireJson.From(message.Timestamp)));
        return message.Ours.Aggregate(members, static (all, member) => all.With(member.Key, member.Value));
    }

    private static AgentCard? CardOf(HandshakeMessage message, byte[] key)
    {
        if (!message.Ours.TryGetValue("v2_card", out var text) || text.Length > MaxCardBytes)
        {
            return null;
        }

        try
        {
            var card = AgentCard.Parse(System.Text.Encoding.UTF8.GetBytes(text)).Verify().RequireSingleKey();
            return card.PublicKey.AsSpan().SequenceEqual(key) && TrustStore.IsStorable(card) && HandleRules.IsSafeFileName(card.Handle) ? card : null;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidCard or WireReason.InvalidJson)
        {
            return null;
        }
    }

    /// <summary>What it is and of whom.</summary>
    public override string ToString() => $"{Message} of {Message.From}";
}
