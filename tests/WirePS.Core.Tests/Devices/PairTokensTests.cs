using System.Text.Json.Nodes;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Devices;

/// <summary>Making, listing, removing and redeeming; the tests with W are named after the weaknesses of pair-token.md §13.</summary>
public sealed class PairTokensTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(1790000000);
    private readonly MovableTime _time = new(Start);
    private readonly TestDeviceBook _book = new();
    private readonly MemoryFiles _files;
    private readonly WireHome _home = WireHome.Resolve(Path.GetFullPath("/home-of-tokens"));
    private readonly PairTokens _tokens;

    public PairTokensTests()
    {
        _files = new MemoryFiles(_time);
        _tokens = _book.Tokens(_home, _files, _time);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(3600, true)]
    [InlineData(0, false)]
    [InlineData(3601, false)]
    [InlineData(-1, false)]
    [InlineData(1.5, false)]
    public async Task A_lifetime_is_from_one_second_to_one_hour(double seconds, bool isAllowed)
    {
        var wish = new PairTokenWish(TestDeviceBook.Alice) { ExpiresIn = TimeSpan.FromSeconds(seconds) };
        if (isAllowed)
        {
            Assert.Equal(Start.AddSeconds(seconds), (await _tokens.MintAsync(wish, default)).Info.ExpiresAt);
            return;
        }

        Assert.Equal(WireReason.InvalidTokenLifetime, await Refusal(_tokens.MintAsync(wish, default)));
        Assert.All(_files.All.Keys, static path => Assert.EndsWith(".lock", path, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_lifetime_it_is_five_minutes()
        => Assert.Equal(Start.AddMinutes(5), (await MintAsync()).Info.ExpiresAt);

    [Fact]
    public async Task A_token_admits_one_device_and_no_second_one()
    {
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var minted = await MintAsync();
        var answer = await _tokens.RedeemAsync(_book.Request(device, minted.Token), default);
        Assert.Equal(TestDeviceBook.Alice, answer.Principal);
        Assert.Equal(device.Card.PublicKey, answer.DeviceKey);
        Assert.Equal(DeviceRights.All, answer.Rights);
        Assert.False(answer.IsRepeated);
        Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(_book.Request(other, minted.Token), default)));
        Assert.False(_book.Has(other));
    }

    [Fact]
    public async Task The_same_request_gets_the_same_answer_until_expiry()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        var request = _book.Request(device, minted.Token);
        await _tokens.RedeemAsync(request, default);
        _time.Set(Start.AddSeconds(299));
        Assert.True((await _tokens.RedeemAsync(request, default)).IsRepeated);
        Assert.Equal(1, _book.Added.Values.Single().Times);
        _time.Set(Start.AddSeconds(300));
        Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(request, default)));
    }

    [Fact]
    public async Task When_the_expiry_is_now_the_token_is_dead()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        _time.Set(minted.Info.ExpiresAt.AddSeconds(-1));
        Assert.Equal(PairTokenState.Live, Assert.Single(await _tokens.ListAsync(default)).State);
        _time.Set(minted.Info.ExpiresAt);
        Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
    }

    [Fact]
    public async Task Unknown_expired_and_used_are_one_error()
    {
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var used = await MintAsync();
        await _tokens.RedeemAsync(_book.Request(device, used.Token), default);
        var second = await Assert.ThrowsAsync<WireException>(() => _tokens.RedeemAsync(_book.Request(other, used.Token), default));
        var unknown = await Assert.ThrowsAsync<WireException>(() => _tokens.RedeemAsync(_book.Request(other, "hello"), default));
        _time.Move(TimeSpan.FromHours(1));
        var expired = await Assert.ThrowsAsync<WireException>(() => _tokens.RedeemAsync(_book.Request(other, used.Token), default));
        Assert.Equal((second.Reason, second.Message, second.Target), (unknown.Reason, unknown.Message, unknown.Target));
        Assert.Equal((second.Reason, second.Message, second.Target), (expired.Reason, expired.Message, expired.Target));
    }

    [Fact]
    public async Task A_token_text_with_a_line_end_does_not_match()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token + "\n"), default)));
        await _tokens.RedeemAsync(_book.Request(device, minted.Token), default);
    }

    [Fact]
    public async Task The_text_of_a_token_is_nowhere_at_rest()
    {
        using var device = TestDeviceBook.Device(1);
        var plain = await MintAsync();
        var scoped = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Send }, default);
        await _tokens.RedeemAsync(_book.Request(device, scoped.Token), default);
        foreach (var (path, content) in _files.All)
        {
            var text = path + System.Text.Encoding.UTF8.GetString(content);
            Assert.DoesNotContain(plain.Token, text, StringComparison.Ordinal);
            Assert.DoesNotContain(scoped.Token, text, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(plain.Token, plain.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_with_rights_or_a_grant_of_its_own_never_stands_in_the_other_programs_file()
    {
        await _tokens.MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Send | DeviceRights.Receive }, default);
        await _tokens.MintAsync(new(TestDeviceBook.Alice) { Grant = new("https://relay.example", "s", "g") }, default);
        Assert.False(_files.Exists(_home.PairTokensFile));
        Assert.Equal(2, _files.List(_home.PairTokenFolder).Count);
        await MintAsync();
        Assert.Single(PairTokenFile.Read(_files.ReadPrivate(_home.PairTokensFile, 10_000), ""));
    }

    [Fact]
    public async Task A_token_that_is_reserved_leaves_the_other_programs_file_before_anything_is_added()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        var inFile = -1;
        _book.WhenAdded = () =>
        {
            inFile = PairTokenFile.Read(_files.ReadPrivate(_home.PairTokensFile, 10_000), "").Count;
            return Task.CompletedTask;
        };
        await _tokens.RedeemAsync(_book.Request(device, minted.Token), default);
        Assert.Equal(0, inFile);
    }

    [Fact]
    public async Task W01_a_store_that_cannot_be_written_after_the_key_was_added_leaves_nothing_to_use_again()
    {
        using var device = TestDeviceBook.Device(1);
        using var thief = TestDeviceBook.Device(2);
        var faulty = new FaultyFiles(_files);
        var tokens = _book.Tokens(_home, faulty, _time);
        var minted = await MintAsync();
        _book.WhenAdded = () =>
        {
            faulty.Weather = static (work, _) => work == FileWork.Write ? FileFault.Full : FileFault.None;
            return Task.CompletedTask;
        };
        Assert.Equal(WireReason.StorageFull, await Refusal(tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
        faulty.Weather = null;
        _book.WhenAdded = null;
        Assert.Equal(WireReason.TokenRefused, await Refusal(tokens.RedeemAsync(_book.Request(thief, minted.Token), default)));
        Assert.Equal(device.Card.PublicKey, (await tokens.RedeemAsync(_book.Request(device, minted.Token), default)).DeviceKey);
        Assert.Single(_book.Added);
    }

    [Fact]
    public async Task W02_a_key_whose_owner_has_not_signed_is_not_added_and_the_token_stays()
    {
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var minted = await MintAsync();
        var second = await MintAsync();
        var good = _book.Request(device, minted.Token);
        RedeemRequest[] bad =
        [
            good with { Proof = new byte[64] },
            good with { Proof = _book.Request(other, minted.Token).Proof },
            good with { Card = other.Card },
            good with { Proof = _book.Request(device, second.Token).Proof },
            _book.Request(device, minted.Token, "did:wire:bob"),
            RedeemRequest.Create(device, minted.Token, other.Card.PublicKey, TestDeviceBook.Alice),
        ];
        foreach (var request in bad)
        {
            Assert.Equal(WireReason.InvalidDeviceProof, await Refusal(_tokens.RedeemAsync(request, default)));
        }

        Assert.Empty(_book.Added);
        await _tokens.RedeemAsync(good, default);
    }

    [Fact]
    public async Task W04_a_request_that_could_not_be_read_back_is_refused_and_the_token_stays()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        var good = _book.Request(device, minted.Token);
        var far = new DeviceEndpoint("https://" + new string('a', DeviceEndpoint.MaxUrlLength), new string('a', 32), new string('b', 64));
        var near = far with { RelayUrl = "https://relay.example" };
        (RedeemRequest Request, WireReason Reason)[] bad =
        [
            (good with { Endpoints = [far] }, WireReason.InvalidEvent),
            (good with { Endpoints = [near with { SlotToken = "x" }] }, WireReason.InvalidEvent),
            (good with { Endpoints = [near, near, near, near, near] }, WireReason.InvalidEvent),
            (good with { Label = "a\nb" }, WireReason.InvalidLabel),
            (good with { Card = AgentCard.From(device.Card.Json.With("name", "x")) }, WireReason.InvalidCard),
        ];
        foreach (var (request, reason) in bad)
        {
            Assert.Equal(reason, await Refusal(_tokens.RedeemAsync(request, default)));
        }

        await _tokens.RedeemAsync(good with { Endpoints = [near] }, default);
        Assert.Equal(near, Assert.Single(_book.Added.Values.Single().Candidate.Endpoints));
    }

    [Fact]
    public async Task W02_an_answer_is_not_given_again_without_the_proof()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        var request = _book.Request(device, minted.Token);
        await _tokens.RedeemAsync(request, default);
        Assert.Equal(WireReason.InvalidDeviceProof, await Refusal(_tokens.RedeemAsync(request with { Proof = new byte[64] }, default)));
    }

    [Fact]
    public async Task W04_outstanding_tokens_and_labels_have_limits()
    {
        _book.Principals = [TestDeviceBook.Alice, "did:wire:bob"];
        for (var i = 0; i < PairTokens.MaxPerPrincipal; i++)
        {
            await _tokens.MintAsync(new(TestDeviceBook.Alice) { ExpiresIn = TimeSpan.FromSeconds(100 + i) }, default);
        }

        Assert.Equal(WireReason.TooManyTokens, await Refusal(MintAsync()));
        await _tokens.MintAsync(new("did:wire:bob"), default);
        _time.Move(TimeSpan.FromSeconds(100));
        await MintAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("say \"hi\" \\ 'there' 🔑")]
    [InlineData("=")]
    public async Task Labels_with_quotes_and_other_planes_come_back(string label)
    {
        await _tokens.MintAsync(new(TestDeviceBook.Alice) { Label = label }, default);
        await _tokens.MintAsync(new(TestDeviceBook.Alice) { Label = label, Rights = DeviceRights.Send }, default);
        Assert.All(await _tokens.ListAsync(default), token => Assert.Equal(label, token.Label));
    }

    [Theory]
    [InlineData("line\nline")]
    [InlineData("bell\u0007")]
    [InlineData("nul\0")]
    [InlineData("\u2028")]
    [InlineData("half a pair")]
    [InlineData(null)]
    public async Task W04_labels_with_control_characters_or_too_long_are_refused(string? label)
    {
        label = label switch
        {
            "half a pair" => new string('\uD83D', 1), // attributes cannot hold it
            null => new string('é', 129),
            _ => label,
        };
        Assert.Equal(WireReason.InvalidLabel, await Refusal(_tokens.MintAsync(new(TestDeviceBook.Alice) { Label = label }, default)));
        using var device = TestDeviceBook.Device(1);
        Assert.Equal(WireReason.InvalidLabel, Assert.Throws<WireException>(() => _book.Request(device, "hello", label: label)).Reason);
    }

    [Fact]
    public async Task W05_outstanding_tokens_are_listed_and_removed_by_text_or_fingerprint()
    {
        var first = await MintAsync();
        _time.Move(TimeSpan.FromSeconds(1));
        var second = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Label = "rack", Rights = DeviceRights.Receive }, default);
        var listed = await _tokens.ListAsync(default);
        Assert.Equal([first.Info, second.Info], listed);
        Assert.Equal(second.Info, await _tokens.RemoveAsync(second.Info.TokenHash.ToUpperInvariant(), default));
        await _tokens.RemoveAsync(first.Token, default);
        Assert.Empty(await _tokens.ListAsync(default));
        Assert.Equal(WireReason.TokenNotFound, await Refusal(_tokens.RemoveAsync(first.Token, default)));
        using var device = TestDeviceBook.Device(1);
        Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(_book.Request(device, first.Token), default)));
    }

    [Fact]
    public async Task W06_the_label_goes_with_the_device_and_the_device_may_choose_another()
    {
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var minted = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Label = "left rack" }, default);
        var second = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Label = "left rack" }, default);
        await _tokens.RedeemAsync(_book.Request(device, minted.Token), default);
        await _tokens.RedeemAsync(_book.Request(other, second.Token, label: "right rack"), default);
        Assert.Equal(["left rack", "right rack"], _book.Added.Values.Select(static added => added.Candidate.Label).Order());
    }

    [Fact]
    public async Task W10_a_record_that_was_edited_by_hand_is_listed_and_admits_nobody()
    {
        using var device = TestDeviceBook.Device(1);
        var now = Start.ToUnixTimeSeconds();
        PairTokenRecord[] records =
        [
            new(PairToken.HashOf("far"), "alice", 9999999999, 1, null),
            new(PairToken.HashOf("long"), "alice", now + 3601, now, null),
            new(PairToken.HashOf("future"), "alice", now + 400, now + 61, null),
            new(PairToken.HashOf("twice"), "alice", now + 300, now, null),
            new(PairToken.HashOf("twice"), "alice", now + 300, now, null),
            new("abc", "alice", now + 300, now, null),
            new(PairToken.HashOf("good"), "alice", now + 300, now, null),
        ];
        _files.WritePrivate(_home.PairTokensFile, PairTokenFile.Write(records));
        foreach (var text in (string[])["far", "long", "future", "twice"])
        {
            Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(_book.Request(device, text), default)));
        }

        Assert.Equal(6, (await _tokens.ListAsync(default)).Count(static token => token.State == PairTokenState.Unusable));
        await _tokens.RedeemAsync(_book.Request(device, "good"), default);
        Assert.Equal(records[..^1], PairTokenFile.Read(_files.ReadPrivate(_home.PairTokensFile, 10_000), ""));
    }

    [Fact]
    public async Task W11_a_clock_that_goes_back_revives_no_token_that_had_expired()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        var longer = await _tokens.MintAsync(new(TestDeviceBook.Alice) { ExpiresIn = TimeSpan.FromHours(1) }, default);
        _time.Set(minted.Info.ExpiresAt);
        Assert.Equal(longer.Info, Assert.Single(await _tokens.ListAsync(default)));
        _time.Set(Start);
        foreach (var token in (string[])[minted.Token, longer.Token])
        {
            Assert.Equal(WireReason.TokenRefused, await Refusal(Restarted().RedeemAsync(_book.Request(device, token), default)));
        }
    }

    [Fact]
    public async Task W11_a_clock_that_goes_back_a_little_at_a_time_does_not_stop_the_count()
    {
        await MintAsync();
        var seconds = 0;
        for (; (await Restarted().ListAsync(default)).Count > 0; seconds += 30)
        {
            // Two forward, half of that back: the token must not live longer than its life and one such step.
            _time.Move(TimeSpan.FromSeconds(seconds % 60 == 0 ? 60 : -30));
            Assert.True(seconds < 3000);
        }

        Assert.True(_time.GetUtcNow() <= Start.AddMinutes(7));
    }

    [Fact]
    public async Task W11_the_highest_time_outlives_a_file_that_is_put_back()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        var other = await _tokens.MintAsync(new(TestDeviceBook.Alice) { ExpiresIn = TimeSpan.FromHours(1) }, default);
        var saved = _files.ReadPrivate(_home.PairTokensFile, 10_000)!;
        _time.Set(minted.Info.ExpiresAt.AddSeconds(30));
        Assert.Equal(other.Info, Assert.Single(await _tokens.ListAsync(default)));
        _files.WritePrivate(_home.PairTokensFile, saved);
        _time.Set(minted.Info.ExpiresAt.AddSeconds(-1));
        Assert.Equal(WireReason.TokenRefused, await Refusal(Restarted().RedeemAsync(_book.Request(device, minted.Token), default)));
        await Restarted().RedeemAsync(_book.Request(device, other.Token), default);
    }

    [Fact]
    public async Task W11_a_clock_that_was_far_ahead_once_does_not_lock_the_home()
    {
        using var device = TestDeviceBook.Device(1);
        _time.Set(Start.AddYears(10));
        await MintAsync();
        _time.Set(Start);
        var minted = await MintAsync();
        Assert.Equal(Start.AddMinutes(5), minted.Info.ExpiresAt);
        Assert.Equal(minted.Info, Assert.Single(await _tokens.ListAsync(default)));
        await _tokens.RedeemAsync(_book.Request(device, minted.Token), default);
    }

    [Fact]
    public async Task A_clock_before_1970_reads_as_0()
    {
        _time.Set(DateTimeOffset.FromUnixTimeSeconds(-1000));
        Assert.Equal(DateTimeOffset.UnixEpoch.AddMinutes(5), (await MintAsync()).Info.ExpiresAt);
    }

    [Fact]
    public async Task W12_what_has_expired_goes_with_a_redemption_that_fails()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        await _tokens.MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Send }, default);
        _time.Set(minted.Info.ExpiresAt);
        Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(_book.Request(device, "hello"), default)));
        Assert.Empty(PairTokenFile.Read(_files.ReadPrivate(_home.PairTokensFile, 10_000), ""));
        Assert.Empty(_files.List(_home.PairTokenFolder));
    }

    [Fact]
    public async Task The_file_is_written_only_when_something_is_removed()
    {
        await MintAsync();
        var written = 0;
        var watched = new FaultyFiles(_files)
        {
            Weather = (work, path) =>
            {
                written += work == FileWork.Write && path == _home.PairTokensFile ? 1 : 0;
                return FileFault.None;
            },
        };
        var tokens = _book.Tokens(_home, watched, _time);
        _time.Move(TimeSpan.FromSeconds(10));
        await tokens.ListAsync(default);
        Assert.Equal(0, written);
        _time.Move(TimeSpan.FromHours(1));
        await tokens.ListAsync(default);
        Assert.Equal(1, written);
    }

    [Fact]
    public async Task W16_the_key_of_a_device_redeemed_with_two_tokens_uses_up_both()
    {
        using var device = TestDeviceBook.Device(1);
        var (first, second) = (await MintAsync(), await MintAsync());
        await _tokens.RedeemAsync(_book.Request(device, first.Token), default);
        await _tokens.RedeemAsync(_book.Request(device, second.Token), default);
        Assert.Single(_book.Added);
        Assert.All(await _tokens.ListAsync(default), static token => Assert.Equal(PairTokenState.Used, token.State));
    }

    [Fact]
    public async Task A_principal_that_is_gone_leaves_the_token()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        _book.Principals = [];
        Assert.Equal(WireReason.PrincipalUnknown, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
        Assert.Equal(WireReason.PrincipalUnknown, await Refusal(MintAsync()));
        _book.Principals = [TestDeviceBook.Alice];
        await _tokens.RedeemAsync(_book.Request(device, minted.Token), default);
    }

    [Theory]
    [InlineData(DeviceRights.All, DeviceRights.All, null)]
    [InlineData(DeviceRights.Add | DeviceRights.Send, DeviceRights.Send, null)]
    [InlineData(DeviceRights.Add | DeviceRights.Send, DeviceRights.Add, null)]
    [InlineData(DeviceRights.Add | DeviceRights.Send, DeviceRights.Receive, WireReason.RightsExceeded)]
    [InlineData(DeviceRights.Add | DeviceRights.Send, DeviceRights.All, WireReason.RightsExceeded)]
    [InlineData(DeviceRights.Send | DeviceRights.Receive, DeviceRights.Send, WireReason.RightsExceeded)]
    [InlineData(DeviceRights.None, DeviceRights.Send, WireReason.RightsExceeded)]
    [InlineData(DeviceRights.All, DeviceRights.None, WireReason.InvalidRights)]
    [InlineData(DeviceRights.All, (DeviceRights)8, WireReason.InvalidRights)]
    public async Task Never_more_rights_than_the_issuer_has(DeviceRights issuer, DeviceRights wanted, WireReason? refused)
    {
        _book.Rights = issuer;
        var mint = _tokens.MintAsync(new(TestDeviceBook.Alice) { Rights = wanted }, default);
        if (refused is null)
        {
            Assert.Equal(wanted, (await mint).Info.Rights);
            return;
        }

        Assert.Equal(refused, await Refusal(mint));
        Assert.Empty(await _tokens.ListAsync(default));
    }

    [Fact]
    public async Task Without_a_wish_the_rights_are_those_of_the_issuer()
    {
        _book.Rights = DeviceRights.Add | DeviceRights.Receive;
        Assert.Equal(_book.Rights, (await MintAsync()).Info.Rights);
        Assert.False(_files.Exists(_home.PairTokensFile));
    }

    [Fact]
    public async Task Rights_that_the_issuer_lost_are_not_given_by_a_token_from_before()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        _book.Rights = DeviceRights.Add | DeviceRights.Send;
        Assert.Equal(WireReason.RightsExceeded, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
        _book.Rights = DeviceRights.None;
        Assert.Equal(WireReason.RightsExceeded, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
        Assert.Empty(_book.Added);
    }

    [Fact]
    public async Task The_rights_of_a_token_survive_to_the_device()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Receive }, default);
        Assert.Equal(DeviceRights.Receive, (await Restarted().RedeemAsync(_book.Request(device, minted.Token), default)).Rights);
        Assert.Equal(DeviceRights.Receive, _book.Added.Values.Single().Candidate.Rights);
    }

    [Fact]
    public async Task A_device_that_the_book_refuses_leaves_the_token_free()
    {
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var minted = await MintAsync();
        _book.FaultBefore = new WireException(WireReason.TooManyDevices);
        Assert.Equal(WireReason.TooManyDevices, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
        Assert.Equal(PairTokenState.Live, Assert.Single(await _tokens.ListAsync(default)).State);
        _book.FaultBefore = null;
        await _tokens.RedeemAsync(_book.Request(other, minted.Token), default);
        Assert.True(_book.Has(other));
    }

    [Fact]
    public async Task A_reservation_has_one_owner_until_that_owner_is_done()
    {
        using var device = TestDeviceBook.Device(1);
        using var other = TestDeviceBook.Device(2);
        var minted = await MintAsync();
        _book.FaultBefore = new IOException("the process dies");
        await Assert.ThrowsAsync<IOException>(() => _tokens.RedeemAsync(_book.Request(device, minted.Token), default));
        var reserved = Assert.Single(await _tokens.ListAsync(default));
        Assert.Equal((PairTokenState.Reserved, device.Card.Did), (reserved.State, reserved.DeviceDid));
        _book.FaultBefore = null;
        Assert.Equal(WireReason.TokenRefused, await Refusal(Restarted().RedeemAsync(_book.Request(other, minted.Token), default)));
        var answer = Assert.Single(await Restarted().ResumeAsync(default));
        Assert.Equal(device.Card.PublicKey, answer.DeviceKey);
        Assert.Empty(await Restarted().ResumeAsync(default));
        Assert.True((await Restarted().RedeemAsync(_book.Request(device, minted.Token), default)).IsRepeated);
    }

    [Fact]
    public async Task A_token_removed_while_its_device_is_added_admits_nobody()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        _book.WhenAdded = () => Restarted().RemoveAsync(minted.Token, default);
        Assert.Equal(WireReason.TokenRefused, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
        Assert.Empty(_book.Added);
        Assert.Empty(await _tokens.ListAsync(default));
    }

    [Fact]
    public async Task A_token_that_runs_out_while_its_device_is_added_has_been_used()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await MintAsync();
        _book.WhenAdded = () =>
        {
            _time.Set(minted.Info.ExpiresAt);
            return Task.CompletedTask;
        };
        Assert.Equal(device.Card.PublicKey, (await _tokens.RedeemAsync(_book.Request(device, minted.Token), default)).DeviceKey);
        Assert.True(_book.Has(device));
        Assert.Empty(await _tokens.ListAsync(default));
    }

    [Fact]
    public async Task The_grant_of_a_token_ends_with_it()
    {
        var expiring = new GivenGrant("https://relay.example", "slot", "one");
        var removed = expiring with { GrantId = "two" };
        await _tokens.MintAsync(new(TestDeviceBook.Alice) { Grant = expiring }, default);
        var minted = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Grant = removed, ExpiresIn = TimeSpan.FromHours(1) }, default);
        await _tokens.RemoveAsync(minted.Token, default);
        Assert.Equal([removed], _book.Ended);
        _time.Move(TimeSpan.FromMinutes(5));
        await _tokens.ListAsync(default);
        Assert.Equal([removed, expiring], _book.Ended);
    }

    [Fact]
    public async Task Members_of_a_later_version_stay_and_a_broken_file_stops_no_other()
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Send }, default);
        var path = Path.Combine(_home.PairTokenFolder, minted.Info.TokenHash + ".json");
        var tree = JsonNode.Parse(_files.ReadPrivate(path, 100_000))!.AsObject();
        tree["colour"] = "red";
        _files.WritePrivate(path, System.Text.Encoding.UTF8.GetBytes(tree.ToJsonString()));
        var broken = Path.Combine(_home.PairTokenFolder, PairToken.HashOf("broken") + ".json");
        _files.WritePrivate(broken, "{"u8);
        var newer = Path.Combine(_home.PairTokenFolder, PairToken.HashOf("newer") + ".json");
        _files.WritePrivate(newer, "{\"version\":2}"u8);

        await _tokens.RedeemAsync(_book.Request(device, minted.Token), default);
        Assert.Equal("red", (string?)JsonNode.Parse(_files.ReadPrivate(path, 100_000))!["colour"]);
        Assert.Equal(WireReason.FileCorrupt, await Refusal(_tokens.RedeemAsync(_book.Request(device, "broken"), default)));
        Assert.Equal(WireReason.FileNewerVersion, await Refusal(_tokens.RedeemAsync(_book.Request(device, "newer"), default)));
        Assert.Equal(
            [WireReason.FileCorrupt, WireReason.FileNewerVersion],
            (await _tokens.ListAsync(default)).Select(static token => token.Fault?.Reason).OfType<WireReason>().Order());
        Assert.Equal("{"u8.ToArray(), _files.ReadPrivate(broken, 10));
    }

    [Theory]
    [InlineData("state", "\"used\"")]
    [InlineData("state", "\"reserved\"")]
    [InlineData("state", "\"forgotten\"")]
    [InlineData("state", "null")]
    [InlineData("grant", "{}")]
    [InlineData("rights", "[]")]
    [InlineData("rights", "[\"send\",\"rule\"]")]
    [InlineData("rights", "[\"send\",\"send\"]")]
    [InlineData("expires_at_epoch", "9999999999")]
    [InlineData("issued_at_epoch", "-1")]
    [InlineData("token_hash", "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"")]
    [InlineData("reservation", "{}")]
    public async Task W10_a_file_that_does_not_hold_together_admits_nobody(string member, string value)
    {
        using var device = TestDeviceBook.Device(1);
        var minted = await _tokens.MintAsync(new(TestDeviceBook.Alice) { Rights = DeviceRights.Send }, default);
        var path = Path.Combine(_home.PairTokenFolder, minted.Info.TokenHash + ".json");
        var tree = JsonNode.Parse(_files.ReadPrivate(path, 100_000))!.AsObject();
        tree[member] = JsonNode.Parse(value);
        _files.WritePrivate(path, System.Text.Encoding.UTF8.GetBytes(tree.ToJsonString()));
        Assert.Equal(WireReason.FileCorrupt, await Refusal(_tokens.RedeemAsync(_book.Request(device, minted.Token), default)));
        Assert.Empty(_book.Added);
    }

    private Task<MintedPairToken> MintAsync() => _tokens.MintAsync(new(TestDeviceBook.Alice), default);

    /// <summary>What another process, or the same one after a crash, works with.</summary>
    private PairTokens Restarted() => _book.Tokens(_home, _files, _time);

    private static async Task<WireReason> Refusal(Task task) => (await Assert.ThrowsAnyAsync<WireException>(() => task)).Reason;
}
