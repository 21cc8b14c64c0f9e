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

    /// <summary>What the list of handles shows of a profile.</summary>
    public const int ProfileBytes = 4 * 1024;

    /// <summary>The vibes of a profile by which it can be found.</summary>
    public const int Vibes = 32;

    /// <summary>The URL of an invite.</summary>
    public const int InviteUrlBytes = 8 * 1024;

    /// <summary>The shortest life of a short URL, in seconds.</summary>
    public const int InviteLifetimeMin = 60;

    /// <summary>The longest life of a short URL, in seconds.</summary>
    public const int InviteLifetimeMax = 7 * 24 * 3600;

    /// <summary>Handles in the directory.</summary>
    public const int Handles = 100_000;

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
    private const int MaxBuckets = 50_000;

    /// <summary>Introductions from one source to one handle: as many at once, then one a minute.</summary>
    private const int IntrosPerHandle = 5;

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan IntroPeriod = TimeSpan.FromMinutes(5);

    public SourceResolver Sources { get; } = new(options.TrustedProxies);

    public TokenBuckets<SourceAddress> Allocations { get; } = new(options.AllocationsPerMinute, Minute, MaxBuckets, time);

    public TokenBuckets<SourceAddress> Rendezvous { get; } = new(options.RendezvousPerMinute, Minute, MaxBuckets, time);

    public TokenBuckets<SourceAddress> Claims { get; } = new(options.ClaimsPerMinute, Minute, MaxBuckets, time);

    public TokenBuckets<SourceAddress> Intros { get; } = new(options.IntrosPerMinute, Minute, MaxBuckets, time);

    /// <summary>Counted by source as well: nobody can use up what others may send to a handle (R3).</summary>
    public TokenBuckets<(SourceAddress Source, string Nick)> IntrosToHandle { get; } = new(IntrosPerHandle, IntroPeriod, MaxBuckets, time);

    public TokenBuckets<SourceAddress> Invites { get; } = new(options.InvitesPerMinute, Minute, MaxBuckets, time);

    public TokenBuckets<SourceAddress> Lookups { get; } = new(options.LookupsPerMinute, Minute, MaxBuckets, time);

    public OpenCounter<SourceAddress> Waiters { get; } = new(options.MaxWaitersPerSource);

    public OpenCounter<SourceAddress> UnboundWaits { get; } = new(options.MaxUnboundWaitsPerSource);

    public OpenCounter<string> Streams { get; } = new(options.MaxStreamsPerSlot);
}
