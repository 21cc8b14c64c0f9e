using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V1;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Golden;

/// <summary>The files of the real programs: what concerns pairing. Invites, requests and messages are of later work.</summary>
internal static class FileRunners
{
    private static readonly PinnedRandom Random = new(7);

    public static GoldenOutcome Files(GoldenCase golden) => golden.Class switch
    {
        "pair_read_ok" => PairRead(golden),
        "pair_read_refused" => Refused(() => PendingPairFormat.Read(Content(golden)!, "golden")),
        "pair_file" => PairFile(golden),
        "pair_list" => PairList(golden),
        "relay_read" => RelayRead(golden),
        "relay_pin" => RelayPin(golden),
        "trust_pin_ok" or "trust_pin_collision" or "trust_pin_collision_free" => TrustPin(golden),
        "read_trust_ok" => Accepted(() => Engine(golden).Trust.List()),
        "read_trust_refused" => Refused(() => Engine(golden).Trust.List()),
        "read_relay_ok" => Accepted(() => Engine(golden).Mailboxes.RelayUrls()),
        "read_relay_refused" or "relay_pin_refused" => golden.Class == "relay_pin_refused"
            ? Refused(() => Home("config/wire/relay.json", Encoding.UTF8.GetBytes(golden.Data.GetProperty("state_before").GetRawText())).Engine.Mailboxes.RelayUrls())
            : Refused(() => Engine(golden).Mailboxes.RelayUrls()),
        "read_key_ok" => Accepted(() => Wait(Engine(golden).Identity.EnsureAsync(null, CancellationToken.None))),
        "read_key_refused" => Refused(() => Wait(Engine(golden).Identity.EnsureAsync(null, CancellationToken.None))),
        "read_card_ok" => Accepted(() => Engine(golden).Identity.Find()),
        "read_card_refused" => Refused(() => _ = Engine(golden).Identity.Find() ?? throw new WireException(WireReason.IdentityIncomplete)),
        "written_config" => Written(golden),
        "startup_keep" or "startup_abort" or "startup_panic" or "startup_pid" => Startup(golden),
        "trust_self" or "trust_pin_no_handle" => GoldenOutcome.NotOurs("ours pins verified cards only, and makes its own entry from its own card"),
        "relay_upsert" => GoldenOutcome.NotOurs("ours keeps a mailbox for each relay and its data, and replaces none"),
        "trust_promotion_ok" or "trust_promotion_refused" => GoldenOutcome.NotOurs("ours changes a tier by a ceremony or a revocation only, never by itself"),
        "effective_tier" => GoldenOutcome.NotOurs("ours shows tier and acknowledgement as two things"),
        "inbound_file" or "inbound_list" or "inbound_read_ok" or "inbound_read_refused" => GoldenOutcome.NotOurs("ours keeps requests in a file of its own, by the hash of the signed request and not by the name of who asks"),
        _ => GoldenOutcome.NotOurs("not read yet: invites"),
    };

    private static GoldenOutcome PairRead(GoldenCase golden)
    {
        PendingPair pair;
        try
        {
            pair = PendingPairFormat.Read(Content(golden)!, "golden");
        }
        catch (WireException error)
        {
            return new(GoldenResult.Different, $"ours refuses it: {error.ErrorId}");
        }

        using var theirs = JsonDocument.Parse(golden.Data.GetProperty("read").GetProperty("text").GetString()!);
        return Compare(golden, theirs.RootElement, pair);
    }

    private static GoldenOutcome PairFile(GoldenCase golden)
    {
        var file = golden.Data.GetProperty("files").EnumerateObject().Single();
        var text = file.Value.ValueKind == JsonValueKind.String ? file.Value.GetString()! : file.Value.GetProperty("text").GetString()!;
        PendingPair pair;
        try
        {
            pair = PendingPairFormat.Read(Encoding.UTF8.GetBytes(text), file.Name);
        }
        catch (WireException error)
        {
            return new(GoldenResult.Different, $"ours refuses it: {error.ErrorId}");
        }

        using var theirs = JsonDocument.Parse(text);
        using var ours = JsonDocument.Parse(PendingPairFormat.Write(pair));
        var answers = new GoldenAnswers(golden);
        answers.Equal("name", Path.GetFileName(file.Name), pair.Code + ".json");
        var names = theirs.RootElement.EnumerateObject().Select(static m => m.Name).ToList();
        answers.Equal("members", string.Join(',', names), string.Join(',', ours.RootElement.EnumerateObject().Take(names.Count).Select(static m => m.Name)));
        foreach (var name in names.Where(static n => n != "created_at"))
        {
            answers.Equal(name, theirs.RootElement.GetProperty(name).GetRawText(), ours.RootElement.GetProperty(name).GetRawText());
        }

        return answers.Outcome();
    }

    private static GoldenOutcome Compare(GoldenCase golden, JsonElement theirs, PendingPair pair)
    {
        using var ours = JsonDocument.Parse(PendingPairFormat.Write(pair));
        var answers = new GoldenAnswers(golden);
        foreach (var member in theirs.EnumerateObject().Where(static m => m.Name != "created_at"))
        {
            answers.Equal(member.Name, member.Value.GetRawText(), ours.RootElement.GetProperty(member.Name).GetRawText());
        }

        answers.Equal("created_at", Moment(theirs.GetProperty("created_at").GetString()), Moment(Timestamps.Format(pair.CreatedAt)));
        return answers.Outcome();
    }

    private static GoldenOutcome PairList(GoldenCase golden)
    {
        var (engine, files) = Home(null, null);
        files.WritePrivate(engine.Pairs.PathOf("12-ABCDEF"), [0xFF, 0xFE]);
        var refused = golden.Data.GetProperty("result").TryGetProperty("error", out _);
        var listed = engine.Pairs.List();
        return refused && listed.Count == 1 ? new(GoldenResult.Different, "ours lists the file with its error") : GoldenOutcome.Same;
    }

    private static GoldenOutcome RelayRead(GoldenCase golden)
    {
        var (engine, _) = Home("config/wire/relay.json", Encoding.UTF8.GetBytes(golden.Data.GetProperty("state").GetRawText()));
        var answers = new GoldenAnswers(golden);
        var theirs = golden.Data.GetProperty("self").EnumerateArray().Select(static e => e.GetProperty("relay_url").GetString()!).ToList();
        answers.Equal("self", string.Join(' ', theirs.Distinct()), string.Join(' ', engine.Mailboxes.RelayUrls()));
        var peer = golden.Data.GetProperty("peer").EnumerateArray().Select(static e => e.GetProperty("slot_id").GetString()!).ToList();
        var route = engine.Mailboxes.FindRoute(golden.Text("handle")!);
        answers.Equal("peer", peer.Count == 0 ? null : string.Join(" or ", peer), route is not null && peer.Contains(route.SlotId) ? string.Join(" or ", peer) : route?.SlotId);
        return answers.Outcome();
    }

    private static GoldenOutcome RelayPin(GoldenCase golden)
    {
        var endpoints = golden.Data.GetProperty("endpoints").EnumerateArray().ToList();
        if (endpoints is not [var endpoint] || endpoint.GetProperty("scope").GetString() is "uds" or "lan")
        {
            return GoldenOutcome.NotOurs("a pairing gives one address, over http");
        }

        var (engine, files) = Home("config/wire/relay.json", Encoding.UTF8.GetBytes(golden.Data.GetProperty("state_before").GetRawText()));
        Wait(engine.Mailboxes.SetRouteAsync(
            golden.Text("handle")!,
            new PeerRoute(endpoint.GetProperty("relay_url").GetString()!, endpoint.GetProperty("slot_id").GetString()!, endpoint.GetProperty("slot_token").GetString()!),
            CancellationToken.None));
        var theirs = JsonNode.Parse(golden.Text("state_after_text")!)!;
        if (!golden.IsOlderRevision && theirs["peers"]?[golden.Text("handle")!] is JsonObject entry)
        {
            // The newer program writes the list only; ours writes both forms for both (flaw S5).
            foreach (var name in (string[])["relay_url", "slot_id", "slot_token"])
            {
                entry[name] ??= JsonNode.Parse(endpoint.GetProperty(name).GetRawText());
            }
        }

        var ours = JsonNode.Parse(files.All[engine.Home.RelayFile])!;

        // A member of ours, that keeps an older address from coming back (flaw I10).
        Assert.True(ours["peers"]![golden.Text("handle")!]!.AsObject().Remove("route_at"));
        return JsonNode.DeepEquals(theirs, ours) ? GoldenOutcome.Same : new(GoldenResult.Different, ours.ToJsonString());
    }

    private static GoldenOutcome TrustPin(GoldenCase golden)
    {
        AgentCard card;
        try
        {
            card = AgentCard.Parse(Encoding.UTF8.GetBytes(golden.Text("card_text")!)).Verify().RequireSingleKey();
        }
        catch (WireException error)
        {
            return new(GoldenResult.Different, $"ours pins no card that does not verify: {error.Message}");
        }

        var (engine, files) = Home("config/wire/trust.json", Encoding.UTF8.GetBytes(golden.Data.GetProperty("trust_before").GetRawText()));
        var tier = Enum.GetValues<TrustTier>().FirstOrDefault(t => JsonNamingPolicy.SnakeCaseUpper.ConvertName(t.ToString()) == golden.Text("tier"), TrustTier.Untrusted);
        var conflict = Wait(engine.Trust.PinAsync(new PinRequest(card, tier, "sas-v1", "person", "sas", null, null), static (_, _) => Task.CompletedTask, CancellationToken.None));
        var refused = golden.Text("trust_after_text") is null || golden.Data.TryGetProperty("error", out _);
        if (conflict is not null || refused)
        {
            return refused == (conflict is not null) ? GoldenOutcome.Same : new(GoldenResult.Different, $"ours says conflict with {conflict ?? "nobody"}");
        }

        var theirs = JsonNode.Parse(golden.Text("trust_after_text")!)!["agents"]!.AsObject();
        var ours = JsonNode.Parse(files.All[engine.Home.TrustFile])!["agents"]!.AsObject();
        var answers = new GoldenAnswers(golden);
        answers.Equal("names", string.Join(',', theirs.Select(static a => a.Key).Order(StringComparer.Ordinal)), string.Join(',', ours.Select(static a => a.Key).Order(StringComparer.Ordinal)));
        foreach (var (handle, entry) in theirs)
        {
            answers.Equal(handle + " did", (string?)entry!["did"], (string?)ours[handle]?["did"]);
            answers.Equal(handle + " tier", (string?)entry["tier"], (string?)ours[handle]?["tier"]);
            answers.Equal(handle + " key", (string?)entry["public_keys"]?[0]?["key"], (string?)ours[handle]?["public_keys"]?[0]?["key"]);
            answers.Equal(handle + " key id", (string?)entry["public_keys"]?[0]?["key_id"], (string?)ours[handle]?["public_keys"]?[0]?["key_id"]);
            answers.Equal(handle + " card", true, JsonNode.DeepEquals(entry["card"], ours[handle]?["card"]));
        }

        return answers.Outcome();
    }

    private static GoldenOutcome Written(GoldenCase golden)
    {
        if (golden.Text("value_text") is not { } value || JsonNode.Parse(value) is not JsonObject tree)
        {
            return GoldenOutcome.NotOurs("not an object");
        }

        var (_, files) = Home(null, null);
        var file = new JsonFile(files, "/golden.json", "/golden.lock");
        Wait(file.UpdateAsync(
            target =>
            {
                foreach (var (name, node) in tree)
                {
                    target[name] = node?.DeepClone();
                }

                return true;
            },
            CancellationToken.None));

        // They sort what they write; ours stays as it was.
        var answers = new GoldenAnswers(golden);
        answers.Equal("content", true, JsonNode.DeepEquals(JsonNode.Parse(golden.Text("content_text")!), JsonNode.Parse(files.All["/golden.json"])));
        return answers.Outcome();
    }

    private static GoldenOutcome Startup(GoldenCase golden)
    {
        var (engine, files) = Home(null, null);
        var answers = new GoldenAnswers(golden);
        foreach (var record in golden.Data.GetProperty("records").EnumerateArray())
        {
            files.WritePrivate(engine.Pairs.PathOf(record.GetProperty("code").GetString()!), Encoding.UTF8.GetBytes(record.GetRawText()));
        }

        foreach (var after in golden.Data.GetProperty("records_after").EnumerateObject())
        {
            answers.Equal(after.Name, after.Value.GetProperty("status").GetString(), StatusAfter(engine, after.Name));
        }

        return answers.Outcome();
    }

    // What a start leads to before any answer of a relay.
    private static string StatusAfter(WireEngine engine, string key)
    {
        if (engine.Pairs.TryLoad(key) is not { Pair: { } pair })
        {
            return "refused";
        }

        var now = pair.CreatedAt + TimeSpan.FromMinutes(1);
        while (V1Protocol.Instance.Next(pair, now) is PairEffect.Apply apply)
        {
            pair = V1Protocol.Instance.Step(pair, apply.Input, now);
        }

        return PendingPairStore.NameOf(pair.Status);
    }

    private static GoldenOutcome Accepted(Action read)
    {
        try
        {
            read();
            return GoldenOutcome.Same;
        }
        catch (WireException error)
        {
            return new(GoldenResult.Different, $"ours refuses it: {error.ErrorId}");
        }
    }

    private static GoldenOutcome Refused(Action read)
    {
        try
        {
            read();
            return new(GoldenResult.Different, "ours accepts it");
        }
        catch (WireException)
        {
            return GoldenOutcome.Same;
        }
    }

    private static WireEngine Engine(GoldenCase golden)
    {
        var file = golden.Text("file")!;
        var (engine, files) = Home(Content(golden) is null ? null : file, Content(golden));
        if (file.EndsWith("agent-card.json", StringComparison.Ordinal))
        {
            files.WritePrivate(engine.Home.PrivateKeyFile, Machine.Bytes(1));
        }

        return engine;
    }

    private static (WireEngine Engine, MemoryFiles Files) Home(string? file, byte[]? content)
    {
        var time = new FakeTime();
        var files = new MemoryFiles(time);
        var home = WireHome.Resolve(Path.Combine(Path.GetTempPath(), "golden-" + Guid.NewGuid().ToString("N")));
        if (file is not null && content is not null)
        {
            files.WritePrivate(Path.Combine(home.Root, file.Replace('/', Path.DirectorySeparatorChar)), content);
        }

        return (new WireEngine(home, new WireSurroundings { Files = files, Time = time, Random = Random }), files);
    }

    private static byte[]? Content(GoldenCase golden) =>
        golden.Text("content_hex") is { } hex ? Convert.FromHexString(hex)
        : golden.Text("content_text") is { } text ? Encoding.UTF8.GetBytes(text)
        : null;

    private static string Moment(string? text) =>
        Timestamps.TryParse(text, out var time) ? Timestamps.Format(time) : text ?? "";

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private static void Wait(Task task) => task.GetAwaiter().GetResult();
}
