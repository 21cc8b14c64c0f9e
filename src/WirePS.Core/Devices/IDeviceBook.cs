using System.Collections.Immutable;
using WirePS.Identity;

namespace WirePS.Devices;

/// <summary>Who admits devices to an identity from this home.</summary>
/// <param name="Key">The 32-byte Ed25519 key of this home.</param>
/// <param name="Rights">What it may do in the name of the identity, now.</param>
/// <param name="IsRoot">True where this home has the identity; false where it is one of its devices, and the root publishes the card.</param>
public sealed record DeviceIssuer(byte[] Key, DeviceRights Rights, bool IsRoot = true);

/// <summary>What a device that admits another one has claimed a place on the card with.</summary>
/// <param name="IssuerKey">The 32-byte key of the device that admits: what it may give is looked up when the card changes.</param>
/// <param name="ExpiresAt">The end of its token; until then the claim is remembered.</param>
public sealed record DeviceClaim(byte[] IssuerKey, DateTimeOffset ExpiresAt);

/// <summary>A device that has proved that it holds its key, with all that its entry needs.</summary>
/// <param name="Principal">The DID of the identity that it is to belong to.</param>
/// <param name="Card">The device's own card, verified.</param>
/// <param name="Rights">What it may do.</param>
/// <param name="Label">A name; null for none.</param>
/// <param name="Endpoints">Where it can be reached.</param>
/// <param name="AddedAt">When it was admitted; the same in every repetition.</param>
/// <param name="TokenHash">The token that admits it.</param>
/// <param name="Claim">The device whose token that is; null for a token of the root's own.</param>
public sealed record DeviceCandidate(
    string Principal, AgentCard Card, DeviceRights Rights, string? Label, ImmutableArray<DeviceEndpoint> Endpoints, DateTimeOffset AddedAt, string TokenHash, DeviceClaim? Claim = null);

/// <summary>What became of adding a device.</summary>
/// <param name="PrincipalCard">The identity's card with the device on it; null where the root has yet to publish it.</param>
/// <param name="IsNew">False where the device was there before.</param>
public sealed record DeviceAdded(AgentCard? PrincipalCard, bool IsNew);

/// <summary>
/// The device list of an identity, as the redemption of tokens needs it. Each method can be repeated: what was done
/// before a crash is found done.
/// </summary>
public interface IDeviceBook
{
    /// <summary>Who this home is to an identity. Reads only.</summary>
    /// <exception cref="WireException"><see cref="WireReason.PrincipalUnknown"/>: it is neither this home's identity nor one that lists it.</exception>
    Task<DeviceIssuer> IssuerAsync(string principal, CancellationToken cancellationToken);

    /// <summary>
    /// Looks whether a device could be added. Reads only, takes no lock of the tokens and asks nobody over the network: it is
    /// called while the tokens are locked.
    /// </summary>
    /// <exception cref="WireException">One of <see cref="DeviceRefusals"/>.</exception>
    Task CheckAsync(DeviceCandidate candidate, CancellationToken cancellationToken);

    /// <summary>
    /// Adds the device; it is durable when this returns. A key that is there already stays as it is, with its rights, and is
    /// never refused: a refusal frees the token. The rights of this home are looked at again, since they may be fewer now.
    /// </summary>
    /// <exception cref="WireException">
    /// One of <see cref="DeviceRefusals"/>: nothing was changed. <see cref="WireReason.TokenRefused"/>: the token of a device was used by another key, or
    /// its device was revoked; <see cref="WireReason.TooManyTokens"/>: the device that admits has too many tokens in use. Anything else: it may have been.
    /// </exception>
    Task<DeviceAdded> AddAsync(DeviceCandidate candidate, CancellationToken cancellationToken);

    /// <summary>Takes a device out again; false where there is none with this key.</summary>
    Task<bool> RemoveAsync(string principal, byte[] key, CancellationToken cancellationToken);
}

/// <summary>The reasons by which a device book refuses a device without having changed anything.</summary>
public static class DeviceRefusals
{
    /// <summary>True for such a reason.</summary>
    public static bool Contains(WireReason reason) => reason is
        WireReason.PrincipalUnknown or WireReason.RightsExceeded or WireReason.TooManyDevices or WireReason.SelfPairing
        or WireReason.IdentityConflict or WireReason.InvalidCard;
}
