using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Tests.Support;

namespace WirePS.Simulation.World;

/// <summary>A few identities, made once: what is simulated begins with homes that have one.</summary>
internal static class Identities
{
    public const int Count = 8;

    private static readonly Lazy<IReadOnlyList<(byte[] Seed, byte[] Card, byte[] Trust, AgentCard Parsed)>> All = new(Make);

    public static AgentCard CardOf(int number) => All.Value[number].Parsed;

    public static byte[] SeedOf(int number) => All.Value[number].Seed;

    public static void Place(SimDisk disk, WireHome home, int number)
    {
        var (seed, card, trust, _) = All.Value[number];
        disk.Put(home.PrivateKeyFile, seed);
        disk.Put(home.CardFile, card);
        disk.Put(home.TrustFile, trust);
    }

    private static List<(byte[] Seed, byte[] Card, byte[] Trust, AgentCard Parsed)> Make()
    {
        var made = new List<(byte[], byte[], byte[], AgentCard)>();
        for (var i = 0; i < Count; i++)
        {
            var home = WireHome.Resolve("/simulation9999/maker");
            var disk = new SimDisk();
            using var engine = new WireEngine(home, new WireSurroundings { Files = disk.For(Immortal.Instance), Random = new PinnedRandom(1000 + i), Time = new SimClock().SkewedBy(TimeSpan.Zero) });
            engine.Identity.EnsureAsync(null, CancellationToken.None).GetAwaiter().GetResult();
            made.Add((disk.Files[home.PrivateKeyFile], disk.Files[home.CardFile], disk.Files[home.TrustFile], AgentCard.Parse(disk.Files[home.CardFile]).Verify()));
        }

        return made;
    }

    private sealed class Immortal : IMortal
    {
        public static readonly Immortal Instance = new();

        public void RequireAlive()
        {
        }

        public Action AtPoint(Action leaveHalf) => static () => { };
    }
}
