using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Storage;
using WirePS.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace WirePS.Tests.Storage;

/// <summary>The files of the pairings: whole, foreign, torn, too new, too many, and without room.</summary>
public sealed class PendingPairStoreTests(ITestOutputHelper output) : IDisposable
{
    private readonly TestHome _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task The_file_has_the_members_of_the_real_program_first_and_in_its_order()
    {
        var store = New();
        var key = await store.CreateAsync(Machine.Of(true)["confirmed, both there"], CancellationToken.None);
        using var document = JsonDocument.Parse(File.ReadAllBytes(store.PathOf(key)));
        var names = document.RootElement.EnumerateObject().Select(static m => m.Name).ToList();
        Assert.Equal(
            ["code", "code_hash", "role", "relay_url", "status", "sas", "peer_did", "created_at", "last_error", "pair_id", "our_slot_id", "our_slot_token", "spake2_seed_b64", "protocol", "id", "kind", "version", "relay_id", "expires_at", "ended_at", "reason", "reason_verified", "peer_fingerprint", "peer_acked", "messages"],
            names.Take(25));
        Assert.Equal("confirmed", document.RootElement.GetProperty("status").GetString());
        Assert.Equal(Machine.Code, key);
        Assert.Equal(1, document.RootElement.GetProperty("version").GetInt64());
    }

    public static TheoryData<string, string> Refused { get; } = new()
    {
        { "empty", "" },
        { "torn", "{\"code\":\"42-WIRE45\",\"code_ha" },
        { "not JSON", "hello" },
        { "an array", "[]" },
        { "null", "null" },
        { "an empty object", "{}" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_file_that_is_not_a_pairing_is_corrupt_untouched_and_stops_no_other(string what, string content)
    {
        Assert.NotNull(what);
        await AssertRefusedAsync(_ => Encoding.UTF8.GetBytes(content), WireReason.FileCorrupt);
    }

    public static TheoryData<string> Wrong { get; } =
    [
        "code:null", "code:\"\"", "code:\"42-wire45\"", "code:\"../../x\"", "code_hash:\"00\"", "role:\"both\"", "role:1", "status:\"unknown\"", "status:4", "relay_url:\"unix:///run/x\"", "relay_url:\"nonsense\"",
        "created_at:\"yesterday\"", "created_at:\"9999-12-31T00:00:00Z\"", "expires_at:\"9999-12-31T00:00:00Z\"", "protocol:0", "protocol:-1", "protocol:\"1\"", "version:\"x\"", "id:\"../../../../etc/cron.d/xxxxxxxxxx\"", "protocol:2", "messages:null", "messages:{}", "messages:{\"sent\":{}}",
        "messages:{\"sent\":{},\"received\":{}}", "leaving:[\"fly\"]", "leaving:null", "transitions:7", "sas:null", "expires_at:null", "reason:\"other\"",
    ];

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_member_that_the_machine_could_not_bear_makes_the_file_corrupt(string change)
    {
        var at = change.IndexOf(':', StringComparison.Ordinal);
        await AssertRefusedAsync(
            tree =>
            {
                tree[change[..at]] = JsonNode.Parse(change[(at + 1)..]);
                return Encoding.UTF8.GetBytes(tree.ToJsonString());
            },
            WireReason.FileCorrupt);
    }

    [Theory]
    [InlineData("code")]
    [InlineData("code_hash")]
    [InlineData("role")]
    [InlineData("relay_url")]
    [InlineData("status")]
    [InlineData("created_at")]
    public async Task A_member_that_must_be_there_is_missed(string name) => await AssertRefusedAsync(
        tree =>
        {
            tree.Remove(name);
            return Encoding.UTF8.GetBytes(tree.ToJsonString());
        },
        WireReason.FileCorrupt);

    [Fact]
    public async Task A_member_twice_is_refused() => await AssertRefusedAsync(
        tree => Encoding.UTF8.GetBytes(tree.ToJsonString().Replace("\"sas\":", "\"sas\":null,\"sas\":", StringComparison.Ordinal)),
        WireReason.FileCorrupt);

    [Fact]
    public async Task An_unknown_member_twice_is_refused() => await AssertRefusedAsync(
        tree => Encoding.UTF8.GetBytes(tree.ToJsonString().Replace("\"sas\":", "\"new\":1,\"new\":1,\"sas\":", StringComparison.Ordinal)),
        WireReason.FileCorrupt);

    [Fact]
    public async Task A_newer_protocol_is_named_as_such_even_where_its_words_are_unknown() => await AssertRefusedAsync(
        tree =>
        {
            tree["protocol"] = 3;
            tree["status"] = "levitating";
            return Encoding.UTF8.GetBytes(tree.ToJsonString());
        },
        WireReason.FileNewerVersion);

    [Fact]
    public async Task A_file_that_is_too_large_or_not_text_is_corrupt()
    {
        await AssertRefusedAsync(static _ => [0xFF, 0xFE, 0x00, 0x80], WireReason.FileCorrupt);
        await AssertRefusedAsync(static _ => new byte[300 * 1024], WireReason.FileCorrupt);
    }

    [Fact]
    public async Task A_file_that_others_can_read_is_refused_and_stops_no_other()
    {
        if (OperatingSystem.IsWindows())
        {
            output.WriteLine("NOT TESTED: no permission bits on Windows.");
            return;
        }

        await AssertRefusedAsync(static tree => Encoding.UTF8.GetBytes(tree.ToJsonString()), WireReason.FileNotPrivate, mode: (UnixFileMode)0x1A4);
        if (Unix.IsRoot)
        {
            await AssertRefusedAsync(static tree => Encoding.UTF8.GetBytes(tree.ToJsonString()), WireReason.FileForeignOwner, owner: 65534);
        }
        else
        {
            output.WriteLine("NOT TESTED: only root can give a file to another user.");
        }
    }

    [Fact]
    public async Task Members_of_a_later_version_are_kept()
    {
        var store = New();
        var key = await store.CreateAsync(Machine.Of(true)["polling"], CancellationToken.None);
        var tree = JsonNode.Parse(File.ReadAllBytes(store.PathOf(key)))!.AsObject();
        tree["added_later"] = JsonNode.Parse("""{"deep":[1,2.50,"ü"],"null":null}""");
        DiskFileSystem.Instance.WritePrivate(store.PathOf(key), Encoding.UTF8.GetBytes(tree.ToJsonString()));
        await store.UpdateAsync(key, null, static pair => Machine.Step(pair, new PairInput.Stopped()), CancellationToken.None);
        var after = JsonNode.Parse(File.ReadAllBytes(store.PathOf(key)))!.AsObject();
        Assert.Equal("""{"deep":[1,2.50,"ü"],"null":null}""", after["added_later"]!.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        Assert.Equal("aborted", (string?)after["status"]);
    }

    [Fact]
    public async Task One_home_has_one_pairing_of_a_code_for_each_side()
    {
        var store = New();
        var host = Machine.Of(true, PairRole.Host)["requested"];
        var guest = Machine.Of(true, PairRole.Guest)["requested"];
        Assert.Equal(Machine.Code, await store.CreateAsync(host, CancellationToken.None));
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => store.CreateAsync(host, CancellationToken.None))).Reason);
        Assert.Equal(Machine.Code + ".guest", await store.CreateAsync(guest, CancellationToken.None));
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => store.CreateAsync(guest, CancellationToken.None))).Reason);
        Assert.Equal([PairRole.Guest, PairRole.Host], store.List().Select(static f => f.Pair!.Role).OrderDescending());
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_keeps_its_code_from_being_used_again()
    {
        var store = New();
        DiskFileSystem.Instance.WritePrivate(store.PathOf(Machine.Code), "torn"u8);
        foreach (var role in Enum.GetValues<PairRole>())
        {
            Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => store.CreateAsync(Machine.Of(true, role)["requested"], CancellationToken.None))).Reason);
        }

        Assert.Equal("torn", File.ReadAllText(store.PathOf(Machine.Code)));
    }

    [Fact]
    public async Task A_change_that_was_worked_out_from_an_older_state_is_not_made()
    {
        var store = New();
        var key = await store.CreateAsync(Machine.Of(true)["sas_ready"], CancellationToken.None);
        var seen = store.Load(key)!;
        await store.UpdateAsync(key, null, static pair => pair with { LastError = "another writer" }, CancellationToken.None);
        var called = false;
        var result = await store.UpdateAsync(key, seen.Version, pair =>
        {
            called = true;
            return pair with { LastError = "late" };
        }, CancellationToken.None);
        Assert.False(called);
        Assert.Equal(("another writer", 2), (result!.LastError, result.Version));
        Assert.Null(await store.UpdateAsync("99-AAAAAA", null, static pair => pair, CancellationToken.None));

        // What does not change is not written.
        await store.UpdateAsync(key, null, static pair => pair, CancellationToken.None);
        Assert.Equal(2, store.Load(key)!.Version);
    }

    [Fact]
    public async Task Only_an_ended_pairing_is_removed()
    {
        var store = New();
        var key = await store.CreateAsync(Machine.Of(true)["sas_ready"], CancellationToken.None);
        Assert.False(await store.RemoveAsync(key, Machine.Now, CancellationToken.None));
        await store.UpdateAsync(key, null, static pair => Machine.Step(pair, new PairInput.Stopped()), CancellationToken.None);
        Assert.True(await store.RemoveAsync(key, Machine.Now, CancellationToken.None));
        Assert.False(await store.RemoveAsync(key, Machine.Now, CancellationToken.None));
        Assert.Equal(["request_host", "polling", "sas_ready", "aborted", "removed"], new Journal(_home.Home, DiskFileSystem.Instance).Read(0).Select(static e => e.To));
    }

    [Fact]
    public async Task Ten_thousand_files_are_all_listed_once_and_by_age()
    {
        var store = New();
        var key = await store.CreateAsync(Machine.Of(true)["polling"], CancellationToken.None);
        var text = File.ReadAllText(store.PathOf(key));
        File.Delete(store.PathOf(key));
        var files = new MemoryFiles(TimeProvider.System);
        var many = new PendingPairStore(_home.Home, files, new Journal(_home.Home, files), new UsedCodes(_home.Home, files, TimeProvider.System));
        for (var i = 0; i < 10_000; i++)
        {
            var code = $"{i / 100:D2}-AAAA{(char)('A' + (i % 100 / 10))}{(char)('A' + (i % 10))}";
            var one = text.Replace(Machine.Code, code, StringComparison.Ordinal)
                .Replace(CodePhrase.Hash(Machine.Code), CodePhrase.Hash(code), StringComparison.Ordinal)
                .Replace("2026-01-02T03:04:05.000000Z\",\n  \"last_error", $"2026-01-02T{(9999 - i) / 3600:D2}:{(9999 - i) / 60 % 60:D2}:{(9999 - i) % 60:D2}.000000Z\",\n  \"last_error", StringComparison.Ordinal);
            files.WritePrivate(many.PathOf(code), Encoding.UTF8.GetBytes(one));
        }

        files.WritePrivate(many.PathOf("torn"), "torn"u8);
        var listed = many.List();
        Assert.Equal(10_001, listed.Count);
        Assert.Equal(10_000, listed.Select(static f => f.Pair?.Code).OfType<string>().Distinct().Count());
        Assert.Equal(listed.Take(10_000).Select(static f => f.Pair!.CreatedAt).Order(), listed.Take(10_000).Select(static f => f.Pair!.CreatedAt));
        Assert.Equal("99-AAAAJJ", listed[0].Pair!.Code);
        Assert.Equal(WireReason.FileCorrupt, listed[^1].Error!.Reason);
    }

    [Fact]
    public async Task A_disk_that_is_full_at_any_write_loses_nothing_and_stops_only_what_it_must()
    {
        for (var full = 0; ; full++)
        {
            var number = 0;
            var isFull = false;
            var faults = new FaultyFiles(DiskFileSystem.Instance)
            {
                Weather = (work, path) =>
                {
                    if (work is not (FileWork.Write or FileWork.Append) || path.EndsWith("daemon.log", StringComparison.Ordinal) || Interlocked.Increment(ref number) - 1 != full)
                    {
                        return FileFault.None;
                    }

                    isFull = true;
                    return work == FileWork.Append ? FileFault.Torn : FileFault.Full;
                },
            };
            using var couple = new Couple(files: name => name == "host" ? faults : DiskFileSystem.Instance);

            // Whatever a person did that failed is done again; whatever the tick did is, too.
            var code = await AgainAsync(() => couple.Host.HostAsync());
            await couple.Guest.JoinAsync(code);
            for (var i = 0; i < 8; i++)
            {
                foreach (var party in couple.Both)
                {
                    var report = await party.TryTickAsync();
                    Assert.All(report.Failures, static f => Assert.Equal(WireReason.StorageFull, f.Error.Reason));
                    if (party.Pair is { Status: PairStatus.SasReady, Sas: { } digits })
                    {
                        await AgainAsync(() => party.ConfirmAsync(digits));
                    }
                }
            }

            couple.Host.AssertStatus(PairStatus.Paired);
            couple.Guest.AssertStatus(PairStatus.Paired);
            Assert.Equal(["request_host", "polling", "sas_ready", "confirmed", "paired"], couple.Host.Story());
            if (!isFull)
            {
                Assert.True(full > 12, $"Only {full} writes in a whole pairing.");
                return;
            }
        }

        static async Task<T> AgainAsync<T>(Func<Task<T>> work)
        {
            try
            {
                return await work();
            }
            catch (WireException error) when (error.Reason == WireReason.StorageFull)
            {
                return await work();
            }
        }
    }

    private static async Task AssertRefusedAsync(Func<JsonObject, byte[]> change, WireReason reason, UnixFileMode? mode = null, uint? owner = null)
    {
        using var couple = new Couple();
        var host = couple.Host;
        await host.HostAsync();
        var good = host.Key;
        await host.HostAsync();
        var path = host.Engine.Pairs.PathOf(host.Key);
        await host.TickAsync();

        // A state with everything in it, as the base of the change.
        var tree = JsonNode.Parse(PendingPairFormat.Write(Machine.Of(true)["sas_ready"]))!.AsObject();
        var content = change(tree);
        DiskFileSystem.Instance.WritePrivate(path, content);
        if (mode is not null && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode.Value);
        }

        if (owner is not null)
        {
            Unix.GiveTo(path, owner.Value);
        }

        var file = host.Engine.Pairs.TryLoad(host.Key)!;
        Assert.Null(file.Pair);
        Assert.Equal(reason, file.Error!.Reason);
        Assert.Equal(path, file.Error.Target);
        Assert.Equal(2, host.Engine.Pairing.List(null).Count);
        foreach (var work in (Func<Task>[])[() => host.ConfirmAsync("123456"), host.StopAsync, () => host.Engine.Pairing.RemoveAsync(host.Key, CancellationToken.None)])
        {
            Assert.Equal(reason, (await Assert.ThrowsAsync<WireException>(work)).Reason);
        }

        // The other one goes on; this one stays as it is.
        await couple.Guest.JoinAsync(good);
        await couple.Guest.TickAsync();
        var report = await host.TryTickAsync();
        Assert.Equal([reason], report.Failures.Select(static f => f.Error.Reason));
        Assert.Equal(PairStatus.SasReady, host.Engine.Pairs.Load(good)!.Status);
        Assert.Equal(content, File.ReadAllBytes(path));
    }

    private PendingPairStore New() => new(
        _home.Home, DiskFileSystem.Instance, new Journal(_home.Home, DiskFileSystem.Instance), new UsedCodes(_home.Home, DiskFileSystem.Instance, TimeProvider.System));
}
