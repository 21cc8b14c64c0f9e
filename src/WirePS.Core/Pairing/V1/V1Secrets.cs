using System.Text;
using WirePS.Cryptography;

namespace WirePS.Pairing.V1;

/// <summary>The keys of a v1 pairing, computed anew from its file whenever they are needed.</summary>
internal static class V1Secrets
{
    /// <summary>The key of the exchange (wire.md §5.4). <see cref="WireReason.InvalidShare"/>, <see cref="WireReason.SelfPairing"/>.</summary>
    internal static SecretBytes Key(PendingPair pair)
    {
        if (!StrictBase64.TryDecode(pair.Spake2Seed, out var seed) || seed.Length != 32)
        {
            throw new WireException(WireReason.FileCorrupt, "The pairing's secret is missing.", pair.Id);
        }

        using var kept = SecretBytes.CopyOf(seed);
        Array.Clear(seed);
        using var scalar = SymmetricSpake2.ScalarFromSeed(kept.Span);
        if (!StrictBase64.TryDecode(pair.Messages.Received.GetValueOrDefault(V1Protocol.Msg), out var peer))
        {
            throw new WireException(WireReason.InvalidShare, "The other side's message is not base64.", pair.Id);
        }

        return SymmetricSpake2.Finish(Encoding.ASCII.GetBytes(pair.Code), Encoding.ASCII.GetBytes(pair.CodeHash), scalar.Span, peer);
    }

    /// <summary>The key that seals both bootstraps (wire.md §5.7).</summary>
    internal static SecretBytes SealKey(PendingPair pair)
    {
        using var key = Key(pair);
        return BootstrapSeal.DeriveKey(key.Span, pair.CodeHash);
    }
}
