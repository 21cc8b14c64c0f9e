using WirePS.Messaging;
using WirePS.Module.Binding;

namespace WirePS.Module.Output;

/// <summary>
/// A message, in either direction. What the other side wrote stands in <see cref="Body"/> exactly as it wrote it; what
/// is shown is <see cref="Text"/>, without control characters.
/// </summary>
public sealed class WireMessage
{
    private const int PreviewLength = 400;

    /// <summary>The id of its event, 64 hex digits.</summary>
    public required string Id { get; init; }

    /// <summary><c>Received</c> or <c>Sent</c>.</summary>
    public required string Direction { get; init; }

    /// <summary>When it was received; for one that was sent, when its fate was known, or when it was made.</summary>
    public DateTime Time { get; init; }

    /// <summary>The name that the peer gives itself: its claim, without control characters.</summary>
    public required string Peer { get; init; }

    /// <summary>The peer's DID; the signature was checked against the key that is pinned under it.</summary>
    public required string PeerDid { get; init; }

    /// <summary>The DID of the peer's machine that signed it, where that is one of the peer's devices; nothing where it is the peer's root, and for one that was sent.</summary>
    public string? Device { get; init; }

    /// <summary>The name of the type, as the sender chose it; without control characters.</summary>
    public string? Type { get; init; }

    /// <summary>The kind.</summary>
    public int Kind { get; init; }

    /// <summary>True where nobody between the two could read it.</summary>
    public bool Sealed { get; init; }

    /// <summary>The body: text, a number, true or false, an array or an object. Nothing where <see cref="Problem"/> says why.</summary>
    public object? Body { get; init; }

    /// <summary>The body on one line, without control characters, cut where it is long.</summary>
    public required string Text { get; init; }

    /// <summary>The body as JSON.</summary>
    public string? Json { get; init; }

    /// <summary>When its sender says that it was made.</summary>
    public DateTime MadeAt { get; init; }

    /// <summary>What became of one that was sent, as a name of <see cref="DeliveryStatus"/>; nothing for one that was received. Delivered where all machines of the peer have it.</summary>
    public string? Status { get; init; }

    /// <summary>The DIDs of the peer's devices that it has not reached yet.</summary>
    public required string[] WaitingFor { get; init; }

    /// <summary>Why there is no body, as a name of <see cref="MessageProblem"/>.</summary>
    public string? Problem { get; init; }

    /// <summary>Why one that was sent still waits.</summary>
    public string? LastError { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    internal static WireMessage Of(Message message, WireEngine engine)
    {
        var json = message.Body?.ToCompactString();
        return new WireMessage
        {
            Id = message.Id,
            Direction = message.Direction.ToString(),
            Time = message.At.LocalDateTime,
            Peer = Printable.Of(message.Peer),
            PeerDid = Printable.Of(message.PeerDid),
            Device = Printable.Of(message.Device),
            Type = Printable.Of(message.Type),
            Kind = (int)message.Kind,
            Sealed = message.IsSealed,
            Body = MessageBody.ToObject(message.Body),
            Text = Preview(message, json),
            Json = json,
            MadeAt = message.Timestamp.LocalDateTime,
            Status = message.Status?.ToString(),
            WaitingFor = [.. message.WaitingFor.Select(static d => Printable.Of(d)!)],
            Problem = message.Problem?.ToString(),
            LastError = Printable.Of(message.Trouble),
            WireHome = engine.Home.Root,
        };
    }

    /// <summary>The peer and the text.</summary>
    public override string ToString() => $"{Peer}: {Text}";

    private static string Preview(Message message, string? json)
    {
        if (message.Problem is { } problem)
        {
            return problem switch
            {
                MessageProblem.Damaged => "(damaged: what stands in its file is not what came)",
                MessageProblem.PeerUnknown => "(sealed by a peer that is no longer known here)",
                _ => "(its seal does not open)",
            };
        }

        var text = message.Body?.AsString() is { } plain ? plain.ReplaceLineEndings(" ").Replace('\t', ' ') : json!;
        return Printable.Of(text.Length > PreviewLength ? text[..PreviewLength] + "…" : text);
    }
}
