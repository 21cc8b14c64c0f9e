using System.Security.Cryptography;
using System.Text;

namespace WirePS.Relay.Http;

/// <summary>
/// Seals the URL of an invite with the token of its short URL. An invite opens a mailbox, so a copy of the database must not show it
/// (wire.md §11.5 R10); the relay itself stores nothing but the token's hash.
/// </summary>
internal static class InviteSeal
{
    private const int TagBytes = 16;
    private const int KeyBytes = 32;

    /// <summary>A key is used for one text, so that the nonce may be the same.</summary>
    private static readonly byte[] Nonce = new byte[12];

    private static readonly byte[] Purpose = "WirePS relay invite"u8.ToArray();

    public static byte[] Seal(string token, string url)
    {
        var text = Encoding.UTF8.GetBytes(url);
        var result = new byte[text.Length + TagBytes];
        using var cipher = Cipher(token);
        cipher.Encrypt(Nonce, text, result.AsSpan(0, text.Length), result.AsSpan(text.Length));
        return result;
    }

    public static string Open(string token, byte[] sealedUrl)
    {
        var text = new byte[sealedUrl.Length - TagBytes];
        using var cipher = Cipher(token);
        cipher.Decrypt(Nonce, sealedUrl.AsSpan(0, text.Length), sealedUrl.AsSpan(text.Length), text);
        return Encoding.UTF8.GetString(text);
    }

    private static AesGcm Cipher(string token) =>
        new(HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(token), KeyBytes, info: Purpose), TagBytes);
}
