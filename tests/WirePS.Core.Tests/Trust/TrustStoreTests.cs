using System.Text;
using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Trust;

/// <summary>trust.json, relay.json, settings.json and revocations.json: shared with other programs and with later versions.</summary>
public sealed class TrustStoreTests : IDisposable
{
    private readonly TestHome _home = new();
    private readonly FakeTime _time = new();
    private readonly FakeRelay _relay;
    private readonly WireEngine _engine;

    public TrustStoreTests()
    {
        _relay = new FakeRelay(_time);
        _engine = new WireEngine(_home.Home, new WireSurroundings { Time = _time, Relays = _relay.ConnectionsOf("a"), Random = new PinnedRandom(5) });
    }

    private static CancellationToken None => CancellationToken.None;

    public void Dispose()
    {
        _engine.Dispose();
        _home.Dispose();
    }

    [Fact]
    public async Task A_pin_stands_under_the_name_with_the_full_key_and_without_any_token()
    {
        var grant = new GivenGrant(Machine.Url, Machine.Slot, Machine.Grant);
        Assert.Null(await PinAsync(Machine.PeerCard, grant, new PeerRoute(Machine.Url, Machine.Slot, Machine.Token)));
        var peer = Assert.Single(_engine.Trust.List());
        Assert.Equal((Machine.PeerCard.Handle, Machine.PeerCard.Did, TrustTier.Verified), (peer.Handle, peer.Did, peer.Tier));
        Assert.Equal(Machine.PeerCard.PublicKey, peer.PublicKey);
        Assert.Equal(grant, peer.Grant);
        Assert.Equal(_time.GetUtcNow(), peer.PinnedAt);
        Assert.DoesNotContain(Machine.Token, File.ReadAllText(_home.Home.TrustFile), StringComparison.Ordinal);
        Assert.Equal(Machine.Token, _engine.Mailboxes.FindRoute(Machine.PeerCard.Handle)!.SlotToken);
        await _engine.Trust.SetPeerAckedAsync(peer.Did, None);
        Assert.True(Assert.Single(_engine.Trust.List()).PeerAcked);
    }

    [Fact]
    public async Task A_known_name_or_DID_with_another_key_is_a_conflict_and_changes_nothing()
    {
        await PinAsync(Machine.PeerCard);
        var before = File.ReadAllText(_home.Home.TrustFile);
        var sameName = AgentCard.Create(Machine.Bytes(77), "peer-name");
        Assert.Equal("peer-name", await PinAsync(sameName, null, new PeerRoute(Machine.Url, Machine.Slot, Machine.Token)));

        // The same key under another name is not that peer either.
        var sameKey = AgentCard.Create(Machine.Bytes(2), "new-name");
        Assert.Equal("peer-name", await PinAsync(sameKey));
        Assert.Equal(before, File.ReadAllText(_home.Home.TrustFile));
        Assert.Null(_engine.Mailboxes.FindRoute("peer-name"));
    }

    [Fact]
    public async Task This_home_itself_is_never_replaced_by_a_peer()
    {
        var (own, isNew) = await _engine.Identity.EnsureAsync("my-desk", None);
        Assert.True(isNew);
        Assert.Equal("my-desk", await PinAsync(own.Card));
        Assert.Equal("my-desk", await PinAsync(AgentCard.Create(Machine.Bytes(78), "my-desk")));
        Assert.Empty(_engine.Trust.List());
        Assert.Contains("ATTESTED", File.ReadAllText(_home.Home.TrustFile), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pinning_again_keeps_a_higher_tier_a_label_and_what_others_wrote_and_names_the_replaced_grant()
    {
        var old = new GivenGrant(Machine.Url, Machine.Slot, Machine.Grant);
        await PinAsync(Machine.PeerCard, old);
        Change(_home.Home.TrustFile, tree =>
        {
            var entry = tree["agents"]!["peer-name"]!;
            entry["tier"] = "TRUSTED";
            entry["label"] = "my desk";
            entry["persona"] = new JsonObject { ["emoji"] = "x" };
            tree["later"] = 1;
        });
        var replaced = new List<GivenGrant>();
        var request = new PinRequest(Machine.PeerCard, TrustTier.Verified, "sas-v1", "person", "sas", null, old with { GrantId = new string('9', 32) });
        Assert.Null(await _engine.Trust.PinAsync(request, (grant, _) =>
        {
            replaced.Add(grant);
            return Task.CompletedTask;
        }, None));
        Assert.Equal([old], replaced);
        var peer = Assert.Single(_engine.Trust.List());
        Assert.Equal((TrustTier.Trusted, "my desk"), (peer.Tier, peer.Label));
        var text = File.ReadAllText(_home.Home.TrustFile);
        Assert.Contains("\"emoji\": \"x\"", text, StringComparison.Ordinal);
        Assert.Contains("\"later\": 1", text, StringComparison.Ordinal);

        // The same grant again replaces none.
        Assert.Null(await _engine.Trust.PinAsync(request, (_, _) => throw new InvalidOperationException("nothing was replaced"), None));
    }

    [Fact]
    public async Task Members_of_later_versions_and_other_programs_stay_in_every_file()
    {
        await _engine.Identity.EnsureAsync("my-desk", None);
        await _engine.Settings.SetRelayAsync("https://a.example", None);
        await _engine.Mailboxes.EnsureAsync(_engine.Relays.To(_relay.Url), _relay.RelayId, None);
        await _engine.Mailboxes.SetRouteAsync("peer", new PeerRoute(Machine.Url, Machine.Slot, Machine.Token), None);
        await _engine.Revocations.AddAsync(new GivenGrant(_relay.Url, "none", "none"), None);
        string[] files = [_home.Home.TrustFile, _home.Home.SettingsFile, _home.Home.RelayFile, _home.Home.RevocationsFile];
        foreach (var file in files)
        {
            Change(file, static tree => tree["later"] = JsonNode.Parse("""{"a":[1.50,null]}"""));
        }

        Change(_home.Home.RelayFile, static tree =>
        {
            tree["self"]!["cursors"] = new JsonObject { ["s"] = "e" };
            tree["peers"]!["peer"]!["bilateral_completed_at"] = "2026-01-01T00:00:00Z";
        });
        await PinAsync(Machine.PeerCard);
        await _engine.Settings.SetRelayAsync("https://b.example", None);
        _relay.LoseEverything();
        await _engine.Mailboxes.EnsureAsync(_engine.Relays.To(_relay.Url), _relay.RelayId, None);
        await _engine.Mailboxes.SetRouteAsync("peer", new PeerRoute(Machine.Url, Machine.Slot, Machine.Token), None);
        await _engine.Revocations.RunAsync(None);
        foreach (var file in files)
        {
            Assert.Equal("""{"a":[1.50,null]}""", JsonNode.Parse(File.ReadAllText(file))!["later"]!.ToJsonString());
        }

        var relay = JsonNode.Parse(File.ReadAllText(_home.Home.RelayFile))!;
        Assert.Equal("e", (string?)relay["self"]!["cursors"]!["s"]);
        Assert.Equal(2, relay["self"]!["endpoints"]!.AsArray().Count);
        Assert.Equal("2026-01-01T00:00:00Z", (string?)relay["peers"]!["peer"]!["bilateral_completed_at"]);
    }

    public static TheoryData<string, string, WireReason> Broken
    {
        get
        {
            var data = new TheoryData<string, string, WireReason>();
            foreach (var file in (string[])["trust", "relay", "settings", "revocations"])
            {
                data.Add(file, "", WireReason.FileCorrupt);
                data.Add(file, "{\"version\":1,", WireReason.FileCorrupt);
                data.Add(file, "[]", WireReason.FileCorrupt);
                data.Add(file, "\"text\"", WireReason.FileCorrupt);
                data.Add(file, "{\"a\":1,\"a\":2}", WireReason.FileCorrupt);
                data.Add(file, "{\"x\":{\"a\":1,\"a\":2}}", WireReason.FileCorrupt);
                data.Add(file, "{\"version\":\"one\"}", WireReason.FileCorrupt);
                data.Add(file, "{\"version\":1.5}", WireReason.FileCorrupt);
                data.Add(file, "{\"version\":2}", WireReason.FileNewerVersion);
                data.Add(file, "{\"version\":9223372036854775807}", WireReason.FileNewerVersion);
                data.Add(file, new string('[', 100), WireReason.FileCorrupt);
            }

            data.Add("trust", "{\"agents\":[]}", WireReason.FileCorrupt);
            data.Add("trust", "{\"agents\":{\"x\":{\"tier\":1,\"public_keys\":[{\"key\":\"pyK/7HDnA6K5bn7vR60xpe5/kM2CJ+keUiC7g846piE=\"}]}}}", WireReason.FileCorrupt);
            data.Add("trust", "{\"agents\":{\"x\":{\"public_keys\":[7]}}}", WireReason.FileCorrupt);
            data.Add("relay", "{\"self\":[]}", WireReason.FileCorrupt);
            data.Add("relay", "{\"self\":{\"endpoints\":{}}}", WireReason.FileCorrupt);
            data.Add("relay", "{\"self\":{\"endpoints\":[{\"relay_url\":1}]}}", WireReason.FileCorrupt);
            data.Add("settings", "{\"relay\":7}", WireReason.FileCorrupt);
            data.Add("revocations", "{\"grants\":[{\"relay_url\":1}]}", WireReason.FileCorrupt);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task A_broken_or_newer_file_is_a_typed_error_and_stays_as_it_is(string file, string content, WireReason reason)
    {
        var (path, read, write) = file switch
        {
            "trust" => (_home.Home.TrustFile, (Action)(() => _engine.Trust.List()), (Func<Task>)(() => PinAsync(Machine.PeerCard))),
            "relay" => (_home.Home.RelayFile, () => _engine.Mailboxes.RelayUrls(), () => _engine.Mailboxes.EnsureAsync(_engine.Relays.To(_relay.Url), _relay.RelayId, None)),
            "settings" => (_home.Home.SettingsFile, () => _ = _engine.Settings.Relay, () => Task.FromResult(_engine.Settings.ResolveRelay(null, false))),
            _ => (_home.Home.RevocationsFile, () => _engine.Revocations.List(), () => _engine.Revocations.AddAsync(new GivenGrant("u", "s", "g"), None)),
        };
        DiskFileSystem.Instance.WritePrivate(path, Encoding.UTF8.GetBytes(content));
        Assert.Equal((reason, path), (Assert.Throws<WireException>(read).Reason, Assert.Throws<WireException>(read).Target));
        Assert.Equal(reason, (await Assert.ThrowsAsync<WireException>(write)).Reason);
        Assert.Equal(content, File.ReadAllText(path));
    }

    [Fact]
    public async Task A_mailbox_that_an_older_program_noted_is_found_and_kept()
    {
        DiskFileSystem.Instance.WritePrivate(
            _home.Home.RelayFile,
            Encoding.UTF8.GetBytes($$$"""{"self":{"relay_url":"https://old.example/","slot_id":"{{{Machine.Slot}}}","slot_token":"{{{Machine.Token}}}"},"peers":{}}"""));
        Assert.NotNull(_engine.Mailboxes.Find("https://old.example", Machine.Slot));
        var mine = await _engine.Mailboxes.EnsureAsync(_engine.Relays.To(_relay.Url), _relay.RelayId, None);
        Assert.NotNull(_engine.Mailboxes.Find("https://old.example", Machine.Slot));
        Assert.NotNull(_engine.Mailboxes.Find(_relay.Url, mine.SlotId));
        Assert.Equal(mine, await _engine.Mailboxes.EnsureAsync(_engine.Relays.To(_relay.Url), _relay.RelayId, None));
        Assert.Equal(1, _relay.CountOf(RelayAction.Allocate));
    }

    [Fact]
    public async Task Many_at_once_allocate_one_mailbox()
    {
        var found = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Task.Run(() => _engine.Mailboxes.EnsureAsync(_engine.Relays.To(_relay.Url), _relay.RelayId, None))));
        Assert.Single(found.Distinct());
        Assert.Equal(1, _relay.CountOf(RelayAction.Allocate));
    }

    [Fact]
    public async Task A_removal_that_was_interrupted_is_finished_by_the_next_one()
    {
        var faults = new FaultyFiles(DiskFileSystem.Instance);
        using var engine = new WireEngine(_home.Home, new WireSurroundings { Files = faults, Time = _time, Relays = _relay.ConnectionsOf("a") });
        foreach (var victim in (string[])[_home.Home.RevocationsFile, _home.Home.RelayFile, _home.Home.TrustFile])
        {
            await PinAsync(Machine.PeerCard, new GivenGrant(_relay.Url, Machine.Slot, Machine.Grant), new PeerRoute(Machine.Url, Machine.Slot, Machine.Token));
            faults.Weather = (work, path) => work == FileWork.Write && path == victim ? FileFault.Full : FileFault.None;
            await Assert.ThrowsAsync<WireException>(() => engine.Peers.RemoveAsync(Machine.PeerCard.Did, None));
            faults.Weather = null;
            Assert.NotNull(await engine.Peers.RemoveAsync(Machine.PeerCard.Did, None));
            Assert.Empty(engine.Peers.List());
            Assert.Null(engine.Mailboxes.FindRoute(Machine.PeerCard.Handle));
            Assert.Single(engine.Revocations.List());
            await engine.Revocations.RunAsync(None);
        }
    }

    [Fact]
    public async Task A_key_without_its_card_is_finished_and_a_card_without_its_key_is_not_guessed()
    {
        var (first, _) = await _engine.Identity.EnsureAsync("my-desk", None);
        File.Delete(_home.Home.CardFile);
        var (again, _) = await _engine.Identity.EnsureAsync("my-desk", None);
        Assert.Equal(first.Did, again.Did);
        File.Delete(_home.Home.PrivateKeyFile);
        Assert.Equal(WireReason.IdentityIncomplete, Assert.Throws<WireException>(() => _engine.Identity.Find()).Reason);
        Assert.Equal(WireReason.IdentityIncomplete, (await Assert.ThrowsAsync<WireException>(() => _engine.Identity.EnsureAsync("my-desk", None))).Reason);
        DiskFileSystem.Instance.WritePrivate(_home.Home.PrivateKeyFile, Machine.Bytes(9));
        Assert.Equal(WireReason.IdentityIncomplete, Assert.Throws<WireException>(() => _engine.Identity.Find()).Reason);
        DiskFileSystem.Instance.WritePrivate(_home.Home.PrivateKeyFile, new byte[31]);
        Assert.Equal(WireReason.FileCorrupt, Assert.Throws<WireException>(() => _engine.Identity.Find()).Reason);
    }

    [Fact]
    public async Task Sixteen_at_once_make_one_identity()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => _engine.Identity.EnsureAsync(null, None))));
        Assert.Single(made.Select(static m => m.Identity.Did).Distinct());
        Assert.Single(made, static m => m.IsNew);
    }

    private Task<string?> PinAsync(AgentCard card, GivenGrant? grant = null, PeerRoute? route = null) =>
        _engine.Trust.PinAsync(new PinRequest(card, TrustTier.Verified, "sas-v1", "person", "sas", route, grant), static (_, _) => Task.CompletedTask, None);

    private static void Change(string path, Action<JsonObject> change)
    {
        var tree = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(tree);
        DiskFileSystem.Instance.WritePrivate(path, Encoding.UTF8.GetBytes(tree.ToJsonString()));
    }
}
