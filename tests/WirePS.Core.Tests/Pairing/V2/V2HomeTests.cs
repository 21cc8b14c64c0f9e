using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>v2 pairings of whole homes: codes that are opened once, names that are kept free, files that give nothing away.</summary>
public sealed class V2HomeTests
{
    [Fact]
    public async Task A_guest_waits_for_the_host_from_the_first_moment_and_knows_it()
    {
        using var couple = new Couple(protocol: 2);
        await couple.RequestAsync();
        Assert.True(V2Protocol.IsWaitingForHost(couple.Guest.Pair));
        await couple.Guest.TickAsync();
        couple.Guest.AssertStatus(PairStatus.Polling);
        Assert.True(V2Protocol.IsWaitingForHost(couple.Guest.Pair));
        Assert.Equal(0, couple.Relay.CountOf(RelayAction.Put2));
        Assert.False(V2Protocol.IsWaitingForHost(couple.Host.Pair));
        await couple.Host.TickAsync();
        await couple.Guest.TickAsync();
        Assert.False(V2Protocol.IsWaitingForHost(couple.Guest.Pair));
    }

    [Fact]
    public async Task A_code_is_opened_once_while_it_lives_and_for_eight_days_after()
    {
        using var couple = new Couple(protocol: 2);
        var code = await couple.Host.HostAsync();

        // The same home cannot be its own guest.
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => couple.Host.JoinAsync(code))).Reason);
        await couple.Guest.JoinAsync(code);
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => couple.Guest.JoinAsync(code))).Reason);
        await couple.Guest.StopAsync();
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => couple.Guest.JoinAsync(code))).Reason);

        // The file is gone, and what is left of the code is a hash.
        await couple.Guest.TickAsync();
        couple.Time.Advance(TimeSpan.FromHours(2));
        await couple.Guest.TickAsync();
        Assert.Empty(couple.Guest.Engine.Pairs.Keys());
        var used = await File.ReadAllTextAsync(couple.Guest.Home.UsedCodesFile);
        using (var stretched = QuickStretcher.Instance.Stretch(code))
        {
            Assert.DoesNotContain(stretched.Lookup, used, StringComparison.Ordinal);
            Assert.Contains(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(stretched.Lookup))), used, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(code, used, StringComparison.Ordinal);
        couple.Time.Advance(TimeSpan.FromDays(7));
        Assert.Equal(WireReason.CodeUsed, (await Assert.ThrowsAsync<WireException>(() => couple.Guest.JoinAsync(code))).Reason);

        // Old ones go with the next that is noted.
        couple.Time.Advance(TimeSpan.FromDays(2));
        await couple.Guest.JoinAsync(await couple.Host.HostAsync());
        await couple.Guest.StopAsync();
        await couple.Guest.JoinAsync(code);
    }

    [Fact]
    public async Task The_terminal_write_takes_the_code_out_of_the_file_and_out_of_its_name()
    {
        using var couple = new Couple(protocol: 2);
        await couple.RequestAsync();
        var key = couple.Host.Key;
        Assert.Equal(PairingCode.SymbolCount, key.Length);
        var stopped = await couple.Host.StopAsync();
        Assert.Equal("", stopped.Code);
        Assert.False(File.Exists(couple.Host.Engine.Pairs.PathOf(key)));
        Assert.True(File.Exists(couple.Host.Engine.Pairs.PathOf(stopped.Id)));
        AssertNowhere(couple.Host, key);
    }

    [Fact]
    public async Task Digits_that_are_refused_change_nothing()
    {
        using var couple = await NumbersAsync();
        var before = await File.ReadAllBytesAsync(couple.Host.Engine.Pairs.PathOf(couple.Host.Key));
        foreach (var (digits, reason) in new[] { ("12345", WireReason.InvalidDigits), ("1234567", WireReason.InvalidDigits), ("12345x", WireReason.InvalidDigits), ("", WireReason.InvalidDigits), (couple.Host.Pair.Sas!, WireReason.OwnDigits) })
        {
            Assert.Equal(reason, (await Assert.ThrowsAsync<WireException>(() => couple.Host.ConfirmAsync(digits))).Reason);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(couple.Host.Engine.Pairs.PathOf(couple.Host.Key)));
        Assert.DoesNotContain("reserved_for", await File.ReadAllTextAsync(couple.Host.Home.TrustFile), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_confirmation_keeps_the_name_free_and_an_end_gives_it_back()
    {
        using var couple = await NumbersAsync();
        await couple.Host.ConfirmAsync(couple.Guest.Pair.Sas!);
        var guest = couple.Guest.Engine.Identity.Find()!;
        Assert.Empty(couple.Host.Engine.Trust.List());

        // Nothing else may take it.
        var stranger = AgentCard.Create([.. Enumerable.Repeat((byte)9, 32)], guest.Handle);
        Assert.Equal(guest.Handle, await couple.Host.Engine.Trust.ReserveAsync(stranger, new string('e', 32), CancellationToken.None));
        await couple.Host.StopAsync();
        await couple.SettleAsync();
        Assert.Equal(PairStatus.Aborted, couple.Host.Pair.Status);
        Assert.Equal(WireReason.Cancelled, couple.Guest.Pair.Reason);
        Assert.DoesNotContain("reserved_for", await File.ReadAllTextAsync(couple.Host.Home.TrustFile), StringComparison.Ordinal);
        Assert.Empty(couple.Relay.LiveGrants);
    }

    [Fact]
    public async Task Two_pairings_with_one_peer_keep_its_name_until_both_have_ended()
    {
        using var home = new TestHome();
        using var engine = new WireEngine(home.Home, new WireSurroundings { Random = new PinnedRandom(3) });
        await engine.Identity.EnsureAsync(null, CancellationToken.None);
        var peer = AgentCard.Create([.. Enumerable.Repeat((byte)9, 32)], "peer-name");
        var other = AgentCard.Create([.. Enumerable.Repeat((byte)8, 32)], "peer-name");
        await engine.Trust.ReserveAsync(peer, "one", CancellationToken.None);
        await engine.Trust.ReserveAsync(peer, "two", CancellationToken.None);
        await engine.Trust.ReserveAsync(peer, "two", CancellationToken.None);
        await engine.Trust.ReleaseAsync("one", CancellationToken.None);
        Assert.Equal("peer-name", await engine.Trust.ReserveAsync(other, "three", CancellationToken.None));
        await engine.Trust.ReleaseAsync("two", CancellationToken.None);
        Assert.Null(await engine.Trust.ReserveAsync(other, "three", CancellationToken.None));
    }

    [Fact]
    public async Task A_known_name_with_another_key_is_shown_and_changes_nothing()
    {
        using var couple = await NumbersAsync();
        var guest = couple.Guest.Engine.Identity.Find()!;
        var stranger = AgentCard.Create([.. Enumerable.Repeat((byte)9, 32)], guest.Handle);
        await couple.Host.Engine.Trust.PinAsync(new PinRequest(stranger, TrustTier.Verified, "sas-v2", "person", "sas", null, null), static (_, _) => Task.CompletedTask, CancellationToken.None);
        var before = await File.ReadAllBytesAsync(couple.Host.Engine.Pairs.PathOf(couple.Host.Key));
        var trust = await File.ReadAllBytesAsync(couple.Host.Home.TrustFile);
        Assert.Equal(WireReason.IdentityConflict, (await Assert.ThrowsAsync<WireException>(() => couple.Host.ConfirmAsync(couple.Guest.Pair.Sas!))).Reason);
        Assert.Equal(before, await File.ReadAllBytesAsync(couple.Host.Engine.Pairs.PathOf(couple.Host.Key)));
        Assert.Equal(trust, await File.ReadAllBytesAsync(couple.Host.Home.TrustFile));

        // A person removes the other entry, and it goes on.
        await couple.Host.Engine.Peers.RemoveAsync(stranger.Did, CancellationToken.None);
        await couple.ConfirmEachOtherAsync();
        await couple.SettleAsync();
        couple.AssertPaired();
    }

    [Fact]
    public async Task A_relay_without_v2_says_so_and_one_that_had_it_is_downgraded()
    {
        using var couple = new Couple(protocol: 2);
        await couple.RequestAsync();
        couple.Relay.SpeaksV2 = false;
        await couple.Host.TryTickAsync();
        Assert.Equal(WireReason.RelayWithoutV2, couple.Host.Pair.Reason);
        Assert.Equal(PairStatus.RequestHost, couple.Host.Pair.Status);

        // It passes when the relay does.
        couple.Relay.SpeaksV2 = true;
        await couple.Host.TickAsync();
        Assert.Null(couple.Host.Pair.Reason);
        couple.Relay.SpeaksV2 = false;
        await couple.Host.TryTickAsync();
        Assert.Equal(WireReason.RelayDowngraded, couple.Host.Pair.Reason);
        Assert.False(couple.Host.Pair.IsEnded);
    }

    [Theory]
    [InlineData("https://other.example.net", true)]
    [InlineData("https://10.0.0.1", false)]
    [InlineData("https://127.0.0.1:8443", false)]
    [InlineData("http://other.example.net", false)]
    [InlineData("https://user@other.example.net", false)]
    [InlineData("unix:///tmp/x", false)]
    public void Only_usable_addresses_are_taken_and_a_pin_needs_none(string url, bool isUsable)
    {
        var table = new V2Table().Confirmed();
        var guest = table.Guest.Pair;
        var plaintext = V2Messages.AcceptPlaintext(url, new string('6', 32), new string('7', 64));
        var accept = V2Messages.Sealed(PairingV2.Seal(Convert.FromBase64String(guest.Secrets!.KeyGuest!), guest.CodeHash, PairRole.Guest, 2, plaintext));
        table.Host.Step(V2Table.Seen(table.Host, V2State.Decided, null, (2, accept)));
        Assert.IsType<V2Work.Pin>(table.Host.Next);
        Assert.Equal(isUsable, V2Protocol.PeerRouteOf(table.Host.Pair) is not null);
    }

    [Fact]
    public async Task A_confirmation_that_dies_between_trust_store_and_file_gives_the_name_back_in_the_end()
    {
        using var couple = await NumbersAsync();
        var peer = couple.Guest.Engine.Identity.Find()!.Card;
        await couple.Host.Engine.Trust.ReserveAsync(peer, couple.Host.Pair.Id, CancellationToken.None);
        await couple.Host.StopAsync();
        await couple.Host.TickAsync();
        Assert.DoesNotContain("reserved_for", await File.ReadAllTextAsync(couple.Host.Home.TrustFile), StringComparison.Ordinal);
    }

    private static async Task<Couple> NumbersAsync()
    {
        var couple = new Couple(protocol: 2);
        await couple.RequestAsync();
        for (var i = 0; i < 3; i++)
        {
            await couple.Host.TickAsync();
            await couple.Guest.TickAsync();
        }

        couple.Host.AssertStatus(PairStatus.SasReady);
        couple.Guest.AssertStatus(PairStatus.SasReady);
        return couple;
    }

    private static void AssertNowhere(Party party, string secret)
    {
        foreach (var file in Directory.EnumerateFiles(party.Files.Folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
        {
            Assert.DoesNotContain(secret, file, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, File.ReadAllText(file, Encoding.Latin1), StringComparison.Ordinal);
        }
    }
}
