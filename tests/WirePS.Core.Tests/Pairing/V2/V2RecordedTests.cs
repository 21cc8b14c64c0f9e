using System.Globalization;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Tests.Golden;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>
/// The sessions of an independent implementation through the machine: from the same secrets it says the same, it accepts
/// what the other one sealed, and shows the same numbers.
/// </summary>
public sealed class V2RecordedTests
{
    public static TheoryData<int> Sessions => [.. Enumerable.Range(0, 6)];

    [Theory]
    [MemberData(nameof(Sessions))]
    public void The_host_says_what_was_recorded(int number)
    {
        var (golden, host, guest) = Sides(number);
        Assert.Equal(V2Messages.Commit(golden.Hex("commit")), host.Pair.Messages.Sent["0"]);
        host.Step(new V2Input.Put(0, new V2PutReply(null, V2State.Open, null)));
        host.Step(new PairInput.MailboxReady(V2Driver.Slot, null, V2Driver.RelayId));
        host.Step(V2Table.Seen(host, V2State.Open, null, (0, V2Messages.Share(golden.Hex("pB"), golden.Hex("C_g")))));

        var said = V2Messages.Read(host.Pair.Messages.Sent["1"], "share", "id_commit", "nonce", "confirm", "sealed");
        Assert.Equal([golden.Hex("pA"), golden.Hex("C_h"), golden.Hex("nonce_h"), golden.Hex("cA")], said[..4]);
        AssertCard(golden, "h", said[4], PairRole.Host);

        host.Step(V2Table.Seen(host, V2State.Open, null, (1, V2Messages.GuestReveal(golden.Hex("cB"), golden.Hex("sealed_g1")))));
        Assert.Equal((PairStatus.SasReady, golden.Text("sas_h")), (host.Pair.Status, host.Pair.Sas));
        Assert.Equal(Fingerprint.Display(golden.Hex("pk_g")), host.Pair.PeerFingerprint);

        // The guest's recorded word for its end opens.
        host.Step(V2Table.Seen(host, V2State.Ended, "sealed", (9, V2Messages.SealedAbort(golden.Hex("sealed_g9")))));
        Assert.True(host.Pair is { Status: PairStatus.Aborted, ReasonVerified: true, Reason: not WireReason.RelayInterference }, $"{host.Pair.Reason}");
        Assert.NotNull(guest);
    }

    [Theory]
    [MemberData(nameof(Sessions))]
    public void The_guest_says_what_was_recorded_and_pins(int number)
    {
        var (golden, _, guest) = Sides(number);
        Assert.Empty(guest.Pair.Messages.Sent);
        guest.Step(V2Table.Seen(guest, V2State.Open, null, (0, V2Messages.Commit(golden.Hex("commit")))));
        Assert.Equal(V2Messages.Share(golden.Hex("pB"), golden.Hex("C_g")), guest.Pair.Messages.Sent["0"]);
        guest.Step(new V2Input.Put(0, new V2PutReply(null, V2State.Open, null)));
        guest.Step(new PairInput.MailboxReady(V2Driver.Slot, null, V2Driver.RelayId));
        guest.Step(V2Table.Seen(guest, V2State.Open, null, (1, V2Messages.HostReveal(golden.Hex("pA"), golden.Hex("C_h"), golden.Hex("nonce_h"), golden.Hex("cA"), golden.Hex("sealed_h1")))));
        Assert.Equal((PairStatus.SasReady, golden.Text("sas_g")), (guest.Pair.Status, guest.Pair.Sas));
        var said = V2Messages.Read(guest.Pair.Messages.Sent["1"], "confirm", "sealed");
        Assert.Equal(golden.Hex("cB"), said[0]);
        AssertCard(golden, "g", said[1], PairRole.Guest);

        guest.Type(golden.Text("sas_h")!);
        guest.Step(V2Table.Seen(guest, V2State.Decided, null, (2, V2Messages.Sealed(golden.Hex("sealed_h2")))));
        Assert.IsType<V2Work.Pin>(guest.Next);
        Assert.Null(V2Protocol.PeerRouteOf(guest.Pair));
        Assert.Equal(golden.Hex("pk_h"), V2Protocol.PeerCard(guest.Pair).PublicKey);
    }

    private static void AssertCard(GoldenCase golden, string side, byte[] sealedCard, PairRole role)
    {
        var key = golden.Hex(role == PairRole.Host ? "k_h" : "k_g");
        var (card, idNonce, proof, expiresAt) = V2Messages.ReadCard(PairingV2.Open(key, golden.Text("lookup")!, role, 1, sealedCard)!);
        var recorded = V2Messages.ReadCard(System.Text.Encoding.UTF8.GetBytes(golden.Text($"plain_{side}1")!));
        Assert.Equal([recorded.Card, recorded.IdNonce, recorded.Proof], [card, idNonce, proof]);
        Assert.Equal(recorded.ExpiresAt, expiresAt);
    }

    private static (GoldenCase Golden, V2Driver Host, V2Driver Guest) Sides(int number)
    {
        var golden = GoldenFile.Load(Path.Combine(GoldenFolders.Own, "vectors-pairing-v2.json")).Cases("pairing_v2").ElementAt(number);
        return (golden, Side(golden, PairRole.Host, "x64", "h"), Side(golden, PairRole.Guest, "y64", "g"));
    }

    private static V2Driver Side(GoldenCase golden, PairRole role, string scalar, string side)
    {
        var expires = DateTimeOffset.Parse(V2Messages.ReadCard(System.Text.Encoding.UTF8.GetBytes(golden.Text($"plain_{side}1")!)).ExpiresAt!.Value.ToString("O"), CultureInfo.InvariantCulture);
        var card = AgentCard.Parse(System.Text.Encoding.UTF8.GetBytes(golden.Text("card_" + side)!)).Verify();
        var machine = new V2Protocol(Argon2CodeStretcher.Instance, Edwards25519PairingGroup.Instance);
        byte[] random = [.. new byte[64], .. golden.Hex(scalar), .. golden.Hex("idnonce_" + side), .. role == PairRole.Host ? golden.Hex("nonce_h") : new byte[32], .. new byte[64]];
        var pair = machine.Create(new PairRequest(PairingCode.Parse(golden.Text("code")!).Canonical, role, FakeRelay.DefaultUrl, card.PublicKey, random, expires - TimeSpan.FromHours(12), expires));
        Assert.Equal(golden.Text("lookup"), pair.CodeHash);
        return new V2Driver(machine, card, golden.Hex("seed_" + side), new FakeRelay(TimeProvider.System).ConnectionsOf("x").To(FakeRelay.DefaultUrl).V2Pairs, pair);
    }
}
