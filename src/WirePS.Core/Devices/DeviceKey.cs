using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;

namespace WirePS.Devices;

/// <summary>The public key of a device as text (pair-token.md §4.2).</summary>
public static class DeviceKey
{
    private const string Prefix = "ed25519:";

    /// <summary>
    /// Reads 64 hex digits in any case, with or without <c>ed25519:</c> in front. Nothing is trimmed, and the key must be
    /// one that can be signed with.
    /// </summary>
    /// <returns>32 bytes.</returns>
    /// <exception cref="WireException"><see cref="WireReason.InvalidDeviceKey"/>.</exception>
    public static byte[] Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var digits = text.StartsWith(Prefix, StringComparison.Ordinal) ? text[Prefix.Length..] : text;
        if (digits.Length != Ed25519.PublicKeyBytes * 2 || !digits.All(char.IsAsciiHexDigit))
        {
            throw new WireException(WireReason.InvalidDeviceKey, "The public key is not 64 hex digits.");
        }

        var key = Convert.FromHexString(digits);
        return Ed25519.IsValidPublicKey(key)
            ? key
            : throw new WireException(WireReason.InvalidDeviceKey, "The public key is not a point of the prime-order group: nobody can sign with it.");
    }

    /// <summary>The one spelling: <c>ed25519:</c> and 64 lowercase hex digits.</summary>
    /// <param name="key">32 bytes.</param>
    public static string Format(ReadOnlySpan<byte> key) => Prefix + Convert.ToHexStringLower(key);

    /// <summary>The hex SHA-256 of the one spelling, as the other program shows it; people compare <see cref="Identity.Fingerprint.Display"/>.</summary>
    /// <param name="key">32 bytes.</param>
    public static string FingerprintOf(ReadOnlySpan<byte> key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Format(key))));
}
