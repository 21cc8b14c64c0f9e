using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using WirePS.Cryptography;

namespace WirePS.Handshakes;

/// <summary>
/// One message of the handshake as it stands on the wire (handshake.md §2): a JSON object with seven members, and in
/// messages of our programs those of wireps.md §8 after them, which other programs ignore. Reading one checks its form
/// and nothing else; <see cref="HandshakeInspection"/> checks what it claims.
/// </summary>
public sealed record HandshakeMessage
{
    /// <summary>The largest message that is read or made, in bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>A request for trust.</summary>
    public const string RequestType = "handshake_request";

    /// <summary>The answer that grants it.</summary>
    public const string AcceptType = "handshake_accept";

    /// <summary>The answer that does not.</summary>
    public const string RejectType = "handshake_reject";

    /// <summary>Takes trust back.</summary>
    public const string RevokeType = "handshake_revoke";

    private const int MaxDepth = 64;

    /// <summary>What it is; any text, of which four are known.</summary>
    public string Type { get; init; } = "";

    /// <summary>The sender's node id; a claim.</summary>
    public uint NodeId { get; init; }

    /// <summary>The sender's key as base64; empty where it has none.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>Why the sender asks, as it wrote it: to be shown only through <see cref="HandshakeText"/>.</summary>
    public string Justification { get; init; } = "";

    /// <summary>The older signature as base64, over the two node ids alone (handshake.md §2.1); empty where there is none.</summary>
    public string Signature { get; init; } = "";

    /// <summary>Why the answer is no, as the sender wrote it.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When it was made by the sender's clock, in Unix seconds.</summary>
    public long Timestamp { get; init; }

    /// <summary>The members of wireps.md §8 by their names (<c>v2_nonce</c>, …); empty in messages of other programs.</summary>
    public IReadOnlyDictionary<string, string> Ours { get; init; } = EmptyMembers;

    private static Dictionary<string, string> EmptyMembers { get; } = [];

    /// <summary>The names of the members that messages of ours add, in the order in which they are written (wireps.md §8).</summary>
    internal static IReadOnlyList<string> OurNames { get; } = ["v2_nonce", "v2_from", "v2_to", "v2_to_key", "v2_request", "v2_card", "v2_answer", "v2_sealed", "v2_signature"];

    /// <summary>The text that the older signature covers (handshake.md §2.1), the same for every type.</summary>
    public static byte[] SignedText(uint sender, uint receiver) => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"handshake:{sender}:{receiver}"));

    /// <summary>
    /// Reads a message: any JSON object, its members in any order and letter case, unknown ones passed over. Of equal names
    /// the last counts, <c>null</c> changes nothing, bytes that are not UTF-8 become U+FFFD. Null for everything else: a
    /// member of another kind, a number out of its range or written with fraction or exponent, more than the object,
    /// more than <see cref="MaxBytes"/>, nesting deeper than 64.
    /// </summary>
    /// <param name="bytes">The whole message.</param>
    public static HandshakeMessage? TryParse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytes)
        {
            return null;
        }

        try
        {
            var text = Utf8.IsValid(bytes) ? bytes : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes));
            var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MaxDepth });
            return Read(ref reader);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // Not JSON, a member of another kind, or an escape that is half a character.
            return null;
        }
    }

    /// <summary>The bytes of the message: what the real programs write, without white space, then the members of ours that are there.</summary>
    /// <exception cref="WireException"><see cref="WireReason.MessageTooLarge"/>.</exception>
    public byte[] ToBytes()
    {
        var text = new StringBuilder(512);
        text.Append("{\"type\":");
        GoJson.AppendText(text, Type);
        text.Append(CultureInfo.InvariantCulture, $",\"node_id\":{NodeId}");
        foreach (var (name, value) in ((string, string)[])[("public_key", PublicKey), ("justification", Justification), ("signature", Signature), ("reason", Reason)])
        {
            AppendMember(text, name, value);
        }

        text.Append(CultureInfo.InvariantCulture, $",\"timestamp\":{Timestamp}");
        foreach (var name in OurNames)
        {
            if (Ours.TryGetValue(name, out var value))
            {
                AppendMember(text, name, value);
            }
        }

        var bytes = Encoding.UTF8.GetBytes(text.Append('}').ToString());
        return bytes.Length <= MaxBytes ? bytes : throw new WireException(WireReason.MessageTooLarge);
    }

    /// <summary>Type and claimed sender; nothing that the sender wrote.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(Type)} of node {NodeId}");

    private static HandshakeMessage? Read(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        var message = new HandshakeMessage();
        var ours = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
            {
                continue;
            }

            if (With(message, ours, name, ref reader) is not { } next)
            {
                return null;
            }

            message = next;
        }

        // Reading on to the end refuses what follows the object.
        reader.Read();
        return ours.Count == 0 ? message : message with { Ours = ours };
    }

    private static HandshakeMessage? With(HandshakeMessage message, Dictionary<string, string> ours, string name, ref Utf8JsonReader reader)
    {
        switch (name.ToLowerInvariant())
        {
            case "type":
                return message with { Type = reader.GetString()! };
            case "node_id":
                return reader.TryGetUInt32(out var id) ? message with { NodeId = id } : null;
            case "public_key":
                return message with { PublicKey = reader.GetString()! };
            case "justification":
                return message with { Justification = reader.GetString()! };
            case "signature":
                return message with { Signature = reader.GetString()! };
            case "reason":
                return message with { Reason = reader.GetString()! };
            case "timestamp":
                return reader.TryGetInt64(out var time) ? message with { Timestamp = time } : null;
            default:
                return Other(message, ours, name, ref reader);
        }
    }

    // Members of ours have one spelling, and stand there once: no two readers may see two messages in the same bytes.
    private static HandshakeMessage? Other(HandshakeMessage message, Dictionary<string, string> ours, string name, ref Utf8JsonReader reader)
    {
        if (OurNames.Contains(name))
        {
            return ours.TryAdd(name, reader.GetString()!) ? message : null;
        }

        reader.Skip();
        return message;
    }

    private static void AppendMember(StringBuilder text, string name, string value)
    {
        text.Append(CultureInfo.InvariantCulture, $",\"{name}\":");
        GoJson.AppendText(text, value);
    }
}
