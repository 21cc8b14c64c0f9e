using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Invites;

/// <summary>The issuer of an invite has acknowledged: it has pinned us.</summary>
/// <param name="Route">The address that it has for us alone.</param>
internal sealed record InviteAnswered(PeerRoute Route) : PairInput;
