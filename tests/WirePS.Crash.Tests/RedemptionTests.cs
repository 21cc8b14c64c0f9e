using WirePS.Devices;
using WirePS.Identity;

namespace WirePS.Crash.Tests;

/// <summary>Pair tokens in whole processes that race, and that are killed (pair-token.md §11, §12).</summary>
public sealed class RedemptionTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("wireps-redeem-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Of_10000_devices_in_two_processes_one_is_admitted()
    {
        using var engine = EngineIn("race");
        var token = await MintAsync(engine, rights: null);
        var outputs = await Task.WhenAll(RedeemAsync(engine, token, "1:5000"), RedeemAsync(engine, token, "5001:5000"));
        Assert.Single(outputs.SelectMany(static output => output.Admitted));
        Assert.Single(engine.Devices.List());
    }

    [Theory]
    [InlineData(null)]
    [InlineData(DeviceRights.Send)]
    public async Task A_kill_after_any_durable_write_is_finished_by_the_same_device(DeviceRights? rights)
    {
        var deaths = 0;
        for (var point = 1; ; point++)
        {
            using var engine = EngineIn($"{rights}-{point}");
            var token = await MintAsync(engine, rights);
            var first = await RedeemAsync(engine, token, "1:1", $"write:{point}");
            Assert.Equal(["1"], (await RedeemAsync(engine, token, "1:1")).Admitted);
            Assert.Empty((await RedeemAsync(engine, token, "2:1")).Admitted);
            Assert.Equal(rights ?? DeviceRights.All, Assert.Single(engine.Devices.List()).Device.Rights);
            if (!first.Died)
            {
                break;
            }

            deaths++;
        }

        // Reservation, label, card and the token's end, at least.
        Assert.True(deaths >= 4, $"only {deaths} points");
    }

    private static async Task<(bool Died, string[] Admitted)> RedeemAsync(WireEngine engine, string token, string devices, string? die = null)
    {
        var (died, output) = await Supervised.CommandAsync(die, "redeem", "--home", engine.Home.Root, "--token", token, "--devices", devices);
        return (died, output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    private static async Task<string> MintAsync(WireEngine engine, DeviceRights? rights)
    {
        var root = (await engine.Identity.EnsureAsync("alice", CancellationToken.None)).Identity.Did;
        return (await engine.PairTokens.MintAsync(new(root) { Rights = rights, ExpiresIn = TimeSpan.FromHours(1) }, CancellationToken.None)).Token;
    }

    private WireEngine EngineIn(string name) => new(WireHome.Resolve(Path.Combine(_folder.FullName, name)));
}
