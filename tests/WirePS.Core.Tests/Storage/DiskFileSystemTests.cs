using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace WirePS.Tests.Storage;

/// <summary>Private, atomic, flushed: what every other store relies on.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class DiskFileSystemTests(ITestOutputHelper output) : IDisposable
{
    private static readonly DiskFileSystem Files = DiskFileSystem.Instance;
    private readonly TestHome _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public void New_files_folders_and_locks_are_private_with_a_umask_of_zero()
    {
        var deep = In("a/b/c/file.json");
        Files.WritePrivate(deep, "x"u8);
        Files.AppendPrivate(In("a/d/log"), "x"u8);
        Files.TryLock(In("a/e/f/some.lock"))!.Dispose();
        Files.EnsurePrivateFolder(In("g/h/i"));
        Assert.Empty(Unix.WideIn(_home.Folder));
        Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(deep));
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(In("a")));
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(In("g/h")));
    }

    [Fact]
    public async Task A_file_is_private_from_its_first_moment()
    {
        Directory.CreateDirectory(In("watched"), (UnixFileMode)0x1C0);
        using var done = new CancellationTokenSource();
        var seen = new List<string>();
        var looks = 0;
        var watcher = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                foreach (var path in Directory.EnumerateFiles(In("watched"), "*", new EnumerationOptions { AttributesToSkip = 0 }))
                {
                    looks++;
                    try
                    {
                        if (((int)File.GetUnixFileMode(path) & 0x3F) != 0)
                        {
                            seen.Add(path);
                        }
                    }
                    catch (FileNotFoundException)
                    {
                        // A temporary file that has its name by now.
                    }
                }
            }
        });
        for (var i = 0; (i < 300 || Volatile.Read(ref looks) < 300) && !watcher.IsCompleted; i++)
        {
            Files.WritePrivate(In("watched/replaced"), "x"u8);
            Files.AppendPrivate(In($"watched/appended{i % 10}"), "x"u8);
            Files.Delete(In($"watched/appended{i % 10}"));
            Files.TryLock(In($"watched/lock{i}"))!.Dispose();
            File.Delete(In($"watched/lock{i}"));
        }

        await done.CancelAsync();
        await watcher;
        Assert.True(looks > 0);
        Assert.Empty(seen);
    }

    [Fact]
    public async Task A_reader_sees_the_old_or_the_new_content_and_never_half()
    {
        var path = In("f");
        var contents = Enumerable.Range(0, 4).Select(i => Encoding.ASCII.GetBytes(new string((char)('a' + i), 40_000 + i))).ToArray();
        Files.WritePrivate(path, contents[0]);
        using var done = new CancellationTokenSource();
        var reads = 0;
        var reader = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                var seen = Files.ReadPrivate(path, 100_000)!;
                Assert.Contains(contents, c => c.AsSpan().SequenceEqual(seen));
                reads++;
            }
        });
        for (var i = 0; (i < 300 || Volatile.Read(ref reads) < 10) && !reader.IsCompleted; i++)
        {
            Files.WritePrivate(path, contents[i % 4]);
        }

        await done.CancelAsync();
        await reader;
        Assert.True(reads > 0);
        Assert.Single(Directory.GetFiles(_home.Folder, "*", new EnumerationOptions { AttributesToSkip = 0 }));
    }

    [Theory]
    [InlineData("640")]
    [InlineData("604")]
    [InlineData("660")]
    [InlineData("601")]
    public void A_file_that_others_can_open_is_refused_and_left_as_it_is(string mode)
    {
        var path = In("f");
        Files.WritePrivate(path, "planted"u8);
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(mode, 8));
        foreach (var work in (Action[])[() => Files.ReadPrivate(path, 100), () => Files.ReadPrivateRange(path, 0, 10), () => Files.AppendPrivate(path, "x"u8)])
        {
            var error = Assert.Throws<WireException>(work);
            Assert.Equal((WireReason.FileNotPrivate, path), (error.Reason, error.Target));
            Assert.DoesNotContain("planted", error.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal("planted", File.ReadAllText(path));
        Assert.Equal((UnixFileMode)Convert.ToInt32(mode, 8), File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_file_of_another_user_is_refused()
    {
        if (!Unix.IsRoot)
        {
            output.WriteLine("NOT TESTED: only root can give a file to another user.");
            return;
        }

        var path = In("f");
        Files.WritePrivate(path, "planted"u8);
        Unix.GiveTo(path, 65534);
        Assert.Equal(WireReason.FileForeignOwner, Assert.Throws<WireException>(() => Files.ReadPrivate(path, 100)).Reason);
        Assert.Equal(WireReason.FileForeignOwner, Assert.Throws<WireException>(() => Files.AppendPrivate(path, "x"u8)).Reason);
        Assert.Equal("planted", File.ReadAllText(path));
    }

    [Fact]
    public void A_wide_folder_is_made_narrow_and_that_is_said()
    {
        Directory.CreateDirectory(In("wide"), (UnixFileMode)0x1FF);
        Assert.True(Files.EnsurePrivateFolder(In("wide")));
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(In("wide")));
        Assert.False(Files.EnsurePrivateFolder(In("wide")));
    }

    [Fact]
    public void What_cannot_be_read_or_written_is_typed_and_changes_nothing()
    {
        Directory.CreateDirectory(In("folder"));
        Assert.Equal(WireReason.FileUnreadable, Assert.Throws<WireException>(() => Files.ReadPrivate(In("folder"), 100)).Reason);
        Assert.Equal(WireReason.StorageFailed, Assert.Throws<WireException>(() => Files.WritePrivate(In("folder"), "x"u8)).Reason);
        Files.WritePrivate(In("file"), "12345"u8);
        Assert.Equal(WireReason.StorageFailed, Assert.Throws<WireException>(() => Files.WritePrivate(In("file/below"), "x"u8)).Reason);
        Assert.Equal(WireReason.FileCorrupt, Assert.Throws<WireException>(() => Files.ReadPrivate(In("file"), 4)).Reason);
        Assert.Null(Files.ReadPrivate(In("nothing"), 4));
        Assert.Null(Files.ReadPrivate(In("no/folder/either"), 4));
        Assert.Empty(Files.ReadPrivateRange(In("nothing"), 0, 4));
        Assert.Empty(Files.List(In("nothing")));
        Assert.Equal(0, Files.Length(In("nothing")));
        Files.Delete(In("nothing"));
        Assert.Equal("12345", File.ReadAllText(In("file")));
        Assert.Equal("345"u8.ToArray(), Files.ReadPrivateRange(In("file"), 2, 100));
        Files.WritePrivate(In("other"), "x"u8);
        Assert.Equal(WireReason.StorageFailed, Assert.Throws<WireException>(() => Files.Rename(In("file"), In("other"))).Reason);
        Assert.Empty(Directory.GetFiles(_home.Folder, ".*"));
    }

    [Fact]
    public void Leftovers_of_writers_that_died_are_removed_when_they_are_old_and_nothing_else_is()
    {
        foreach (var name in (string[])[".file.json.0123456789ab.tmp", ".new.json.0123456789ab.tmp", "file.json", ".keep", "x.tmp"])
        {
            File.WriteAllText(In(name), "half a secret");
        }

        foreach (var old in (string[])[".file.json.0123456789ab.tmp", "file.json", ".keep", "x.tmp"])
        {
            File.SetLastWriteTimeUtc(In(old), DateTime.UtcNow - TimeSpan.FromHours(1));
        }

        Files.RemoveLeftovers(_home.Folder, TimeSpan.FromMinutes(10));
        Assert.Equal([".keep", ".new.json.0123456789ab.tmp", "file.json", "x.tmp"], _home.Files);
        Files.RemoveLeftovers(In("nothing"), TimeSpan.Zero);
        Assert.Equal(["file.json", "x.tmp"], Files.List(_home.Folder).Select(f => Path.GetFileName(f.Path)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Sixty_four_writers_of_one_counter_lose_nothing()
    {
        var (counter, guard) = (In("counter"), In("locks/counter.lock"));
        Files.WritePrivate(counter, "0"u8);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                using (await Files.LockAsync(guard, CancellationToken.None))
                {
                    var value = int.Parse(Encoding.ASCII.GetString(Files.ReadPrivate(counter, 20)!), System.Globalization.CultureInfo.InvariantCulture);
                    Files.WritePrivate(counter, Encoding.ASCII.GetBytes((value + 1).ToString(System.Globalization.CultureInfo.InvariantCulture)));
                }
            }
        })));
        Assert.Equal("640", File.ReadAllText(counter));
    }

    [Fact]
    public async Task Writers_in_other_processes_lose_nothing_either()
    {
        var (counter, guard) = (In("counter"), In("locks/counter.lock"));
        Files.EnsurePrivateFolder(In("locks"));
        Files.WritePrivate(counter, "0"u8);
        const string script = """
            umask 077
            i=0
            while [ $i -lt 25 ]; do
              ( flock -x 9 || exit 1; v=$(cat "$0"); echo $((v + 1)) > "$0" ) 9>>"$1" || exit 1
              i=$((i + 1))
            done
            """;
        if (!Unix.TryRun(output, "sh", "-c", "command -v flock >/dev/null"))
        {
            return;
        }

        var others = Enumerable.Range(0, 8).Select(_ => Process.Start("sh", ["-c", script, counter, guard])).ToList();
        for (var i = 0; i < 100; i++)
        {
            using (await Files.LockAsync(guard, CancellationToken.None))
            {
                var value = int.Parse(Encoding.ASCII.GetString(Files.ReadPrivate(counter, 20)!).Trim(), System.Globalization.CultureInfo.InvariantCulture);
                Files.WritePrivate(counter, Encoding.ASCII.GetBytes((value + 1).ToString(System.Globalization.CultureInfo.InvariantCulture)));
            }
        }

        foreach (var other in others)
        {
            await other.WaitForExitAsync();
            Assert.Equal(0, other.ExitCode);
            other.Dispose();
        }

        Assert.Equal("300", File.ReadAllText(counter).Trim());
    }

    [Fact]
    public async Task A_lock_is_free_when_its_holder_is_killed()
    {
        var path = In("locks/x.lock");
        using var holder = Unix.HoldLock(output, path);
        if (holder is null)
        {
            return;
        }

        Assert.Null(Files.TryLock(path));
        var waiting = Files.LockAsync(path, CancellationToken.None).AsTask();
        Assert.False(waiting.IsCompleted);
        holder.Kill();
        using (await waiting.WaitAsync(TimeSpan.FromSeconds(20)))
        {
            Assert.Null(Files.TryLock(path));
        }

        Files.TryLock(path)!.Dispose();
    }

    [Fact]
    public async Task A_wait_for_a_lock_ends_at_once_when_it_is_cancelled_and_leaves_the_queue_in_order()
    {
        var path = In("locks/x.lock");
        var held = await Files.LockAsync(path, CancellationToken.None);
        using var cancel = new CancellationTokenSource();
        var waiting = Files.LockAsync(path, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        held.Dispose();
        held.Dispose();
        (await Files.LockAsync(path, CancellationToken.None)).Dispose();
    }

    [Fact]
    public void A_full_disk_is_StorageFull_and_nothing_is_lost()
    {
        var mount = In("small");
        Directory.CreateDirectory(mount, (UnixFileMode)0x1C0);
        if (!Unix.IsRoot)
        {
            output.WriteLine("NOT TESTED: only root can mount a small disk.");
            return;
        }

        if (!Unix.TryRun(output, "mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", mount))
        {
            return;
        }

        try
        {
            var path = Path.Combine(mount, "f.json");
            Files.WritePrivate(path, "the old content"u8);
            var big = new byte[100_000];
            Assert.Equal(WireReason.StorageFull, Assert.Throws<WireException>(() => Files.WritePrivate(path, big)).Reason);
            Assert.Equal("the old content", File.ReadAllText(path));
            Assert.Equal([path], Directory.GetFiles(mount, "*", new EnumerationOptions { AttributesToSkip = 0 }));

            var log = Path.Combine(mount, "log");
            Files.AppendPrivate(log, "first\n"u8);
            Assert.Equal(WireReason.StorageFull, Assert.Throws<WireException>(() => Files.AppendPrivate(log, big)).Reason);
            Assert.StartsWith("first\n", File.ReadAllText(log), StringComparison.Ordinal);

            // Not even room for a name: with an inode that is left, or with none, the old content stays.
            Assert.Equal(WireReason.StorageFull, Assert.Throws<WireException>(() => Files.WritePrivate(path, new byte[8192])).Reason);
            Assert.Equal("the old content", File.ReadAllText(path));
            Files.Truncate(log, 6);
            Files.WritePrivate(path, "the new content"u8);
            Assert.Equal("the new content", File.ReadAllText(path));
        }
        finally
        {
            Assert.True(Unix.TryRun(output, "umount", mount));
        }
    }

    private string In(string path) => Path.Combine(_home.Folder, path);
}
