using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;

namespace WirePS.Identity;

/// <summary>Names and fingerprints of public keys (wire.md §1.2, wireps.md §1).</summary>
[SuppressMessage("Naming", "CA1720", Justification = "Short and long are the two lengths in use.")]
public static class Fingerprint
{
    private const int ShortBytes = 4;
    private const int LongBytes = 16;
    private const int GroupLength = 4;

    /// <summary>Eight hex digits, as in a DID: a name, never a proof; a second key with the same ones takes a day to find.</summary>
    /// <param name="publicKey">32 bytes.</param>
    public static string Short(ReadOnlySpan<byte> publicKey) => Hex(publicKey, ShortBytes);

    /// <summary>32 hex digits, as in the DIDs of operators and organisations.</summary>
    /// <param name="publicKey">32 bytes.</param>
    public static string Long(ReadOnlySpan<byte> publicKey) => Hex(publicKey, LongBytes);

    /// <summary>What people compare: eight groups of four hex digits, separated by spaces.</summary>
    /// <param name="publicKey">32 bytes.</param>
    public static string Display(ReadOnlySpan<byte> publicKey)
    {
        var hex = Long(publicKey);
        var text = new StringBuilder(hex.Length + (hex.Length / GroupLength));
        for (var i = 0; i < hex.Length; i += GroupLength)
        {
            if (i > 0)
            {
                text.Append(' ');
            }

            text.Append(hex, i, GroupLength);
        }

        return text.ToString();
    }

    /// <summary>The key id of events: <c>handle:fingerprint</c>.</summary>
    public static string KeyId(string handle, ReadOnlySpan<byte> publicKey) => handle + ":" + Short(publicKey);

    /// <summary>The name of a key in a card: <c>ed25519:handle:fingerprint</c>.</summary>
    public static string CardKeyName(string handle, ReadOnlySpan<byte> publicKey) => "ed25519:" + KeyId(handle, publicKey);

    /// <summary>True where the key has this fingerprint as people compare it, written with or without spaces and in any letter case.</summary>
    public static bool IsOf(string text, ReadOnlySpan<byte> publicKey) =>
        string.Equals(Display(publicKey).Replace(" ", "", StringComparison.Ordinal), text.Replace(" ", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);

    /// <summary>A fingerprint as people compare it, of one that was written with or without spaces and in any letter case; null for anything else.</summary>
    public static string? TryNormalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var digits = text.Replace(" ", "", StringComparison.Ordinal);
        return digits.Length == 2 * LongBytes && digits.All(char.IsAsciiHexDigit)
            ? string.Join(' ', digits.ToLowerInvariant().Chunk(GroupLength).Select(static group => new string(group)))
            : null;
    }

    private static string Hex(ReadOnlySpan<byte> publicKey, int bytes)
    {
        if (publicKey.Length != Ed25519.PublicKeyBytes)
        {
            throw new ArgumentException($"A public key has {Ed25519.PublicKeyBytes} bytes.", nameof(publicKey));
        }

        return Convert.ToHexStringLower(SHA256.HashData(publicKey).AsSpan(0, bytes));
    }
}
