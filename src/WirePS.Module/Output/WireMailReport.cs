using WirePS.Messaging;

namespace WirePS.Module.Output;

/// <summary>What a tick did with mailboxes and outbox.</summary>
public sealed class WireMailReport
{
    /// <summary>Messages that were received.</summary>
    public int Received { get; init; }

    /// <summary>Other events that had their effect.</summary>
    public int Handled { get; init; }

    /// <summary>Events that were passed over; <c>Get-WireMessage -Refused</c> shows them.</summary>
    public int Refused { get; init; }

    /// <summary>Events that were delivered.</summary>
    public int Delivered { get; init; }

    /// <summary>Events that could not be delivered, and are no longer tried.</summary>
    public int Failed { get; init; }

    /// <summary>Events that wait in the outbox.</summary>
    public int Waiting { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    /// <summary>True where nothing happened and nothing waits.</summary>
    internal bool IsEmpty => (Received, Handled, Refused, Delivered, Failed, Waiting) == default;

    internal static WireMailReport Of(MailPassReport report, WireEngine engine)
    {
        var delivered = report.Deliveries.Count(static d => d.Status is DeliveryStatus.Delivered or DeliveryStatus.Duplicate);
        return new WireMailReport
        {
            Received = report.Taken.Messages,
            Handled = report.Taken.Handled,
            Refused = report.Taken.Refused,
            Delivered = delivered,
            Failed = report.Deliveries.Count(static d => d.Status != DeliveryStatus.Queued) - delivered,
            Waiting = engine.Outbox.Count(),
            WireHome = engine.Home.Root,
        };
    }

    /// <summary>What came, what went, and what waits.</summary>
    public override string ToString() => $"received {Received}, delivered {Delivered}, waiting {Waiting}";
}
