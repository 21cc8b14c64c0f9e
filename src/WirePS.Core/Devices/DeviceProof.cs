using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Devices;

/// <summary>
/// The proof that a device holds its key (wireps.md §7), bound to issuer, token and identity: nobody who finds the token
/// can register a key that is not theirs, and no proof serves twice for different things.
/// </summary>
public static class DeviceProof
{
    private static readonly byte[] Context = Encoding.ASCII.GetBytes("WirePS/v2 device");

    /// <summary>Proves it.</summary>
    /// <param name="device">The device.</param>
    /// <param name="issuerKey">The 32-byte key of the home that made the token.</param>
    /// <param name="tokenHash">The token's hash, 64 hex digits.</param>
    /// <param name="principal">The DID that the device is to belong to.</param>
    /// <returns>64 bytes.</returns>
    public static byte[] Sign(OwnIdentity device, ReadOnlySpan<byte> issuerKey, string tokenHash, string principal)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.Sign(Text(issuerKey, tokenHash, principal, device.Card.PublicKey));
    }

    /// <summary>Checks it.</summary>
    /// <param name="deviceKey">The 32-byte key that is to be added.</param>
    /// <param name="issuerKey">The 32-byte key of the home that made the token.</param>
    /// <param name="tokenHash">The token's hash, 64 hex digits.</param>
    /// <param name="principal">The DID that the device is to belong to.</param>
    /// <param name="proof">What the device sent.</param>
    /// <exception cref="WireException"><see cref="WireReason.InvalidDeviceProof"/>.</exception>
    public static void Require(ReadOnlySpan<byte> deviceKey, ReadOnlySpan<byte> issuerKey, string tokenHash, string principal, ReadOnlySpan<byte> proof)
    {
        if (!Ed25519.Verify(deviceKey, Text(issuerKey, tokenHash, principal, deviceKey), proof))
        {
            throw new WireException(WireReason.InvalidDeviceProof);
        }
    }

    // A DID has no zero byte, so the text is read in one way only.
    private static byte[] Text(ReadOnlySpan<byte> issuerKey, string tokenHash, string principal, ReadOnlySpan<byte> deviceKey) =>
        [.. Context, 0, .. issuerKey, .. Convert.FromHexString(tokenHash), .. Encoding.UTF8.GetBytes(principal), 0, .. deviceKey];
}
