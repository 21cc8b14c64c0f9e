using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Invites;
using WirePS.Messaging;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Tests.Support;
using WirePS.Trust;

namespace WirePS.Tests.Golden;

/// <summary>Answers to invites, as issuers take them and acceptors send them.</summary>
internal static class DropRunners
{
    // After the events were made.
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 4, 0, 0, TimeSpan.Zero);

    /// <summary>What a mailbox with these events makes of trust, route, uses and place: whom it pins, where it is answered, what it burns, whether it goes on.</summary>
    public static GoldenOutcome PairDrops(GoldenCase golden)
    {
        var time = new FakeTime(Now);
        var files = new MemoryFiles(time);
        var home = WireHome.Resolve("/golden/bob");
        Write(files, home, golden, "bob");
        var relay = golden.Data.GetProperty("relay_before");
        files.WritePrivate(home.TrustFile, Encoding.UTF8.GetBytes(golden.Data.GetProperty("trust_before").GetRawText()));
        files.WritePrivate(home.RelayFile, Encoding.UTF8.GetBytes(relay.GetRawText().Replace("\"self\":null", "\"self\":{}", StringComparison.Ordinal).Replace("\"self\": null", "\"self\": {}", StringComparison.Ordinal)));
        var before = WriteInvites(files, home, golden);

        using var engine = new WireEngine(home, new WireSurroundings { Files = files, Time = time, Random = new PinnedRandom(5) });
        var mailbox = engine.Mailboxes.List().Count > 0 ? engine.Mailboxes.List()[0] : new Mailbox("https://relay.example.invalid", new string('0', 32), new string('0', 64));
        var items = golden.Data.GetProperty("events").EnumerateArray().Select(static e => new MailItem(null, Encoding.UTF8.GetBytes(e.GetString()!))).ToList();
        var report = Wait(engine.Intake.TakePageAsync(mailbox, default, new MailPage(items, new MailPlace(items.Count, null), false, 0), CancellationToken.None));

        var answers = new GoldenAnswers(golden);
        var result = golden.Data.GetProperty("result");
        answers.Equal("blocks what comes behind", !result.TryGetProperty("blocked", out var blocked) || blocked.GetBoolean(), report is null);
        answers.Equal("trusted", TrustedIn(Text(golden, "config/wire/trust.json") ?? golden.Data.GetProperty("trust_before").GetRawText()), TrustedIn(Encoding.UTF8.GetString(files.ReadPrivate(home.TrustFile, int.MaxValue)!)));
        answers.Equal("route to alice", RouteIn(Text(golden, "config/wire/relay.json") ?? relay.GetRawText()), RouteIn(Encoding.UTF8.GetString(files.ReadPrivate(home.RelayFile, int.MaxValue)!)));
        if (before is not null)
        {
            answers.Equal("uses burnt", UsesBurnt(golden), engine.Invites.List().Sum(static i => i.Accepted.Length) - before.Value);
        }

        return answers.Outcome();
    }

    /// <summary>What an acceptor sends, and whom it pins by that alone.</summary>
    public static GoldenOutcome InvitesAccept(GoldenCase golden)
    {
        var time = new FakeTime(Now.AddYears(1));
        var files = new MemoryFiles(time);
        var home = WireHome.Resolve("/golden/alice");
        var name = golden.Name == "own invite" ? "bob" : "alice";
        Write(files, home, golden, name);
        if (golden.Data.TryGetProperty("acceptor_relay_before", out var before))
        {
            files.WritePrivate(home.RelayFile, Encoding.UTF8.GetBytes(before.GetRawText()));
        }

        var answers = new GoldenAnswers(golden);
        InvitePayload? payload = null;
        try
        {
            payload = InviteUrl.Parse(golden.Text("invite_url")!, time.GetUtcNow()).Payload;
        }
        catch (WireException error) when (error.Reason == WireReason.InvalidInvite)
        {
            // Refused before anything else, as below.
        }

        var relay = new FakeRelay(time, isOurs: false, payload?.Route.RelayUrl ?? FakeRelay.DefaultUrl);
        SignedEvent? posted = null;
        if (payload is not null && golden.Class == "accept")
        {
            relay.Hold(payload.Route.SlotId, payload.Route.SlotToken);
        }

        using var engine = new WireEngine(home, new WireSurroundings { Files = files, Time = time, Random = new PinnedRandom(6), Relays = relay.ConnectionsOf("alice") });
        var status = "refused";
        try
        {
            var (key, _) = Wait(engine.Invites.AcceptAsync(golden.Text("invite_url")!, allowInsecureRelay: true, CancellationToken.None));
            var pass = Wait(engine.Runner.RunAsync(key, new PairPassOptions(true, TimeSpan.Zero), CancellationToken.None));
            posted = relay.Mail.TextsOf(payload!.Route.SlotId).Select(static t => SignedEvent.Parse(Encoding.UTF8.GetBytes(t))).FirstOrDefault();
            status = posted is not null ? "drop_sent" : pass.Pair!.Status == PairStatus.Aborted ? "refused" : "waiting";
        }
        catch (WireException error) when (error.Reason is WireReason.OwnInvite or WireReason.InvalidInvite)
        {
            // As theirs says it.
        }

        answers.Equal("status", golden.Data.GetProperty("result").TryGetProperty("status", out var theirs) ? theirs.GetString() : "refused", status);
        if (golden.Data.TryGetProperty("posted_event", out var expected))
        {
            Compare(answers, WireJson.Parse(expected.GetRawText()), posted!.Json, golden.Data.GetProperty("acceptor_relay_before"));
        }

        if (golden.Data.TryGetProperty("tiers_after", out var tiers))
        {
            answers.Equal("pins stay", tiers.TryGetProperty("bob", out _), engine.Trust.List().Count > 0);
        }

        return answers.Outcome();
    }

    private static void Compare(GoldenAnswers answers, WireJson theirs, WireJson ours, JsonElement before)
    {
        foreach (var member in (string[])["schema_version", "from", "to", "type", "kind", "public_key_id"])
        {
            answers.Equal(member, theirs.TryGet(member, out var one) ? one.ToCompactString() : null, ours.TryGet(member, out var two) ? two.ToCompactString() : null);
        }

        var (body, own) = (theirs.GetObject("body")!, ours.GetObject("body")!);
        answers.Equal("members", string.Join(',', body.Members.Select(static m => m.Key)), string.Join(',', own.Members.Select(static m => m.Key)));
        answers.Equal("relay_url", body.GetString("relay_url"), own.GetString("relay_url"));
        answers.Equal("pair_nonce", body.GetString("pair_nonce"), own.GetString("pair_nonce"));
        if (before.GetProperty("self").GetProperty("relay_url").GetString() == own.GetString("relay_url"))
        {
            answers.Equal("slot_id", body.GetString("slot_id"), own.GetString("slot_id"));
            answers.Equal("slot_token", body.GetString("slot_token"), own.GetString("slot_token"));
        }
    }

    private static void Write(MemoryFiles files, WireHome home, GoldenCase golden, string name)
    {
        var seed = Convert.FromHexString(golden.File.Root.GetProperty("contexts").GetProperty("keys").GetProperty(name).GetProperty("seed_hex").GetString()!);
        files.WritePrivate(home.PrivateKeyFile, seed);
        files.WritePrivate(home.CardFile, AgentCard.Create(seed, name).Utf8.Span);
    }

    /// <summary>Their pending invites as ours; how many uses were burnt before, or null where there is no invite that can be read.</summary>
    private static int? WriteInvites(MemoryFiles files, WireHome home, GoldenCase golden)
    {
        int? accepted = null;
        foreach (var file in golden.Data.GetProperty("files_before").EnumerateObject().Where(static f => f.Name.Contains("pending-invites/", StringComparison.Ordinal)))
        {
            if (!WireJson.TryParse(Encoding.UTF8.GetBytes(file.Value.GetString()!), out var invite) || !invite.IsObject)
            {
                continue;
            }

            accepted = 0;
            new InviteStore(home, files).Write(new IssuedInvite
            {
                InviteId = new string('1', 32),
                Protocol = 1,
                PublicKey = Convert.ToHexStringLower(InviteProof.PublicKey(Convert.FromHexString(invite.GetString("nonce")!))),
                RelayUrl = "http://127.0.0.1:8771",
                SlotId = new string('c', 32),
                GrantId = new string('2', 32),
                Uses = (int)invite.GetInt64("uses_remaining")!.Value,
                CreatedAt = Now.AddDays(-1),
                ExpiresAt = invite.GetInt64("exp") is { } exp && exp > Now.ToUnixTimeSeconds() ? Now.AddDays(7) : Now.AddHours(-1),
            });
        }

        return accepted;
    }

    private static int UsesBurnt(GoldenCase golden)
    {
        var burnt = 0;
        foreach (var file in golden.Data.GetProperty("files_before").EnumerateObject().Where(static f => f.Name.Contains("pending-invites/", StringComparison.Ordinal)))
        {
            var before = UsesOf(file.Value.GetString()!);
            var isExpired = golden.Class == "nonce_expired";
            var removed = golden.Data.GetProperty("files_removed").EnumerateArray().Any(f => f.GetString() == file.Name);
            burnt += isExpired ? 0 : removed ? before : Text(golden, file.Name) is { } after ? before - UsesOf(after) : 0;
        }

        return burnt;
    }

    private static int UsesOf(string invite) => (int)WireJson.Parse(invite).GetInt64("uses_remaining")!.Value;

    private static string? Text(GoldenCase golden, string file) =>
        golden.Data.GetProperty("files_changed").TryGetProperty(file, out var text) ? text.GetString() : null;

    private static string TrustedIn(string trust) =>
        string.Join(' ', WireJson.Parse(trust).GetObject("agents")!.Members
            .Select(static a => $"{a.Key}={a.Value.GetString("tier")}:{a.Value.GetArray("public_keys")?.Items[0].GetString("key")}")
            .Order(StringComparer.Ordinal));

    // The first address that is used; ours has one.
    private static string? RouteIn(string relay)
    {
        var peer = WireJson.Parse(relay).GetObject("peers")?.GetObject("alice");
        var place = peer?.GetArray("endpoints")?.Items.FirstOrDefault() ?? peer;
        return place?.GetString("slot_token") is null ? null : $"{place.GetString("relay_url")} {place.GetString("slot_id")} {place.GetString("slot_token")}";
    }

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
