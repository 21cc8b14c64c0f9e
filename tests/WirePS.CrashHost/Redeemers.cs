using System.Globalization;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;

namespace WirePS.CrashHost;

/// <summary>Many devices that use one token at once, each with a key that follows from its number.</summary>
internal static class Redeemers
{
    public static async Task RunAsync(WireEngine engine, string token, string numbers)
    {
        var parts = numbers.Split(':').Select(static part => int.Parse(part, CultureInfo.InvariantCulture)).ToList();
        var root = engine.Identity.Find()!.Card;
        await Parallel.ForEachAsync(Enumerable.Range(parts[0], parts[1]), async (number, cancellationToken) =>
        {
            var seed = new byte[Ed25519.SeedBytes];
            BitConverter.TryWriteBytes(seed, number);
            using var device = new OwnIdentity(AgentCard.Create(seed, "device"), SecretBytes.CopyOf(seed));
            try
            {
                await engine.PairTokens.RedeemAsync(RedeemRequest.Create(device, token, root.PublicKey, root.Did), cancellationToken);
                Console.WriteLine(number);
            }
            catch (WireException error) when (error.Reason == WireReason.TokenRefused)
            {
                // Another one has it.
            }
        });
    }
}
