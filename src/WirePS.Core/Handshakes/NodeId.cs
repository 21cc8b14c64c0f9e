using System.Buffers.Binary;
using System.Security.Cryptography;
using WirePS.Cryptography;

namespace WirePS.Handshakes;

/// <summary>Node ids as the handshake's messages have them (wireps.md §8): names of 32 bits, never a proof. Between our programs the full key counts.</summary>
public static class NodeId
{
    /// <summary>The id of a key: the first four bytes of its SHA-256, big-endian; 0 for a key that has none, which is refused.</summary>
    /// <param name="publicKey">32 bytes.</param>
    /// <exception cref="ArgumentException">The key is not 32 bytes.</exception>
    public static uint Of(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != Ed25519.PublicKeyBytes)
        {
            throw new ArgumentException($"A public key has {Ed25519.PublicKeyBytes} bytes.", nameof(publicKey));
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(publicKey, hash);
        return BinaryPrimitives.ReadUInt32BigEndian(hash);
    }
}
