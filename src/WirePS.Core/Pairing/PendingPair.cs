using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using WirePS.Relay;

namespace WirePS.Pairing;

/// <summary>
/// One pairing, as it stands in its file (wire.md §6.1, wireps.md §2). Holds secrets; <see cref="ToString"/> does not
/// show them. What a machine may know is here and nowhere else: a restart goes on from it.
/// </summary>
public sealed record PendingPair
{
    /// <summary>The code, canonical; a secret while the pairing is open.</summary>
    public required string Code { get; init; }

    /// <summary>Names the rendezvous; a secret. Empty once nothing more is to be said to the relay.</summary>
    public required string CodeHash { get; init; }

    /// <summary>This side.</summary>
    public required PairRole Role { get; init; }

    /// <summary>The relay, in the one spelling of <see cref="Relay.RelayUrl"/>.</summary>
    public required string RelayUrl { get; init; }

    /// <summary>Where it stands.</summary>
    public required PairStatus Status { get; init; }

    /// <summary>The six digits of this side; a secret.</summary>
    public string? Sas { get; init; }

    /// <summary>The peer's DID, once it is known.</summary>
    public string? PeerDid { get; init; }

    /// <summary>When it was asked for.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The last trouble, in words; null when there is none.</summary>
    public string? LastError { get; init; }

    /// <summary>The rendezvous at the relay, 32 hex digits.</summary>
    public string? PairId { get; init; }

    /// <summary>Our mailbox that the peer may write to.</summary>
    public string? OurSlotId { get; init; }

    /// <summary>The token that the peer gets for it: its grant's, drawn with the pairing, or on an older relay the mailbox' own. A secret.</summary>
    public string? OurSlotToken { get; init; }

    /// <summary>What our secret scalar comes from (v1); 32 bytes, base64.</summary>
    [JsonPropertyName("spake2_seed_b64")]
    public string? Spake2Seed { get; init; }

    /// <summary>The protocol: 1 where the file does not say.</summary>
    public int Protocol { get; init; } = 1;

    /// <summary>32 hex digits: the pairing's name in journal, events and errors.</summary>
    public string Id { get; init; } = "";

    /// <summary>What kind of entry of the pending queue this is.</summary>
    public string Kind { get; init; } = PairKinds.Code;

    /// <summary>Counts the writes of the file.</summary>
    public long Version { get; init; }

    /// <summary>Which data the relay had when it was opened; null on a relay that does not say.</summary>
    public string? RelayId { get; init; }

    /// <summary>Its end.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When it reached a terminal status.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Why it ended, or what it waits for a person to resolve.</summary>
    public WireReason? Reason { get; init; }

    /// <summary>True where the reason is this side's own finding, or the peer's proven word.</summary>
    public bool? ReasonVerified { get; init; }

    /// <summary>The peer's key fingerprint as people compare it.</summary>
    public string? PeerFingerprint { get; init; }

    /// <summary>True once the peer is known to have pinned us.</summary>
    public bool PeerAcked { get; init; }

    /// <summary>What was sent and received, as the exact bytes, by phase.</summary>
    public PairMessages Messages { get; init; } = PairMessages.None;

    /// <summary>What proves to the relay that we are this side (v2); 64 hex digits, a secret.</summary>
    public string? SideToken { get; init; }

    /// <summary>The secrets of the moment (v2).</summary>
    public PairSecrets? Secrets { get; init; }

    /// <summary>Our highest phase of which the relay is known to hold all up to it (v2); -1 for none, -2 for a guest whose rendezvous the relay has lost.</summary>
    public int Posted { get; init; } = -1;

    /// <summary>True once the relay has said that both sides have confirmed (v2).</summary>
    public bool Decided { get; init; }

    /// <summary>When the peer was last told past the rendezvous that it is pinned (v2).</summary>
    public DateTimeOffset? ToldAt { get; init; }

    /// <summary>True once somebody else has tried to take a side of this pairing at the relay (v2).</summary>
    public bool Crowded { get; init; }

    /// <summary>Hash of the lookup (v2), kept when the code is gone: this home opens a code once.</summary>
    public string? LookupHash { get; init; }

    /// <summary>Our grant for this peer.</summary>
    public string? GrantId { get; init; }

    /// <summary>True from before the first attempt to open the rendezvous: its reply may have been lost.</summary>
    public bool OpenSent { get; init; }

    /// <summary>True where an attempt to open it may have been answered without this home having read the answer.</summary>
    public bool OpenUnanswered { get; init; }

    /// <summary>True once the relay has said that it holds our bootstrap.</summary>
    public bool BootstrapPosted { get; init; }

    /// <summary>The peer's name for itself.</summary>
    public string? PeerHandle { get; init; }

    /// <summary>True while a stop waits for the relay's word on a pairing that this side had confirmed.</summary>
    public bool Stopping { get; init; }

    /// <summary>True where the other side may have ended otherwise: ask it.</summary>
    public bool OutcomeUnknown { get; init; }

    /// <summary>What is still to be done after the end.</summary>
    public ImmutableArray<PairLeaving> Leaving { get; init; } = [];

    /// <summary>The invite that was accepted, as its URL; a secret, gone with the end.</summary>
    public string? Invite { get; init; }

    /// <summary>The URL of the token that this machine registers by; a secret, gone with the end.</summary>
    public string? DeviceUrl { get; init; }

    /// <summary>The name that this machine asks for as a device; null for the token's.</summary>
    public string? DeviceLabel { get; init; }

    /// <summary>How often the relay has taken our answer to the invite, or our request to be a device.</summary>
    public int Drops { get; init; }

    /// <summary>When that is repeated.</summary>
    public DateTimeOffset? NextDropAt { get; init; }

    /// <summary>Until then an answer that came while nobody was looking can still be found, after the end of the invite or token.</summary>
    public DateTimeOffset? GiveUpAt { get; init; }

    /// <summary>Every change of status so far: what the journal must hold, whoever was killed before writing it there.</summary>
    public ImmutableArray<PairTransition> Transitions { get; init; } = [];

    /// <summary>Members that this version does not know; they are kept.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }

    /// <summary>True where nothing can change the outcome any more.</summary>
    [JsonIgnore]
    public bool IsEnded => Status is PairStatus.Paired or PairStatus.Aborted or PairStatus.AbortedRestart;

    /// <inheritdoc/>
    public override string ToString() => $"pairing {Id}: {Status}";
}

/// <summary>The secrets of a v2 pairing: those before the key exchange, then those after it. Base64, but for the number.</summary>
public sealed record PairSecrets
{
    /// <summary>Our secret scalar; gone once the peer's share is stored.</summary>
    public string? Scalar { get; init; }

    /// <summary>The password scalar; gone with it.</summary>
    public string? W { get; init; }

    /// <summary>Opens our commitment to our key; gone with it.</summary>
    public string? IdNonce { get; init; }

    /// <summary>The host's nonce; gone with it.</summary>
    public string? Nonce { get; init; }

    /// <summary>Seals what the host sends.</summary>
    public string? KeyHost { get; init; }

    /// <summary>Seals what the guest sends.</summary>
    public string? KeyGuest { get; init; }

    /// <summary>What the peer's proof signs; the host's, until the guest's proof has come.</summary>
    public string? Proof { get; init; }

    /// <summary>The confirmation that the peer must send; until it has come.</summary>
    public string? PeerConfirm { get; init; }

    /// <summary>The host's six digits, until the guest has proven itself and they are shown.</summary>
    public string? OwnSas { get; init; }

    /// <summary>The six digits of the other side.</summary>
    public string? PeerSas { get; init; }

    /// <inheritdoc/>
    public override string ToString() => nameof(PairSecrets);
}

/// <summary>One change of status.</summary>
/// <param name="From">Before; null where it began.</param>
/// <param name="To">After.</param>
/// <param name="Time">When.</param>
public sealed record PairTransition(PairStatus? From, PairStatus To, DateTimeOffset Time);

/// <summary>What was sent and received, by the name of the phase.</summary>
/// <param name="Sent">Ours: stored before they are sent, sent again byte for byte.</param>
/// <param name="Received">The peer's: stored before they are acted on, never replaced.</param>
public sealed record PairMessages(ImmutableSortedDictionary<string, string> Sent, ImmutableSortedDictionary<string, string> Received)
{
    /// <summary>Nothing yet.</summary>
    public static PairMessages None { get; } = new(ImmutableSortedDictionary<string, string>.Empty, ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>With one more of ours.</summary>
    public PairMessages WithSent(string phase, string text) => this with { Sent = Sent.Add(phase, text) };

    /// <summary>With one more of the peer's.</summary>
    public PairMessages WithReceived(string phase, string text) => this with { Received = Received.Add(phase, text) };

    /// <inheritdoc/>
    public override string ToString() => $"sent {string.Join(',', Sent.Keys)}; received {string.Join(',', Received.Keys)}";
}

/// <summary>What a pairing still owes after its end.</summary>
public enum PairLeaving
{
    /// <summary>Tell the relay that the rendezvous, which we opened, is over.</summary>
    Abandon,

    /// <summary>Revoke the grant made for a peer that was not pinned.</summary>
    RevokeGrant,

    /// <summary>Tell the relay that we have pinned the peer.</summary>
    Finish,

    /// <summary>Learn whether the peer has pinned us.</summary>
    AwaitAck,

    /// <summary>Remove the peer that a stop came too late for.</summary>
    RemovePeer,

    /// <summary>Tell the other side, by the relay, that this side has ended (v2).</summary>
    SendAbort,

    /// <summary>Give back the name that was kept free for the peer.</summary>
    ReleaseName,
}
