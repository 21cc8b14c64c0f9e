using WirePS.Identity;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Pairing;

/// <summary>
/// A pairing protocol as a pure machine: what to do next follows from the stored state alone, and what comes back from
/// doing it leads to the next state. No clock, random source, file or socket inside; they come in as values.
/// </summary>
public interface IPairProtocol
{
    /// <summary>The kind in the pairing's file.</summary>
    string Kind { get; }

    /// <summary>The number in the pairing's file.</summary>
    int Number { get; }

    /// <summary>What is to be done in a state. The same state gives the same answer in every process.</summary>
    PairEffect Next(PendingPair pair, DateTimeOffset now);

    /// <summary>
    /// The state after an input. An input that does not fit leaves the state as it is. Only what a person typed can be
    /// refused: <see cref="WireReason.OwnDigits"/>.
    /// </summary>
    PendingPair Step(PendingPair pair, PairInput input, DateTimeOffset now);

    /// <summary>
    /// True where a crash that forgets an input costs nothing but the same work again, and nobody else goes by it: what it
    /// leads to may be stored together with what comes next.
    /// </summary>
    /// <param name="pair">The state that it came to.</param>
    /// <param name="input">The input.</param>
    bool MayBeForgotten(PendingPair pair, PairInput input) => false;

    /// <summary>The card of the peer whose name is to be kept free from the confirmation on; null where it is not known before the pin.</summary>
    AgentCard? PeerToReserve(PendingPair pair) => null;
}

/// <summary>A protocol of pairings by code.</summary>
public interface ICodeProtocol : IPairProtocol
{
    /// <inheritdoc/>
    string IPairProtocol.Kind => PairKinds.Code;

    /// <summary>The first state of a new pairing.</summary>
    /// <param name="request">What was asked for, with fresh random bytes.</param>
    PendingPair Create(PairRequest request);
}

/// <summary>What a new pairing starts from.</summary>
/// <param name="Code">The canonical code.</param>
/// <param name="Role">This side.</param>
/// <param name="RelayUrl">The relay.</param>
/// <param name="OwnKey">Our public key, 32 bytes.</param>
/// <param name="Random">Fresh random bytes, <see cref="RandomBytes"/> of them; a secret.</param>
/// <param name="CreatedAt">Now.</param>
/// <param name="ExpiresAt">Its end.</param>
public sealed record PairRequest(string Code, PairRole Role, string RelayUrl, ReadOnlyMemory<byte> OwnKey, ReadOnlyMemory<byte> Random, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>How many random bytes a new pairing takes.</summary>
    public const int RandomBytes = 256;

    /// <summary>Its name: 32 hex digits.</summary>
    public string Id => Convert.ToHexStringLower(Random.Span[..16]);

    /// <summary>The grant that the peer will get.</summary>
    public Grant Grant => new(Convert.ToHexStringLower(Random.Span[16..32]), Convert.ToHexStringLower(Random.Span[32..64]));

    /// <summary>What is left for the protocol's own secrets.</summary>
    public ReadOnlyMemory<byte> Secrets => Random[64..];

    /// <inheritdoc/>
    public override string ToString() => $"{Role} of pairing {Id}";
}

/// <summary>Something that happened to a pairing.</summary>
public abstract record PairInput
{
    /// <summary>Its time is over.</summary>
    public sealed record TimeIsOver : PairInput;

    /// <summary>This side's person typed six digits.</summary>
    /// <param name="Digits">Exactly six ASCII digits; a secret.</param>
    /// <param name="OwnCard">Our card, as the peer gets it.</param>
    /// <param name="Random">Fresh random bytes, 32.</param>
    public sealed record Confirmed(string Digits, AgentCard OwnCard, ReadOnlyMemory<byte> Random) : PairInput
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(Confirmed);
    }

    /// <summary>This side's person stops it.</summary>
    public sealed record Stopped : PairInput;

    /// <summary>There is a mailbox for the peer to write to.</summary>
    /// <param name="SlotId">The mailbox.</param>
    /// <param name="SlotToken">Its own token, where the relay has no grants and the peer must get it; null where the grant is made. A secret.</param>
    /// <param name="RelayId">Which data the relay has; null on one that does not say.</param>
    public sealed record MailboxReady(string SlotId, string? SlotToken, string? RelayId) : PairInput
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(MailboxReady);
    }

    /// <summary>The peer is pinned.</summary>
    public sealed record Pinned : PairInput;

    /// <summary>The identity that the peer presented is not one to pin.</summary>
    /// <param name="Reason">Why.</param>
    public sealed record PeerRefused(WireReason Reason) : PairInput;

    /// <summary>The pin was refused: the name or DID is known with another key.</summary>
    /// <param name="Handle">The name.</param>
    public sealed record PinRefused(string Handle) : PairInput;

    /// <summary>One of the things owed after the end is done.</summary>
    /// <param name="What">Which.</param>
    public sealed record Left(PairLeaving What) : PairInput;

    /// <summary>This process has just read the pairing's file: an earlier one may have died in the middle of a send.</summary>
    public sealed record Restored : PairInput;

    /// <summary>A relay trouble that may pass.</summary>
    /// <param name="Message">In words, without secrets; null where it has passed.</param>
    /// <param name="Reason">What a person should know to mend it; null where it mends itself.</param>
    public sealed record Trouble(string? Message, WireReason? Reason = null) : PairInput;
}

/// <summary>What is to be done next for a pairing.</summary>
public abstract record PairEffect
{
    /// <summary>Nothing, until the file changes or a time comes.</summary>
    /// <param name="Until">The time; null for only the file.</param>
    public sealed record Rest(DateTimeOffset? Until) : PairEffect;

    /// <summary>An input that follows without asking anybody.</summary>
    /// <param name="Input">The input.</param>
    public sealed record Apply(PairInput Input) : PairEffect;

    /// <summary>The file has served its time.</summary>
    public sealed record Collect : PairEffect;

    /// <summary>Work outside the machine; doing it twice is harmless.</summary>
    public abstract record Work : PairEffect
    {
        /// <summary>True for the wait on the other side, which may be cut short at any time.</summary>
        public virtual bool IsWait => false;

        /// <summary>Does it, and gives what came of it; null where nothing did.</summary>
        /// <param name="surroundings">Relay, trust and mailboxes.</param>
        /// <param name="pair">The state that asked for it.</param>
        /// <param name="wait">How long a wait may take.</param>
        /// <param name="cancellationToken">Cuts it short.</param>
        public abstract Task<PairInput?> RunAsync(PairSurroundings surroundings, PendingPair pair, TimeSpan wait, CancellationToken cancellationToken);
    }
}

/// <summary>What the work of a pairing reaches outside its machine.</summary>
/// <param name="Relay">The pairing's relay.</param>
/// <param name="Relays">What the home knows of relays.</param>
/// <param name="Mailboxes">The home's mailboxes.</param>
/// <param name="Identity">Who the home is.</param>
/// <param name="Trust">Whom the home trusts.</param>
/// <param name="Peers">Removal of peers.</param>
/// <param name="Revocations">Grants to be revoked.</param>
/// <param name="Post">Sends events to peers.</param>
/// <param name="Random">Fresh random bytes.</param>
/// <param name="Time">The clock.</param>
public sealed record PairSurroundings(
    IRelay Relay,
    KnownRelays Relays,
    MailboxBook Mailboxes,
    IdentityStore Identity,
    TrustStore Trust,
    PeerOperations Peers,
    GrantRevocations Revocations,
    Messaging.EventPost Post,
    Cryptography.IRandomSource Random,
    TimeProvider Time);
