using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>The issuer of a device URL has admitted this machine.</summary>
/// <param name="PrincipalCard">The identity's card, with this machine on it.</param>
/// <param name="Route">The address that it has for this machine alone; null for none.</param>
internal sealed record DeviceAdmitted(AgentCard PrincipalCard, PeerRoute? Route) : PairInput;
