using System.Reflection;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>A whole pairing with known secrets, and a look for them wherever they must not be.</summary>
public sealed class SecretTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task No_secret_leaves_the_files_that_are_there_for_it(bool isOurs)
    {
        using var couple = new Couple(isOurs);
        var told = new StringBuilder();
        await couple.RequestAsync();
        var secrets = new Dictionary<string, string>(StringComparer.Ordinal);
        couple.Relay.Weather = call => call is { Client: "guest", Action: RelayAction.Open } && couple.Relay.Attempts.Count(a => a == call) == 1 ? new RelayFault.ServerError() : null;
        for (var i = 0; i < 8; i++)
        {
            foreach (var party in couple.Both)
            {
                foreach (var failure in (await party.TryTickAsync()).Failures)
                {
                    told.AppendLine(failure.ToString()).AppendLine(failure.Error.ToString()).AppendLine(failure.Error.Target);
                }

                if (party.Pair.IsEnded)
                {
                    continue;
                }

                Collect(secrets, party);
                told.AppendLine(party.Pair.ToString()).AppendLine(party.Pair.Messages.ToString());
                if (party.Pair is { Status: PairStatus.SasReady, Sas: { } digits })
                {
                    foreach (var wrong in (string[])["12345", digits + "0"])
                    {
                        told.AppendLine((await Assert.ThrowsAsync<WireException>(() => party.ConfirmAsync(wrong))).ToString());
                    }

                    await party.ConfirmAsync(digits);
                }
            }
        }

        couple.AssertPaired();
        Assert.True(secrets.Count > 12, string.Join(", ", secrets.Keys));
        if (!isOurs)
        {
            // Towards a relay of the other program the mailbox' own token is what the peer gets.
            Assert.Contains(couple.Guest.Engine.Mailboxes.FindRoute(couple.Host.Engine.Identity.Find()!.Handle)!.SlotToken, couple.Relay.SlotTokens);
        }

        foreach (var party in couple.Both)
        {
            var state = party.Files.Files.ToDictionary(static path => path, path => File.ReadAllText(Path.Combine(party.Files.Folder, path)), StringComparer.Ordinal);
            foreach (var (path, text) in state)
            {
                foreach (var (name, secret) in secrets)
                {
                    // The tokens of mailboxes and routes have their file; a v1 code stands in the name of its own.
                    if ((path == "config/wire/relay.json" && name.Contains("token", StringComparison.Ordinal))
                        || (path.StartsWith("state/wire/pending-pair/", StringComparison.Ordinal) && name.EndsWith(" code", StringComparison.Ordinal)))
                    {
                        continue;
                    }

                    Assert.False(text.Contains(secret, StringComparison.OrdinalIgnoreCase), $"{party.Name}: {path} holds {name}");
                }
            }

            if (!OperatingSystem.IsWindows())
            {
                Assert.Empty(Unix.WideIn(party.Files.Folder));
            }

            foreach (var entry in party.Engine.Journal.Read(0))
            {
                told.AppendLine(entry.ToString());
            }

            foreach (var peer in party.Engine.Peers.List())
            {
                told.AppendLine(peer.ToString());
            }

            told.AppendLine(party.Engine.Mailboxes.FindRoute(party.Engine.Peers.List()[0].Handle)!.ToString());
        }

        foreach (var (name, secret) in secrets)
        {
            Assert.False(told.ToString().Contains(secret, StringComparison.OrdinalIgnoreCase), $"{name} is told");
        }
    }

    [Fact]
    public async Task Whatever_the_random_source_gave_out_for_a_pairing_is_gone_from_its_file_at_the_end()
    {
        using var couple = new Couple();
        await couple.ReachSasReadyAsync();
        await couple.ConfirmBothAsync();
        await couple.SettleAsync();
        foreach (var party in couple.Both)
        {
            var text = File.ReadAllText(party.Engine.Pairs.PathOf(party.Key));
            var drawn = party.Random.Given.Where(static g => g.Length >= 96).ToList();
            Assert.NotEmpty(drawn);
            foreach (var given in drawn)
            {
                // Past the id and the grant's id, which are names.
                for (var at = 32; at + 32 <= given.Length; at += 32)
                {
                    Assert.DoesNotContain(Convert.ToHexStringLower(given, at, 32), text, StringComparison.Ordinal);
                    Assert.DoesNotContain(Convert.ToBase64String(given, at, 32), text, StringComparison.Ordinal);
                }
            }
        }
    }

    [Fact]
    public void No_record_shows_a_secret_in_words()
    {
        var pair = Machine.Of(true)["confirmed, both there"];
        string[] secrets = [pair.Code, pair.CodeHash, pair.Sas!, pair.Spake2Seed!, pair.OurSlotToken!, .. pair.Messages.Sent.Values, .. pair.Messages.Received.Values];
        var opening = new V1OpenRequest(pair.CodeHash, PairRole.Host, pair.Messages.Sent["msg"], TimeSpan.FromHours(1));
        object[] all =
        [
            pair,
            pair.Messages,
            new PairInput.Confirmed(pair.Sas!, Machine.OwnCard, Machine.Bytes(1)),
            new PairInput.MailboxReady(Machine.Slot, pair.OurSlotToken, null),
            new PairRequest(pair.Code, PairRole.Host, Machine.Url, Machine.OwnCard.PublicKey, new byte[PairRequest.RandomBytes], Machine.Created, Machine.Expires),
            new PairWish { Code = pair.Code },
            new PeerRoute(Machine.Url, Machine.Slot, pair.OurSlotToken!),
            new Mailbox(Machine.Url, Machine.Slot, pair.OurSlotToken!),
            new Grant(Machine.Grant, pair.OurSlotToken!),
            opening,
            new V1PairView(pair.Messages.Received["msg"], pair.Messages.Received["bootstrap"], null, false),
            new PairMoved(pair.Id, pair.Role, null, pair.Status, null, null, Machine.Now),
            new PairPass(pair, [], null),
            new PairFile(pair.Id, pair, null),
        ];
        foreach (var thing in all)
        {
            Assert.All(secrets, secret => Assert.DoesNotContain(secret, thing.ToString(), StringComparison.Ordinal));
        }
    }

    /// <summary>A record prints all its members unless it says otherwise: every public one that has a secret says otherwise.</summary>
    [Fact]
    public void Every_public_record_with_a_secret_member_has_words_of_its_own()
    {
        string[] secretNames = ["code", "codehash", "sas", "digits", "token", "slottoken", "seed", "random", "msg", "secret", "peermsg", "peerbootstrap", "password", "lookup", "sidetoken"];
        var records = typeof(WireEngine).Assembly.GetTypes()
            .Where(static t => t.GetMethod("<Clone>$") is not null && !t.IsAbstract)
            .Where(t => t.GetProperties().Any(p => (p.PropertyType == typeof(string) || p.PropertyType == typeof(ReadOnlyMemory<byte>)) && secretNames.Contains(p.Name.ToLowerInvariant())))
            .ToList();
        Assert.True(records.Count > 8);
        var talkative = records.Where(static t => t.GetMethod("PrintMembers", BindingFlags.Instance | BindingFlags.NonPublic) is { } print
            && t.GetMethod(nameof(ToString), Type.EmptyTypes)!.GetCustomAttribute<System.Runtime.CompilerServices.CompilerGeneratedAttribute>(inherit: false) is not null
            && print.DeclaringType == t).Select(static t => t.Name).Order(StringComparer.Ordinal);

        Assert.Equal([], talkative);
    }

    private static void Collect(Dictionary<string, string> secrets, Party party)
    {
        var pair = party.Pair;
        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                secrets[$"{party.Name} {name}"] = value;
            }
        }

        Add("code", pair.Code);
        Add("code_hash", pair.CodeHash);
        Add("digits", pair.Sas);
        Add("seed", pair.Spake2Seed);
        Add("grant token", pair.OurSlotToken);
        Add("sent message", pair.Messages.Sent.GetValueOrDefault("msg"));
        Add("sent bootstrap", pair.Messages.Sent.GetValueOrDefault("bootstrap"));
        Add("received bootstrap", pair.Messages.Received.GetValueOrDefault("bootstrap"));
        var identity = File.ReadAllBytes(party.Home.PrivateKeyFile);
        Add("identity key", Convert.ToBase64String(identity));
        Add("identity key in hex", Convert.ToHexStringLower(identity));
        if (Convert.FromBase64String(pair.Spake2Seed!) is { } seed)
        {
            using var scalar = SymmetricSpake2.ScalarFromSeed(seed);
            Add("scalar", Convert.ToHexStringLower(scalar.Span));
            Add("seed in hex", Convert.ToHexStringLower(seed));
        }

        if (pair.Messages.Received.ContainsKey("msg"))
        {
            using var key = WirePS.Pairing.V1.V1Secrets.Key(pair);
            Add("exchange key", Convert.ToHexStringLower(key.Span));
            using var seal = WirePS.Pairing.V1.V1Secrets.SealKey(pair);
            Add("seal key", Convert.ToHexStringLower(seal.Span));
        }
    }
}
