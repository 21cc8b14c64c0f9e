using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>What comes back from the work of an accepted invite, and what its issuer says.</summary>
internal abstract record InviteInput : PairInput
{
    /// <summary>There is a mailbox for the issuer's answer, and our own answer to the invite.</summary>
    /// <param name="Mailbox">The mailbox.</param>
    /// <param name="Body">The body of our answer, compact JSON; holds what the issuer is to write with.</param>
    internal sealed record Prepared(MailboxReady Mailbox, string Body) : InviteInput
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(Prepared);
    }

    /// <summary>The relay holds our answer.</summary>
    internal sealed record Dropped : InviteInput;

    /// <summary>The relay takes nothing by this invite: it was revoked, or its time is over.</summary>
    internal sealed record Stale : InviteInput;

    /// <summary>The issuer has acknowledged: it has pinned us.</summary>
    /// <param name="Route">The address that it has for us alone.</param>
    internal sealed record Answered(PeerRoute? Route) : InviteInput;

    /// <summary>The issuer has refused.</summary>
    /// <param name="Reason">Why.</param>
    internal sealed record Refused(WireReason Reason) : InviteInput;
}
