using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Pairing.V1;

/// <summary>
/// Goes on with the file of another program (wire.md §6.1), which stores neither messages nor an end. What it lacks
/// follows from what it has, so that every load gives the same state until the first write makes it one of ours.
/// </summary>
internal static class V1Adoption
{
    /// <summary>The pairing as our machine goes on with it.</summary>
    /// <param name="pair">As read; without an id.</param>
    internal static PendingPair Adopt(PendingPair pair)
    {
        var adopted = pair with
        {
            Id = IdOf(pair),
            RelayUrl = Relay.RelayUrl.TryNormalize(pair.RelayUrl, out var url, out _) ? url : pair.RelayUrl,
            ExpiresAt = pair.ExpiresAt ?? Timestamps.Round(pair.CreatedAt + PairOperations.DefaultLifetime),
            OpenSent = pair.PairId is not null,
        };
        if (pair.IsEnded)
        {
            return adopted with { EndedAt = pair.EndedAt ?? pair.CreatedAt, Sas = null, Spake2Seed = null, OurSlotToken = null };
        }

        // A wish that it has not opened yet starts from the beginning, with fresh secrets.
        if (pair.OurSlotId is null && pair.PairId is null && pair.Status is PairStatus.RequestHost or PairStatus.RequestGuest)
        {
            return adopted with { Spake2Seed = null };
        }

        // Its peer's message is at the relay and not in the file: the digits are computed anew, and compared anew.
        return WithMessage(adopted) with
        {
            Status = pair.Status is PairStatus.SasReady or PairStatus.Confirmed ? PairStatus.Polling : pair.Status,
            Sas = null,
        };
    }

    /// <summary>With the key-exchange message that its seed gives; as it is where it has no seed.</summary>
    internal static PendingPair WithMessage(PendingPair pair)
    {
        if (!StrictBase64.TryDecode(pair.Spake2Seed, out var seed) || seed.Length != 32)
        {
            return pair with { Spake2Seed = null };
        }

        using var kept = SecretBytes.CopyOf(seed);
        CryptographicOperations.ZeroMemory(seed);
        using var scalar = SymmetricSpake2.ScalarFromSeed(kept.Span);
        return pair with { Messages = PairMessages.None.WithSent(V1Protocol.Msg, StrictBase64.Encode(SymmetricSpake2.Message(Encoding.ASCII.GetBytes(pair.Code), scalar.Span))) };
    }

    // The same at every load, and it does not tell the code.
    private static string IdOf(PendingPair pair) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("WirePS pairing\0" + pair.Code + Timestamps.Format(pair.CreatedAt) + pair.Spake2Seed)).AsSpan(0, 16));
}
