using WirePS.Messaging;

namespace WirePS.Module.Output;

/// <summary>An event that came to a mailbox of this home and was passed over. Nothing that it says of itself is proven.</summary>
public sealed class WireRefusedEvent
{
    /// <summary>When.</summary>
    public DateTime Time { get; init; }

    /// <summary>Why, as a name of <see cref="EventRefusal"/>.</summary>
    public required string Reason { get; init; }

    /// <summary>More of it, in words.</summary>
    public string? Detail { get; init; }

    /// <summary>Whom it claims to come from.</summary>
    public string? From { get; init; }

    /// <summary>The type that it claims.</summary>
    public string? Type { get; init; }

    /// <summary>The kind that it claims.</summary>
    public long? Kind { get; init; }

    /// <summary>The id that it claims.</summary>
    public string? Id { get; init; }

    /// <summary>The relay that handed it on.</summary>
    public required string Relay { get; init; }

    /// <summary>The grant that it came by, as the relay says.</summary>
    public string? GrantId { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireRefusedEvent Of(RefusedEvent refused, WireEngine engine) => new()
    {
        Time = refused.At.LocalDateTime,
        Reason = refused.Reason.ToString(),
        Detail = Printable.Of(refused.Detail),
        From = Printable.Of(refused.From),
        Type = Printable.Of(refused.Type),
        Kind = refused.Kind,
        Id = Printable.Of(refused.Id),
        Relay = Printable.Of(refused.RelayUrl),
        GrantId = Printable.Of(refused.GrantId),
        WireHome = engine.Home.Root,
    };

    /// <summary>The reason and the claimed sender.</summary>
    public override string ToString() => $"{Reason}: {From}";
}
