using System.Text;
using WirePS.Devices;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace WirePS.Tests.Devices;

/// <summary>The store on a disk: modes, links, other programs' files.</summary>
public sealed class PairTokenStoreTests(ITestOutputHelper output) : IDisposable
{
    private const string Record = "[[pair_token]]\ntoken_hash = \"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"\nprincipal = \"alice\"\nexpires_at_epoch = 1790000300\nissued_at_epoch = 1790000000\n";
    private const UnixFileMode Wide = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly MovableTime _time = new(DateTimeOffset.FromUnixTimeSeconds(1790000000));
    private readonly TestDeviceBook _book = new();
    private readonly TestHome _home = new();

    private string StoreFile => _home.Home.PairTokensFile;

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task A_missing_file_is_an_empty_list_and_stays_missing()
    {
        Assert.Empty(await Tokens().ListAsync(default));
        Assert.Empty(_home.Files);
    }

    [Fact]
    public async Task A_token_of_the_other_program_is_read_and_redeemed()
    {
        using var device = TestDeviceBook.Device(1);
        Put(Record);
        await Tokens().RedeemAsync(_book.Request(device, "hello"), default);
        Assert.Equal("pair_token = []\n", File.ReadAllText(StoreFile));
    }

    [Fact]
    public async Task W07_every_file_is_closed_to_others_from_the_start()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var device = TestDeviceBook.Device(1);
        await Tokens().MintAsync(new(TestDeviceBook.Alice), default);
        var scoped = await Tokens().MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Send }, default);
        await Tokens().RedeemAsync(_book.Request(device, scoped.Token), default);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(StoreFile));
        Assert.Empty(Unix.WideIn(_home.Folder));
    }

    [Fact]
    public async Task W07_a_store_that_others_may_open_is_refused_and_left()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Put(Record);
        File.SetUnixFileMode(StoreFile, Wide);
        await RefusedByAllAsync(WireReason.FileNotPrivate);
        Assert.Equal(Wide, File.GetUnixFileMode(StoreFile));
    }

    [Fact]
    public async Task W07_a_link_in_the_place_of_the_store_is_replaced_and_its_target_is_not_written()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var target = Path.Combine(_home.Folder, "elsewhere");
        DiskFileSystem.Instance.WritePrivate(target, Encoding.UTF8.GetBytes(Record));
        Directory.CreateDirectory(Path.GetDirectoryName(StoreFile)!);
        File.CreateSymbolicLink(StoreFile, target);
        Assert.Single(await Tokens().ListAsync(default));
        await Tokens().MintAsync(new(TestDeviceBook.Alice), default);
        Assert.Null(File.ResolveLinkTarget(StoreFile, returnFinalTarget: false));
        Assert.Equal(Record, File.ReadAllText(target));

        File.SetUnixFileMode(target, Wide);
        File.Delete(StoreFile);
        File.CreateSymbolicLink(StoreFile, target);
        Assert.Equal(WireReason.FileNotPrivate, await Refusal(() => Tokens().ListAsync(default)));
    }

    [Fact]
    public async Task W07_what_a_dead_writer_left_is_swept()
    {
        Put(Record);
        var left = Path.Combine(Path.GetDirectoryName(StoreFile)!, ".pair-tokens.toml.0011.tmp");
        File.WriteAllText(left, "half");
        File.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddHours(-1));
        using var engine = new WireEngine(_home.Home);
        engine.RemoveLeftovers();
        Assert.False(File.Exists(left));
        Assert.True(File.Exists(StoreFile));
        Assert.Single(await Tokens().ListAsync(default));
    }

    [Theory]
    [InlineData("schema_version = 1\n\n" + Record, WireReason.TokenStoreUnsupported)]
    [InlineData("schema_version = 2\nfuture_field = \"preserve me\"\n", WireReason.FileNewerVersion)]
    [InlineData(Record + "\n[pair_token.scope]\ntype = \"scoped\"\nallow = [\"self:*\"]\ndeny = []\n", WireReason.TokenStoreUnsupported)]
    [InlineData("note = 1\n" + Record, WireReason.TokenStoreUnsupported)]
    [InlineData("schema_version = [not valid\n", WireReason.FileCorrupt)]
    [InlineData(Record + "\0\0\0\0", WireReason.FileCorrupt)]
    public async Task W09_no_operation_touches_a_file_that_it_does_not_understand(string content, WireReason reason)
    {
        Put(content);
        await RefusedByAllAsync(reason);
    }

    [Fact]
    public async Task A_file_that_is_too_large_is_refused()
    {
        Put(new string('#', PairTokenFile.MaxBytes + 1));
        await RefusedByAllAsync(WireReason.FileCorrupt);
    }

    [Fact]
    public async Task A_directory_in_the_place_of_the_store_is_refused()
    {
        Directory.CreateDirectory(StoreFile);
        Assert.Equal(WireReason.FileUnreadable, await Refusal(() => Tokens().ListAsync(default)));
    }

    [Fact]
    public async Task W08_the_lock_is_one_across_processes()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var holder = Unix.HoldLock(output, _home.Home.LockFile("pair-tokens"));
        if (holder is null)
        {
            return;
        }

        var mint = Tokens().MintAsync(new(TestDeviceBook.Alice), default);
        await Task.Delay(200);
        Assert.False(mint.IsCompleted);
        holder.Kill();
        Assert.NotNull((await mint).Token);
    }

    [Fact]
    public async Task A_disk_that_refuses_leaves_the_file_as_it_was_and_gives_no_token()
    {
        Put(Record);
        var full = new FaultyFiles(DiskFileSystem.Instance) { Weather = static (work, _) => work == FileWork.Write ? FileFault.Full : FileFault.None };
        Assert.Equal(WireReason.StorageFull, await Refusal(() => _book.Tokens(_home.Home, full, _time).MintAsync(new(TestDeviceBook.Alice), default)));
        Assert.Equal(Record, File.ReadAllText(StoreFile));
    }

    private async Task RefusedByAllAsync(WireReason reason)
    {
        using var device = TestDeviceBook.Device(1);
        var before = File.ReadAllBytes(StoreFile);
        Assert.Equal(reason, await Refusal(() => Tokens().ListAsync(default)));
        Assert.Equal(reason, await Refusal(() => Tokens().MintAsync(new(TestDeviceBook.Alice), default)));
        Assert.Equal(reason, await Refusal(() => Tokens().MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Send }, default)));
        Assert.Equal(reason, await Refusal(() => Tokens().RedeemAsync(_book.Request(device, "hello"), default)));
        Assert.Equal(reason, await Refusal(() => Tokens().RemoveAsync("hello", default)));
        Assert.Equal(reason, await Refusal(() => Tokens().ResumeAsync(default)));
        Assert.Equal(before, File.ReadAllBytes(StoreFile));
        Assert.Single(_home.Files);
        Assert.Empty(_book.Added);
    }

    private void Put(string content) => DiskFileSystem.Instance.WritePrivate(StoreFile, Encoding.UTF8.GetBytes(content));

    private PairTokens Tokens() => _book.Tokens(_home.Home, DiskFileSystem.Instance, _time);

    private static async Task<WireReason> Refusal(Func<Task> work) => (await Assert.ThrowsAnyAsync<WireException>(work)).Reason;
}
