using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>What can be said of an invite that was issued here.</summary>
public enum InviteStatus
{
    /// <summary>It can be accepted.</summary>
    Open,

    /// <summary>As many as it was made for have accepted it.</summary>
    UsedUp,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>It was taken back.</summary>
    Revoked,
}

/// <summary>
/// An invite that this home has issued, as it stands in its file (wireps.md §6). It holds the public key of its proof and
/// never its secret: who steals the file cannot accept.
/// </summary>
public sealed record IssuedInvite
{
    /// <summary>How long an invite is remembered after its end, so that late answers to it are told.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromDays(30);

    /// <summary>The format of the file.</summary>
    public int Version { get; init; } = 1;

    /// <summary>32 hex digits: its name. No secret.</summary>
    public required string InviteId { get; init; }

    /// <summary>2: it asks for a proof; 1: it takes the bare nonce, as other programs send it.</summary>
    public required int Protocol { get; init; }

    /// <summary>The key of its proofs (<see cref="InviteProof.PublicKey"/>): 64 hex digits.</summary>
    public required string PublicKey { get; init; }

    /// <summary>The relay that answers come by.</summary>
    public required string RelayUrl { get; init; }

    /// <summary>The mailbox that answers come to.</summary>
    public required string SlotId { get; init; }

    /// <summary>The grant in the invite: good for answers, until the invite ends.</summary>
    public required string GrantId { get; init; }

    /// <summary>How many keys may accept it.</summary>
    public required int Uses { get; init; }

    /// <summary>A name for it, given to those that accept it too; null for none.</summary>
    public string? Label { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends, in whole seconds.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When it was taken back; null where it was not.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>The keys that have used it, in order.</summary>
    public ImmutableArray<InviteUse> Accepted { get; init; } = [];

    /// <summary>Members that this version does not know; they are kept.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }

    /// <summary>How many keys may still accept it.</summary>
    [JsonIgnore]
    public int UsesLeft => Math.Max(0, Uses - Accepted.Length);

    /// <summary>The grant in the invite as the mailbox' relay knows it.</summary>
    [JsonIgnore]
    public GivenGrant Grant => new(RelayUrl, SlotId, GrantId);

    /// <summary>Where it stands.</summary>
    public InviteStatus StatusAt(DateTimeOffset now) =>
        RevokedAt is not null ? InviteStatus.Revoked
        : now > ExpiresAt ? InviteStatus.Expired
        : UsesLeft == 0 ? InviteStatus.UsedUp
        : InviteStatus.Open;

    /// <summary>True where it is over for so long that nothing is remembered of it.</summary>
    internal bool IsForgottenAt(DateTimeOffset now) => now > (RevokedAt is { } revoked && revoked < ExpiresAt ? revoked : ExpiresAt) + Remembered;

    /// <summary>What the journal holds of it: its making, each use, its end by a person.</summary>
    internal IReadOnlyList<JournalRecord> ToJournal()
    {
        var records = new List<JournalRecord> { new(CreatedAt, JournalKind, InviteId, null, "open") };
        records.AddRange(Accepted.Select(use => new JournalRecord(use.At, JournalKind, InviteId, "open", "used", null, use.Did)));
        if (RevokedAt is { } revoked)
        {
            records.Add(new JournalRecord(revoked, JournalKind, InviteId, "open", "revoked"));
        }

        return records;
    }

    /// <inheritdoc/>
    public override string ToString() => $"invite {InviteId}";

    private const string JournalKind = "invite";
}

/// <summary>A key that has used an invite.</summary>
/// <param name="Key">64 hex digits.</param>
/// <param name="Did">Its DID.</param>
/// <param name="At">When its first answer was taken.</param>
/// <param name="AnsweredAt">When, by its word, its newest answer was made.</param>
/// <param name="GrantId">The grant that it gets for our mailbox.</param>
/// <param name="GrantToken">That grant's token: the same key gets the same acknowledgement. A secret.</param>
public sealed record InviteUse(string Key, string Did, DateTimeOffset At, DateTimeOffset AnsweredAt, string GrantId, string GrantToken)
{
    /// <inheritdoc/>
    public override string ToString() => Did;
}

[JsonSerializable(typeof(IssuedInvite))]
internal sealed partial class IssuedInviteJson : JsonSerializerContext;
