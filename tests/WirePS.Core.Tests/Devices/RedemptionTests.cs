using WirePS.Devices;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Devices;

/// <summary>
/// pair-token.md §11: one winner among many, and every point at which a process can die. Reserve, add, consume: what a
/// death leaves is finished by the same device, and by no other.
/// </summary>
public sealed class RedemptionTests
{
    private const int Redeemers = 64;
    private const int Rounds = 1000;

    private static readonly WireHome Home = WireHome.Resolve(Path.GetFullPath("/home-of-redemptions"));
    private static readonly PairTokenWish Plain = new(TestDeviceBook.Alice);
    private static readonly PairTokenWish Scoped = Plain with { Rights = DeviceRights.Send };

    [Fact]
    public async Task Of_64_devices_at_once_one_wins_in_each_of_1000_rounds()
    {
        var devices = Enumerable.Range(0, Redeemers).Select(TestDeviceBook.Device).ToList();
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                // Most rounds are a quick check; every hundredth has all of them, each with a store of its own.
                var count = round % 100 == 0 ? Redeemers : 4;
                await RoundAsync(round, devices[..count]);
            }
        }
        finally
        {
            devices.ForEach(static device => device.Dispose());
        }
    }

    [Fact]
    public async Task The_same_device_64_times_at_once_is_added_once_and_always_answered()
    {
        var files = new MemoryFiles(TimeProvider.System);
        var book = new TestDeviceBook();
        using var device = TestDeviceBook.Device(1);
        var minted = await book.Tokens(Home, files, TimeProvider.System).MintAsync(Plain, default);
        var request = book.Request(device, minted.Token);
        var answers = await Task.WhenAll(Enumerable.Range(0, Redeemers).Select(_ => Task.Run(() => book.Tokens(Home, files, TimeProvider.System).RedeemAsync(request, default))));
        Assert.All(answers, answer => Assert.Equal(device.Card.PublicKey, answer.DeviceKey));
        Assert.Single(book.Added);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_death_at_any_access_to_a_file_neither_burns_the_token_nor_leaves_it_live(bool isPlain)
    {
        var points = 0;
        for (var point = 1; ; point++)
        {
            if (!await DieAtAsync(point, isPlain ? Plain : Scoped))
            {
                break;
            }

            points++;
        }

        // Reading, reserving and consuming are a dozen accesses at least; none at all would be a test of nothing.
        Assert.True(points > 12, $"only {points} points");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_death_around_the_adding_is_finished_by_the_same_device(bool isBefore)
    {
        var files = new MemoryFiles(TimeProvider.System);
        var book = new TestDeviceBook();
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var minted = await book.Tokens(Home, files, TimeProvider.System).MintAsync(Plain, default);
        var request = book.Request(device, minted.Token);
        (book.FaultBefore, book.FaultAfter) = isBefore ? (new IOException("dead"), null) : ((Exception?)null, new IOException("dead"));
        await Assert.ThrowsAsync<IOException>(() => book.Tokens(Home, files, TimeProvider.System).RedeemAsync(request, default));
        Assert.Equal(!isBefore, book.Has(device));
        (book.FaultBefore, book.FaultAfter) = (null, null);

        var restarted = book.Tokens(Home, files, TimeProvider.System);
        await RefusedAsync(restarted.RedeemAsync(book.Request(other, minted.Token), default));
        Assert.Equal(device.Card.PublicKey, (await restarted.RedeemAsync(request, default)).DeviceKey);
        await RefusedAsync(restarted.RedeemAsync(book.Request(other, minted.Token), default));
        Assert.Single(book.Added);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_death_at_any_access_while_a_token_is_made_leaves_no_half_of_one(bool isPlain)
    {
        for (var point = 1; ; point++)
        {
            var memory = new MemoryFiles(TimeProvider.System);
            var book = new TestDeviceBook();
            var (files, hasDied) = Dying(memory, point);
            try
            {
                await book.Tokens(Home, files, TimeProvider.System).MintAsync(isPlain ? Plain : Scoped, default);
            }
            catch (WireException error) when (error.Reason == WireReason.StorageFailed)
            {
            }

            var listed = await book.Tokens(Home, memory, TimeProvider.System).ListAsync(default);
            Assert.All(listed, static token => Assert.Equal(PairTokenState.Live, token.State));
            if (!hasDied())
            {
                Assert.Single(listed);
                return;
            }
        }
    }

    [Fact]
    public async Task A_token_in_both_files_after_a_death_is_the_one_of_its_own_file()
    {
        var files = new MemoryFiles(TimeProvider.System);
        var book = new TestDeviceBook();
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var tokens = book.Tokens(Home, files, TimeProvider.System);
        var minted = await tokens.MintAsync(Plain, default);
        var before = files.ReadPrivate(Home.PairTokensFile, 10_000)!;
        await tokens.RedeemAsync(book.Request(device, minted.Token), default);
        files.WritePrivate(Home.PairTokensFile, before);

        await RefusedAsync(tokens.RedeemAsync(book.Request(other, minted.Token), default));
        Assert.Empty(PairTokenFile.Read(files.ReadPrivate(Home.PairTokensFile, 10_000), ""));
    }

    private static async Task RoundAsync(int round, List<OwnIdentity> devices)
    {
        var files = new MemoryFiles(TimeProvider.System);
        var book = new TestDeviceBook();
        var minted = await book.Tokens(Home, files, TimeProvider.System).MintAsync(round % 2 == 0 ? Plain : Scoped, default);
        var outcomes = await Task.WhenAll(devices.Select(device => Task.Run(async () =>
        {
            try
            {
                await book.Tokens(Home, files, TimeProvider.System).RedeemAsync(book.Request(device, minted.Token), default);
                return true;
            }
            catch (WireException error) when (error.Reason == WireReason.TokenRefused)
            {
                return false;
            }
        })));
        Assert.Equal(1, outcomes.Count(static won => won));
        Assert.True(book.Has(devices[Array.IndexOf(outcomes, true)]));
        Assert.Single(book.Added);
    }

    /// <summary>False where the redemption needed fewer accesses than that, and so did not die.</summary>
    private static async Task<bool> DieAtAsync(int point, PairTokenWish wish)
    {
        var memory = new MemoryFiles(TimeProvider.System);
        var book = new TestDeviceBook();
        using var device = TestDeviceBook.Device(1);
        using var thief = TestDeviceBook.Device(2);
        var minted = await book.Tokens(Home, memory, TimeProvider.System).MintAsync(wish, default);
        var request = book.Request(device, minted.Token);
        var (files, hasDied) = Dying(memory, point);
        try
        {
            await book.Tokens(Home, files, TimeProvider.System).RedeemAsync(request, default);
        }
        catch (WireException error) when (error.Reason == WireReason.StorageFailed)
        {
        }

        // Where the key is on the list already, nobody else has the token; it never has a second key.
        var restarted = book.Tokens(Home, memory, TimeProvider.System);
        if (book.Has(device))
        {
            await RefusedAsync(restarted.RedeemAsync(book.Request(thief, minted.Token), default));
        }

        Assert.Equal(device.Card.PublicKey, (await restarted.RedeemAsync(request, default)).DeviceKey);
        await RefusedAsync(restarted.RedeemAsync(book.Request(thief, minted.Token), default));
        Assert.Single(book.Added);
        Assert.Equal(PairTokenState.Used, Assert.Single(await restarted.ListAsync(default)).State);
        return hasDied();
    }

    /// <summary>Files that work until an access, and not at all from there on: what a dead process does.</summary>
    private static (FaultyFiles Files, Func<bool> HasDied) Dying(MemoryFiles memory, int point)
    {
        var accesses = 0;
        var files = new FaultyFiles(memory) { Weather = (_, _) => ++accesses >= point ? FileFault.Failed : FileFault.None };
        return (files, () => accesses >= point);
    }

    private static async Task RefusedAsync(Task task) =>
        Assert.Equal(WireReason.TokenRefused, (await Assert.ThrowsAsync<WireException>(() => task)).Reason);
}
