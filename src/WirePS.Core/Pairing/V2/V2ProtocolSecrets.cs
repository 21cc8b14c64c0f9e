using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Relay;

namespace WirePS.Pairing.V2;

/// <content>This part: the secrets in a pairing's file, for the moment of their use.</content>
public sealed partial class V2Protocol
{
    private static byte[] Seal(PendingPair pair, int phase, ReadOnlySpan<byte> plaintext)
    {
        using var key = Secret(pair.Role == PairRole.Host ? pair.Secrets!.KeyHost : pair.Secrets!.KeyGuest);
        return PairingV2.Seal(key.Span, pair.CodeHash, pair.Role, phase, plaintext);
    }

    private static byte[]? OpenPeer(PendingPair pair, int phase, byte[] sealedBytes)
    {
        var (peer, text) = pair.Role == PairRole.Host ? (PairRole.Guest, pair.Secrets?.KeyGuest) : (PairRole.Host, pair.Secrets?.KeyHost);
        if (text is null)
        {
            return null;
        }

        using var key = Secret(text);
        return PairingV2.Open(key.Span, pair.CodeHash, peer, phase, sealedBytes);
    }

    private static byte[]? OpenSealed(PendingPair pair, int phase, string body) => OpenPeer(pair, phase, V2Messages.Read(body, "sealed")[0]);

    private static bool Same(string typed, string expected) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(typed), Encoding.ASCII.GetBytes(expected));

    private static byte[] Decode(string? text) =>
        StrictBase64.TryDecode(text, out var bytes) ? bytes : throw new WireException(WireReason.FileCorrupt, "A secret of the pairing is missing.");

    private static SecretBytes Secret(string? text)
    {
        var bytes = Decode(text);
        var secret = SecretBytes.CopyOf(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return secret;
    }

    /// <summary>The secrets from before the key exchange.</summary>
    private sealed class Before(PendingPair pair) : IDisposable
    {
        public SecretBytes Scalar { get; } = Secret(pair.Secrets?.Scalar);

        public SecretBytes W { get; } = Secret(pair.Secrets?.W);

        public SecretBytes IdNonce { get; } = Secret(pair.Secrets?.IdNonce);

        public SecretBytes Nonce { get; } = pair.Secrets?.Nonce is { } nonce ? Secret(nonce) : SecretBytes.CopyOf([]);

        public void Dispose()
        {
            Scalar.Dispose();
            W.Dispose();
            IdNonce.Dispose();
            Nonce.Dispose();
        }
    }
}
