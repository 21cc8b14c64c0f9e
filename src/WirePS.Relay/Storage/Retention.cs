namespace WirePS.Relay.Storage;

/// <summary>How long what is kept (relay-v2.md).</summary>
internal static class Retention
{
    /// <summary>A rendezvous whose host did not say.</summary>
    public static readonly TimeSpan DefaultPairLifetime = TimeSpan.FromHours(24);

    /// <summary>A rendezvous that both sides have accepted (v1: both bootstraps are there), until both have said done.</summary>
    public static readonly TimeSpan DecidedPair = TimeSpan.FromDays(30);

    /// <summary>What remains of a rendezvous that is over: v1 the empty row when both are done, v2 all of one that ended or expired.</summary>
    public static readonly TimeSpan EndedPair = TimeSpan.FromDays(7);

    /// <summary>An event that nobody took; of one that was acked, its id.</summary>
    public static readonly TimeSpan Event = TimeSpan.FromDays(30);

    /// <summary>What says that a short URL has expired or is used up, after its expiry.</summary>
    public static readonly TimeSpan EndedInvite = TimeSpan.FromDays(1);

    /// <summary>A handle whose slot its owner has not asked for events for so long can be claimed through another slot.</summary>
    public static readonly TimeSpan IdleSlotOfHandle = Event;
}
