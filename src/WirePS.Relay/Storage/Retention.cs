namespace WirePS.Relay.Storage;

/// <summary>How long what is kept (relay-v2.md).</summary>
internal static class Retention
{
    /// <summary>A rendezvous whose host did not say.</summary>
    public static readonly TimeSpan DefaultPairLifetime = TimeSpan.FromHours(24);

    /// <summary>A rendezvous in which both bootstraps are, until both sides have said done.</summary>
    public static readonly TimeSpan DecidedPair = TimeSpan.FromDays(30);

    /// <summary>The empty remains of a rendezvous in which both sides have said done.</summary>
    public static readonly TimeSpan EndedPair = TimeSpan.FromDays(7);

    /// <summary>An event that nobody took.</summary>
    public static readonly TimeSpan Event = TimeSpan.FromDays(30);
}
