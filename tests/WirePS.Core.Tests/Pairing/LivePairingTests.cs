using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V1;
using WirePS.Relay;
using WirePS.Tests.Golden;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>Our engine goes on with pending files that two real programs wrote, with what their relay answered them.</summary>
public sealed class LivePairingTests
{
    [Theory]
    [InlineData("host")]
    [InlineData("guest")]
    public void The_recorded_file_of_the_transcript_leads_to_the_recorded_digits_and_opens_both_cards(string role)
    {
        using var transcript = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolders.Own, "transcript-wire-T.json")));
        var pairing = transcript.RootElement.GetProperty("pairing");
        string? Sent(string path, string member, string of) => pairing.GetProperty("http").EnumerateArray()
            .Where(request => request.TryGetProperty("path", out _))
            .Where(request => request.GetProperty("path").GetString()!.StartsWith("/v1/pair", StringComparison.Ordinal) && request.GetProperty("path").GetString()!.EndsWith(path, StringComparison.Ordinal))
            .Where(static request => request.GetProperty("request_body").ValueKind == JsonValueKind.String)
            .Select(static request => JsonDocument.Parse(request.GetProperty("request_body").GetString()!).RootElement)
            .Where(body => body.TryGetProperty(member, out _) && body.GetProperty("role").GetString() == of)
            .Select(body => body.GetProperty(member).GetString())
            .FirstOrDefault();
        var other = role == "host" ? "guest" : "host";
        GoOn(
            pairing.GetProperty($"pending_file_{role}_at_sas_ready").GetString()!,
            Sent("/pair", "msg", role)!,
            Sent("/pair", "msg", other)!,
            Sent("/bootstrap", "sealed", role)!,
            Sent("/bootstrap", "sealed", other)!);
    }

    [Fact]
    public void So_do_the_files_of_every_recorded_pairing_of_the_vectors()
    {
        var count = 0;
        foreach (var path in GoldenFolders.All.SelectMany(static folder => GoldenFolders.FilesIn(folder.Path)))
        {
            using var file = GoldenFile.Load(path);
            if (!file.Sections.Contains("live_pairing"))
            {
                continue;
            }

            foreach (var golden in file.Cases("live_pairing"))
            {
                count++;
                foreach (var (role, other) in new[] { ("host", "guest"), ("guest", "host") })
                {
                    GoOn(golden.Text($"{role}_file_at_sas_ready")!, golden.Text($"{role}_msg_b64")!, golden.Text($"{other}_msg_b64")!, golden.Text($"{role}_bootstrap_b64")!, golden.Text($"{other}_bootstrap_b64")!);
                }
            }
        }

        Assert.True(count > 0);
    }

    private static void GoOn(string fileText, string ownMsg, string peerMsg, string ownBootstrap, string peerBootstrap)
    {
        var files = new MemoryFiles(TimeProvider.System);
        using var engine = new WireEngine(WireHome.Resolve(Path.Combine(Path.GetTempPath(), "live")), new WireSurroundings { Files = files });
        using var recorded = JsonDocument.Parse(fileText);
        var code = recorded.RootElement.GetProperty("code").GetString()!;
        var digits = recorded.RootElement.GetProperty("sas").GetString();
        files.WritePrivate(engine.Pairs.PathOf(code), Encoding.UTF8.GetBytes(fileText));
        var pair = engine.Pairs.Load(code)!;
        Assert.Equal(pair.Id, engine.Pairs.Load(code)!.Id);
        Assert.Equal(ownMsg, pair.Messages.Sent["msg"]);
        var now = pair.CreatedAt + TimeSpan.FromMinutes(1);

        // What our machine wants first is to look at the relay, which still has the other side's message.
        Assert.Equal(new V1Work.Await(V1Have.None), V1Protocol.Instance.Next(pair, now));
        pair = V1Protocol.Instance.Step(pair, new V1Input.Seen(new V1PairView(peerMsg, null, null, false)), now);
        Assert.Equal((PairStatus.SasReady, digits), (pair.Status, pair.Sas));
        using (var key = V1Secrets.SealKey(pair))
        {
            Assert.NotNull(BootstrapSeal.Open(key.Span, Convert.FromBase64String(ownBootstrap)));
        }

        pair = V1Protocol.Instance.Step(pair, new PairInput.Confirmed(digits!, Machine.OwnCard, Machine.Bytes(3)), now);
        pair = V1Protocol.Instance.Step(pair, new V1Input.Posted(), now);
        pair = V1Protocol.Instance.Step(pair, new V1Input.Seen(new V1PairView(peerMsg, peerBootstrap, null, false)), now);
        Assert.Equal(PairStatus.Confirmed, pair.Status);
        Assert.StartsWith("did:wire:", pair.PeerDid, StringComparison.Ordinal);
        var (card, route) = V1Bootstrap.OpenPeer(pair);
        Assert.Equal(pair.PeerDid, card.Did);
        Assert.Equal(pair.RelayUrl, route!.RelayUrl);
        Assert.Equal(new V1Work.Pin(), V1Protocol.Instance.Next(pair, now));
    }
}
