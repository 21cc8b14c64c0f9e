using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>What comes back from the work of a registration, and what the issuer says.</summary>
internal abstract record DeviceInput : PairInput
{
    /// <summary>There is a mailbox for this machine, and its request.</summary>
    /// <param name="Mailbox">The mailbox.</param>
    /// <param name="Body">The body of the request, compact JSON; a secret.</param>
    internal sealed record Prepared(MailboxReady Mailbox, string Body) : DeviceInput
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(Prepared);
    }

    /// <summary>The relay holds our request.</summary>
    internal sealed record Requested : DeviceInput;

    /// <summary>The relay takes nothing by this URL: the token was removed, or its time is over.</summary>
    internal sealed record Stale : DeviceInput;

    /// <summary>The issuer has admitted this machine.</summary>
    /// <param name="PrincipalCard">The identity's card, with this machine on it.</param>
    /// <param name="Route">The address that it has for this machine alone; null for none.</param>
    internal sealed record Admitted(AgentCard PrincipalCard, PeerRoute? Route) : DeviceInput;

    /// <summary>The issuer has refused.</summary>
    /// <param name="Reason">Why.</param>
    internal sealed record Refused(WireReason Reason) : DeviceInput;
}
