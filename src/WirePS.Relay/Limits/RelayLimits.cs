using WirePS.Relay.Waiting;

namespace WirePS.Relay.Limits;

/// <summary>The sizes that the protocol fixes.</summary>
internal static class WireLimits
{
    /// <summary>A whole request body.</summary>
    public const int BodyBytes = 2 * 1024 * 1024;

    /// <summary>One event, as stored.</summary>
    public const int EventBytes = 256 * 1024;

    /// <summary>All events of a slot.</summary>
    public const long SlotBytes = 64L * 1024 * 1024;

    /// <summary>One page of events: it is held in memory while it is sent.</summary>
    public const long PageBytes = 8L * 1024 * 1024;

    /// <summary>Events of one page.</summary>
    public const int PageEvents = 1000;

    /// <summary>The code_hash of a rendezvous.</summary>
    public const int CodeHashBytes = 128;

    /// <summary>The first message of a side.</summary>
    public const int PairMessageBytes = 4 * 1024;

    /// <summary>The sealed bootstrap of a side; also a message of protocol v2.</summary>
    public const int MessageBytes = 64 * 1024;

    /// <summary>What an owner says about itself.</summary>
    public const int ResponderHealthBytes = 16 * 1024;

    /// <summary>The body of a grant.</summary>
    public const int GrantBytes = 16 * 1024;

    /// <summary>The body of an ack.</summary>
    public const int AckBytes = 4 * 1024;

    /// <summary>Items of one wait for many rendezvous.</summary>
    public const int WaitItems = 1000;

    /// <summary>The body of such a wait: more than as many items can need.</summary>
    public const int WaitBytes = 512 * 1024;

    /// <summary>Items of such a wait that count as one waiting request: what it costs is the memory that remembers them.</summary>
    public const int WaitItemsPerPlace = 64;

    /// <summary>The shortest life of a rendezvous, in seconds.</summary>
    public const int PairLifetimeMin = 1;

    /// <summary>The longest life of a rendezvous, in seconds.</summary>
    public const int PairLifetimeMax = 7 * 24 * 3600;
}

/// <summary>The limits of abuse, counted by source.</summary>
internal sealed class RelayLimits(RelayOptions options, TimeProvider time)
{
    private const int MaxSources = 50_000;

    public SourceResolver Sources { get; } = new(options.TrustedProxies);

    public TokenBuckets Allocations { get; } = new(options.AllocationsPerMinute, MaxSources, time);

    public TokenBuckets Rendezvous { get; } = new(options.RendezvousPerMinute, MaxSources, time);

    public OpenCounter<SourceAddress> Waiters { get; } = new(options.MaxWaitersPerSource);

    public OpenCounter<SourceAddress> UnboundWaits { get; } = new(options.MaxUnboundWaitsPerSource);

    public OpenCounter<string> Streams { get; } = new(options.MaxStreamsPerSlot);
}
