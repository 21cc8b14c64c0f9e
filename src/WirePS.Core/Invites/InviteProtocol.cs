using System.Security.Cryptography;
using System.Text;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>
/// The acceptor's side of an invite (wireps.md §6): its request is a <c>pair_drop</c>, and it pins the issuer when that has
/// acknowledged (flaw I9).
/// </summary>
/// <param name="number">2 for invites that ask for a proof; 1 for those that other programs make, whose issuers acknowledge nothing (wire.md §7.5).</param>
public sealed class InviteProtocol(int number) : MailboxRequestProtocol(PairKinds.Invite, number, new MailboxRequestNames(Drop, Ack), Times)
{
    /// <summary>The name under which our answer to the invite stands among what was sent.</summary>
    internal const string Drop = "drop";

    /// <summary>The name under which the issuer's address stands among what was received.</summary>
    internal const string Ack = "ack";

    // An acknowledgement may lie in the mailbox of a machine that was asleep when the invite ended.
    private static readonly MailboxRequestTimes Times = new(TimeSpan.FromMinutes(1), TimeSpan.FromHours(1), TimeSpan.FromMinutes(15));

    private protected override MailboxRequestWork.Prepare Prepare => new InviteWork.Prepare();

    private protected override MailboxRequestWork.Post Post => new InviteWork.Post();

    private protected override MailboxRequestWork.Pin Pin => new InviteWork.Pin();

    private protected override WireReason StaleReason => WireReason.InviteRevoked;

    private protected override string Way => "this invite";

    /// <summary>The first state of an accepted invite.</summary>
    /// <param name="invite">The invite.</param>
    /// <param name="random">Fresh random bytes, <see cref="MailboxRequestProtocol.RandomBytes"/> of them; a secret.</param>
    /// <param name="now">Now.</param>
    internal PendingPair Create(InviteUrl invite, ReadOnlySpan<byte> random, DateTimeOffset now) =>
        Begin(invite.Payload.Card, LookupOf(invite), invite.Payload.Route.RelayUrl, invite.Payload.ExpiresAt, random, now) with { Invite = invite.Text };

    /// <summary>The hash by which the same invite is known when it is accepted again; it does not lead to the nonce.</summary>
    internal static string LookupOf(InviteUrl invite) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes("WirePS/v2 accepted invite " + invite.Payload.Nonce)));

    /// <summary>The invite of a pairing that has not ended.</summary>
    internal static InvitePayload InviteOf(PendingPair pair) => InviteUrl.Parse(pair.Invite!, DateTimeOffset.UnixEpoch).Payload;

    /// <summary>The address that the issuer gave: that of its acknowledgement, else that of the invite.</summary>
    internal static PeerRoute RouteOf(PendingPair pair) =>
        pair.Messages.Received.TryGetValue(Ack, out var text) ? RouteOf(WireJson.Parse(text)) : InviteOf(pair).Route;

    /// <summary>True while the relay has our answer and the issuer has not said what became of it.</summary>
    public static bool IsWaitingForAck(PendingPair pair) => pair is { Kind: PairKinds.Invite, Status: PairStatus.Polling };

    /// <summary>True for a file that this machine can go on with.</summary>
    internal static bool IsSound(PendingPair pair) => IsSound(
        pair,
        pair.Invite,
        static text => InviteUrl.Parse(text, DateTimeOffset.UnixEpoch),
        static reason => reason is WireReason.InvalidInvite or WireReason.UnsupportedVersion);

    private protected override WireJson? AnswerIn(PairInput input) => input is InviteAnswered answered ? ToJson(answered.Route) : null;

    private protected override bool MayPin(PendingPair pair) => HasAnswer(pair) || (Number == 1 && pair.Drops > 0);

    private protected override bool IsAcked(PendingPair pair) => Number == 2 || HasAnswer(pair);

    private protected override WireReason ReasonAtEnd(PendingPair pair) => WireReason.InviteExpired;

    // Spread by the name, so that many that accepted at once do not all come back at once.
    private protected override double SpreadOf(PendingPair pair) => 0.75 + (Convert.FromHexString(pair.Id)[0] / 512.0);

    private protected override PendingPair StepAfterEnd(PendingPair pair, PairInput input) =>
        input is InviteAnswered && pair is { Status: PairStatus.Paired, PeerAcked: false } ? pair with { PeerAcked = true } : pair;
}
