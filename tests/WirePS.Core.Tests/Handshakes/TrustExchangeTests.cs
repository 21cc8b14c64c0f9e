using System.Text;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Tests.Support;
using WirePS.Trust;
using Xunit;

namespace WirePS.Tests.Handshakes;

/// <summary>Trust from and for the other program: what it means here, and that nothing is lost or raised on the way.</summary>
public sealed class TrustExchangeTests
{
    private static readonly byte[] Key = Ed25519.PublicKey([.. Enumerable.Repeat((byte)1, 32)]);

    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task A_bound_record_is_trusted_below_a_person_and_an_unbound_one_is_only_shown()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var engine = pair.One.Engine;
        var own = StrictBase64.Encode(engine.Identity.Find()!.Card.PublicKey);
        var file = File($$"""{"node_id":7,"public_key":"{{StrictBase64.Encode(Key)}}","approved_at":"2026-01-02T03:04:05Z","mutual":true},{"node_id":8,"public_key":"","approved_at":"2026-01-02T03:04:05Z","mutual":false},{"node_id":9,"public_key":"a2V5","approved_at":"2026-01-02T03:04:05Z","mutual":false},{"node_id":10,"public_key":"{{own}}","approved_at":"2026-01-02T03:04:05Z","mutual":false},{"node_id":11,"public_key":"{{StrictBase64.Encode(Key)}}","approved_at":"2026-01-02T03:04:05Z","mutual":false}""");
        var plan = engine.TrustExchange.Plan(file);
        Assert.Equal([ImportOutcome.Imported, ImportOutcome.Unbound, ImportOutcome.InvalidKey, ImportOutcome.OwnKey, ImportOutcome.Conflict], plan.Select(static p => p.Outcome));
        Assert.Empty(engine.Trust.List());
        foreach (var one in plan)
        {
            Assert.Equal(one, await engine.TrustExchange.ImportAsync(one, None));
        }

        var peer = Assert.Single(engine.Trust.List());
        Assert.Equal(("node-7", TrustTier.OrgVerified, "handshake", "policy:import", "imported"), (peer.Handle, peer.Tier, peer.Ceremony, peer.ApprovedBy, peer.KeySource));
        Assert.Equal(Key, peer.PublicKey);
        Assert.Equal(ImportOutcome.Known, engine.TrustExchange.Plan(file)[0].Outcome);

        // What came without a key is kept, stands for nobody, and is gone once the other program has bound it.
        Assert.Equal(file.Trusted[1], Assert.Single(engine.TrustExchange.Unbound()));

        // It goes out as it came in.
        var (_, record) = Assert.Single(engine.TrustExchange.Export());
        Assert.Equal(file.Trusted[0], record);
        var bound = File($$"""{"node_id":8,"public_key":"{{StrictBase64.Encode(Ed25519.PublicKey(Machine.Bytes(44)))}}","approved_at":"2026-01-02T03:04:05Z","mutual":false}""");
        await engine.TrustExchange.ImportAsync(Assert.Single(engine.TrustExchange.Plan(bound)), None);
        Assert.Empty(engine.TrustExchange.Unbound());
        Assert.Equal(2, engine.Trust.List().Count);
    }

    [Fact]
    public async Task An_imported_key_that_shows_its_card_gets_its_name()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var engine = pair.Two.Engine;
        var card = pair.One.Engine.Identity.Find()!.Card;
        await ImportAsync(engine, card.PublicKey);
        Assert.Equal("node-7", Assert.Single(engine.Trust.List()).Handle);
        await pair.AskAsync(null);
        await pair.SettleAsync();

        // An import is no reason to trust a request without a person.
        await engine.Requests.ApproveAsync(Assert.Single(engine.Requests.Pending()).Id, None);
        var peer = Assert.Single(engine.Trust.List());
        Assert.Equal((card.Handle, card.Did, TrustTier.Verified), (peer.Handle, peer.Did, peer.Tier));
    }

    [Fact]
    public async Task A_name_of_another_key_is_not_taken()
    {
        using var pair = await TrustRequestTests.StrangersAsync();
        var engine = pair.One.Engine;
        await ImportAsync(engine, Key);
        var other = Ed25519.PublicKey([.. Enumerable.Repeat((byte)9, 32)]);
        Assert.Equal(ImportOutcome.Conflict, engine.TrustExchange.Plan(File(Record(other)))[0].Outcome);
        await ImportAsync(engine, other);
        Assert.Equal(Key, Assert.Single(engine.Trust.List()).PublicKey);
    }

    [Fact]
    public void Writing_a_file_again_keeps_what_it_had_beyond_ours()
    {
        const string Text = """{"version":2,"Trusted":[{"node_id":7,"public_key":"a2V5","approved_at":"2026-01-02T03:04:05+02:00","mutual":true,"note":"x<"}],"outgoing":[{"node_id":5,"sent_at":1}]}""";
        var file = ForeignTrustFile.Parse(Encoding.UTF8.GetBytes(Text));
        Assert.Equal(["version", "outgoing", "trusted.note"], file.UnknownMembers);
        file.Set(new ForeignTrust(3, StrictBase64.Encode(Key), new DateTimeOffset(2026, 1, 2, 5, 4, 5, TimeSpan.FromHours(2)), false, 0));
        file.Set(file.Trusted[1] with { IsMutual = false });
        var again = ForeignTrustFile.Parse(file.ToBytes());
        Assert.Equal(file.UnknownMembers.Order(), again.UnknownMembers.Order());
        Assert.Equal([(3u, false), (7u, false)], again.Trusted.Select(static t => (t.NodeId, t.IsMutual)));
        var written = Encoding.UTF8.GetString(file.ToBytes());
        Assert.Contains("\"note\": \"x\\u003c\"", written, StringComparison.Ordinal);
        Assert.Contains("\"2026-01-02T03:04:05Z\"", written, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"trusted":{}}""")]
    [InlineData("""{"trusted":[5]}""")]
    [InlineData("""{"trusted":[null]}""")]
    [InlineData("""{"trusted":[{"node_id":-1,"approved_at":"2026-01-02T03:04:05Z"}]}""")]
    [InlineData("""{"trusted":[{"node_id":1,"network":65536,"approved_at":"2026-01-02T03:04:05Z"}]}""")]
    [InlineData("""{"trusted":[{"node_id":1,"mutual":"no","approved_at":"2026-01-02T03:04:05Z"}]}""")]
    [InlineData("""{"trusted":[],"trusted":[]}""")]
    [InlineData("""{"trusted":[],"Trusted":[]}""")]
    public void What_is_not_such_a_file_is_refused_as_a_whole(string text) =>
        Assert.Equal(WireReason.FileCorrupt, Assert.Throws<WireException>(() => ForeignTrustFile.Parse(Encoding.UTF8.GetBytes(text))).Reason);

    [Theory]
    [InlineData("yesterday")]
    [InlineData("2026-01-02")]
    [InlineData("2026-01-02T03:04:05")]
    [InlineData("")]
    public void A_time_that_cannot_be_read_makes_an_entry_count_for_nothing(string time)
    {
        var file = File($$"""{"node_id":7,"public_key":"","approved_at":"{{time}}","mutual":true}""");
        Assert.Empty(file.Trusted);
        Assert.Equal(1, file.Skipped);
    }

    private static string Record(byte[] key) => $$"""{"node_id":7,"public_key":"{{StrictBase64.Encode(key)}}","approved_at":"2026-01-02T03:04:05Z","mutual":true}""";

    private static ForeignTrustFile File(string records) => ForeignTrustFile.Parse(Encoding.UTF8.GetBytes("{\"trusted\":[" + records + "]}"));

    private static Task<ImportedTrust> ImportAsync(WireEngine engine, byte[] key) => engine.TrustExchange.ImportAsync(new ImportedTrust(File(Record(key)).Trusted[0], ImportOutcome.Imported), None);
}
