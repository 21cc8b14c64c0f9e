using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Tests.Cryptography;
using WirePS.Tests.Devices;
using WirePS.Tests.Support;

namespace WirePS.Tests.Golden;

/// <summary>Pair tokens as the four generations of Astrid keep them; ours keeps those of the first.</summary>
internal static class AstridRunners
{
    private const string Missing = "missing file";

    public static GoldenOutcome Hashes(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var token = TextOf(golden.Data.GetProperty("token"));
        answers.Text("pair_hash", () => PairToken.HashOf(token));
        if (golden.Data.TryGetProperty("generated", out _))
        {
            answers.Equal("length", golden.Data.GetProperty("length").GetInt32(), token.Length);
            answers.Equal("form", true, PairToken.IsWellFormed(token));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome Compare(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        answers.Truth("equal", () => PairToken.HashEquals(golden.Text("a")!, golden.Text("b")!));
        return answers.Outcome();
    }

    public static GoldenOutcome KeyFingerprints(GoldenCase golden)
    {
        byte[] key;
        try
        {
            key = DeviceKey.Parse(golden.Text("input")!);
        }
        catch (WireException)
        {
            return GoldenOutcome.NotOurs("ours has fingerprints of keys, and this is none");
        }

        var answers = new GoldenAnswers(golden);
        answers.Text("fingerprint", () => DeviceKey.FingerprintOf(key));
        return answers.Outcome();
    }

    public static GoldenOutcome PrincipalIds(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        answers.Equal("accepted", golden.Data.GetProperty("result").TryGetProperty("ok", out _), PairTokenFile.IsPrincipal(golden.Text("input")));
        return answers.Outcome();
    }

    public static GoldenOutcome StoreFiles(GoldenCase golden)
    {
        if (golden.Data.GetProperty("file").ValueKind == JsonValueKind.Null)
        {
            return GoldenOutcome.NotOurs("ours has no record with a number that TOML cannot hold");
        }

        var answers = new GoldenAnswers(golden);
        var records = RecordsOf(golden.Data.GetProperty("records"));
        var text = PairTokenFile.Write(records);
        answers.Equal("file", TextOf(golden.Data.GetProperty("file").GetProperty("text")), Encoding.UTF8.GetString(text));
        answers.Equal("load_equals", true, PairTokenFile.Read(text, "golden").SequenceEqual(records));

        using var home = new TestHome();
        DiskFileSystem.Instance.WritePrivate(home.Home.PairTokensFile, text);
        answers.Equal("mode", golden.Text("mode"), ModeOf(home.Home.PairTokensFile) ?? golden.Text("mode"));
        var prune = golden.Data.GetProperty("prune");
        var book = new TestDeviceBook();
        Wait(book.Tokens(home.Home, DiskFileSystem.Instance, TimeAt(prune.GetProperty("now").GetInt64())).ListAsync(CancellationToken.None));
        var left = File.ReadAllBytes(home.Home.PairTokensFile);
        answers.Equal("prune.file", TextOf(prune.GetProperty("file").GetProperty("text")), Encoding.UTF8.GetString(left));
        answers.Equal("prune.removed", prune.GetProperty("removed").GetInt32(), records.Count - PairTokenFile.Read(left, "golden").Count);
        return answers.Outcome();
    }

    public static GoldenOutcome Reader(GoldenCase golden)
    {
        using var home = new TestHome();
        if (!Prepare(golden, home, out var notOurs))
        {
            return GoldenOutcome.NotOurs(notOurs);
        }

        var answers = new GoldenAnswers(golden);
        var before = File.Exists(home.Home.PairTokensFile) ? File.ReadAllBytes(home.Home.PairTokensFile) : null;
        var load = golden.Data.GetProperty("load");
        try
        {
            var records = Read(home);
            answers.Equal("load", load.TryGetProperty("records", out var count) ? count.ToString() : Show(load), count.ValueKind == JsonValueKind.Number ? records.Count.ToString(CultureInfo.InvariantCulture) : Show(records));
            if (golden.Data.TryGetProperty("saved_again_as", out var saved) && saved.ValueKind == JsonValueKind.Object)
            {
                answers.Equal("saved_again_as", TextOf(saved.GetProperty("text")), Encoding.UTF8.GetString(PairTokenFile.Write(records)));
            }
        }
        catch (WireException error)
        {
            answers.Equal("load", load.TryGetProperty("error", out _) ? "an error" : "accepted", error.Reason is WireReason.TokenStoreUnsupported or WireReason.FileNewerVersion or WireReason.FileNotPrivate && !load.TryGetProperty("error", out _) ? "refused: " + error.Reason : "an error");
        }

        answers.Equal("bytes", true, before is null || before.AsSpan().SequenceEqual(File.ReadAllBytes(home.Home.PairTokensFile)));
        return answers.Outcome();
    }

    /// <summary>Files of later generations: what they say that generation A cannot is recognised, refused and left.</summary>
    public static GoldenOutcome LaterReader(GoldenCase golden)
    {
        var text = golden.Data.TryGetProperty("file_before", out var file) && file.ValueKind == JsonValueKind.Object && file.TryGetProperty("text", out var found) ? TextOf(found) : "";
        var isLater = text.Contains("schema_version", StringComparison.Ordinal)
            || text.Contains("scope", StringComparison.Ordinal)
            || text.Contains("blake3:", StringComparison.OrdinalIgnoreCase);
        if (!isLater)
        {
            return GoldenOutcome.NotOurs("a file that generation A could have written; its own section has that");
        }

        using var home = new TestHome();
        if (!Prepare(golden, home, out var notOurs))
        {
            return GoldenOutcome.NotOurs(notOurs);
        }

        var isNewer = golden.Data.GetProperty("load").TryGetProperty("error", out var error) && error.GetString()!.Contains("is newer", StringComparison.Ordinal);
        var isBroken = golden.Data.GetProperty("load").TryGetProperty("error", out _) && !isNewer;
        return Refusal(golden, home, isBroken, isNewer ? WireReason.FileNewerVersion : WireReason.TokenStoreUnsupported);
    }

    public static GoldenOutcome LaterStoreFiles(GoldenCase golden)
    {
        if (golden.Data.GetProperty("file").ValueKind == JsonValueKind.Null)
        {
            return GoldenOutcome.NotOurs("nothing was written");
        }

        var text = TextOf(golden.Data.GetProperty("file").GetProperty("text"));
        if (text == "pair_token = []\n")
        {
            return GoldenOutcome.NotOurs("an empty file is the same in both generations");
        }

        using var home = new TestHome();
        DiskFileSystem.Instance.WritePrivate(home.Home.PairTokensFile, Encoding.UTF8.GetBytes(text));
        return Refusal(golden, home, isBroken: golden.Name == "integer at u64 max", WireReason.TokenStoreUnsupported);
    }

    public static GoldenOutcome SaveFailures(GoldenCase golden)
    {
        if (OperatingSystem.IsWindows())
        {
            return GoldenOutcome.NotOurs("modes and links are of other systems");
        }

        if (golden.Name == "directory not writable")
        {
            return GoldenOutcome.NotOurs("the administrator writes everywhere; the tests of the store have a disk that refuses");
        }

        using var home = new TestHome();
        var file = home.Home.PairTokensFile;
        var folder = Path.GetDirectoryName(file)!;
        var temporary = Path.Combine(folder, "pair-tokens.<pid>.tmp");
        Directory.CreateDirectory(folder);
        File.WriteAllText(file, "pair_token = []\n");
        File.SetUnixFileMode(file, (UnixFileMode)0x1A4);
        if (golden.Name.Contains("is a directory", StringComparison.Ordinal))
        {
            Directory.CreateDirectory(temporary);
        }
        else if (golden.Name.Contains("symlink", StringComparison.Ordinal))
        {
            File.WriteAllText(Path.Combine(folder, "victim"), "precious");
            File.SetUnixFileMode(Path.Combine(folder, "victim"), (UnixFileMode)0x1A4);
            File.CreateSymbolicLink(temporary, Path.Combine(folder, "victim"));
        }

        var record = new PairTokenRecord(PairToken.HashOf("hello"), "alice", 1790000300, 1790000000, null);
        DiskFileSystem.Instance.WritePrivate(file, PairTokenFile.Write([record]));
        var answers = new GoldenAnswers(golden);
        answers.Equal("save", golden.Data.GetProperty("save").ValueKind == JsonValueKind.String, true);
        answers.Equal("file_after", TextOf(golden.Data.GetProperty("file_after").GetProperty("text")), File.ReadAllText(file));
        answers.Equal("mode_after", golden.Text("mode_after"), ModeOf(file));
        answers.Equal(
            "directory_after",
            string.Join(", ", golden.Data.GetProperty("directory_after").EnumerateArray().Select(static name => name.GetString())),
            string.Join(", ", Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)));
        return answers.Outcome();
    }

    /// <summary>Issue and redeem, step by step. The answers, and the file after each step.</summary>
    public static GoldenOutcome Handlers(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var time = TimeAt(0);
        var files = new MemoryFiles(time);
        var home = WireHome.Resolve(Path.GetFullPath("/golden-home"));
        var random = new QueuedRandom();
        var book = new TestDeviceBook();
        var tokens = book.Tokens(home, files, time, random);
        var removed = golden.Name.Contains("principal removed", StringComparison.Ordinal);
        var number = 0;
        foreach (var step in golden.Data.GetProperty("steps").EnumerateArray())
        {
            number++;
            time.Set(DateTimeOffset.FromUnixTimeSeconds(step.GetProperty("now").GetInt64()));
            var input = step.GetProperty("input");
            switch (step.GetProperty("op").GetString())
            {
                case "start":
                    book.Principals = [.. input.GetProperty("principals").EnumerateArray().Select(static principal => "did:wire:" + principal.GetProperty("name").GetString())];
                    break;
                case "write_store_file":
                    files.WritePrivate(home.PairTokensFile, Encoding.UTF8.GetBytes(TextOf(input.GetProperty("text"))));
                    break;
                case "issue":
                    answers.Equal($"step {number}", Theirs(step), Issue(tokens, random, step));
                    break;
                default:
                    book.Principals = removed ? ["did:wire:alice"] : book.Principals;
                    answers.Equal($"step {number}", Theirs(step), Redeem(tokens, book, step));
                    break;
            }

            if (step.GetProperty("store_after") is { ValueKind: JsonValueKind.Object } after && after.TryGetProperty("text", out var text))
            {
                answers.Equal($"file after step {number}", TextOf(text), Encoding.UTF8.GetString(files.ReadPrivate(home.PairTokensFile, PairTokenFile.MaxBytes) ?? []));
            }
        }

        return answers.Outcome();
    }

    /// <summary>What stands in the other program's tests.</summary>
    public static GoldenOutcome PilotTests(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var astrid = golden.Data.GetProperty("astrid");
        foreach (var hash in astrid.GetProperty("token_hash").EnumerateArray().Where(static hash => hash.TryGetProperty("algorithm", out var algorithm) && algorithm.GetString() == "sha256"))
        {
            answers.Equal("token_hash", hash.GetProperty("token_hash").GetString(), PairToken.HashOf(hash.GetProperty("input").GetString()!));
        }

        var ids = astrid.GetProperty("principal_id");
        answers.Equal("principals", true, ids.GetProperty("valid").EnumerateArray().All(static id => PairTokenFile.IsPrincipal(id.GetString())));
        answers.Equal("others", false, ids.GetProperty("invalid").EnumerateArray().Any(static id => PairTokenFile.IsPrincipal(id.GetString())));
        foreach (var file in astrid.GetProperty("files").EnumerateObject())
        {
            answers.Equal(file.Name, ExpectedOf(file.Name), PilotFile(file));
        }

        return answers.Outcome();
    }

    /// <summary>What an independent implementation found.</summary>
    public static GoldenOutcome PilotDerived(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var astrid = golden.Data.GetProperty("astrid");
        foreach (var token in astrid.GetProperty("tokens").EnumerateArray())
        {
            var text = PairToken.Generate(new ScriptedRandomSource(Convert.FromHexString(token.GetProperty("raw_hex").GetString()!)));
            answers.Equal("token", token.GetProperty("token_gen_a").GetString(), text);
            answers.Equal("hash", token.GetProperty("sha256").GetString(), PairToken.HashOf(text));
        }

        var key = astrid.GetProperty("fingerprint_real_key");
        answers.Equal("fingerprint", key.GetProperty("gen_a").GetString(), DeviceKey.FingerprintOf(DeviceKey.Parse(key.GetProperty("public_key_hex").GetString()!)));
        return answers.Outcome();
    }

    private static string Issue(PairTokens tokens, QueuedRandom random, JsonElement step)
    {
        var input = step.GetProperty("input");
        if (step.GetProperty("result").GetProperty("data") is { ValueKind: JsonValueKind.Object } data)
        {
            random.Next = Base64Url.DecodeFromChars(data.GetProperty("token").GetString()!);
        }

        try
        {
            var seconds = input.GetProperty("expires_secs");
            var minted = Wait(tokens.MintAsync(
                new("did:wire:" + input.GetProperty("caller").GetString())
                {
                    Label = input.GetProperty("label") is { ValueKind: not JsonValueKind.Null } label ? TextOf(label) : null,
                    ExpiresIn = seconds.ValueKind == JsonValueKind.Null ? null : TimeSpan.FromSeconds(Math.Min(seconds.GetUInt64(), 1_000_000)),
                },
                CancellationToken.None));
            return $"{minted.Token} until {minted.Info.ExpiresAt.ToUnixTimeSeconds()} for {minted.Info.Principal} {minted.Info.Label}".TrimEnd();
        }
        catch (WireException error)
        {
            return error.Reason is WireReason.InvalidTokenLifetime ? "refused" : "ours: " + error.Reason;
        }
    }

    private static string Redeem(PairTokens tokens, TestDeviceBook book, JsonElement step)
    {
        var input = step.GetProperty("input");
        try
        {
            var key = DeviceKey.Parse(TextOf(input.GetProperty("public_key")));
            using var device = TestDeviceBook.DeviceWithKey(key);
            var text = TextOf(input.GetProperty("token"));
            var principal = step.GetProperty("result").GetProperty("data") is { ValueKind: JsonValueKind.Object } data ? "did:wire:" + data.GetProperty("principal").GetString() : "did:wire:alice";
            var answer = Wait(tokens.RedeemAsync(RedeemRequest.Create(device, text, book.Key, principal), CancellationToken.None));
            return $"{answer.Principal} {DeviceKey.FingerprintOf(answer.DeviceKey)}";
        }
        catch (WireException error)
        {
            return error.Reason is WireReason.TokenRefused or WireReason.InvalidDeviceKey or WireReason.PrincipalUnknown ? "refused" : "ours: " + error.Reason;
        }
    }

    private static string Theirs(JsonElement step)
    {
        var result = step.GetProperty("result");
        var data = result.GetProperty("data");
        return result.GetProperty("status").GetString() switch
        {
            "PairToken" => $"{data.GetProperty("token").GetString()} until {data.GetProperty("expires_at_epoch").GetInt64()} for did:wire:{data.GetProperty("principal").GetString()} {(data.TryGetProperty("label", out var label) ? TextOf(label) : "")}".TrimEnd(),
            "PairTokenRedeemed" => $"did:wire:{data.GetProperty("principal").GetString()} {data.GetProperty("public_key_fingerprint").GetString()}",
            _ => "refused",
        };
    }

    private static GoldenOutcome Refusal(GoldenCase golden, TestHome home, bool isBroken, WireReason reason)
    {
        var answers = new GoldenAnswers(golden);
        var before = File.ReadAllBytes(home.Home.PairTokensFile);
        var found = "accepted";
        try
        {
            var book = new TestDeviceBook();
            Wait(book.Tokens(home.Home, DiskFileSystem.Instance, TimeAt(1790000000)).ListAsync(CancellationToken.None));
        }
        catch (WireException error)
        {
            found = error.Reason.ToString();
        }

        answers.Equal("refusal", reason.ToString(), isBroken && (found is nameof(WireReason.FileCorrupt) or nameof(WireReason.FileNewerVersion)) ? reason.ToString() : found);
        answers.Equal("bytes", true, before.AsSpan().SequenceEqual(File.ReadAllBytes(home.Home.PairTokensFile)));
        answers.Equal("files", 1, home.Files.Count);
        return answers.Outcome();
    }

    private static bool Prepare(GoldenCase golden, TestHome home, out string notOurs)
    {
        notOurs = "";
        var file = home.Home.PairTokensFile;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var mode = golden.Text("file_mode");
        if ((mode is not null || golden.Name.Contains("symlink", StringComparison.Ordinal)) && OperatingSystem.IsWindows())
        {
            notOurs = "modes and links are of other systems";
            return false;
        }

        if (mode == "0200" && Unix.IsRoot)
        {
            notOurs = "the administrator reads everything";
            return false;
        }

        if (golden.Name.Contains("directory", StringComparison.Ordinal))
        {
            Directory.CreateDirectory(file);
        }
        else if (golden.Name.Contains("symlink", StringComparison.Ordinal))
        {
            var target = Path.Combine(home.Folder, "elsewhere");
            if (!golden.Name.Contains("dangling", StringComparison.Ordinal))
            {
                DiskFileSystem.Instance.WritePrivate(target, PairTokenFile.Write([new(PairToken.HashOf("hello"), "alice", 1790000300, 1790000000, null)]));
            }

            File.CreateSymbolicLink(file, target);
        }
        else if (golden.Data.GetProperty("file_before") is { ValueKind: JsonValueKind.Object } content)
        {
            DiskFileSystem.Instance.WritePrivate(file, content.TryGetProperty("hex", out var hex) ? Convert.FromHexString(hex.GetString()!) : Encoding.UTF8.GetBytes(TextOf(content.GetProperty("text"))));
            if (mode is not null && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(file, (UnixFileMode)Convert.ToInt32(mode, 8));
            }
        }

        return golden.Name != Missing || !File.Exists(file);
    }

    private static IReadOnlyList<PairTokenRecord> Read(TestHome home) =>
        PairTokenFile.Read(DiskFileSystem.Instance.ReadPrivate(home.Home.PairTokensFile, PairTokenFile.MaxBytes), home.Home.PairTokensFile);

    private static string PilotFile(JsonProperty file)
    {
        var text = file.Value.ValueKind == JsonValueKind.Object ? file.Value.GetProperty("text").GetString()! : file.Value.GetString()!;
        try
        {
            return Show(PairTokenFile.Read(Encoding.UTF8.GetBytes(text), "golden"));
        }
        catch (WireException error)
        {
            return error.Reason.ToString();
        }
    }

    private static string ExpectedOf(string name) => name switch
    {
        "legacy-pair-token-without-scope.toml@v0.10.4" => nameof(WireReason.TokenStoreUnsupported),
        "legacy-pair-token-without-scope.toml@v0.9.4" => Show([new("abc123", "compat-user", 9999999999, 1, "legacy phone")]),
        "legacy-sha-pair-token.toml@v0.10.4" => Show([new(PairToken.HashOf("hello"), "compat-user", 9999999999, 1, "legacy SHA token")]),
        "future_schema" => nameof(WireReason.FileNewerVersion),
        "malformed" => nameof(WireReason.FileCorrupt),
        _ => nameof(WireReason.TokenStoreUnsupported),
    };

    private static string Show(JsonElement load) => load.TryGetProperty("ok", out var records) ? Show(RecordsOf(records)) : "an error";

    private static string Show(IEnumerable<PairTokenRecord> records) => string.Join(" | ", records);

    private static List<PairTokenRecord> RecordsOf(JsonElement records) =>
    [
        .. records.EnumerateArray().Select(static record => new PairTokenRecord(
            record.GetProperty("token_hash").GetString()!,
            record.GetProperty("principal").GetString()!,
            record.GetProperty("expires_at_epoch").GetInt64(),
            record.GetProperty("issued_at_epoch").GetInt64(),
            record.TryGetProperty("label", out var label) ? TextOf(label) : null)),
    ];

    // Long texts are written as one that is repeated.
    private static string TextOf(JsonElement text) => text.ValueKind == JsonValueKind.Object
        ? string.Concat(Enumerable.Repeat(text.GetProperty("repeat")[0].GetString(), text.GetProperty("repeat")[1].GetInt32()))
        : text.GetString()!;

    private static string? ModeOf(string file) => OperatingSystem.IsWindows() ? null : "0" + Convert.ToString((int)File.GetUnixFileMode(file), 8).PadLeft(3, '0');

    private static MovableTime TimeAt(long seconds) => new(DateTimeOffset.FromUnixTimeSeconds(seconds));

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private sealed class QueuedRandom : IRandomSource
    {
        public byte[] Next { get; set; } = new byte[PairToken.RawBytes];

        public void Fill(Span<byte> buffer) => Next.CopyTo(buffer);
    }
}
